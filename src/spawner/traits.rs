//! The traits that an executor implements, and the jobs it is given.

use alloc::boxed::Box;
use core::future::Future;
use core::num::NonZeroUsize;
use core::pin::Pin;

use super::SpawnError;
#[cfg(feature = "std")]
use crate::clock::ClockHandle;

/// A future handed to a [`Spawner`].
///
/// A job has no output: what it finds out, it hands over itself. Dropping a job that is not over ends it where it is,
/// and those who wait for it are told.
///
/// # Examples
///
/// ```
/// use ingather::Job;
///
/// /// Half of an executor: what came in, in order.
/// #[derive(Default)]
/// struct Queue(Vec<Job>);
///
/// let mut queue = Queue::default();
/// queue.0.push(Box::pin(async {}));
/// queue.0.into_iter().for_each(futures::executor::block_on);
/// ```
pub type Job = Pin<Box<dyn Future<Output = ()> + Send + 'static>>;

/// A future handed to a [`LocalSpawner`]: a [`Job`] that need not be [`Send`].
pub type LocalJob = Pin<Box<dyn Future<Output = ()> + 'static>>;

/// Runs futures: all that this crate asks of an executor.
///
/// One method has to be written. The others tell what the executor knows about itself; their default answers are
/// always right and only cost speed.
///
/// References, [`Arc`](alloc::sync::Arc)s and boxes of a spawner are spawners too. An executor that keeps its futures
/// on one thread implements [`LocalSpawner`] instead. A function that takes a [`Job`] needs no type of its own: see
/// [`from_fn`](crate::spawner::from_fn).
///
/// # What is expected of an implementation
///
/// - A job that was taken is polled until it is over, again each time its waker was called. It may be polled on any
///   thread, on a different one each time, and more often than it was woken.
/// - A spawner that cannot keep a job [refuses](SpawnError) it or drops it, now or later. A dropped job is noticed. A
///   job that is kept and never polled (a *leaked* one) is not, so that those who wait for it wait for ever.
/// - [`spawn`](Spawner::spawn) does not poll the job before it returns.
///
/// Nothing becomes unsound when a spawner breaks these, since this is a safe trait; its users may wait for ever.
///
/// # Examples
///
/// An executor in a few lines, whose jobs run when somebody calls `run`:
///
/// ```
/// use std::collections::VecDeque;
/// use std::sync::Mutex;
/// use std::task::{Context, Waker};
///
/// use ingather::spawner::SpawnError;
/// use ingather::{Job, Spawner};
///
/// #[derive(Default)]
/// struct Loop {
///     jobs: Mutex<VecDeque<Job>>,
/// }
///
/// impl Loop {
///     fn run(&self) {
///         let mut cx = Context::from_waker(Waker::noop());
///         loop {
///             let Some(mut job) = self.jobs.lock().unwrap().pop_front() else { break };
///             if job.as_mut().poll(&mut cx).is_pending() {
///                 self.jobs.lock().unwrap().push_back(job);
///             }
///         }
///     }
/// }
///
/// impl Spawner for Loop {
///     fn spawn(&self, job: Job) -> Result<(), SpawnError> {
///         self.jobs.lock().unwrap().push_back(job);
///         Ok(())
///     }
/// }
///
/// let (sender, receiver) = std::sync::mpsc::channel();
/// let executor = Loop::default();
/// executor.spawn(Box::pin(async move { sender.send(1 + 1).unwrap() }))?;
/// executor.run();
/// assert_eq!(receiver.recv(), Ok(2));
/// # Ok::<(), SpawnError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a spawner",
    label = "not a spawner",
    note = "spawners are, for example, `Arc<Executor<'static>>` and `&'static Executor<'static>` of async-executor, \
            `tokio::runtime::Handle`, `futures::executor::ThreadPool`, `ingather::spawner::Smol` and `Embedded`; \
            each but the last needs the feature of its name",
    note = "`ingather::spawner::from_fn(|job| ..)` makes one of a function, `FromSpawn(..)` of anything with \
            `futures::task::Spawn`; an executor that keeps its futures on one thread is a `LocalSpawner`"
)]
pub trait Spawner: Send + Sync {
    /// Takes a job and sees to it that it runs.
    ///
    /// # Errors
    ///
    /// The spawner did not take the job and has dropped it: it is shut down, or it is full. A spawner need not know:
    /// after `Ok` the job may still be dropped before it is over, or before its first poll.
    fn spawn(&self, job: Job) -> Result<(), SpawnError>;

    /// How many jobs it polls at the same time.
    ///
    /// This many jobs are worth spawning for work that can be split. A guess will do: too many are jobs that find
    /// nothing left to do, too few leave processors idle. One unless the spawner says otherwise. Groups ask once for
    /// each `SpawnerHandle`.
    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    /// Whether this thread is one on which it runs jobs, and is doing so now.
    ///
    /// Where this says yes, a caller may run on this thread what it would otherwise spawn. When in doubt the answer
    /// is no, as it is unless the spawner says otherwise.
    fn is_current(&self) -> bool {
        false
    }

    /// Whether the job that is being polled on this thread has used up its turn and should return soon.
    ///
    /// Asked by jobs that would do more of their work in one poll than an executor may like. Never, unless the
    /// spawner says otherwise.
    fn should_yield(&self) -> bool {
        false
    }

    /// Whether this thread may be blocked until jobs of the spawner are over.
    ///
    /// Asked before a thread waits in a blocking way. No where the thread that would wait is the only one that drives the
    /// spawner's timers and sockets, so that what it waits for could never come. Yes unless the spawner says otherwise.
    fn may_block(&self) -> bool {
        true
    }

