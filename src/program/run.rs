//! `run`: runs `main`, and then leaves in order.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::exit::Exit;
use super::report::ExitReport;
use super::run_async::RunAsync;
use crate::blocked::park_until_ready;
use crate::shows::shows;
use crate::spawner::{Spawner, SpawnerHandle, current_spawner, may_wait_for};

/// How long `main`, and then the background tasks, have to end by themselves.
const GRACE: Duration = Duration::from_secs(5);
/// How long each callback may take.
const BUDGET: Duration = Duration::from_secs(5);

/// Runs `main` on this thread, then leaves in order, and gives the value of `main` with a report.
///
/// For the `main` function of a program. The [current spawner](crate::spawner::current_spawner) is made current in it, the embedded
/// default if there is no other. When `main` is over, whether it gave a value, panicked or was cancelled:
///
/// 1. no background task and no callback is taken any more;
/// 2. background tasks are cancelled, with the kind [`Shutdown`](crate::cancel::CancelKind::Shutdown): their tokens turn, they have the
///    grace to end by themselves, and are dropped then;
/// 3. the callbacks of [`on_shutdown`](crate::on_shutdown) are called and awaited, in reverse order, each within its budget;
/// 4. who did not end within its bound is left behind and named in the [`ExitReport`].
///
/// [`request_shutdown`](crate::program::request_shutdown) asks for that from anywhere inside. Then `main` has the grace, too.
///
/// [`Run::builder`] says more: the spawner, grace and budget, what is done on Ctrl-C. Inside a runtime that is there already,
/// [`Run::run_async`] is the form to await.
///
/// **What it cannot do.** A poll that does not return cannot be interrupted: `main` and callbacks that block this
/// thread hold up leaving (a second Ctrl-C does not wait for them), and a task that blocks another thread is named and left
/// behind. `std::process::exit`, aborts and signals that are not handled end the process with nothing done; so do programs that
/// never call `run`. There is no hook at process exit: no safe code can run then that waits for threads.
///
/// # Panics
///
/// With what `main` panics with, when the run has been left. If there is no spawner, or if this thread must not be blocked,
/// since it alone drives what would be waited for.
///
/// # Examples
///
/// ```
/// use ingather::{create_task, current_token, on_shutdown, run};
///
/// let exit = run(async {
///     on_shutdown(|| async { /* flush the journal */ Ok::<(), std::io::Error>(()) }).unwrap().detach();
///     create_task(async {
///         current_token().cancelled().await; // until the program leaves
///     });
///     42
/// });
/// assert!(exit.report().is_clean());
/// assert_eq!(exit.into_value(), Some(42));
/// ```
#[track_caller]
pub fn run<F: Future>(main: F) -> Exit<F::Output> {
    Run::builder().run(main)
}

/// What a [`run`] may be told, and the start of each of its forms.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::spawner::Embedded;
/// use ingather::program::{ExitKind, Run, request_shutdown};
/// use ingather::CancelReason;
///
/// let exit = Run::builder()
///     .name("importer")
///     .on(&Embedded)
///     .grace(Duration::from_millis(1))
///     .budget(Duration::from_secs(1))
///     .run(async {
///         request_shutdown(CancelReason::shutdown());
///         std::future::pending::<()>().await
///     });
/// assert_eq!(exit.report().kind(), ExitKind::Cancelled);
/// assert_eq!(exit.report().name(), Some("importer"));
/// ```
#[must_use = "nothing runs before `run` or `run_async`"]
pub struct Run {
    pub(super) name: Option<Arc<str>>,
    pub(super) spawner: Option<SpawnerHandle>,
    pub(super) grace: Duration,
    pub(super) budget: Duration,
    pub(super) signals: bool,
    pub(super) on_exit: Option<OnExit>,
    pub(super) location: &'static Location<'static>,
}

pub(super) type OnExit = Box<dyn FnOnce(&ExitReport) + Send>;

impl Run {
    /// A run on the current spawner without a name, with a grace of five seconds and a budget of five seconds for each
    /// callback, that does not listen to signals.
    #[track_caller]
    pub fn builder() -> Self {
        Self {
            name: None,
            spawner: None,
            grace: GRACE,
            budget: BUDGET,
            signals: false,
            on_exit: None,
            location: Location::caller(),
        }
    }

