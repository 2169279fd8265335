//! Children that say when they are ready: the handshake of trio's `nursery.start`.
//!
//! ```text
//!   pending ── ready.started(v) ─────────────▶ started    the child is the group's, as if it were spawned now
//!      ├────── value, error, panic, cancel ──▶ ended      the caller gets an error
//!      ╰────── the caller goes away ─────────▶ deserted   the child is cancelled
//! ```
//!
//! The child is in the group from the beginning, so that it runs where children run, keeps the group open, and goes with the
//! group's cancels. But until it has started, what it ends with goes to the caller.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::early::{Cut, Early, Ending};
use super::key::{Key, has_it_run};
use super::pending_start::PendingStart;
use crate::error::unhandled::{drop_quietly, report_panic, wake_quietly};
use crate::error::{StartError, StartedError};
use crate::group::cell::CellRef;
use crate::group::engine::position::{Behind, Position, Surrounding, enter, here};
use crate::group::engine::told;
use crate::panic::catch;
use crate::shows::shows;
use crate::std_or_loom::Lock;
use crate::token::{CancelKind, CancelReason};

/// What caller and child share. Nothing of the user's runs or is dropped under the lock.
struct Handshake<V> {
    start: Arc<PendingStart>,
    state: Lock<State<V>>,
}

struct State<V> {
    phase: Phase<V>,
    waker: Option<Waker>,
}

enum Phase<V> {
    Pending,
    Started(Option<V>),
    Ended,
    Deserted,
}

impl<V> Handshake<V> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            start: PendingStart::here(),
            state: Lock::new(State {
                phase: Phase::Pending,
                waker: None,
            }),
        })
    }

    fn is_pending(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Pending)
    }

    fn has_started(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Started(_))
    }

    /// Leaves *pending*. The phase comes back if that was done before.
    fn leave(&self, phase: Phase<V>) -> Result<(), Phase<V>> {
        let waker = {
            let mut state = self.state.lock();
            if !matches!(state.phase, Phase::Pending) {
                return Err(phase);
            }
            state.phase = phase;
            state.waker.take()
        };
        // Before the caller hears of it: from then on the child is to be what it says.
        self.release();
        waker.map(wake_quietly);
        Ok(())
    }

    /// Says which child it is, which may have left *pending* meanwhile.
    fn attach(&self, child: CellRef) {
        self.start.attach(child);
        if !self.is_pending() {
            self.release();
        }
    }

    /// Once *pending* is over: a child that did not start goes.
    fn release(&self) {
        let (ended, deserted) = {
            let phase = &self.state.lock().phase;
            (
                matches!(phase, Phase::Ended),
                matches!(phase, Phase::Deserted),
            )
        };
        let dropped = CancelReason::new(CancelKind::Dropped);
        if ended {
            // Nothing is left that could use the grace.
            self.start.gives_up_with(dropped);
        } else if deserted {
            if let Some(child) = self.start.child() {
                child.cancel_alone(dropped);
            }
        }
        self.start.pass();
    }

    /// How a child ends that is over without having said that it has started: it may have given way to a cancel.
    fn gave_way<X>(&self) -> Ending<X> {
        let child = self.start.child();
        let is_cancelled = |child: &&CellRef| {
            child.own_reason().is_some() || child.core().read(|sched| sched.cancelled.is_some())
        };
        let cut = child.filter(is_cancelled).map(Cut::of);
        let by_caller = || {
            let reason = self.start.reason()?;
            Some(Cut {
                reason,
                by_group: false,
            })
        };
        match cut.or_else(by_caller) {
            Some(cut) => Ending::Cancelled(Some(cut)),
            None => Ending::NotStarted,
        }
    }

    /// Takes out a value that nobody has received.
    fn take_value(&self) -> Option<V> {
        match &mut self.state.lock().phase {
            Phase::Started(value) => value.take(),
            _ => None,
        }
    }
}

