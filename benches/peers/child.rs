//! The futures that are spawned: 16 bytes that give a number, at once, after some yields, or never; and a gate.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;

/// Gives its value after it has yielded so many times.
#[derive(Clone, Copy, Debug)]
#[must_use = "a child is to be spawned"]
pub struct Child {
    value: u64,
    yields: u32,
}

impl Child {
    pub fn new(value: u64, yields: u32) -> Self {
        Self { value, yields }
    }
}

impl Future for Child {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u64> {
        if self.yields == 0 {
            return Poll::Ready(self.value);
        }
        self.yields -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// What children `0..n` give together.
pub fn sum(n: u64) -> u64 {
    n * n.saturating_sub(1) / 2
}

/// Lets other tasks run.
pub fn yield_now() -> impl Future<Output = u64> {
    Child::new(0, 1)
}

/// How many children that wait have been polled since this was last set back.
static POLLED: AtomicUsize = AtomicUsize::new(0);

/// Before children are spawned that [`all_wait`] is to wait for.
pub fn none_waits() {
    POLLED.store(0, Relaxed);
}

/// Lets other tasks run until so many children have been polled and wait.
pub async fn all_wait(n: usize) {
    while POLLED.load(Relaxed) < n {
        yield_now().await;
    }
}

/// Never gives its value, and keeps no waker.
#[derive(Debug)]
#[must_use = "a child is to be spawned"]
pub struct Never {
    value: u64,
    is_counted: bool,
}

impl Never {
    pub fn new(value: u64) -> Self {
        Self {
            value,
            is_counted: false,
        }
    }
}

impl Future for Never {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<u64> {
        if !self.is_counted {
            self.is_counted = true;
            POLLED.fetch_add(1, Relaxed);
        }
        // The value is there to make it as large as the others.
        if self.value == u64::MAX {
            Poll::Ready(self.value)
        } else {
            Poll::Pending
        }
    }
}

/// Gives its number when its gate is opened.
#[derive(Debug)]
#[must_use = "a child is to be spawned"]
pub struct Waiting {
    gates: Arc<[Gate]>,
    gate: u32,
    is_counted: bool,
}

impl Waiting {
    pub fn new(gates: &Arc<[Gate]>, gate: usize) -> Self {
        Self {
            gates: Arc::clone(gates),
            gate: u32::try_from(gate).expect("gates are fewer than 2^32"),
            is_counted: false,
        }
    }
}

impl Future for Waiting {
    type Output = u64;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u64> {
        if !self.is_counted {
            self.is_counted = true;
            POLLED.fetch_add(1, Relaxed);
        }
        let gate = &self.gates[self.gate as usize];
        gate.waker.register(cx.waker());
        if gate.is_open.swap(false, Acquire) {
            Poll::Ready(u64::from(self.gate))
        } else {
            Poll::Pending
        }
    }
}

/// Holds a child back until it is opened, and is closed again behind it.
#[derive(Debug, Default)]
pub struct Gate {
    is_open: AtomicBool,
    waker: AtomicWaker,
}

impl Gate {
    pub fn many(n: usize) -> Arc<[Self]> {
        (0..n).map(|_| Self::default()).collect()
    }

    pub fn open(&self) {
        self.is_open.store(true, Release);
        self.waker.wake();
    }
}
