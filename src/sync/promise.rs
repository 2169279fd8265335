//! `promise`: one value, set once by a thread or task, for threads and tasks to wait for.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::promise_state::State;
use super::signal::{Signal, Waiting};
use crate::std_or_loom::Lock;

/// One value that is set once, and what waits for it.
///
/// Both ends are for threads and tasks alike, as in Python's `concurrent.futures.Future` and `asyncio.Future`. The value may
/// be a `Result`, if what is promised can fail. A [`Promise`] that is dropped unset closes the other end: nobody waits for
/// ever (Primitives-11).
///
/// # Examples
///
/// ```
/// use std::thread;
///
/// use ingather::block_on;
/// use ingather::sync::promise;
///
/// let (promise, promised) = promise();
/// thread::spawn(move || promise.set(42).unwrap());
/// assert_eq!(block_on(promised), Ok(42));
///
/// let (promise, promised) = ingather::sync::promise::<u32>();
/// drop(promise);
/// assert!(promised.wait_blocking().is_err());
/// ```
pub fn promise<T>() -> (Promise<T>, Promised<T>) {
    let state = Arc::new(State::new());
    let promise = Promise {
        state: Some(Arc::clone(&state)),
    };
    (promise, Promised::new(Claim { state }))
}

/// The end of a [`promise`] that sets its value.
///
/// Dropped unset, also by a panic, it closes the promise.
#[must_use = "a promise that is dropped is closed: those who wait for it get an error"]
pub struct Promise<T> {
    /// `None` once another promise has been forwarded to it.
    state: Option<Arc<State<T>>>,
}

impl<T> Promise<T> {
    /// Sets the value and wakes who waits for it. It never blocks.
    ///
    /// # Errors
    ///
    /// The value, if the promise was set before or nobody waits for it any more.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::sync::{SetError, promise};
    ///
    /// let (promise, promised) = promise();
    /// assert_eq!(promise.set(1), Ok(()));
    /// assert_eq!(promise.set(2), Err(SetError::AlreadySet(2)));
    /// assert_eq!(promised.wait_blocking(), Ok(1));
    ///
    /// let (promise, promised) = ingather::sync::promise();
    /// drop(promised);
    /// assert_eq!(promise.set(1), Err(SetError::Unwanted(1)));
    /// ```
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        self.state().set(value)
    }

    /// Whether it is unset and somebody would receive the value.
    pub fn is_wanted(&self) -> bool {
        self.state().is_wanted()
    }

    fn state(&self) -> &Arc<State<T>> {
        let state = self.state.as_ref();
        state.expect("a promise that was forwarded to is nobody's any more")
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        if let Some(state) = self.state.take() {
            state.close();
        }
    }
}

impl<T> fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Promise");
        let state = self.state.as_ref().map_or("forwarded", |s| s.describe());
        out.field("state", &format_args!("{state}")).finish()
    }
}

/// What stands for those who wait. Dropped, nobody does.
struct Claim<T> {
    state: Arc<State<T>>,
}

impl<T> Drop for Claim<T> {
    fn drop(&mut self) {
        self.state.let_go();
    }
}

/// The end of a [`promise`] that gives its value.
///
/// Awaited, it gives the value, or an error if the [`Promise`] was dropped. A thread waits with
/// [`wait_blocking`](Self::wait_blocking) or [`wait_timeout`](Self::wait_timeout). The value is given once; where several want it,
/// see [`shared`](Self::shared).
///
/// Dropping it tells the promise that nobody wants its value any more.
///
/// # Cancel safety
///
/// Awaiting `&mut promised` is cancel safe: the value is given in one step, or not at all.
///
/// # Panics
///
/// If it is asked again after it has given the value.
#[must_use = "dropping it says that nobody wants the value"]
pub struct Promised<T> {
    claim: Claim<T>,
    waiting: Waiting,
}

impl<T> Promised<T> {
    fn new(claim: Claim<T>) -> Self {
        Self {
            claim,
            waiting: Waiting::new(),
        }
    }

