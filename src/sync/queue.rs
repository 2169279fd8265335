//! `Queue`: values in order, from threads and tasks to threads and tasks.

use std::sync::Arc;
use std::time::Duration;

use async_channel::{Receiver, Sender, TryRecvError, TrySendError};

use super::queue_error::{
    GetError, GetTimeoutError, PutError, PutTimeoutError, TryGetError, TryPutError,
};
use super::queue_wait::{Get, Put};
use super::signal::Signal;
use crate::error::unhandled::drop_quietly;
use crate::shows::shows;

/// Values in order, from threads and tasks to threads and tasks: Python's `queue.Queue` and `asyncio.Queue` in one.
///
/// Clones are handles on the same queue, and each may put and get. Values come out in the order in which they went in. A
/// bounded queue makes who puts wait while it is full.
///
/// **A queue is closed by hand**, with [`close`](Self::close): handles that go away close nothing. Give code that must not
/// vanish in silence, such as the only consumer, a [`close_guard`](Self::close_guard). What was in a closed queue can still be
/// got.
///
/// It differs from a channel of `std::sync::mpsc`, flume or tokio in this one handle for both ends, and in the waits:
/// each has a blocking form, with a time limit too, and a value never gets lost in one (Primitives-7, Primitives-8).
///
/// # Examples
///
/// A task feeds a thread:
///
/// ```
/// use std::thread;
///
/// use ingather::block_on;
/// use ingather::sync::Queue;
///
/// let queue = Queue::bounded(2);
/// let numbers = queue.clone();
/// let thread = thread::spawn(move || {
///     let mut sum = 0;
///     while let Ok(number) = numbers.get_blocking() {
///         sum += number;
///     }
///     sum
/// });
/// block_on(async {
///     for number in 1..=10 {
///         queue.put(number).await.unwrap();
///     }
///     queue.close();
/// });
/// assert_eq!(thread.join().unwrap(), 55);
/// ```
pub struct Queue<T> {
    inner: Arc<Inner<T>>,
}

pub(super) struct Inner<T> {
    /// Nobody waits on the channel itself: a value that could not be put has to be given back.
    sender: Sender<T>,
    receiver: Receiver<T>,
    /// There is a value more, or the queue is closed.
    values: Signal,
    /// There is room for a value more, or the queue is closed.
    room: Signal,
}

impl<T> Queue<T> {
    /// A queue that holds at most so many values.
    ///
    /// # Panics
    ///
    /// If that is none.
    #[track_caller]
    pub fn bounded(capacity: usize) -> Self {
        assert!(capacity > 0, "a queue holds at least one value");
        Self::over(async_channel::bounded(capacity))
    }

    /// A queue that holds as many values as memory does. Nothing slows down who puts more than others get.
    pub fn unbounded() -> Self {
        Self::over(async_channel::unbounded())
    }

    pub(super) fn inner(&self) -> &Inner<T> {
        &self.inner
    }

    fn over((sender, receiver): (Sender<T>, Receiver<T>)) -> Self {
        let inner = Arc::new(Inner {
            sender,
            receiver,
            values: Signal::new(),
            room: Signal::new(),
        });
        Self { inner }
    }

