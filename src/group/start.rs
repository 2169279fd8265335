//! Children that say when they are ready: the handshake of trio's `nursery.start`.
//!
//! ```text
//!   pending ── ready.started(v) ─────────────▶ started    the child is the group's, as if it were spawned now
//!      ├────── value, error, panic, cancel ──▶ ended      the caller gets an error
//!      ╰────── the caller goes away ─────────▶ deserted   the child is cancelled
//! ```
//!
//! The child is in the group from the beginning, so that it runs where children run and keeps the group open. But until it
//! has started, a shield holds off the group's cancels, and what it ends with goes to the caller.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::cell::CellRef;
use super::key::Key;
use super::place::{Place, Screen, deadline_of, here, stand, token_of};
use crate::cancel::{CancelKind, CancelReason};
use crate::error::unhandled::{drop_quietly, report_error, report_panic, wake_quietly};
use crate::error::{StartError, StartedError};
use crate::panic::{Panic, catch};
use crate::sync::Lock;

/// What caller and child share. Nothing of the user's runs or is dropped under the lock.
struct Handshake<V>(Lock<State<V>>);

struct State<V> {
    phase: Phase<V>,
    waker: Option<Waker>,
    child: Option<CellRef>,
}

enum Phase<V> {
    Pending,
    Started(Option<V>),
    Ended,
    Deserted,
}

/// With what a child ended that had not started. Dropped untaken, a failure goes to the unhandled hook.
struct Early<X>(Option<Ending<X>>);

enum Ending<X> {
    Failed(X),
    Panicked(Panic),
    Cancelled(CancelReason),
    NotStarted,
}

impl<V> Handshake<V> {
    fn new() -> Arc<Self> {
        Arc::new(Self(Lock::new(State {
            phase: Phase::Pending,
            waker: None,
            child: None,
        })))
    }

    fn is_pending(&self) -> bool {
        matches!(self.0.lock().phase, Phase::Pending)
    }

    /// Leaves *pending*. The phase comes back if that was done before.
    fn leave(&self, phase: Phase<V>) -> Result<(), Phase<V>> {
        let waker = {
            let mut state = self.0.lock();
            if !matches!(state.phase, Phase::Pending) {
                return Err(phase);
            }
            state.phase = phase;
            state.waker.take()
        };
        waker.map(wake_quietly);
        self.release();
        Ok(())
    }

    /// Says which child it is, which may have left *pending* meanwhile.
    fn attach(&self, child: CellRef) {
        let pending = {
            let mut state = self.0.lock();
            state.child = Some(child);
            matches!(state.phase, Phase::Pending)
        };
        if !pending {
            self.release();
        }
    }

    /// Once *pending* is over: the shield goes, and with it a child that did not start.
    fn release(&self) {
        let (child, started) = {
            let mut state = self.0.lock();
            let started = matches!(state.phase, Phase::Started(_));
            (state.child.take(), started)
        };
        if let Some(child) = child {
            child.unshield(None);
            if !started {
                child.cancel_alone(CancelReason::new(CancelKind::Dropped));
            }
        }
    }

    fn child(&self) -> Option<CellRef> {
        self.0.lock().child.clone()
    }
}

impl<X> Drop for Early<X> {
    fn drop(&mut self) {
        const WHO: &str = "a child that had not started";
        match self.0.take() {
            Some(Ending::Failed(error)) => {
                report_error::<X>(WHO);
                drop_quietly("an error that nobody received", error);
            }
            Some(Ending::Panicked(panic)) => report_panic(WHO, panic),
            Some(Ending::Cancelled(_) | Ending::NotStarted) | None => {}
        }
    }
}

/// With which a child says that it has started; handed to the callable of [`Scope::start`](crate::Scope::start).
///
/// Dropped unused, it says nothing: the caller waits on, and when the child is over, it gets
/// [`NotStarted`](StartError::NotStarted).
#[must_use = "whoever starts the child waits until `started` is called"]
pub struct Ready<V>(Arc<Handshake<V>>);

