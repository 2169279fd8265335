//! `on_shutdown`: what is to be done at the end of the run that this code is in.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::entry::{Action, Entry};
use super::exit_error::Who;
use super::exit_result::ExitResult;
use super::running::Program;
use crate::context::ContextSnapshot;
use crate::shows::shows;
use crate::token::CancelReason;

/// Registers an async callback with the [`run`](crate::run) that this code is in, to be called and awaited at its end.
///
/// Callbacks are called in reverse order of their registration, one after the other, when `main` and the background tasks are
/// over, each exactly once, also if `main` failed, panicked or was cancelled. One that fails or panics keeps no other from its
/// turn; one that takes longer than its budget is dropped. Their failures are in the [`ExitReport`](crate::program::ExitReport).
///
/// It can be called from anywhere inside of a run, and finds the innermost: in `main`, in children and tasks, on any thread
/// to which the [context](crate::types::ContextSnapshot) was taken. The callback sees the context in which it was registered.
///
/// Dropping the guard withdraws the callback; [`detach`](ShutdownGuard::detach) leaves it for good. What lives as long as
/// a value, such as a connection in a pool, is withdrawn with it by keeping the guard beside it.
///
/// For a name or a budget of its own see [`OnShutdown`]. For what is not at the end of the program, see
/// [`ExitStack`](crate::program::ExitStack).
///
/// # Errors
///
/// Gives the callback back if the shutdown has begun or this code is not in a run. There is no list for those who are
/// outside: what it holds would be called at the end of somebody else's run, or never.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
///
/// use ingather::{on_shutdown, run};
///
/// let (said, words) = mpsc::channel();
/// let exit = run(async move {
///     let sender = said.clone();
///     on_shutdown(|| async move { sender.send("flushed") }).unwrap().detach();
///     said.send("served").unwrap();
/// });
/// assert!(exit.report().is_clean());
/// assert_eq!(words.iter().collect::<Vec<_>>(), ["served", "flushed"]);
///
/// assert!(on_shutdown(|| async {}).unwrap_err().is_outside());
/// ```
#[track_caller]
pub fn on_shutdown<F, Fut>(callback: F) -> Result<ShutdownGuard, OnShutdownError<F>>
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future + Send + 'static,
    Fut::Output: ExitResult,
{
    OnShutdown::new().register(callback)
}

/// What a callback of [`on_shutdown`] may be told: a name, and a budget of its own.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::program::OnShutdown;
/// use ingather::run;
///
/// let exit = run(async {
///     OnShutdown::new()
///         .named("journal")
///         .budget(Duration::from_secs(30))
///         .register(|| async { Err("the disk is full") })
///         .unwrap()
///         .detach();
/// });
/// let failure = &exit.report().failures()[0];
/// assert_eq!(failure.name(), Some("journal"));
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is registered before `register`"]
pub struct OnShutdown {
    name: Option<Arc<str>>,
    budget: Option<Duration>,
}