/// With which a child says that it has started; handed to the callable of [`Scope::start`](crate::Scope::start).
///
/// Dropped unused, it says nothing: the caller waits on, and when the child is over, it gets
/// [`NotStarted`](StartError::NotStarted).
#[must_use = "the caller of `start` waits until `started` is called"]
pub struct Ready<V>(Option<Arc<Handshake<V>>>);

impl<V> Ready<V> {
    /// One that tells nobody, so that a function that is written for [`Scope::start`](crate::Scope::start) can be spawned.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{Ready, block_on, scope};
    ///
    /// async fn serve(ready: Ready<u16>) -> &'static str {
    ///     let _ = ready.started(8080);
    ///     "served"
    /// }
    ///
    /// let served = block_on(scope(|tg| async move { tg.spawn(serve(Ready::ignored())).await }));
    /// assert_eq!(served, Ok("served"));
    /// ```
    pub fn ignored() -> Self {
        Self(None)
    }

    /// Says that the child has started, and gives the caller a value. From now on the child is the group's: if the group is
    /// cancelled by now, so is the child.
    ///
    /// # Errors
    ///
    /// The value, if this was said before, if the caller has gone, or if the child is over: then nothing changes.
    pub fn started(&self, value: V) -> Result<(), StartedError<V>> {
        let Some(handshake) = &self.0 else {
            return Ok(());
        };
        match handshake.leave(Phase::Started(Some(value))) {
            Err(Phase::Started(Some(value))) => {
                Err(StartedError::new(value, !handshake.has_started()))
            }
            _ => Ok(()),
        }
    }
}

pin_project! {
    /// A child that may not have started yet.
    pub(in crate::group) struct Starting<C, F: Future, V, X> {
        call: Option<(C, Ready<V>)>,
        #[pin]
        future: Option<F>,
        // What fails the caller, of what the future gives.
        judge: fn(F::Output) -> Option<X>,
        // Where it runs until it has started; made in its first poll.
        behind: Option<Behind>,
        ends: Ends<V, X>,
    }

    impl<C, F: Future, V, X> PinnedDrop for Starting<C, F, V, X> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.ends.handshake.has_started() {
                return;
            }
            let call = this.call.take();
            let dropped = (catch(|| drop(call)), catch(|| this.future.set(None)));
            for dropped in [dropped.0, dropped.1] {
                if let Err(panic) = dropped {
                    this.ends.tell(Ending::Panicked(panic));
                }
            }
        }
    }
}

/// Tells the caller how a child ended that had not started; dropped, that it was dropped.
struct Ends<V, X> {
    handshake: Arc<Handshake<V>>,
    early: Arc<Lock<Early<X>>>,
}

impl<V, X> Ends<V, X> {
    fn tell(&self, ending: Ending<X>) {
        let mut ending = Early::new(Some(ending), &self.handshake.start);
        let stored = {
            let mut early = self.early.lock();
            let is_first = early.ending.is_none();
            if is_first {
                early.ending = ending.ending.take();
            }
            is_first
        };
        if self.handshake.leave(Phase::Ended).is_err() && stored {
            // The caller has gone, or has heard of an end.
            drop(Early::taken(&self.early));
        }
    }
}

impl<V, X> Drop for Ends<V, X> {
    fn drop(&mut self) {
        if self.handshake.is_pending() {
            let child = self.handshake.start.child();
            self.tell(Ending::Cancelled(child.map(Cut::of)));
        }
    }
}