    /// Puts a value in, as soon as there is room.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it was ready, it has put nothing in, and the value is dropped with it. Where the value must be kept, as
    /// after a [`timeout`](crate::timeout()), pass the future by reference and ask it for the value:
    /// [`Put::into_value`].
    ///
    /// # Errors
    ///
    /// The value, if the queue is closed.
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
    ///     let queue = Queue::bounded(1);
    ///     queue.put("first").await.unwrap();
    ///
    ///     let mut put = queue.put("second");
    ///     assert!(timeout(Duration::from_millis(2), &mut put).await.is_err());
    ///     assert_eq!(put.into_value(), Some("second"));
    ///     assert_eq!(queue.len(), 1);
    /// });
    /// ```
    pub fn put(&self, value: T) -> Put<'_, T> {
        Put::new(&self.inner, value)
    }

    /// Blocks this thread until there is room, and puts a value in.
    ///
    /// # Errors
    ///
    /// The value, if the queue is closed.
    ///
    /// # Panics
    ///
    /// If there is no room and this is the only thread of a runtime, see [`Spawner::may_block`](crate::Spawner::may_block).
    #[track_caller]
    pub fn put_blocking(&self, value: T) -> Result<(), PutError<T>> {
        let mut value = Some(value);
        let inner = &*self.inner;
        inner.room.block(|| inner.put(&mut value))
    }

    /// Blocks this thread until there is room, but no longer than so long, and puts a value in.
    ///
    /// # Errors
    ///
    /// The value, which is not in the queue, if the time is over or the queue is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ingather::sync::{PutTimeoutError, Queue};
    ///
    /// let queue = Queue::bounded(1);
    /// let short = Duration::from_millis(1);
    /// assert_eq!(queue.put_timeout(1, short), Ok(()));
    /// assert_eq!(queue.put_timeout(2, short), Err(PutTimeoutError::TimedOut(2)));
    /// ```
    pub fn put_timeout(&self, value: T, limit: Duration) -> Result<(), PutTimeoutError<T>> {
        let mut value = Some(value);
        let inner = &*self.inner;
        let put = inner.room.block_for(limit, || inner.put(&mut value));
        match (put, value) {
            (Some(put), _) => put.map_err(PutTimeoutError::from),
            (None, Some(value)) => Err(PutTimeoutError::TimedOut(value)),
            (None, None) => unreachable!("a value that was not put is still there"),
        }
    }

    /// Puts a value in if there is room.
    ///
    /// # Errors
    ///
    /// The value, if the queue is full or closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::sync::{Queue, TryPutError};
    ///
    /// let queue = Queue::bounded(1);
    /// assert_eq!(queue.try_put('a'), Ok(()));
    /// assert_eq!(queue.try_put('b'), Err(TryPutError::Full('b')));
    /// queue.close();
    /// assert_eq!(queue.try_put('c'), Err(TryPutError::Closed('c')));
    /// ```
    pub fn try_put(&self, value: T) -> Result<(), TryPutError<T>> {
        self.inner.try_put(value)
    }

    /// Takes the oldest value out, as soon as there is one.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it was ready, it has taken nothing out; so within a [`timeout`](crate::timeout()) too.
    ///
    /// # Errors
    ///
    /// If the queue is closed and empty.
    pub fn get(&self) -> Get<'_, T> {
        Get::new(&self.inner)
    }

    /// Blocks this thread until there is a value, and takes the oldest out.
    ///
    /// # Errors
    ///
    /// If the queue is closed and empty.
    ///
    /// # Panics
    ///
    /// If there is no value and this is the only thread of a runtime, see [`Spawner::may_block`](crate::Spawner::may_block).
    #[track_caller]
    pub fn get_blocking(&self) -> Result<T, GetError> {
        let inner = &*self.inner;
        inner.values.block(|| inner.get())
    }

    /// Blocks this thread until there is a value, but no longer than so long, and takes the oldest out.
    ///
    /// # Errors
    ///
    /// If the time is over, or the queue is closed and empty. Nothing has been taken out then.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ingather::sync::{GetTimeoutError, Queue};
    ///
    /// let queue = Queue::unbounded();
    /// let short = Duration::from_millis(1);
    /// assert_eq!(queue.get_timeout(short), Err(GetTimeoutError::TimedOut));
    /// queue.try_put(1).unwrap();
    /// assert_eq!(queue.get_timeout(short), Ok(1));
    /// ```
    pub fn get_timeout(&self, limit: Duration) -> Result<T, GetTimeoutError> {
        let inner = &*self.inner;
        match inner.values.block_for(limit, || inner.get()) {
            Some(got) => got.map_err(GetTimeoutError::from),
            None => Err(GetTimeoutError::TimedOut),
        }
    }

    /// Takes the oldest value out, if there is one.
    ///
    /// # Errors
    ///
    /// If there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::sync::{Queue, TryGetError};
    ///
    /// let queue = Queue::unbounded();
    /// queue.try_put(1).unwrap();
    /// queue.close();
    /// assert_eq!(queue.try_get(), Ok(1));
    /// assert_eq!(queue.try_get(), Err(TryGetError::Closed));
    /// ```
    pub fn try_get(&self) -> Result<T, TryGetError> {
        self.inner.try_get()
    }

    /// Takes out all that is in the queue at this moment, the oldest first, and waits for nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::sync::Queue;
    ///
    /// let queue = Queue::unbounded();
    /// queue.try_put(1).unwrap();
    /// queue.try_put(2).unwrap();
    /// assert_eq!(queue.drain(), [1, 2]);
    /// assert!(queue.is_empty());
    /// ```
    pub fn drain(&self) -> Vec<T> {
        // Not until it is empty: others may put faster than this gets.
        let most = self.len();
        (0..most).map_while(|_| self.try_get().ok()).collect()
    }

    /// Closes the queue: nothing can be put in any more, what is in it can be got, and all who wait are released. Whether it
    /// was open.
    pub fn close(&self) -> bool {
        let was_open = self.inner.sender.close();
        if was_open {
            self.inner.values.tell_all();
            self.inner.room.tell_all();
        }
        was_open
    }

    /// Closes the queue when it is dropped, also by a panic.
    ///
    /// # Examples
    ///
    /// A consumer that dies does not leave its producers waiting:
    ///
    /// ```
    /// use std::thread;
    ///
    /// use ingather::sync::Queue;
    ///
    /// let queue = Queue::bounded(1);
    /// let jobs = queue.clone();
    /// let consumer = thread::spawn(move || {
    ///     let _guard = jobs.close_guard();
    ///     jobs.get_blocking().unwrap();
    ///     // Here it ends, in whatever way.
    /// });
    /// while queue.put_blocking("job").is_ok() {}
    /// consumer.join().unwrap();
    /// ```
    pub fn close_guard(&self) -> CloseGuard<T> {
        CloseGuard {
            queue: self.clone(),
        }
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.inner.sender.is_closed()
    }

    /// How many values are in it.
    pub fn len(&self) -> usize {
        self.inner.receiver.len()
    }

    /// Whether no value is in it.
    pub fn is_empty(&self) -> bool {
        self.inner.receiver.is_empty()
    }

    /// Whether there is no room for one more.
    pub fn is_full(&self) -> bool {
        self.inner.sender.is_full()
    }

    /// How many values it holds at most; `None` if there is no bound.
    pub fn capacity(&self) -> Option<usize> {
        self.inner.sender.capacity()
    }
}

