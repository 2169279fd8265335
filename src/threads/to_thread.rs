//! `to_thread`: a closure on a thread of a pool, for async code to await.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::job::{End, Job, Refused};
use super::pool::{BlockingPool, default_pool};
use crate::error::KeyId;
use crate::group::engine::position::{self, Position};
use crate::group::{Holding, code_suspends};
use crate::limiter::{Acquire, CapacityLimiter, Permit};
use crate::shows::shows;

/// Calls a blocking closure on a thread of the [default pool](super::default_pool), and gives what it returns.
///
/// It begins when it is first awaited. The closure is called with what is set here by [`ContextVar`](crate::ContextVar)s; its panic goes on
/// here. [`from_thread`](super::from_thread) tells it whether it is still wanted, and lets it call back.
///
/// Nothing can stop a closure that has begun. So in a child or body that is cancelled while it runs the scope waits for it, as
/// for what is behind a [`shield`](crate::shield()); [`abandon`](ToThread::abandon) chooses otherwise. One that has not begun by
/// then is dropped and never called.
///
/// Dropped otherwise, by a `select`, by a timeout around it or with a scope that its owner drops, the future leaves a closure that
/// runs to itself: it keeps its thread and its permit until it really ends, and its value is dropped.
///
/// The pool has 250 threads, as anyio's limit has; [`default_pool`](super::default_pool) and
/// [`set_default_pool`](super::set_default_pool) change that. For what borrows, see
/// [`Scope::spawn_blocking`](crate::Scope::spawn_blocking). It differs from tokio's `spawn_blocking` in that it needs no runtime, keeps the
/// context, does not detach a closure in silence, and calls none that was cancelled in the queue.
///
/// # Cancel safety
///
/// It is not cancel safe: what a closure that has begun returns is lost with the future.
///
/// # Panics
///
/// The future panics with what the closure panics with. Also if the pool is closed, or has no thread and cannot start one;
/// [`or_refused`](ToThread::or_refused) gives an error instead.
///
/// # Examples
///
/// ```
/// use std::fs;
/// use ingather::{block_on, to_thread};
///
/// let manifest = block_on(to_thread(|| fs::read_to_string("Cargo.toml")));
/// assert!(manifest.unwrap().contains("[package]"));
/// ```
#[track_caller]
pub fn to_thread<F, T>(call: F) -> ToThread<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    ToThread::new(call, Location::caller())
}

/// [`to_thread`], with a permit of a limiter, which the closure holds until it has really ended.
///
/// # Cancel safety
///
/// As for [`to_thread`].
///
/// # Panics
///
/// As for [`to_thread`].
///
/// # Examples
///
/// ```
/// use ingather::block_on;
/// use ingather::threads::{CapacityLimiter, to_thread_with};
///
/// static DISK: CapacityLimiter = CapacityLimiter::new(4);
///
/// let borrowed = block_on(to_thread_with(&DISK, || DISK.statistics().borrowed));
/// assert_eq!(borrowed, 1);
/// ```
#[track_caller]
pub fn to_thread_with<F, T>(limiter: &CapacityLimiter, call: F) -> ToThread<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    ToThread::new(call, Location::caller()).limiter(limiter)
}

/// The future of [`to_thread`].
#[must_use = "the closure is called only if this is awaited"]
pub struct ToThread<F, T> {
    phase: Phase<F, T>,
    name: Option<Arc<str>>,
    location: &'static Location<'static>,
    pool: Option<BlockingPool>,
    limiter: Option<CapacityLimiter>,
    /// Does a cancel wait for a closure that runs?
    waits: bool,
    way: Way,
    /// The code that polled this last.
    waiter: Option<KeyId>,
    /// Has the closure been told who waits for it?
    said_who_waits: bool,
    holding: Option<Holding>,
}

/// What a cancel has come to.
#[derive(PartialEq, Eq)]
enum Way {
    /// To nothing.
    Straight,
    /// The closure had not begun, and is kept here. It is dropped with what waits for it, at the suspension that comes next.
    Aside,
    /// What waits cannot be dropped, since it blocks its thread, and goes on.
    On,
}

