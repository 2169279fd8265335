//! Where failures go that nobody can get any more: a hook of the user's, or the log.

use std::any::type_name;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::Waker;

use super::ChildInfo;
use crate::panic::{Panic, catch};

/// A failure that nobody can get any more, as [`set_unhandled_hook`]'s callback sees it.
///
/// Every error and every panic ends in exactly one place. This is the last of them: the error of a child whose group was
/// dropped, the second panic of a scope that can resume only one, a panic in a waker or in the destructor of a result.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
/// use std::time::Duration;
///
/// use ingather::error::set_unhandled_hook;
/// use ingather::tasks::try_create_task;
///
/// let (tells, told) = mpsc::channel();
/// set_unhandled_hook(move |failure| {
///     let _ = tells.send(failure.error_text().map(str::to_string));
/// });
/// drop(try_create_task(async { Err::<(), _>("nobody asks") })); // it runs on
/// let text = told.recv_timeout(Duration::from_secs(5));
/// assert_eq!(text, Ok(Some("nobody asks".to_string())));
/// ```
#[derive(Debug)]
pub struct Unhandled<'a> {
    who: Who<'a>,
    what: What<'a>,
}

#[derive(Debug)]
enum Who<'a> {
    Child(&'a ChildInfo),
    Other(&'static str),
    Callback(&'a str),
}

#[derive(Debug)]
enum What<'a> {
    /// An error of this type, and its text where it is known to print.
    Error(&'static str, Option<String>),
    Panic(&'a Panic),
}

impl<'a> Unhandled<'a> {
    /// The error of a background task.
    pub(crate) fn of_error<E: fmt::Display>(child: Option<&'a ChildInfo>, error: &E) -> Self {
        // An error that panics instead of printing is reported by its type.
        let text = catch(|| error.to_string()).ok();
        Self {
            who: Who::task(child),
            what: What::Error(type_name::<E>(), text),
        }
    }

    /// The panic of a background task.
    pub(crate) fn of_panic(child: Option<&'a ChildInfo>, panic: &'a Panic) -> Self {
        Self {
            who: Who::task(child),
            what: What::Panic(panic),
        }
    }
}

impl<'a> Who<'a> {
    fn task(child: Option<&'a ChildInfo>) -> Self {
        child.map_or(Self::Other("a background task"), Self::Child)
    }
}

impl Unhandled<'_> {
    /// The child whose failure it is, if it is a child's.
    pub fn child(&self) -> Option<&ChildInfo> {
        match self.who {
            Who::Child(child) => Some(child),
            Who::Other(_) | Who::Callback(_) => None,
        }
    }

    /// The panic, if it is one.
    pub fn panic(&self) -> Option<&Panic> {
        match self.what {
            What::Panic(panic) => Some(panic),
            What::Error(..) => None,
        }
    }

    /// The name of the error's type, if it is an error.
    pub fn error_type(&self) -> Option<&'static str> {
        match self.what {
            What::Error(name, _) => Some(name),
            What::Panic(_) => None,
        }
    }

    /// What the error says, if it is that of a [task](crate::Task) or a callback. Those of children need not print.
    pub fn error_text(&self) -> Option<&str> {
        match &self.what {
            What::Error(_, text) => text.as_deref(),
            What::Panic(_) => None,
        }
    }
}

impl fmt::Display for Unhandled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.who {
            Who::Child(child) => write!(f, "{child} ")?,
            Who::Other(what) => write!(f, "{what} ")?,
            Who::Callback(who) => write!(f, "the callback {who} ")?,
        }
        match &self.what {
            What::Error(name, None) => write!(f, "failed with a `{name}` that nobody received"),
            What::Error(_, Some(text)) => write!(f, "failed: {text}, and nobody received it"),
            What::Panic(panic) => write!(f, "{panic}, and nobody received it"),
        }
    }
}