    /// Names the run, for the report and warnings.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Makes this spawner current inside, instead of the one that is [current](crate::spawner::current_spawner) anyway.
    ///
    /// `main` itself is polled where it is run: by this thread in [`run`](Self::run).
    pub fn on<S: Spawner + Clone + 'static>(mut self, spawner: &S) -> Self {
        self.spawner = Some(SpawnerHandle::of(spawner));
        self
    }

    /// Leaves so much time to end to what is cancelled: to `main` when a shutdown is asked for, and to the background
    /// tasks when `main` is over.
    ///
    /// It is measured by the clock of the spawner or else the [current](crate::clock::current_clock) one. Where there is
    /// none, there is no grace.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Lets each callback take so long, unless it was given a [budget](crate::program::OnShutdown::budget) of its own; and waits so
    /// long for background tasks that do not end when their grace is over.
    ///
    /// So leaving takes no longer than twice the grace and a budget for the tasks and each callback, if polls return.
    pub fn budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// Has this called with the report when the run has been left, before `run` returns, also if `main` panicked and `run`
    /// goes on with that.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// use ingather::program::{ExitKind, Run};
    ///
    /// let (tell, told) = mpsc::channel();
    /// let run = Run::builder().on_exit(move |report| tell.send(report.kind()).unwrap());
    /// let thread = std::thread::spawn(|| run.run(async { panic!("no such luck") }));
    /// assert!(thread.join().is_err());
    /// assert_eq!(told.recv(), Ok(ExitKind::Panicked));
    /// ```
    pub fn on_exit(mut self, call: impl FnOnce(&ExitReport) + Send + 'static) -> Self {
        self.on_exit = Some(Box::new(call));
        self
    }

    /// Runs `main` on this thread; see [`run`](crate::run()).
    ///
    /// # Panics
    ///
    /// With what `main` panics with, when the run has been left. If there is no spawner, or if this thread must not be
    /// blocked.
    #[track_caller]
    pub fn run<F: Future>(mut self, main: F) -> Exit<F::Output> {
        let spawner = self.spawner.take().unwrap_or_else(current_spawner);
        assert!(
            may_wait_for(Some(&spawner)),
            "`run` would block the only thread that drives this runtime, for ever: await `Run::builder().run_async(main)` \
             instead; or, in a forked process, fork before the first job"
        );
        self.spawner = Some(spawner);
        // Not the embedded default's `block_on`: a job that blocks must not keep this thread from leaving.
        park_until_ready(self.run_async(main))
    }

    /// Runs `main` in the task that awaits this, then leaves in order: the form for a runtime that is there already.
    ///
    /// The spawner is settled when it is first polled. A cancel of the child or body that this stands in asks for the
    /// shutdown; it is [shielded](crate::shield) from being dropped by that until it has left, which takes no longer than its
    /// grace and budgets allow. It ends with its surroundings and is no way to outlive them.
    ///
    /// Dropped half-way, by a `select!` or a timeout for example, it drops `main`, and a job on the spawner does the rest:
    /// background tasks are cancelled and callbacks called as usual, and failures go to the
    /// [unhandled hook](crate::error::set_unhandled_hook). If the spawner refuses the job, a warning says how many callbacks were not
    /// called.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it leaves, as said above. `main` is lost.
    ///
    /// # Panics
    ///
    /// The future that this gives panics with what `main` panics with, when the run has been left; if there is no spawner; and
    /// if it is polled again after it was ready.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "tokio")] {
    /// use ingather::program::Run;
    ///
    /// let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    /// let run = Run::builder().on(runtime.handle());
    /// let exit = runtime.block_on(run.run_async(async { 42 }));
    /// assert_eq!(exit.into_value(), Some(42));
    /// # }
    /// ```
    pub fn run_async<F: Future>(self, main: F) -> RunAsync<F> {
        RunAsync::new(self, main)
    }
}

shows!([] Run, this => name, spawner, grace, budget, signals, ..);
