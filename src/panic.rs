//! Panics of user code: caught, kept with their payload, resumed or dropped without harm.

use std::any::Any;
use std::borrow::Cow;
use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook, take_hook};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::task::Poll;

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
pub struct Panic(
    // One word, whose destructor is a call: there is one wherever user code is caught.
    Arc<Caught>,
);

struct Caught {
    message: Cow<'static, str>,
    place: Option<Box<str>>,
    /// In a mutex for the sake of `Sync`. It is there until the panic goes.
    payload: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Panic {
    #[cold]
    pub(crate) fn new(payload: Box<dyn Any + Send>) -> Self {
        let message = message_of(&*payload);
        Self(Arc::new(Caught {
            place: last_place(&message),
            message,
            payload: Mutex::new(Some(payload)),
        }))
    }

    /// The text of the panic, or a remark that its payload is not a text.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where it happened, as `file:line:column`, if [`note_panic_places`](crate::error::note_panic_places) was called before.
    pub fn place(&self) -> Option<&str> {
        self.0.place.as_deref()
    }

    /// Looks at the payload and leaves it in place. `look` must not look at this panic again.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{Outcome, block_on, scope};
    ///
    /// block_on(scope(|tg| async move {
    ///     let key = tg.child().supervised().spawn(async { std::panic::panic_any(404) });
    ///     let Ok(Outcome::Panicked(panic)) = key.await else { unreachable!() };
    ///     assert_eq!(panic.inspect(|payload| payload.downcast_ref::<i32>().copied()), Some(404));
    /// }));
    /// ```
    pub fn inspect<R>(&self, look: impl FnOnce(&(dyn Any + Send)) -> R) -> R {
        match &*self.0.payload() {
            Some(payload) => look(&**payload),
            None => unreachable!("the payload leaves only with `self`"),
        }
    }

    /// The payload, as [`std::panic::catch_unwind`] gives it.
    pub fn into_payload(self) -> Box<dyn Any + Send> {
        let payload = self.0.payload().take();
        match payload {
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
}

impl Caught {
    fn payload(&self) -> MutexGuard<'_, Option<Box<dyn Any + Send>>> {
        self.payload.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        let payload = self.payload().take();
        if let Some(payload) = payload {
            // There is nobody left to tell: a payload that panics in its drop has been reported as a panic already.
            let _ = catch(|| drop(payload)).map_err(std::mem::forget);
        }
    }
}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Panic");
        out.field("message", &self.0.message);
        if let Some(place) = &self.0.place {
            out.field("place", place);
        }
        out.finish_non_exhaustive()
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place() {
            Some(place) => write!(f, "panicked at {place}: {}", self.message()),
            None => write!(f, "panicked: {}", self.message()),
        }
    }
}

impl Error for Panic {}

/// Are places noted?
static NOTES: AtomicBool = AtomicBool::new(false);

/// Where a panic happened, and its message.
struct Noted {
    place: Box<str>,
    message: Cow<'static, str>,
}

thread_local! {
    /// The last panic of this thread.
    static LAST: RefCell<Option<Noted>> = const { RefCell::new(None) };
}

/// Has each [`Panic`] know where it happened, from now on and for the whole process.
///
/// It adds a panic hook in front of the one that is set, so call it after other code has set its own. Each panic then costs one
/// allocation more. A payload that is thrown without a panic, by [`resume_unwind`](std::panic::resume_unwind), has no place.
///
/// # Examples
///
/// ```
/// use ingather::error::note_panic_places;
/// use ingather::{Outcome, block_on, scope};
///
/// note_panic_places();
/// block_on(scope(|tg| async move {
///     let key = tg.child().supervised().spawn(async { panic!("no such luck") });
///     let Ok(Outcome::Panicked(panic)) = key.await else { unreachable!() };
///     assert!(panic.place().unwrap().starts_with(file!()));
/// }));
/// ```
pub fn note_panic_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let next = take_hook();
        set_hook(Box::new(move |info| {
            let last = info.location().map(|place| Noted {
                place: place.to_string().into(),
                message: message_of(info.payload()),
            });
            let _ = LAST.try_with(|noted| noted.replace(last));
            next(info);
        }));
        NOTES.store(true, Relaxed);
    });
}

/// Where the panic that was just caught happened, if that was noted. What was noted may be of another one, that other code caught.
fn last_place(message: &str) -> Option<Box<str>> {
    if !NOTES.load(Relaxed) {
        return None;
    }
    let noted = LAST.try_with(RefCell::take).ok().flatten()?;
    (noted.message == message).then_some(noted.place)
}

/// The text of a panic, or a remark that its payload is not a text.
fn message_of(payload: &(dyn Any + Send)) -> Cow<'static, str> {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        Cow::Borrowed(*text)
    } else if let Some(text) = payload.downcast_ref::<String>() {
        Cow::Owned(text.clone())
    } else {
        Cow::Borrowed("a payload that is not a text")
    }
}

/// Runs user code and keeps its panic.
#[inline]
pub(crate) fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Panic> {
    catch_unwind(AssertUnwindSafe(f)).map_err(Panic::new)
}

/// The same for a future, which is dropped when it is over.
pub(crate) async fn catch_async<F: Future>(future: F) -> Result<F::Output, Panic> {
    let mut future = pin!(future);
    poll_fn(|cx| match catch(|| future.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
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