pub(crate) type Hook = Arc<dyn Fn(&Unhandled<'_>) + Send + Sync>;

static HOOK: RwLock<Option<Hook>> = RwLock::new(None);

/// Sets what is called with each failure that nobody can get any more, for the whole process.
///
/// Without one, such failures are `tracing` errors under the feature `tracing`, otherwise lines on standard error.
/// The hook runs where the failure was noticed, possibly inside a destructor; one that panics is ignored.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// static LOST: AtomicUsize = AtomicUsize::new(0);
/// ingather::error::set_unhandled_hook(|_lost| {
///     LOST.fetch_add(1, Ordering::Relaxed);
/// });
///
/// ingather::block_on(async {
///     let group = ingather::GatherGroup::<&str>::fallible();
///     group.try_spawn(async { Err::<(), _>("nobody will see this") });
///     group.next_if_any().await;
/// }); // dropped without `try_join`
/// assert_eq!(LOST.load(Ordering::Relaxed), 1);
/// ```
pub fn set_unhandled_hook(hook: impl Fn(&Unhandled<'_>) + Send + Sync + 'static) {
    let old = HOOK
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .replace(Arc::new(hook));
    drop(old);
}

#[cold]
pub(crate) fn report_panic(what: &'static str, panic: Panic) {
    report(&Unhandled {
        who: Who::Other(what),
        what: What::Panic(&panic),
    });
}

pub(crate) fn report_child_panic(child: &ChildInfo, panic: &Panic) {
    report(&Unhandled {
        who: Who::Child(child),
        what: What::Panic(panic),
    });
}

pub(crate) fn report_child_error<E>(child: &ChildInfo) {
    report_type(Who::Child(child), type_name::<E>());
}

pub(crate) fn report_error<E>(what: &'static str) {
    report_type(Who::Other(what), type_name::<E>());
}

/// An error of which nothing is known but its type.
fn report_type(who: Who<'_>, error: &'static str) {
    let what = What::Error(error, None);
    report(&Unhandled { who, what });
}

/// The error of a callback of a run or an exit stack.
pub(crate) fn report_callback_error<E: fmt::Display>(who: &str, error: &E) {
    let text = catch(|| error.to_string()).ok();
    report(&Unhandled {
        who: Who::Callback(who),
        what: What::Error(type_name::<E>(), text),
    });
}

pub(crate) fn report_callback_panic(who: &str, panic: &Panic) {
    report(&Unhandled {
        who: Who::Callback(who),
        what: What::Panic(panic),
    });
}

pub(crate) fn report_body_error<E>() {
    report_error::<E>("the body of a scope");
}

/// Wakes a waker of somebody else's. One that panics is reported and harms nobody; `false` says that it did.
pub(crate) fn wake_quietly(waker: Waker) -> bool {
    match catch(|| waker.wake()) {
        Ok(()) => true,
        Err(panic) => {
            report_panic("a waker", panic);
            false
        }
    }
}

/// Drops something of the user's. A destructor that panics is reported and harms nobody.
pub(crate) fn drop_quietly<T>(what: &'static str, value: T) {
    if let Err(panic) = catch(|| drop(value)) {
        report_panic(what, panic);
    }
}

/// Something of the user's that may be dropped anywhere, with the last who hold it. A destructor that panics is reported and
/// harms nobody.
pub(crate) struct Quiet<T> {
    what: &'static str,
    /// Always there.
    value: Option<T>,
}

impl<T> Quiet<T> {
    pub(crate) fn new(what: &'static str, value: T) -> Self {
        Self {
            what,
            value: Some(value),
        }
    }
}

impl<T> Deref for Quiet<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match &self.value {
            Some(value) => value,
            None => unreachable!("it is taken by the destructor alone"),
        }
    }
}

impl<T> Drop for Quiet<T> {
    fn drop(&mut self) {
        drop_quietly(self.what, self.value.take());
    }
}

pub(crate) fn report(lost: &Unhandled<'_>) {
    let hook = HOOK.read().unwrap_or_else(PoisonError::into_inner).clone();
    // There is nobody to tell of a hook that panics, and what it was notified of may come from a destructor.
    let _ = catch(|| match hook {
        Some(hook) => hook(lost),
        None => crate::log::error(lost),
    })
    .map_err(std::mem::forget);
}
