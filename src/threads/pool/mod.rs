//! `BlockingPool`: threads for blocking work, made when there is some, and gone when there has been none for a while.
//!
//! - `shared`: the queue, and how many threads are about what
//! - `worker`: one thread, and what it does while its work waits
//! - `work`: what is queued
//! - `builder`: [`PoolBuilder`]
//! - `closing`: waiting for the end
//! - `spawner`: a pool as a spawner
//! - `default`: the pool where none is named
//!
//! The pool is our own: it retires threads that are idle, loses nothing where a thread cannot be started, and replaces a thread
//! whose work waits in a call of this crate.

mod builder;
mod closing;
mod default;
mod shared;
mod spawner;
mod work;
mod worker;

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::future::{FutureExt, join_all};

pub use self::builder::PoolBuilder;
pub use self::closing::Closing;
pub use self::default::{default_pool, set_default_pool};
pub use self::work::JobInfo;
pub(super) use self::work::{Why, Work};

use self::shared::{Settings, Shared};
use self::worker::poll_here;
use super::job::{Job, Refused};
use super::to_thread::ToThread;
use crate::error::Quiet;
use crate::group::current_token;
use crate::tasks::{Task, create_named_task, create_task};
use crate::token::{CancelKind, CancelReason};

/// A number of threads for blocking work.
///
/// Threads start when there is work for them and end when there has been none for [so long](PoolBuilder::idle_for). Work is begun in the
/// order in which it came, by as many threads as the pool has. A thread whose work waits in a blocking call of this crate, such as
/// [`Task::wait`], [`FairLock::lock_blocking`](super::FairLock::lock_blocking) or [`from_thread::run`](super::from_thread::run), does not count
/// meanwhile, and another takes its place: so work that waits for other work of the same pool cannot keep it from being done.
/// Nothing is ever run on top of work that waits, which may hold what that would need.
///
/// Where the system starts no thread, those that are there do the work; where there is none, the work is
/// [refused](Refused). The next work tries again.
///
/// Clones are the same pool. When the last is dropped it is [closed](Self::close). A process that is forked from this one has a
/// pool of its own in its place, with nothing queued and no thread.
///
/// It is a [`Spawner`](crate::Spawner) too, for children that block their thread, as in
/// [`parallel::on(&s).scope`](crate::parallel::on).
///
/// It differs from the pool of tokio's `spawn_blocking` in that it has no runtime, and from the crate `blocking` in that there
/// may be several, and idle threads all end.
///
/// # Examples
///
/// ```
/// use ingather::block_on;
/// use ingather::threads::BlockingPool;
///
/// let pool = BlockingPool::new(2);
/// let squares = block_on(pool.map(1..=4, |n| n * n));
/// assert_eq!(squares, [1, 4, 9, 16]);
/// ```
#[derive(Clone)]
pub struct BlockingPool(Arc<Handle>);

/// Held by the handles alone, not by the threads.
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close(false);
    }
}

/// How many threads of a [`BlockingPool`] are about what, and how much is queued: a record of one moment.
///
/// # Examples
///
/// ```
/// use ingather::threads::BlockingPool;
///
/// let pool = BlockingPool::new(4);
/// let now = pool.statistics();
/// assert_eq!((now.busy, now.queued), (0, 0));
/// assert_eq!(now.threads(), 0); // they are started when there is work
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatistics {
    /// How many are at work, and do not wait in a call of this crate.
    pub busy: usize,
    /// How many are at work that waits in a call of this crate.
    pub waiting: usize,
    /// How many wait for work.
    pub idle: usize,
    /// How many have been started and have not begun.
    pub starting: usize,
    /// How much work is queued; some of that may have been cancelled.
    pub queued: usize,
}

impl PoolStatistics {
    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.busy + self.waiting + self.idle + self.starting
    }
}

impl BlockingPool {
    /// A pool of so many threads, none of which is started yet.
    ///
    /// # Panics
    ///
    /// If there are to be none.
    #[track_caller]
    pub fn new(threads: usize) -> Self {
        Self::builder().threads(threads).build()
    }