impl OnShutdown {
    /// No name, and the budget of the run.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the callback, for the report.
    pub fn named(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Lets the callback take so long and no longer, whatever [the run](crate::program::Run::budget) says.
    pub fn budget(mut self, budget: Duration) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Registers the callback; see [`on_shutdown`].
    ///
    /// # Errors
    ///
    /// Gives the callback back if the shutdown has begun or this code is not in a run.
    #[track_caller]
    pub fn register<F, Fut>(self, callback: F) -> Result<ShutdownGuard, OnShutdownError<F>>
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future + Send + 'static,
        Fut::Output: ExitResult,
    {
        let Some(program) = Program::here() else {
            return Err(OnShutdownError {
                callback,
                begun: false,
            });
        };
        let who = Who {
            name: self.name,
            location: Location::caller(),
        };
        let budget = self.budget.or(Some(program.budget));
        let context = ContextSnapshot::current();
        let registered = program.register(callback, |callback| {
            let action = Action::later(move || {
                let future = context.run(callback);
                context.scope(future)
            });
            Entry {
                who,
                budget,
                action,
            }
        });
        match registered {
            Ok(id) => Ok(ShutdownGuard {
                registered: Some((Arc::downgrade(&program), id)),
            }),
            Err(callback) => Err(OnShutdownError {
                callback,
                begun: true,
            }),
        }
    }
}

/// Keeps a callback registered; made by [`on_shutdown`].
///
/// Dropped, it withdraws the callback and drops it, unless it was its turn. It does not wait for one that is being called.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
///
/// use ingather::{on_shutdown, run};
///
/// let (says, said) = mpsc::channel();
/// run(async move {
///     let left_early = says.clone();
///     let guard = on_shutdown(|| async move { left_early.send("never sent") });
///     assert!(guard.is_ok());
///     drop(guard); // what it stood for is gone, and so is the callback
///     says.send("done")
/// });
/// assert_eq!(said.iter().collect::<Vec<_>>(), ["done"]);
/// ```
#[must_use = "the callback is withdrawn as soon as the guard is dropped: bind it to a name, or `detach` it"]
pub struct ShutdownGuard {
    registered: Option<(Weak<Program>, u64)>,
}

impl ShutdownGuard {
    /// Leaves the callback for good.
    pub fn detach(mut self) {
        self.registered = None;
    }
}

impl Drop for ShutdownGuard {
    fn drop(&mut self) {
        if let Some((program, id)) = self.registered.take() {
            if let Some(program) = program.upgrade() {
                program.withdraw(id);
            }
        }
    }
}

shows!([] ShutdownGuard, ..);

/// A callback was not registered by [`on_shutdown`]: why, and the callback itself.
///
/// # Examples
///
/// ```
/// use ingather::program::request_shutdown;
/// use ingather::{CancelReason, block_on, on_shutdown, run};
///
/// run(async {
///     request_shutdown(CancelReason::shutdown());
///     let error = on_shutdown(|| async { println!("too late") }).unwrap_err();
///     assert!(error.has_begun());
///     let callback = error.into_callback();
///     callback().await;
/// });
/// ```
pub struct OnShutdownError<C> {
    callback: C,
    begun: bool,
}

impl<C> OnShutdownError<C> {
    /// The callback that was handed in.
    pub fn into_callback(self) -> C {
        self.callback
    }

    /// Had the shutdown begun? Then what is to be done has to be done here.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Is this code not in a run?
    pub fn is_outside(&self) -> bool {
        !self.begun
    }
}

shows!([C] OnShutdownError<C>, this => has_begun: this.begun, ..);

impl<C> fmt::Display for OnShutdownError<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.begun {
            "the callback was not registered because the shutdown has begun: do its work here"
        } else {
            "the callback was not registered because this code is not in a run: call it from inside of `ingather::run`, or \
             take the context there along with a `ContextSnapshot`"
        })
    }
}

impl<C> Error for OnShutdownError<C> {}

/// Asks for the shutdown of the [`run`](crate::run) that this code is in, and says whether this was the first to do so.
///
/// The [token](crate::current_token) of `main` turns with this reason; when the [grace](crate::program::Run::grace) is over and it is
/// not, `main` is dropped at its next suspension. Then background tasks are cancelled with the same reason, and callbacks
/// called. It is false where a shutdown had begun, and outside of all runs, where it does nothing.
///
/// # Examples
///
/// ```
/// use ingather::program::request_shutdown;
/// use ingather::{CancelReason, checkpoint, create_task, run};
///
/// let exit = run(async {
///     create_task(async { request_shutdown(CancelReason::with_message("enough")) });
///     let mut rounds = 0_u64;
///     while checkpoint().await.is_ok() {
///         rounds += 1;
///     }
///     rounds
/// });
/// assert_eq!(exit.report().reason().unwrap().message(), Some("enough"));
/// assert!(exit.into_value().is_some());
/// ```
pub fn request_shutdown(reason: CancelReason) -> bool {
    Program::here().is_some_and(|program| program.request(reason))
}
