//! The errors of a queue, one for each operation. What could not be put comes back in them.

use std::error::Error;
use std::fmt;

/// A value was not put, since the queue is closed; it is inside.
///
/// # Examples
///
/// ```
/// use ingather::sync::Queue;
///
/// let queue = Queue::bounded(1);
/// queue.close();
/// let error = queue.put_blocking("too late").expect_err("the queue is closed");
/// assert_eq!(error.into_value(), "too late");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PutError<T>(pub T);

/// A value was not put at once; it is inside.
///
/// # Examples
///
/// ```
/// use ingather::sync::{Queue, TryPutError};
///
/// let frames = Queue::bounded(1);
/// assert_eq!(frames.try_put("first"), Ok(()));
/// match frames.try_put("second") {
///     Err(TryPutError::Full(frame)) => assert_eq!(frame, "second"), // skip it
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TryPutError<T> {
    /// There is no room for it now.
    Full(T),
    /// The queue is closed.
    Closed(T),
}

/// A value was not put in time; it is inside.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::sync::Queue;
///
/// let queue = Queue::bounded(1);
/// let short = Duration::from_millis(1);
/// let mut spilled = Vec::new();
/// for n in 0..3 {
///     match queue.put_timeout(n, short) {
///         Ok(()) => {}
///         Err(error) if error.is_closed() => break,
///         Err(error) => spilled.push(error.into_value()), // nobody takes any, for now
///     }
/// }
/// assert_eq!(spilled, [1, 2]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PutTimeoutError<T> {
    /// There was no room for it in time.
    TimedOut(T),
    /// The queue is closed.
    Closed(T),
}

/// There is no value, and there will be none: the queue is closed and empty.
///
/// # Examples
///
/// ```
/// use ingather::block_on;
/// use ingather::sync::{GetError, Queue};
///
/// let queue = Queue::unbounded();
/// assert_eq!(queue.try_put("last"), Ok(()));
/// queue.close();
/// assert_eq!(block_on(queue.get()), Ok("last"));
/// assert_eq!(block_on(queue.get()), Err(GetError));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GetError;

/// There is no value now.
///
/// # Examples
///
/// ```
/// use ingather::sync::{Queue, TryGetError};
///
/// let queue = Queue::unbounded();
/// assert_eq!(queue.try_get(), Err::<u32, _>(TryGetError::Empty)); // try again later
/// queue.close();
/// assert_eq!(queue.try_get(), Err(TryGetError::Closed)); // never again
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryGetError {
    /// The queue is empty.
    Empty,
    /// The queue is empty, and closed.
    Closed,
}

/// There was no value in time.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::sync::{GetTimeoutError, Queue};
///
/// let queue = Queue::<u32>::unbounded();
/// let short = Duration::from_millis(1);
/// assert_eq!(queue.get_timeout(short), Err(GetTimeoutError::TimedOut));
/// queue.close();
/// assert!(queue.get_timeout(short).is_err_and(GetTimeoutError::is_closed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GetTimeoutError {
    /// The queue stayed empty.
    TimedOut,
    /// The queue is empty, and closed.
    Closed,
}

impl<T> PutError<T> {
    /// The value.
    pub fn into_value(self) -> T {
        self.0
    }
}

impl<T> TryPutError<T> {
    /// The value.
    pub fn into_value(self) -> T {
        match self {
            Self::Full(value) | Self::Closed(value) => value,
        }
    }

    /// Whether another attempt would be in vain.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }
}

impl<T> PutTimeoutError<T> {
    /// The value.
    pub fn into_value(self) -> T {
        match self {
            Self::TimedOut(value) | Self::Closed(value) => value,
        }
    }

    /// Whether another attempt would be in vain.
    pub fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }
}

impl TryGetError {
    /// Whether another attempt would be in vain.
    pub fn is_closed(self) -> bool {
        self == Self::Closed
    }
}

impl GetTimeoutError {
    /// Whether another attempt would be in vain.
    pub fn is_closed(self) -> bool {
        self == Self::Closed
    }
}

impl<T> From<PutError<T>> for PutTimeoutError<T> {
    fn from(PutError(value): PutError<T>) -> Self {
        Self::Closed(value)
    }
}

impl From<GetError> for GetTimeoutError {
    fn from(GetError: GetError) -> Self {
        Self::Closed
    }
}

const CLOSED: &str = "the value was not put: the queue is closed";

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(CLOSED)
    }
}

impl<T> fmt::Display for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the value was not put: the queue is full; `put` waits for room",
            Self::Closed(_) => CLOSED,
        })
    }
}

impl<T> fmt::Display for PutTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut(_) => "the value was not put: the queue stayed full",
            Self::Closed(_) => CLOSED,
        })
    }
}

const NO_MORE: &str = "there are no more values: the queue is closed";

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NO_MORE)
    }
}

impl fmt::Display for TryGetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the queue is empty; `get` waits for a value",
            Self::Closed => NO_MORE,
        })
    }
}

impl fmt::Display for GetTimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "no value in time: the queue stayed empty",
            Self::Closed => NO_MORE,
        })
    }
}

// `Debug` asks nothing of the value.

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PutError(..)")
    }
}

impl<T> fmt::Debug for TryPutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Debug for PutTimeoutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut(_) => "TimedOut(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> Error for PutError<T> {}
impl<T> Error for TryPutError<T> {}
impl<T> Error for PutTimeoutError<T> {}
impl Error for GetError {}
impl Error for TryGetError {}
impl Error for GetTimeoutError {}
