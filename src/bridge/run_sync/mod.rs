//! `run_sync`: runs a future to its end from sync code.
//!
//! - `ground`: what stands around the future: spawner, timers and sockets
//! - `polling`: polling it on this thread, and waiting in between
//! - `threads`: [`OnRunner`], the form that polls it on another thread
//! - `error`: why it gave nothing

mod error;
mod ground;
mod polling;
mod threads;

use std::future::Future;
use std::panic::Location;
use std::time::{Duration, Instant};

pub(in crate::bridge) use error::Blocks;
pub use error::{RunSyncError, WouldBlock};
pub use threads::OnRunner;

use ground::Ground;
use polling::{AroundWait, Call};

use crate::shows::shows;
use crate::spawner::{Spawner, SpawnerHandle, named_spawner};

/// Runs a future to its end on this thread, from sync code, wherever that is called.
///
/// The future is polled here, so that it need be neither [`Send`] nor `'static`, a panic is a panic of the call, and context variables
/// and the child that this runs in are simply there. What it spawns, its timers and its sockets live on the current spawner, whose
/// threads go on: a worker thread of a multi-thread tokio runtime is handed over while this waits, one of the embedded default is
/// stood in for. No other job is run on top of this call.
///
/// On the only thread of a runtime it works as well, on ground of the crate's own, with one warning for each place: what only that
/// runtime can do, such as run its own tasks, does not happen before this returns. Write `.await` there. [`RunSync::strict`] gives
/// an error instead. What cannot be detected, the only thread of an executor that says nothing of itself, is named by a warning when
/// nothing has woken the call for a second.
///
/// It differs from [`block_on`](crate::block_on) in that it keeps the current spawner and is at home in async code. [`RunSync`] has time limits and other forms. The name is the inverse of flytekit's and asgiref's `sync_to_async`; Prefect calls it
/// `run_coro_as_sync`.
///
/// # Panics
///
/// If the future does. A future that needs a runtime around it, such as one with tokio's timers on a plain thread, panics as it does
/// elsewhere: name the runtime with [`RunSync::on`].
///
/// # Examples
///
/// ```
/// use ingather::{block_on, run_sync, scope};
///
/// // A sync callback with an async body.
/// fn double(n: u32) -> u32 {
///     run_sync(scope(|tg| async move { tg.spawn(async move { n * 2 }).await.unwrap() }))
/// }
///
/// assert_eq!(double(4), 8);
/// // In async code, too.
/// assert_eq!(block_on(async { double(4) }), 8);
/// ```
#[track_caller]
pub fn run_sync<F: Future>(future: F) -> F::Output {
    let (named, location) = (named_spawner(), Location::caller());
    if named.is_none() {
        return polling::on_plain_thread(future, location);
    }
    match RunSync::new().run_beside(named, future, location) {
        Ok(output) => output,
        Err(_) => unreachable!("it has no time limit and is not strict"),
    }
}

/// How a future is run from sync code: [`run_sync`] with options.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::bridge::{RunSync, RunSyncError};
///
/// let forever = RunSync::new().timeout(Duration::from_millis(2)).run(std::future::pending::<()>());
/// assert!(matches!(forever, Err(RunSyncError::TimedOut)));
/// ```
#[derive(Default)]
#[must_use = "it runs nothing before `run`"]
pub struct RunSync<'a> {
    on: Option<SpawnerHandle>,
    strict: bool,
    timeout: Option<Duration>,
    around_wait: Option<AroundWait<'a>>,
}

impl<'a> RunSync<'a> {
    /// As [`run_sync`] does it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes this spawner current, and has its context entered around each poll: children, timers and sockets are its own. The
    /// future is polled on this thread all the same.
    pub fn on<S: Spawner + Clone + 'static>(mut self, spawner: &S) -> Self {
        self.on = Some(SpawnerHandle::of(spawner));
        self
    }

    /// Gives an error with the future in it, instead of a warning, where it would block the only thread of a runtime.
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Waits no longer than so long, by the system's clock. The future is dropped then. One that blocks the thread itself is not
    /// interrupted: [`on_runner`](Self::on_runner) returns in time from that.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Calls `release` before each wait and `reacquire` after it: releases a lock, such as an interpreter's, that those need whom
    /// the future waits for. Polls have the lock.
    pub fn around_wait(mut self, release: impl FnMut() + 'a, reacquire: impl FnMut() + 'a) -> Self {
        self.around_wait = Some((Box::new(release), Box::new(reacquire)));
        self
    }

    /// Has the future polled on the thread of a shared runner, which is started at the first use.
    ///
    /// For what must return in time even from a future that blocks its thread, or must go on alone. The spawner named by `on`, and
    /// `around_wait`, are not used.
    pub fn on_runner(self) -> OnRunner {
        OnRunner::shared(self.timeout)
    }

    /// Has the future polled on a new thread, which ends with it. See [`on_runner`](Self::on_runner).
    pub fn new_thread(self) -> OnRunner {
        OnRunner::new_thread(self.timeout)
    }

    /// Runs a future to its end on this thread.
    ///
    /// # Errors
    ///
    /// If the time is over; if it is [strict](Self::strict) and would block the only thread of a runtime.
    ///
    /// # Panics
    ///
    /// If the future does, as for [`run_sync`].
    #[track_caller]
    pub fn run<F: Future>(self, future: F) -> Result<F::Output, RunSyncError<F>> {
        self.run_beside(named_spawner(), future, Location::caller())
    }

    /// The same where `named` is current.
    fn run_beside<F: Future>(
        self,
        named: Option<SpawnerHandle>,
        future: F,
        location: &'static Location<'static>,
    ) -> Result<F::Output, RunSyncError<F>> {
        let until = self
            .timeout
            .and_then(|limit| Instant::now().checked_add(limit));
        let ground = match Ground::find(self.on, named, self.strict, location) {
            Ok(ground) => ground,
            Err(blocks) => return Err(RunSyncError::WouldBlock(WouldBlock::new(future, blocks))),
        };
        let call = Call {
            ground,
            until,
            around_wait: self.around_wait,
            location,
        };
        call.run(future).ok_or(RunSyncError::TimedOut)
    }
}

shows!([] RunSync<'_>, this => on, strict, timeout, ..);
