//! The futures of a queue.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::queue::Inner;
use super::queue_error::{GetError, PutError};
use super::signal::Waiting;
use crate::shows::shows;

/// Puts a value into a queue; made by [`Queue::put`](crate::sync::Queue::put).
///
/// Dropped before it was ready, it has put nothing in, and drops the value.
#[must_use = "nothing is put unless the future is awaited"]
pub struct Put<'a, T> {
    queue: &'a Inner<T>,
    /// Until it is in the queue.
    value: Option<T>,
    waiting: Waiting,
}

impl<'a, T> Put<'a, T> {
    pub(super) fn new(queue: &'a Inner<T>, value: T) -> Self {
        Self {
            queue,
            value: Some(value),
            waiting: Waiting::new(),
        }
    }

    /// Gives up, and gives the value back; `None` if the future was ready: then the value is in the queue, or was given back
    /// as an error.
    pub fn into_value(mut self) -> Option<T> {
        self.value.take()
    }
}

/// The value is never pinned.
impl<T> Unpin for Put<'_, T> {}

impl<T> Future for Put<'_, T> {
    type Output = Result<(), PutError<T>>;

    /// # Panics
    ///
    /// If it is polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self {
            queue,
            value,
            waiting,
        } = &mut *self;
        assert!(value.is_some(), "a put was polled after it was ready");
        waiting.poll(queue.room(), cx, || queue.put(value))
    }
}

shows!([T] Put<'_, T>, this => is_over: this.value.is_none(), ..);

/// Takes a value out of a queue; made by [`Queue::get`](crate::sync::Queue::get).
///
/// Dropped before it was ready, it has taken nothing out. Polled again after it was ready, it takes the next.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::sync::Queue;
/// use ingather::{block_on, timeout};
///
/// block_on(async {
///     let queue = Queue::unbounded();
///     assert!(timeout(Duration::from_millis(1), queue.get()).await.is_err());
///     assert_eq!(queue.try_put("kept"), Ok(()));
///     assert_eq!(queue.get().await, Ok("kept")); // what was given up took nothing
/// });
/// ```
#[must_use = "nothing is taken unless the future is awaited"]
pub struct Get<'a, T> {
    queue: &'a Inner<T>,
    waiting: Waiting,
}

impl<'a, T> Get<'a, T> {
    pub(super) fn new(queue: &'a Inner<T>) -> Self {
        Self {
            queue,
            waiting: Waiting::new(),
        }
    }
}

impl<T> Future for Get<'_, T> {
    type Output = Result<T, GetError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { queue, waiting } = &mut *self;
        waiting.poll(queue.values(), cx, || queue.get())
    }
}

shows!([T] Get<'_, T>, ..);