impl<T> Inner<T> {
    fn try_put(&self, value: T) -> Result<(), TryPutError<T>> {
        match self.sender.try_send(value) {
            Ok(()) => {
                self.values.tell_one();
                Ok(())
            }
            Err(TrySendError::Full(value)) => Err(TryPutError::Full(value)),
            Err(TrySendError::Closed(value)) => Err(TryPutError::Closed(value)),
        }
    }

    fn try_get(&self) -> Result<T, TryGetError> {
        match self.receiver.try_recv() {
            Ok(value) => {
                if self.sender.capacity().is_some() {
                    self.room.tell_one();
                }
                Ok(value)
            }
            Err(TryRecvError::Empty) => Err(TryGetError::Empty),
            Err(TryRecvError::Closed) => Err(TryGetError::Closed),
        }
    }

    /// Puts the value that is there, or leaves it there and gives nothing.
    pub(super) fn put(&self, value: &mut Option<T>) -> Option<Result<(), PutError<T>>> {
        let put = self.try_put(value.take()?);
        match put {
            Ok(()) => Some(Ok(())),
            Err(TryPutError::Closed(value)) => Some(Err(PutError(value))),
            Err(TryPutError::Full(back)) => {
                *value = Some(back);
                None
            }
        }
    }

    pub(super) fn get(&self) -> Option<Result<T, GetError>> {
        match self.try_get() {
            Ok(value) => Some(Ok(value)),
            Err(TryGetError::Closed) => Some(Err(GetError)),
            Err(TryGetError::Empty) => None,
        }
    }

    pub(super) fn values(&self) -> &Signal {
        &self.values
    }

    pub(super) fn room(&self) -> &Signal {
        &self.room
    }
}

impl<T> Drop for Inner<T> {
    fn drop(&mut self) {
        // One by one, since each may panic.
        while let Ok(value) = self.receiver.try_recv() {
            drop_quietly("a value that was left in a queue", value);
        }
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

shows!([T] Queue<T>, this =>
    len: this.len(),
    capacity: this.capacity(),
    is_closed: this.is_closed(),
);

/// Closes a queue when it is dropped; made by [`Queue::close_guard`].
#[must_use = "the queue is closed when this is dropped: bind it to a name such as `_guard`"]
pub struct CloseGuard<T> {
    queue: Queue<T>,
}

impl<T> Drop for CloseGuard<T> {
    fn drop(&mut self) {
        self.queue.close();
    }
}

shows!([T] CloseGuard<T>, this => (this.queue));
