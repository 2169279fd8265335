//! Panics of user code: caught, kept with their payload, resumed or dropped without harm.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};

/// A panic that was caught, with its payload.
///
/// A child's panic never takes anything else with it: it is caught where the child was polled or dropped, kept in one
/// of these, and resumed where the scope is awaited, or handed over as a leaf of a
/// [`GroupError`](crate::GroupError) under [`OnPanic::Collect`](crate::OnPanic::Collect).
///
/// Dropping it drops the payload; a payload whose destructor panics is released quietly.
///
/// # Examples
///
/// ```
/// use ingather::{Outcome, block_on, gather_settled};
///
/// let outcomes = block_on(gather_settled(vec![|| async {
///     if true { panic!("no such luck") }
///     Ok::<u32, String>(1)
/// }]));
/// let Outcome::Panicked(panic) = &outcomes[0] else { unreachable!() };
/// assert_eq!(panic.message(), "no such luck");
/// ```
pub struct Panic {
    message: Cow<'static, str>,
    /// In a mutex for the sake of `Sync` alone: it is only ever taken out.
    payload: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Panic {
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Self {
        let message = if let Some(text) = payload.downcast_ref::<&'static str>() {
            Cow::Borrowed(*text)
        } else if let Some(text) = payload.downcast_ref::<String>() {
            Cow::Owned(text.clone())
        } else {
            Cow::Borrowed("a payload that is not a text")
        };
        Self {
            message,
            payload: Mutex::new(Some(payload)),
        }
    }

    /// The text of the panic, or a remark that its payload is not a text.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The payload, as [`std::panic::catch_unwind`] gives it.
    pub fn into_payload(mut self) -> Box<dyn Any + Send> {
        match self.take() {
            Some(payload) => payload,
            None => unreachable!("the payload leaves only with `self`"),
        }
    }

    /// Goes on panicking with the payload, without running the panic hook a second time.
    ///
    /// # Panics
    ///
    /// Always; that is its purpose.
    pub fn resume(self) -> ! {
        resume_unwind(self.into_payload())
    }

    fn take(&mut self) -> Option<Box<dyn Any + Send>> {
        self.payload
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Drop for Panic {
    fn drop(&mut self) {
        if let Some(payload) = self.take() {
            // There is nobody left to tell: a payload that panics in its drop has been reported as a panic already.
            let _ = catch(|| drop(payload)).map_err(std::mem::forget);
        }
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panic").field(&self.message).finish()
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked: {}", self.message)
    }
}

/// Runs user code and keeps its panic.
#[inline]
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Panic> {
    catch_unwind(AssertUnwindSafe(f)).map_err(Panic::new)
}

/// Ends the process if it is dropped: for code that must not be left by a panic, since others still use what it borrows.
pub(crate) struct AbortGuard;

impl AbortGuard {
    /// The code is through.
    pub(crate) fn defuse(self) {
        std::mem::forget(self);
    }
}

impl Drop for AbortGuard {
    fn drop(&mut self) {
        crate::log::error(&"a panic where children may still borrow; the process ends");
        std::process::abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct PanicsInDrop;
    impl Drop for PanicsInDrop {
        fn drop(&mut self) {
            panic!("in a payload's drop");
        }
    }

    #[test]
    fn a_payload_that_panics_in_its_drop_is_let_go_of() {
        let panic = catch(|| std::panic::panic_any(PanicsInDrop)).unwrap_err();
        assert_eq!(panic.message(), "a payload that is not a text");
        drop(panic);
    }

    #[test]
    fn the_payload_survives_catch_and_resume() {
        let panic = catch(|| std::panic::panic_any(7_u8)).unwrap_err();
        let again = catch(|| panic.resume()).unwrap_err();
        assert_eq!(*again.into_payload().downcast::<u8>().unwrap(), 7);
    }
}