    /// Blocks this thread until the promise is set or closed.
    ///
    /// # Errors
    ///
    /// If the promise was dropped unset.
    ///
    /// # Panics
    ///
    /// If it is neither and this is the only thread of a runtime, see [`Spawner::may_block`](crate::Spawner::may_block). If the
    /// value was given before.
    #[track_caller]
    pub fn wait_blocking(self) -> Result<T, PromiseClosed> {
        let state = &*self.claim.state;
        state.over.block(|| state.take())
    }

    /// Blocks this thread until the promise is set or closed, but no longer than so long. `None`: it is neither, and can be
    /// waited for again.
    ///
    /// # Errors
    ///
    /// Inside the `Some`: if the promise was dropped unset.
    ///
    /// # Panics
    ///
    /// If the value was given before.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ingather::sync::promise;
    ///
    /// let (promise, mut promised) = promise();
    /// assert_eq!(promised.wait_timeout(Duration::from_millis(1)), None);
    /// promise.set("late").unwrap();
    /// assert_eq!(promised.wait_timeout(Duration::from_millis(1)), Some(Ok("late")));
    /// ```
    #[track_caller]
    pub fn wait_timeout(&mut self, limit: Duration) -> Option<Result<T, PromiseClosed>> {
        let state = &*self.claim.state;
        state.over.block_for(limit, || state.take())
    }

    /// Whether the promise was set or closed.
    pub fn is_over(&self) -> bool {
        self.claim.state.is_over()
    }

    /// Hands the outcome on: what this promise is or will be set to, the other is set to; if it is closed, so is the other.
    ///
    /// No task and no thread waits for that: who sets this promise sets the other. A promise that is forwarded to itself, over
    /// however many others, is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::sync::promise;
    ///
    /// let (inner, inner_promised) = promise();
    /// let (outer, outer_promised) = promise();
    /// inner_promised.forward_to(outer);
    /// inner.set(5).unwrap();
    /// assert_eq!(outer_promised.wait_blocking(), Ok(5));
    /// ```
    #[expect(
        clippy::missing_panics_doc,
        reason = "code that has a promise has not forwarded to it: that takes it"
    )]
    pub fn forward_to(self, mut target: Promise<T>) {
        let target = target.state.take();
        let target = target.expect("a promise that was forwarded to is nobody's any more");
        self.claim.state.forward(target);
    }

    /// Makes it one that can be cloned and gives its value to all who ask, in an [`Arc`]. One that gave its value before has
    /// none for them: then they panic.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::thread;
    ///
    /// use ingather::sync::promise;
    ///
    /// let (promise, promised) = promise();
    /// let promised = promised.shared();
    /// let also = promised.clone();
    /// let thread = thread::spawn(move || also.wait_blocking());
    /// promise.set("for both").unwrap();
    /// assert_eq!(*promised.wait_blocking().unwrap(), "for both");
    /// assert_eq!(*thread.join().unwrap().unwrap(), "for both");
    /// ```
    pub fn shared(self) -> SharedPromised<T> {
        SharedPromised {
            common: Arc::new(Common {
                claim: self.claim,
                value: Lock::new(None),
            }),
            waiting: Waiting::new(),
        }
    }
}

impl<T> Future for Promised<T> {
    type Output = Result<T, PromiseClosed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { claim, waiting } = &mut *self;
        waiting.poll(&claim.state.over, cx, || claim.state.take())
    }
}

impl<T> fmt::Debug for Promised<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "Promised", &self.claim)
    }
}

/// A [`Promised`] for several; made by [`Promised::shared`].
///
/// Clones wait for the same value, and each gives it, in an [`Arc`], as often as it is asked. Dropping the last tells the
/// promise that nobody wants its value any more.
///
/// # Cancel safety
///
/// Awaiting it is cancel safe.
///
/// # Examples
///
/// ```
/// use std::thread;
///
/// use ingather::sync::promise;
///
/// let (promise, promised) = promise::<String>();
/// let shared = promised.shared();
/// let other = shared.clone();
/// let thread = thread::spawn(move || other.wait_blocking().map(|config| config.len()));
/// assert_eq!(promise.set(String::from("loaded once")), Ok(()));
/// assert_eq!(thread.join().expect("it does not panic"), Ok(11));
/// assert!(shared.is_over());
/// ```
#[must_use = "dropping the last says that nobody wants the value"]
pub struct SharedPromised<T> {
    common: Arc<Common<T>>,
    waiting: Waiting,
}