impl<V> Ready<V> {
    /// Says that the child has started, and gives the caller a value. From now on the child is the group's: if the group is
    /// cancelled by now, so is the child.
    ///
    /// # Errors
    ///
    /// The value, if this was said before, if the caller has gone, or if the child is over: then nothing changes.
    pub fn started(&self, value: V) -> Result<(), StartedError<V>> {
        match self.0.leave(Phase::Started(Some(value))) {
            Err(Phase::Started(Some(value))) => {
                let again = matches!(self.0.0.lock().phase, Phase::Started(_));
                Err(StartedError::new(value, !again))
            }
            _ => Ok(()),
        }
    }
}

pin_project! {
    /// A child that may not have started yet.
    pub(super) struct Starting<C, F: Future, V, X> {
        call: Option<(C, Ready<V>)>,
        #[pin]
        future: Option<F>,
        // What fails the caller, of what the future gives.
        judge: fn(F::Output) -> Option<X>,
        screen: Option<Arc<Screen>>,
        ends: Ends<V, X>,
    }
}

/// Tells the caller how a child ended that had not started; dropped, that it was dropped.
struct Ends<V, X> {
    handshake: Arc<Handshake<V>>,
    early: Arc<Lock<Early<X>>>,
}

impl<V, X> Ends<V, X> {
    fn tell(&self, ending: Ending<X>) {
        self.early.lock().0 = Some(ending);
        if self.handshake.leave(Phase::Ended).is_err() {
            // The caller has gone.
            let early = std::mem::replace(&mut *self.early.lock(), Early(None));
            drop(early);
        }
    }
}

impl<V, X> Drop for Ends<V, X> {
    fn drop(&mut self) {
        if self.handshake.is_pending() {
            let reason = self.handshake.child().map(|child| child.reason());
            let reason = reason.unwrap_or_else(|| CancelReason::new(CancelKind::Dropped));
            self.tell(Ending::Cancelled(reason));
        }
    }
}

/// The two ends of a handshake: for the group, and for the caller once it has the key.
pub(super) fn handshake<C, F, V, X>(
    call: C,
    judge: fn(F::Output) -> Option<X>,
) -> (Starting<C, F, V, X>, Caller<V, X>)
where
    C: FnOnce(Ready<V>) -> F,
    F: Future,
{
    let handshake = Handshake::new();
    let early = Arc::new(Lock::new(Early(None)));
    let caller = Caller {
        handshake: Arc::clone(&handshake),
        early: Arc::clone(&early),
    };
    let starting = Starting {
        call: Some((call, Ready(Arc::clone(&handshake)))),
        future: None,
        judge,
        screen: Some(Arc::new(Screen::like(here()))),
        ends: Ends { handshake, early },
    };
    (starting, caller)
}

impl<C, F, V, X> Future for Starting<C, F, V, X>
where
    C: FnOnce(Ready<V>) -> F,
    F: Future,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let handshake = Arc::clone(&this.ends.handshake);
        let screen = this.screen.take().filter(|_| handshake.is_pending());
        let Some(screen) = screen else {
            let future = this.future.as_pin_mut();
            return future.map_or(Poll::Pending, |future| future.poll(cx));
        };
        let place = Place::Behind(Arc::clone(&screen));
        let (_, polled) = stand(place, || {
            catch(|| {
                if let Some((call, ready)) = this.call.take() {
                    this.future.set(Some(call(ready)));
                }
                let future = this.future.as_mut().as_pin_mut();
                future.map_or(Poll::Pending, |future| future.poll(cx))
            })
        });
        let pending = handshake.is_pending();
        let ending = match polled {
            Ok(Poll::Pending) => {
                *this.screen = Some(screen);
                return Poll::Pending;
            }
            // It has started meanwhile: what it ends with is the group's.
            Ok(Poll::Ready(output)) if !pending => return Poll::Ready(output),
            Err(panic) if !pending => panic.resume(),
            Ok(Poll::Ready(output)) => {
                (this.judge)(output).map_or(Ending::NotStarted, Ending::Failed)
            }
            Err(panic) => Ending::Panicked(panic),
        };
        // The future goes before anybody is told; the child ends as cancelled, so that the group hears of no failure.
        let ending = match (catch(|| this.future.set(None)), ending) {
            (Ok(()), ending) => ending,
            (Err(panic), Ending::NotStarted) => Ending::Panicked(panic),
            (Err(panic), ending) => {
                report_panic("the destructor of a child that had not started", panic);
                ending
            }
        };
        this.ends.tell(ending);
        Poll::Pending
    }
}