enum Phase<F, T> {
    Fresh(F),
    InLine(F, Acquire),
    Sent(Arc<Job<F, T>>),
    /// It is over, or waits to be dropped.
    Over,
}

// The closure is moved, not pinned.
impl<F, T> Unpin for ToThread<F, T> {}

impl<F, T> ToThread<F, T> {
    pub(super) fn new(call: F, location: &'static Location<'static>) -> Self {
        Self::at(Phase::Fresh(call), location)
    }

    /// One whose closure is on its way.
    pub(super) fn sent(job: Arc<Job<F, T>>, pool: &BlockingPool) -> Self {
        let location = job.info().location();
        Self::at(Phase::Sent(job), location).on(pool)
    }

    fn at(phase: Phase<F, T>, location: &'static Location<'static>) -> Self {
        Self {
            phase,
            name: None,
            location,
            pool: None,
            limiter: None,
            waits: true,
            way: Way::Straight,
            waiter: None,
            said_who_waits: false,
            holding: None,
        }
    }

    /// Has the closure called on a thread of this pool.
    pub fn on(mut self, pool: &BlockingPool) -> Self {
        self.pool = Some(pool.clone());
        self
    }

    /// Gives the closure a permit, which it holds until it has really ended. It waits for the permit first.
    pub fn limiter(mut self, limiter: &CapacityLimiter) -> Self {
        self.limiter = Some(limiter.clone());
        self
    }

    /// Gives it a name, for [`BlockingPool::running`].
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Lets a cancel drop what waits here, also while the closure runs: nobody waits for that, and its thread and permit stay taken
    /// until it ends.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use ingather::{block_on, scope, to_thread};
    ///
    /// let (end, ends) = mpsc::channel::<()>();
    /// block_on(scope(|tg| async move {
    ///     let child = tg.spawn(to_thread(move || ends.recv()).abandon());
    ///     child.cancel();
    ///     assert!(child.await.unwrap_err().is_cancelled());
    /// }));
    /// drop(end);
    /// ```
    pub fn abandon(mut self) -> Self {
        self.waits = false;
        self
    }

    /// Gives the closure back, with the reason, where its pool does not call it.
    ///
    /// # Cancel safety
    ///
    /// As for [`to_thread`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{block_on, to_thread};
    /// use ingather::threads::BlockingPool;
    ///
    /// let pool = BlockingPool::new(1);
    /// pool.close();
    /// let refused = block_on(to_thread(|| 7).on(&pool).or_refused()).unwrap_err();
    /// assert_eq!(refused.into_call()(), 7);
    /// ```
    pub fn or_refused(self) -> ToThreadOrRefused<F, T> {
        ToThreadOrRefused(self)
    }

    /// Puts aside what has not begun, since a cancel waits for nothing else. `true`: it is asked again how it goes on.
    fn gives_way(&mut self) -> bool {
        let holding = self
            .holding
            .take_if(|holding| self.way == Way::Straight && holding.is_due());
        let Some(holding) = holding else {
            return false;
        };
        if self.takes_back() {
            self.way = Way::Aside;
            holding.let_go();
            return true;
        }
        self.holding = Some(holding);
        false
    }

    /// Has the closure as it was at first, unless it has begun.
    fn takes_back(&mut self) -> bool {
        let call = match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Fresh(call) | Phase::InLine(call, _) => call,
            Phase::Sent(job) => match job.take_back() {
                Some(call) => call,
                None => {
                    self.phase = Phase::Sent(job);
                    return false;
                }
            },
            Phase::Over => return false,
        };
        self.said_who_waits = false;
        self.phase = Phase::Fresh(call);
        true
    }
}

