//! Everything that failed on the way out, with the names and places of those who did.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::error::unhandled::{drop_quietly, report_callback_error, report_callback_panic};
use crate::panic::Panic;
use crate::shows::shows;

/// The error that takes in all others.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Who it was, for people: a name, if one was given, and the place of the call that registered it.
#[derive(Clone)]
pub(super) struct Who {
    pub(super) name: Option<Arc<str>>,
    pub(super) location: &'static Location<'static>,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "`{name}` of {}", self.location),
            None => write!(f, "the one of {}", self.location),
        }
    }
}

/// How something failed on the way out.
///
/// # Examples
///
/// ```
/// use std::panic::resume_unwind;
///
/// use ingather::block_on;
/// use ingather::program::{ExitFault, ExitStack};
///
/// let mut stack = ExitStack::new();
/// stack.push_fn(|| -> () { resume_unwind(Box::new("twice closed")) });
/// let errors = block_on(stack.close()).expect_err("the callback panics");
/// match errors.first().fault() {
///     ExitFault::Panicked(panic) => assert_eq!(panic.message(), "twice closed"),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum ExitFault {
    /// It gave an error.
    Error(BoxError),
    /// It panicked, when it was called, polled or dropped.
    Panicked(Panic),
    /// It was not over when its budget was, and was dropped.
    OverBudget(Duration),
}

impl fmt::Display for ExitFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => fmt::Display::fmt(error, f),
            Self::Panicked(panic) => fmt::Display::fmt(panic, f),
            Self::OverBudget(budget) => write!(
                f,
                "dropped because it took longer than its budget of {budget:?}"
            ),
        }
    }
}

/// One thing that failed on the way out: who, and how.
///
/// # Examples
///
/// ```
/// use ingather::{on_shutdown, run};
///
/// let exit = run(async {
///     if let Ok(guard) = on_shutdown(|| async { Err("no route to the metrics") }) {
///         guard.detach();
///     }
/// });
/// let failure = &exit.report().failures()[0];
/// assert_eq!(failure.name(), None);
/// let error = failure.error().expect("it is no panic");
/// assert_eq!(error.to_string(), "no route to the metrics");
/// ```
pub struct ExitFailure {
    pub(super) who: Who,
    pub(super) fault: ExitFault,
}

impl ExitFailure {
    /// The name it was given.
    pub fn name(&self) -> Option<&str> {
        self.who.name.as_deref()
    }

    /// The call that registered it.
    pub fn location(&self) -> &'static Location<'static> {
        self.who.location
    }

    /// How it failed.
    pub fn fault(&self) -> &ExitFault {
        &self.fault
    }

    /// How it failed, by value.
    pub fn into_fault(self) -> ExitFault {
        self.fault
    }

    /// The error, if it was one.
    pub fn error(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        match &self.fault {
            ExitFault::Error(error) => Some(&**error),
            _ => None,
        }
    }
}

/// Hands a failure that nobody can receive any more to the unhandled hook.
pub(crate) fn unheard(failure: ExitFailure) {
    let who = failure.who.to_string();
    match &failure.fault {
        ExitFault::Panicked(panic) => report_callback_panic(&who, panic),
        ExitFault::Error(error) => report_callback_error(&who, error),
        fault => report_callback_error(&who, fault),
    }
    drop_quietly("the error of a callback", failure);
}

impl fmt::Display for ExitFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.who, self.fault)
    }
}

shows!([] ExitFailure, this =>
    name: this.name(),
    location: format_args!("{}", this.location()),
    fault,
);

impl Error for ExitFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.fault {
            ExitFault::Error(error) => Some(&**error),
            _ => None,
        }
    }
}

/// Everything that failed while an [`ExitStack`](crate::program::ExitStack) was closed, in the order in which it happened: what was
/// pushed last comes first.
///
/// Never empty. It is the relative of [`GroupError`](crate::GroupError) for callbacks: there the first failure cancels the
/// others and is their cause, here none touches another. Its display is the first failure and the number of the others;
/// `{:#}` lists them.
///
/// # Examples
///
/// ```
/// use ingather::program::ExitStack;
/// use ingather::block_on;
///
/// let mut stack = ExitStack::new();
/// stack.push_async(|| async { Err("the disk is full") }).named("journal");
/// stack.push_fn(|| {});
/// let errors = block_on(stack.close()).unwrap_err();
/// assert_eq!(errors.first().name(), Some("journal"));
/// assert_eq!(errors.first().error().unwrap().to_string(), "the disk is full");
/// ```
pub struct ExitErrors(Vec<ExitFailure>);

impl ExitErrors {
    /// `None` of none.
    pub(super) fn of(failures: Vec<ExitFailure>) -> Option<Self> {
        (!failures.is_empty()).then_some(Self(failures))
    }

    /// The failure that happened first.
    pub fn first(&self) -> &ExitFailure {
        &self.0[0]
    }

    /// All failures, in the order in which they happened.
    pub fn iter(&self) -> std::slice::Iter<'_, ExitFailure> {
        self.0.iter()
    }

    /// How many there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl IntoIterator for ExitErrors {
    type Item = ExitFailure;
    type IntoIter = std::vec::IntoIter<ExitFailure>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a ExitErrors {
    type Item = &'a ExitFailure;
    type IntoIter = std::slice::Iter<'a, ExitFailure>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for ExitErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first())?;
        let others = &self.0[1..];
        if f.alternate() {
            let mut others = others.iter();
            others.try_for_each(|failure| write!(f, "\n  and {failure}"))
        } else if others.is_empty() {
            Ok(())
        } else {
            write!(f, " (and {} more)", others.len())
        }
    }
}

shows!([] ExitErrors, this => (this.0));

impl Error for ExitErrors {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.first())
    }
}