    /// Calls `wait`, once, which blocks this thread for a while.
    ///
    /// Called by each of this crate's calls that block their thread, such as [`Task::wait`](crate::Task::wait) and
    /// [`run_sync`](crate::run_sync), where this spawner is current. One whose thread this is hands over what only this thread
    /// would do, as tokio's `block_in_place` does, or has another thread take its place. A plain call unless the spawner says
    /// otherwise.
    fn while_blocked(&self, wait: &mut dyn FnMut()) {
        wait();
    }

    /// Calls `f`, once, with the executor's own context around it: the one in which its timers and sockets are made.
    ///
    /// Called around each poll of a future that this crate polls in the spawner's name on a thread of another. A plain call
    /// unless the spawner says otherwise.
    fn inside(&self, f: &mut dyn FnMut()) {
        f();
    }

    /// The clock of its own that it has, whose timers its jobs should use.
    ///
    /// None unless the spawner says otherwise; then [`current_clock`](crate::clock::current_clock) falls back on the
    /// system's.
    #[cfg(feature = "std")]
    fn clock(&self) -> Option<ClockHandle> {
        None
    }
}

/// Runs futures that are not [`Send`], on the thread on which they were spawned.
///
/// The twin of [`Spawner`] for executors such as `async_executor::LocalExecutor` and `tokio::task::LocalSet`; what is
/// expected of an implementation is written there. A spawner that may move jobs to other threads cannot be one. See
/// [`local_from_fn`](crate::spawner::local_from_fn) for making one of a function.
///
/// # Examples
///
/// ```
/// use std::cell::RefCell;
/// use std::rc::Rc;
/// use std::task::{Context, Waker};
///
/// use ingather::spawner::{LocalJob, SpawnError};
/// use ingather::LocalSpawner;
///
/// #[derive(Default)]
/// struct Later(RefCell<Vec<LocalJob>>);
///
/// impl LocalSpawner for Later {
///     fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
///         self.0.borrow_mut().push(job);
///         Ok(())
///     }
/// }
///
/// let seen = Rc::new(RefCell::new(String::new()));
/// let later = Later::default();
/// let log = Rc::clone(&seen);
/// later.spawn_local(Box::pin(async move { log.borrow_mut().push_str("ran") }))?;
///
/// for mut job in later.0.take() {
///     assert!(job.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
/// }
/// assert_eq!(*seen.borrow(), "ran");
/// # Ok::<(), SpawnError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a local spawner",
    label = "not a local spawner",
    note = "local spawners are, for example, `Rc<LocalExecutor<'static>>` and `&'static LocalExecutor<'static>` of \
            async-executor and `Rc<tokio::task::LocalSet>`; each needs the feature of its name",
    note = "`ingather::spawner::local_from_fn(|job| ..)` makes one of a function, `FromSpawn(..)` of anything with \
            `futures::task::LocalSpawn`"
)]
pub trait LocalSpawner {
    /// Takes a job and sees to it that it runs on this thread.
    ///
    /// # Errors
    ///
    /// The spawner did not take the job and has dropped it: it is shut down, or it is full. A spawner need not know:
    /// after `Ok` the job may still be dropped before it is over, or before its first poll.
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError>;

    /// Whether this thread is one on which it runs jobs, and is doing so now.
    ///
    /// See [`Spawner::is_current`]. When in doubt the answer is no, as it is unless the spawner says otherwise.
    fn is_current(&self) -> bool {
        false
    }

    /// Whether the job that is being polled on this thread has used up its turn and should return soon.
    ///
    /// See [`Spawner::should_yield`]. Never, unless the spawner says otherwise.
    fn should_yield(&self) -> bool {
        false
    }

    /// The clock of its own that it has, whose timers its jobs should use.
    ///
    /// Its groups go by it, and while their children and bodies are polled it is what
    /// [`current_clock`](crate::clock::current_clock) finds, in front of that of the current spawner. None unless the spawner says
    /// otherwise; then the current spawner's counts, as where there is no local one. It is asked each time, as
    /// [`Spawner::clock`] is. Timers that only one thread can poll make a clock by [`driven`](crate::clock::driven()).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::pending;
    /// use std::rc::Rc;
    /// use std::time::Duration;
    ///
    /// use async_executor::LocalExecutor;
    /// use ingather::clock::{ClockHandle, driven};
    /// use ingather::spawner::{LocalJob, SpawnError};
    /// use ingather::{LocalSpawner, block_on, local};
    ///
    /// #[derive(Clone)]
    /// struct WithTimers {
    ///     executor: Rc<LocalExecutor<'static>>,
    ///     clock: ClockHandle,
    /// }
    ///
    /// impl LocalSpawner for WithTimers {
    ///     fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
    ///         self.executor.spawn_local(job)
    ///     }
    ///
    ///     fn clock(&self) -> Option<ClockHandle> {
    ///         Some(self.clock.clone())
    ///     }
    /// }
    ///
    /// let executor = Rc::new(LocalExecutor::new());
    /// let (clock, driver) = driven(async_io::Timer::at);
    /// executor.spawn(driver).detach();
    /// let spawner = WithTimers { executor: executor.clone(), clock };
    ///
    /// let late = local::on(&spawner).timeout(Duration::from_millis(2));
    /// let late = late.scope_or_cut(|_tg| pending::<()>());
    /// assert!(block_on(executor.run(late)).unwrap_err().is_timeout());
    /// ```
    #[cfg(feature = "std")]
    fn clock(&self) -> Option<ClockHandle> {
        None
    }
}