/// What all clones have in common.
struct Common<T> {
    claim: Claim<T>,
    /// The value, once one of them has taken it.
    value: Lock<Option<Arc<T>>>,
}

impl<T> Common<T> {
    /// What the promise gives to each of them, if it is over.
    fn get(&self) -> Option<Result<Arc<T>, PromiseClosed>> {
        let mut value = self.value.lock();
        if let Some(value) = &*value {
            return Some(Ok(Arc::clone(value)));
        }
        let taken = self.claim.state.take()?.map(Arc::new);
        *value = taken.as_ref().ok().map(Arc::clone);
        Some(taken)
    }

    fn over(&self) -> &Signal {
        &self.claim.state.over
    }
}

impl<T> SharedPromised<T> {
    /// Blocks this thread until the promise is set or closed.
    ///
    /// # Errors
    ///
    /// If the promise was dropped unset.
    ///
    /// # Panics
    ///
    /// If it is neither and this is the only thread of a runtime, see [`Spawner::may_block`](crate::Spawner::may_block).
    #[track_caller]
    pub fn wait_blocking(&self) -> Result<Arc<T>, PromiseClosed> {
        self.common.over().block(|| self.common.get())
    }

    /// Blocks this thread until the promise is set or closed, but no longer than so long. `None`: it is neither, and can be
    /// waited for again.
    ///
    /// # Errors
    ///
    /// Inside the `Some`: if the promise was dropped unset.
    pub fn wait_timeout(&self, limit: Duration) -> Option<Result<Arc<T>, PromiseClosed>> {
        let common = &*self.common;
        common.over().block_for(limit, || common.get())
    }

    /// Whether the promise was set or closed.
    pub fn is_over(&self) -> bool {
        self.common.claim.state.is_over()
    }
}

impl<T> Clone for SharedPromised<T> {
    fn clone(&self) -> Self {
        Self {
            common: Arc::clone(&self.common),
            waiting: Waiting::new(),
        }
    }
}

impl<T> Future for SharedPromised<T> {
    type Output = Result<Arc<T>, PromiseClosed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { common, waiting } = &mut *self;
        waiting.poll(common.over(), cx, || common.get())
    }
}

impl<T> fmt::Debug for SharedPromised<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug(f, "SharedPromised", &self.common.claim)
    }
}

fn debug<T>(f: &mut fmt::Formatter<'_>, name: &str, claim: &Claim<T>) -> fmt::Result {
    let state = claim.state.describe();
    let mut out = f.debug_struct(name);
    out.field("state", &format_args!("{state}")).finish()
}

/// A promise was not set; the value is inside.
///
/// # Examples
///
/// ```
/// use ingather::sync::{SetError, promise};
///
/// let (promise, promised) = promise();
/// assert_eq!(promise.set("a"), Ok(()));
/// assert_eq!(promise.set("b"), Err(SetError::AlreadySet("b")));
/// assert_eq!(promised.wait_blocking(), Ok("a"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SetError<T> {
    /// It was set before.
    AlreadySet(T),
    /// Nobody waits for it any more.
    Unwanted(T),
}

impl<T> SetError<T> {
    /// The value.
    pub fn into_value(self) -> T {
        match self {
            Self::AlreadySet(value) | Self::Unwanted(value) => value,
        }
    }
}

impl<T> fmt::Debug for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadySet(_) => "AlreadySet(..)",
            Self::Unwanted(_) => "Unwanted(..)",
        })
    }
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadySet(_) => "the promise was set before: it can be set once",
            Self::Unwanted(_) => "nobody waits for this promise any more",
        })
    }
}

impl<T> Error for SetError<T> {}

/// A promise was dropped before it was set.
///
/// # Examples
///
/// ```
/// use ingather::block_on;
/// use ingather::sync::{PromiseClosed, promise};
///
/// let (promise, promised) = promise::<u32>();
/// drop(promise); // whoever was to set it has given up
/// assert_eq!(block_on(promised), Err(PromiseClosed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromiseClosed;

impl fmt::Display for PromiseClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the promise was dropped before it was set")
    }
}

impl Error for PromiseClosed {}
