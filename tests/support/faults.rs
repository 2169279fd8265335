//! Panics with a text of their own, and things that panic at a chosen point.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;

use crate::support::{ByHand, HostileSpawner};

/// A text that no other test, and no other run of this test, has: for the hook, which all tests share.
pub(crate) fn unique(text: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("[{text} {}]", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Panics with a text, without the noise of the panic hook.
pub(crate) fn throw(text: &str) -> ! {
    resume_unwind(Box::new(text.to_owned()))
}

/// Panics with its text when it is dropped.
pub(crate) struct Explosive(pub(crate) String);

impl Drop for Explosive {
    fn drop(&mut self) {
        throw(&self.0);
    }
}

/// A future that gives a value at once and panics when it is dropped.
pub(crate) fn explodes_after<T: Send + Unpin>(
    text: String,
    value: T,
) -> impl Future<Output = T> + Send {
    let explosive = Explosive(text);
    let mut value = Some(value);
    std::future::poll_fn(move |_| {
        let _held = &explosive;
        std::task::Poll::Ready(value.take().expect("it is polled once"))
    })
}

/// A future that waits for ever and panics when it is dropped.
pub(crate) fn explodes_waiting<T: Send>(text: String) -> impl Future<Output = T> + Send {
    let explosive = Explosive(text);
    std::future::poll_fn(move |_| {
        let _held = &explosive;
        std::task::Poll::Pending
    })
}

/// The payload of the panic that a future ends with.
pub(crate) async fn payload_of<F: Future>(future: F) -> Box<dyn Any + Send> {
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => payload,
    }
}

/// The text of the panic that a future ends with, thrown by `throw`.
pub(crate) async fn text_of<F: Future>(future: F) -> String {
    match payload_of(future).await.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => resume_unwind(other),
    }
}

/// Polls a future on this thread and lets the spawner's jobs run in between.
pub(crate) fn finish<F: Future>(stepper: &HostileSpawner, future: F) -> F::Output {
    let mut future = ByHand::new(future);
    for _ in 0..1000 {
        if let std::task::Poll::Ready(output) = future.poll() {
            return output;
        }
        stepper.run_until_idle();
    }
    panic!("it is not over after a thousand polls");
}