/// The two ends of a handshake: for the group, and for the caller once it has the key.
pub(in crate::group) fn handshake<C, F, V, X>(
    call: C,
    judge: fn(F::Output) -> Option<X>,
) -> (Starting<C, F, V, X>, Caller<V, X>)
where
    C: FnOnce(Ready<V>) -> F,
    F: Future,
{
    let handshake = Handshake::new();
    let early = Arc::new(Lock::new(Early::new(None, &handshake.start)));
    let caller = Caller {
        handshake: Arc::clone(&handshake),
        early: Arc::clone(&early),
    };
    let starting = Starting {
        call: Some((call, Ready(Some(Arc::clone(&handshake))))),
        future: None,
        judge,
        behind: None,
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
        if handshake.has_started() {
            let future = this.future.as_pin_mut();
            return future.map_or(Poll::Pending, |future| future.poll(cx));
        }
        if let (Some(_), Some(Position::Child(child))) = (&this.call, here()) {
            handshake.start.attach(child);
        }
        let start = || Behind::new(Arc::clone(&handshake.start) as Arc<dyn Surrounding>);
        let position = Position::Behind(this.behind.get_or_insert_with(start).clone());
        let polled = enter(position, || {
            catch(|| {
                if let Some((call, ready)) = this.call.take() {
                    this.future.set(Some(call(ready)));
                }
                let future = this.future.as_mut().as_pin_mut();
                future.map_or(Poll::Pending, |future| future.poll(cx))
            })
        });
        let ending = match polled {
            Ok(Poll::Pending) => return Poll::Pending,
            // It has started meanwhile: what it ends with is the group's.
            Ok(Poll::Ready(output)) if handshake.has_started() => return Poll::Ready(output),
            Err(panic) if handshake.has_started() => panic.resume(),
            Ok(Poll::Ready(output)) => match catch(|| (this.judge)(output)) {
                Ok(error) => {
                    let error = error.and_then(|error| told::sift(error).ok());
                    error.map_or_else(|| handshake.gave_way(), Ending::Failed)
                }
                Err(panic) => Ending::Panicked(panic),
            },
            Err(panic) => Ending::Panicked(panic),
        };
        // The future goes before anybody is told; the child ends as cancelled, so that the group hears of no failure.
        let ending = match (catch(|| this.future.set(None)), ending) {
            (Ok(()), ending) => ending,
            (Err(panic), Ending::NotStarted | Ending::Cancelled(_)) => Ending::Panicked(panic),
            (Err(panic), ending) => {
                report_panic("the destructor of a child that had not started", panic);
                ending
            }
        };
        this.ends.tell(ending);
        // A child whose caller has gone has no use for its grace any more.
        handshake.start.gives_up();
        Poll::Pending
    }
}

/// The caller's end of a handshake.
pub(in crate::group) struct Caller<V, X> {
    handshake: Arc<Handshake<V>>,
    early: Arc<Lock<Early<X>>>,
}

impl<V, X> Drop for Caller<V, X> {
    fn drop(&mut self) {
        if self.handshake.leave(Phase::Deserted).is_err() {
            // What was sent and has not been received.
            drop(Early::taken(&self.early));
            drop_quietly("a value of `started`", self.handshake.take_value());
        }
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
    pub(in crate::group) fn pending(caller: Caller<V, X>, key: Key<T>) -> Self {
        caller.handshake.attach(key.cell().clone());
        Self(Some(Begun::Pending(caller, key)))
    }

    pub(in crate::group) fn refused(reason: CancelReason) -> Self {
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
            let mut state = caller.handshake.state.lock();
            match &mut state.phase {
                Phase::Pending => {
                    let old = state.waker.replace(waker);
                    drop(state);
                    drop_quietly("a waker", old);
                    if key.cell().core().is_limited() {
                        has_it_run(key.cell());
                    }
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
        let ending = Early::taken(&caller.early).ending.take();
        Poll::Ready(Err(match ending {
            Some(Ending::Failed(error)) => StartError::Failed(error),
            Some(Ending::Panicked(panic)) => panic.resume(),
            Some(Ending::Cancelled(cut)) => cut.unwrap_or_else(|| Cut::of(key.cell())).into_error(),
            Some(Ending::NotStarted) | None => StartError::NotStarted,
        }))
    }
}

shows!([T, V, X] Start<T, V, X>, ..);

shows!([V] Ready<V>, ..);
