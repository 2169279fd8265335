//! How a run ended: what failed on the way out, who was stuck, and how long each took.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::exit_error::{ExitFailure, Who};
use crate::shows::shows;
use crate::token::CancelReason;

/// How `main` ended.
///
/// # Examples
///
/// ```
/// use ingather::program::ExitKind;
/// use ingather::run;
///
/// let exit = run(async { 7 });
/// let code = match exit.report().kind() {
///     ExitKind::Finished => 0,
///     ExitKind::Panicked => 101,
///     _ => 130, // cancelled, by a signal say
/// };
/// assert_eq!(code, 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExitKind {
    /// It gave its value.
    Finished,
    /// It panicked.
    Panicked,
    /// It was dropped, since a shutdown was asked for and it was not over within the grace.
    Cancelled,
}

/// How a [`run`](crate::run) ended: how `main` did and why, what failed on the way out, who was stuck, and how long each took.
///
/// Its display is a text for a log, with a line for each failure and each that was stuck.
///
/// # Examples
///
/// ```
/// use ingather::program::ExitKind;
/// use ingather::run;
///
/// let exit = run(async { 7 });
/// let report = exit.report();
/// assert_eq!(report.kind(), ExitKind::Finished);
/// assert!(report.is_clean());
/// assert!(report.to_string().starts_with("the run finished"));
/// ```
pub struct ExitReport {
    pub(super) name: Option<Arc<str>>,
    pub(super) kind: ExitKind,
    pub(super) reason: Option<CancelReason>,
    pub(super) signal: Option<i32>,
    pub(super) failures: Vec<ExitFailure>,
    pub(super) stuck: Vec<Stuck>,
    pub(super) callbacks: Vec<Called>,
    pub(super) main_took: Duration,
    pub(super) tasks_took: Duration,
}

impl ExitReport {
    /// The name of the run.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// How `main` ended.
    pub fn kind(&self) -> ExitKind {
        self.kind
    }

    /// Why a shutdown was asked for, if it was before `main` was over.
    pub fn reason(&self) -> Option<&CancelReason> {
        self.reason.as_ref()
    }

    /// The number of the signal that asked for it, if one did.
    pub fn signal(&self) -> Option<i32> {
        self.signal
    }

    /// What failed on the way out: background tasks whose failure nobody observed, then callbacks.
    pub fn failures(&self) -> &[ExitFailure] {
        &self.failures
    }

    /// What failed on the way out, by value.
    pub fn into_failures(self) -> Vec<ExitFailure> {
        self.failures
    }

    /// Who was left behind, since it did not end within its bound.
    pub fn stuck(&self) -> &[Stuck] {
        &self.stuck
    }

    /// The callbacks, in the order in which they were called.
    pub fn callbacks(&self) -> &[Called] {
        &self.callbacks
    }

    /// How long `main` took. Here and below: by the clock that counted there, zero if there was none.
    pub fn main_took(&self) -> Duration {
        self.main_took
    }

    /// How long it took until the background tasks were over, or given up.
    pub fn tasks_took(&self) -> Duration {
        self.tasks_took
    }

    /// Did `main` finish, did nothing fail on the way out, and is nobody stuck?
    pub fn is_clean(&self) -> bool {
        self.kind == ExitKind::Finished && self.failures.is_empty() && self.stuck.is_empty()
    }
}

impl fmt::Display for ExitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "run `{name}` ")?,
            None => f.write_str("the run ")?,
        }
        write!(
            f,
            "{} after {:?}",
            match self.kind {
                ExitKind::Finished => "finished",
                ExitKind::Panicked => "panicked",
                ExitKind::Cancelled => "was cancelled",
            },
            self.main_took
        )?;
        if let Some(reason) = &self.reason {
            write!(f, ", asked to leave: {reason}")?;
        }
        for failure in &self.failures {
            write!(f, "\n  failed: {failure}")?;
        }
        for stuck in &self.stuck {
            write!(f, "\n  stuck: {stuck}")?;
        }
        Ok(())
    }
}

shows!([] ExitReport, this =>
    name,
    kind,
    reason,
    signal,
    failures,
    stuck,
    callbacks,
    main_took,
    tasks_took,
);

/// One that did not end within its bound: a background task that does not come back from a poll or is held by a shield, or
/// a callback that was over its budget.
///
/// # Examples
///
/// ```
/// use ingather::run;
///
/// let exit = run(async {});
/// for stuck in exit.report().stuck() {
///     eprintln!("{} of {} did not end", stuck.name().unwrap_or("a task"), stuck.location());
/// }
/// assert!(exit.report().stuck().is_empty());
/// ```
#[derive(Clone)]
pub struct Stuck {
    pub(super) who: Who,
    pub(super) what: &'static str,
}

impl Stuck {
    /// The name it was given.
    pub fn name(&self) -> Option<&str> {
        self.who.name.as_deref()
    }

    /// The call that created or registered it.
    pub fn location(&self) -> &'static Location<'static> {
        self.who.location
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.who)
    }
}

impl fmt::Debug for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stuck({self})")
    }
}

/// One callback that was called, and how long it took.
///
/// # Examples
///
/// ```
/// use ingather::program::OnShutdown;
/// use ingather::run;
///
/// let exit = run(async {
///     if let Ok(guard) = OnShutdown::new().named("journal").register(|| async {}) {
///         guard.detach();
///     }
/// });
/// for called in exit.report().callbacks() {
///     assert_eq!(called.name(), Some("journal"));
///     println!("{}: {:?}", called.location(), called.took());
/// }
/// assert_eq!(exit.report().callbacks().len(), 1);
/// ```
#[derive(Clone)]
pub struct Called {
    pub(super) who: Who,
    pub(super) took: Duration,
}

impl Called {
    /// The name it was given.
    pub fn name(&self) -> Option<&str> {
        self.who.name.as_deref()
    }

    /// The call that registered it.
    pub fn location(&self) -> &'static Location<'static> {
        self.who.location
    }

    /// How long it took.
    pub fn took(&self) -> Duration {
        self.took
    }
}

impl fmt::Debug for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Called({} in {:?})", self.who, self.took)
    }
}