    /// A pool with more to say: a name, how long threads stay, where they come from.
    pub fn builder() -> PoolBuilder {
        PoolBuilder::new()
    }

    fn open(settings: Settings) -> Self {
        Self(Arc::new(Handle(Shared::new(settings))))
    }

    fn shared(&self) -> &Arc<Shared> {
        self.0.0.in_this_process()
    }

    /// Sends a job on its way. Where it is not taken it is refused.
    pub(super) fn send<F, T>(&self, job: &Arc<Job<F, T>>)
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        if let Err(why) = self.shared().submit(job.clone()) {
            job.refuse(why);
        }
    }

    /// Has a closure called, without waiting, and gives a handle to wait with, from a thread or a task.
    ///
    /// It is a background task like those of [`create_task`], and counts in the registry that counts
    /// here: dropping the handle leaves it running, a panic that nobody took goes to the registry's hook. Cancelled, a closure
    /// that has not begun is never called; of one that has begun the task ends with it.
    ///
    /// # Errors
    ///
    /// The closure, if the pool is closed, or has no thread and cannot start one.
    ///
    /// # Panics
    ///
    /// If there is no current spawner.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::threads::BlockingPool;
    ///
    /// let pool = BlockingPool::new(1);
    /// let task = pool.exec(|| 6 * 7)?;
    /// assert_eq!(task.wait().unwrap(), 42);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn exec<F, T>(&self, call: F) -> Result<Task<T>, Refused<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let exec = self.begin(call, None)?;
        Ok(create_task(exec))
    }

    /// [`exec`](Self::exec) with a name, for [`running`](Self::running), errors and snapshots.
    ///
    /// # Errors
    ///
    /// As for [`exec`](Self::exec).
    ///
    /// # Panics
    ///
    /// As for [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_named<F, T>(
        &self,
        name: impl Into<Arc<str>>,
        call: F,
    ) -> Result<Task<T>, Refused<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let name = name.into();
        let exec = self.begin(call, Some(Arc::clone(&name)))?;
        Ok(create_named_task(name, exec))
    }

    #[track_caller]
    fn begin<F, T>(&self, call: F, name: Option<Arc<str>>) -> Result<Exec<F, T>, Refused<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let job = Job::new(call, name, Location::caller(), None);
        self.send(&job);
        match job.refusal() {
            Some((call, why)) => Err(Refused::new(call, why)),
            None => Ok(Exec(ToThread::sent(job, self).or_refused())),
        }
    }

    /// Has a future made and polled on a thread of its own until it is ready: it need not be [`Send`].
    ///
    /// The thread does nothing else meanwhile, and is busy also while the future is pending, except while work is queued that it
    /// has sent to this pool itself. Otherwise like [`exec`](Self::exec).
    ///
    /// # Errors
    ///
    /// As for [`exec`](Self::exec).
    ///
    /// # Panics
    ///
    /// As for [`exec`](Self::exec).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::rc::Rc;
    /// use ingather::threads::BlockingPool;
    ///
    /// let pool = BlockingPool::new(1);
    /// let task = pool.exec_async(|| async {
    ///     let shared = Rc::new(5);
    ///     ingather::checkpoint().await?;
    ///     Ok::<i32, ingather::CancelReason>(*shared)
    /// });
    /// assert_eq!(task.unwrap().wait().unwrap(), Ok(5));
    /// ```
    #[track_caller]
    pub fn exec_async<C, F>(&self, call: C) -> Result<Task<F::Output>, Refused<C>>
    where
        C: FnOnce() -> F + Send + 'static,
        F: Future,
        F::Output: Send + 'static,
    {
        // Kept aside, for a refusal to give back.
        let kept = Arc::new(Mutex::new(Some(call)));
        let taken = Arc::clone(&kept);
        let take = |kept: &Mutex<Option<C>>| {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.take().expect("it is called once, or given back")
        };
        let begun = self.begin(move || poll_here(take(&taken)()), None);
        match begun {
            Ok(exec) => Ok(create_task(exec)),
            Err(refused) => Err(Refused::new(take(&kept), refused.why())),
        }
    }

    /// Calls a function with each item, on the threads of the pool, and gives the results in the order of the items.
    ///
    /// Dropped, the future leaves what has begun to itself, as [`to_thread`](crate::to_thread) does.
    ///
    /// # Cancel safety
    ///
    /// As for [`to_thread`](crate::to_thread).
    ///
    /// # Panics
    ///
    /// The future panics with what a call panics with, and where [`to_thread`](crate::to_thread) does.
    #[track_caller]
    pub fn map<I, F, T>(&self, items: I, function: F) -> impl Future<Output = Vec<T>> + use<I, F, T>
    where
        I: IntoIterator<Item: Send + 'static>,
        F: Fn(I::Item) -> T + Send + Sync + 'static,
        T: Send + 'static,
    {
        let function = super::asynced(function).on(self);
        // What nobody takes is dropped one by one.
        let calls = items.into_iter();
        let calls = calls.map(move |item| function.call(item).map(Quiet::new));
        join_all(calls).map(|all| all.into_iter().map(Quiet::give).collect())
    }

    /// Changes how many threads there may be. Work that has begun goes on.
    ///
    /// # Panics
    ///
    /// If there are to be none.
    #[track_caller]
    pub fn set_threads(&self, threads: usize) {
        assert!(
            threads > 0,
            "a pool without threads would do nothing: give it one or more"
        );
        self.shared().set_most(threads);
    }

    /// Closes the pool: it takes no more work, does what is queued, and its threads end. What this gives waits for that.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::threads::BlockingPool;
    ///
    /// let pool = BlockingPool::new(1);
    /// let task = pool.exec(|| "done").unwrap();
    /// pool.close().wait();
    /// assert_eq!(task.wait().unwrap(), "done");
    /// ```
    pub fn close(&self) -> Closing {
        self.shared().close(false);
        Closing::new(Arc::clone(self.shared()))
    }

    /// Closes the pool, and gives back what is queued: to those who await [`or_refused`](ToThread::or_refused). Tasks of
    /// [`exec`](Self::exec) read cancelled, as [closed](CancelKind::Closed). What has begun goes on.
    pub fn close_and_give_back(&self) -> Closing {
        self.shared().close(true);
        Closing::new(Arc::clone(self.shared()))
    }

    /// What its threads are at right now. After a [`Closing`] that took too long it says who is stuck.
    pub fn running(&self) -> Vec<JobInfo> {
        self.shared().running()
    }

    /// How many threads are about what, and how much is queued, at one moment.
    pub fn statistics(&self) -> PoolStatistics {
        let state = self.shared().state();
        PoolStatistics {
            busy: state.busy,
            waiting: state.waiting,
            idle: state.idle,
            starting: state.starting,
            queued: state.queue.len(),
        }
    }
}

/// The task of `exec`: where its closure is given back it is cancelled.
struct Exec<F, T>(super::ToThreadOrRefused<F, T>);

impl<F, T> Future for Exec<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match Pin::new(&mut self.0).poll(cx) {
            Poll::Ready(Ok(value)) => Poll::Ready(value),
            Poll::Ready(Err(refused)) => {
                let kind = if refused.is_closed() {
                    CancelKind::Closed
                } else {
                    CancelKind::Abandoned
                };
                drop(refused);
                current_token().cancel_with(CancelReason::new(kind));
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

impl fmt::Debug for BlockingPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.shared();
        let mut out = f.debug_struct("BlockingPool");
        out.field("name", &shared.settings.name);
        let seen = shared
            .try_state()
            .map(|state| (state.most, state.threads(), state.queue.len(), state.closed));
        if let Some((most, threads, queued, closed)) = seen {
            out.field("most", &most)
                .field("threads", &threads)
                .field("queued", &queued)
                .field("closed", &closed);
        }
        out.finish()
    }
}