/// The caller's end of a handshake.
pub(super) struct Caller<V, X> {
    handshake: Arc<Handshake<V>>,
    early: Arc<Lock<Early<X>>>,
}

impl<V, X> Drop for Caller<V, X> {
    fn drop(&mut self) {
        // Nothing if the child has started or is over.
        let _ = self.handshake.leave(Phase::Deserted);
    }
}

/// The future of [`Scope::start`](crate::Scope::start) and [`Scope::try_start`](crate::Scope::try_start).
///
/// Dropped before the child has started, it cancels the child.
#[must_use = "dropped before the child has started, it cancels the child: await it"]
pub struct Start<T, V, X = Infallible>(Option<Begun<T, V, X>>);

enum Begun<T, V, X> {
    Pending(Caller<V, X>, Key<T>),
    Refused(CancelReason),
}

impl<T, V, X> Start<T, V, X> {
    pub(super) fn pending(caller: Caller<V, X>, key: Key<T>) -> Self {
        caller.handshake.attach(key.cell().clone());
        Self(Some(Begun::Pending(caller, key)))
    }

    pub(super) fn refused(reason: CancelReason) -> Self {
        Self(Some(Begun::Refused(reason)))
    }
}

impl<T, V, X> Unpin for Start<T, V, X> {}

impl<T, V, X> Future for Start<T, V, X> {
    type Output = Result<(Key<T>, V), StartError<X>>;

    /// # Panics
    ///
    /// If it is polled again after it was ready, and with the panic of a child that had not started.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let begun = self.0.take();
        let (caller, key) = match begun.expect("`Start` polled after it was ready") {
            Begun::Pending(caller, key) => (caller, key),
            Begun::Refused(reason) => return Poll::Ready(Err(StartError::Refused(reason))),
        };
        let waker = cx.waker().clone();
        let started = {
            let mut state = caller.handshake.0.lock();
            match &mut state.phase {
                Phase::Pending => {
                    let old = state.waker.replace(waker);
                    drop(state);
                    drop_quietly("a waker", old);
                    self.0 = Some(Begun::Pending(caller, key));
                    return Poll::Pending;
                }
                Phase::Started(value) => value.take(),
                Phase::Ended | Phase::Deserted => None,
            }
        };
        if let Some(value) = started {
            return Poll::Ready(Ok((key, value)));
        }
        let ending = caller.early.lock().0.take();
        Poll::Ready(Err(match ending {
            Some(Ending::Failed(error)) => StartError::Failed(error),
            Some(Ending::Panicked(panic)) => panic.resume(),
            Some(Ending::Cancelled(reason)) => StartError::Cancelled(reason),
            Some(Ending::NotStarted) | None => StartError::NotStarted,
        }))
    }
}

impl Screen {
    /// Reads as the place does where the caller is.
    fn like(caller: Option<Place>) -> Self {
        Self {
            token: token_of(caller.as_ref()),
            deadline: deadline_of(caller.as_ref()),
            outside: None,
            lifted: Lock::default(),
        }
    }
}

impl<T, V, X> fmt::Debug for Start<T, V, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start").finish_non_exhaustive()
    }
}

impl<V> fmt::Debug for Ready<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready").finish_non_exhaustive()
    }
}
