//! One thing to be done on the way out, and doing it: whatever it does, the others have their turn.
//!
//! ```text
//!             begin                        poll                      ended
//!   Entry ──────────────▶ Underway ─────────────────────▶ (dropped) ───────▶ Step
//!     │  (called, caught)          (polled, caught; or over its budget)
//!     ╰─ abandon: a sync callback is called, an async one is dropped uncalled
//! ```

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::exit_error::{BoxError, ExitFailure, ExitFault, Who};
use super::exit_result::ExitResult;
use super::exit_result::sealed::Sealed;
use crate::clock::{Clock, ClockHandle, Sleep, sleep, try_current_clock};
use crate::error::unhandled::{drop_quietly, report_panic};
use crate::panic::{Panic, catch};

type Closing<'a> = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>>;

/// What is to be done.
pub(super) enum Action<'a> {
    Sync(Box<dyn FnOnce() -> Result<(), BoxError> + Send + 'a>),
    Async(Box<dyn FnOnce() -> Closing<'a> + Send + 'a>),
}

impl<'a> Action<'a> {
    /// An async callback.
    pub(super) fn later<F, Fut>(callback: F) -> Self
    where
        F: FnOnce() -> Fut + Send + 'a,
        Fut: Future + Send + 'a,
        Fut::Output: ExitResult,
    {
        Self::Async(Box::new(|| {
            let future = callback();
            Box::pin(async { future.await.into_result() })
        }))
    }
}

/// One thing to be done.
pub(super) struct Entry<'a> {
    pub(super) who: Who,
    /// How long an async callback may take.
    pub(super) budget: Option<Duration>,
    pub(super) action: Action<'a>,
}

/// What came of an entry that nobody can wait for any more.
pub(super) enum Abandoned {
    Done,
    Failed(ExitFailure),
    /// An async callback, which was not called.
    Lost(Who),
}

impl<'a> Entry<'a> {
    /// Does it, or begins to. `None` is all that a sync callback leaves to be done.
    pub(super) fn begin(self) -> Underway<'a> {
        let Self {
            who,
            budget,
            action,
        } = self;
        let clock = clock_here();
        let began = clock.as_ref().and_then(now);
        let (future, result) = match action {
            Action::Sync(call) => (None, Some(settled(catch(call)))),
            Action::Async(call) => match catch(call) {
                Ok(future) => (Some(future), None),
                Err(panic) => (None, Some(Err(ExitFault::Panicked(panic)))),
            },
        };
        let bounded = future.is_some() && began.is_some();
        let bound = budget.filter(|_| bounded);
        Underway {
            who,
            bound: bound.map(|budget| (budget, sleep(budget))),
            clock,
            began,
            future,
            result,
        }
    }

    /// Does what can be done without waiting.
    pub(super) fn abandon(self) -> Abandoned {
        match self.action {
            Action::Sync(call) => match settled(catch(call)) {
                Ok(()) => Abandoned::Done,
                Err(fault) => Abandoned::Failed(ExitFailure {
                    who: self.who,
                    fault,
                }),
            },
            Action::Async(call) => {
                drop_quietly("a callback that was not called", call);
                Abandoned::Lost(self.who)
            }
        }
    }
}

/// One that was begun.
pub(super) struct Underway<'a> {
    who: Who,
    /// Its budget, and the end of that.
    bound: Option<(Duration, Sleep)>,
    clock: Option<ClockHandle>,
    began: Option<Instant>,
    future: Option<Closing<'a>>,
    result: Option<Result<(), ExitFault>>,
}

/// One that is over.
pub(super) struct Step {
    pub(super) who: Who,
    pub(super) result: Result<(), ExitFault>,
    /// How long it took, where there is a clock.
    pub(super) took: Duration,
}

impl Underway<'_> {
    pub(super) fn who(&self) -> &Who {
        &self.who
    }

    /// Polls it; it is ready once.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if let Some(future) = self.future.as_mut() {
            let mut result = match catch(|| future.as_mut().poll(cx)) {
                Ok(Poll::Ready(result)) => settled(Ok(result)),
                Err(panic) => Err(ExitFault::Panicked(panic)),
                Ok(Poll::Pending) => match poll_bound(&mut self.bound, cx) {
                    Poll::Ready(budget) => Err(ExitFault::OverBudget(budget)),
                    Poll::Pending => return Poll::Pending,
                },
            };
            if let Some(Err(panic)) = self.future.take().map(|future| catch(|| drop(future))) {
                match result {
                    Ok(()) => result = Err(ExitFault::Panicked(panic)),
                    Err(_) => report_panic("the destructor of a callback that had failed", panic),
                }
            }
            self.result = Some(result);
        }
        let Some(result) = self.result.take() else {
            unreachable!("it is polled until it is over");
        };
        let took = self.clock.as_ref().and_then(now).zip(self.began);
        let took = took.map(|(now, began)| now.saturating_duration_since(began));
        Poll::Ready(Step {
            who: self.who.clone(),
            result,
            took: took.unwrap_or_default(),
        })
    }
}

/// Ready with the budget when it is over. A clock that panics bounds nothing.
fn poll_bound(bound: &mut Option<(Duration, Sleep)>, cx: &mut Context<'_>) -> Poll<Duration> {
    let Some((budget, sleep)) = bound else {
        return Poll::Pending;
    };
    let budget = *budget;
    match catch(|| Pin::new(sleep).poll(cx)) {
        Ok(poll) => poll.map(|()| budget),
        Err(panic) => {
            report_panic("a timer", panic);
            drop_quietly("a timer", bound.take());
            Poll::Pending
        }
    }
}

/// The clock that counts here, if there is one that tells the time.
pub(super) fn clock_here() -> Option<ClockHandle> {
    catch(try_current_clock).ok().flatten()
}

/// What it says, if it says anything.
pub(super) fn now(clock: &ClockHandle) -> Option<Instant> {
    catch(|| clock.now()).ok()
}

impl Drop for Underway<'_> {
    fn drop(&mut self) {
        drop_quietly("a callback that was dropped half-way", self.future.take());
    }
}

fn settled(result: Result<Result<(), BoxError>, Panic>) -> Result<(), ExitFault> {
    match result {
        Ok(result) => result.map_err(ExitFault::Error),
        Err(panic) => Err(ExitFault::Panicked(panic)),
    }
}