impl<F, T> ToThread<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<End<F, T>> {
        self.knows_who_waits();
        let holds = self.waits && self.way != Way::Aside && !matches!(self.phase, Phase::Over);
        if holds && self.holding.is_none() {
            self.holding = Holding::take();
        }
        let end = self.go_on(cx);
        if end.is_ready() {
            self.holding = None;
        } else if self.gives_way() {
            return self.go_on(cx);
        }
        end
    }

    /// Goes on, unless it was put aside and is about to be dropped.
    fn go_on(&mut self, cx: &mut Context<'_>) -> Poll<End<F, T>> {
        if self.way == Way::Aside {
            match code_suspends() {
                // Something else holds what waits, and drops it then.
                None => return Poll::Pending,
                Some(true) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(false) => self.way = Way::On,
            }
        }
        self.step(cx)
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<End<F, T>> {
        loop {
            match std::mem::replace(&mut self.phase, Phase::Over) {
                Phase::Fresh(call) => match &self.limiter {
                    Some(limiter) => self.phase = Phase::InLine(call, limiter.acquire()),
                    None => self.send(call, None),
                },
                Phase::InLine(call, mut acquire) => match Pin::new(&mut acquire).poll(cx) {
                    Poll::Ready(permit) => self.send(call, Some(permit)),
                    Poll::Pending => {
                        self.phase = Phase::InLine(call, acquire);
                        return Poll::Pending;
                    }
                },
                Phase::Sent(job) => {
                    self.says_who_waits(&job);
                    let end = job.poll(cx);
                    if end.is_pending() {
                        self.phase = Phase::Sent(job);
                    }
                    return end;
                }
                // Not a panic: it may be polled once more before it is dropped.
                Phase::Over => return Poll::Pending,
            }
        }
    }

    /// It may be polled by some code first and then by other code, which waits for it from then on.
    fn knows_who_waits(&mut self) {
        let code = position::here().as_ref().and_then(Position::code);
        if self.waiter != code {
            self.waiter = code;
            self.said_who_waits = false;
            self.holding = None;
        }
    }

    /// Tells the closure who waits for it, unless that was done.
    fn says_who_waits(&mut self, job: &Job<F, T>) {
        if !std::mem::replace(&mut self.said_who_waits, true) {
            if let Some(here) = position::here() {
                job.follow(here);
            }
        }
    }

    fn send(&mut self, call: F, permit: Option<Permit>) {
        let job = Job::new(call, self.name.clone(), self.location, permit);
        self.says_who_waits(&job);
        let pool = self.pool.as_ref();
        pool.unwrap_or_else(|| default_pool()).send(&job);
        self.phase = Phase::Sent(job);
    }
}

impl<F, T> Future for ToThread<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.poll_end(cx).map(|end| match end {
            End::Over(Ok(value)) => value,
            End::Over(Err(panic)) => panic.resume(),
            End::Refused(call, why) => {
                let refused = Refused::new(call, why);
                panic!("{refused}; `or_refused` gives this as an error")
            }
        })
    }
}

impl<F, T> Drop for ToThread<F, T> {
    fn drop(&mut self) {
        if let Phase::Sent(job) = &self.phase {
            job.withdraw();
        }
    }
}

/// The future of [`ToThread::or_refused`].
#[must_use = "the closure is called only if this is awaited"]
pub struct ToThreadOrRefused<F, T>(ToThread<F, T>);

impl<F, T> Future for ToThreadOrRefused<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = Result<T, Refused<F>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_end(cx).map(|end| match end {
            End::Over(Ok(value)) => Ok(value),
            End::Over(Err(panic)) => panic.resume(),
            End::Refused(call, why) => Err(Refused::new(call, why)),
        })
    }
}

impl<F, T> fmt::Debug for ToThread<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match &self.phase {
            Phase::Fresh(_) => "not begun",
            Phase::InLine(..) => "waits for a permit",
            Phase::Sent(_) => "sent to a thread",
            Phase::Over => "over",
        };
        f.debug_struct("ToThread")
            .field("location", &format_args!("{}", self.location))
            .field("phase", &phase)
            .finish_non_exhaustive()
    }
}

shows!([F, T] ToThreadOrRefused<F, T>, this => (this.0));
