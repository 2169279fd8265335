//! The first one: the joiners behind `race` and `first_ok`.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;

use super::failed::Failed;
use super::{CallInfo, Joiner, Verdict};
use crate::error::unhandled::drop_quietly;
use crate::error::{GroupError, Outcome, Quiet};
use crate::gather::site::{Site, lose_outcome};
use crate::group::{Lack, State};
use crate::shows::shows;

/// The first call that is over by itself wins, whatever it gives; the rest is cancelled.
///
/// `None` for zero calls. What [`race`](crate::race) does, for calls that can fail: an error wins like a value. For the
/// first value see [`FirstOk`]. The values and errors of losers that were over at the same time are dropped, since only one
/// counts; a panic of theirs goes to the unhandled hook, if it was [collected](crate::OnPanic::Collect).
///
/// # Examples
///
/// ```
/// use std::future::pending;
/// use ingather::joiner::{FirstOver, join_with};
/// use ingather::{Outcome, block_on};
///
/// let calls = [false, true].map(|fails| move || async move {
///     if fails { Err("no route") } else { pending::<Result<u8, &str>>().await }
/// });
/// let first = block_on(join_with(FirstOver::new(), calls));
/// assert!(matches!(first, Some(Outcome::Err("no route"))));
/// ```
pub struct FirstOver<T, E> {
    first: Option<Outcome<T, E>>,
    winner: Option<(Site, usize)>,
}

impl<T, E> FirstOver<T, E> {
    /// Nothing has been joined yet.
    pub const fn new() -> Self {
        Self {
            first: None,
            winner: None,
        }
    }
}

impl<T, E> Default for FirstOver<T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, E> Joiner<T, E> for FirstOver<T, E> {
    type Output = Option<Outcome<T, E>>;

    fn completed(&mut self, call: CallInfo<'_>, outcome: Outcome<T, E>) -> Verdict {
        if outcome.is_cancelled() {
            // Kept only as an answer for calls that were all cancelled by somebody else.
            self.first.get_or_insert(outcome);
            return Verdict::Continue;
        }
        if self.winner.is_some() {
            match outcome {
                // It does not count.
                Outcome::Err(error) => drop_quietly("an error that nobody received", error),
                outcome => lose_outcome(outcome, &call.child()),
            }
        } else {
            self.winner = Some((call.site(), call.index()));
            self.first = Some(outcome);
        }
        Verdict::Cancel
    }

    fn finish(mut self) -> Self::Output {
        self.first.take()
    }
}

/// A failure that has won and cannot be given any more goes to the unhandled hook.
impl<T, E> Drop for FirstOver<T, E> {
    fn drop(&mut self) {
        if let (Some(outcome), Some((site, index))) = (self.first.take(), self.winner) {
            lose_outcome(outcome, &site.child(index));
        }
    }
}

impl<T, E> fmt::Debug for FirstOver<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let winner = self.winner.map(|(_, index)| index);
        f.debug_struct("FirstOver")
            .field("winner", &winner)
            .finish()
    }
}

/// [`FirstOver`] of at least one call that cannot fail: its value, or what options in the state `M` give that were cut short.
#[expect(unnameable_types, reason = "it is `race`'s own")]
pub struct Winner<T, M>(FirstOver<T, Infallible>, PhantomData<fn() -> M>);

impl<T, M> Winner<T, M> {
    pub(in crate::gather) const fn new() -> Self {
        Self(FirstOver::new(), PhantomData)
    }
}

impl<T, M: State> Winner<T, M> {
    /// Why there is no winner, if all calls are over and no output says so.
    pub(in crate::gather) fn lack(&self) -> Option<Lack> {
        match &self.0.first {
            Some(Outcome::Cancelled(reason)) if M::cut::<T>().is_none() => Some(Lack {
                child: None,
                reason: reason.clone(),
            }),
            _ => None,
        }
    }
}

impl<T, M: State> Joiner<T, Infallible> for Winner<T, M> {
    type Output = M::Out<T>;

    fn completed(&mut self, call: CallInfo<'_>, outcome: Outcome<T>) -> Verdict {
        self.0.completed(call, outcome)
    }

    fn finish(self) -> M::Out<T> {
        match self.0.finish() {
            Some(Outcome::Ok(value)) => M::whole(value),
            Some(Outcome::Panicked(panic)) => panic.resume(),
            Some(Outcome::Cancelled(_)) => {
                M::cut().unwrap_or_else(|| unreachable!("a race without a winner is not finished"))
            }
            Some(Outcome::Err(never)) => match never {},
            None => unreachable!("a race has at least one call"),
        }
    }
}

impl<T, M> fmt::Debug for Winner<T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The first value wins and the rest is cancelled; without one, everything that failed.
///
/// What [`first_ok`](crate::first_ok) does. Java's `Joiner.anySuccessfulResultOrThrow`, and JavaScript's `Promise.any`.
///
/// # Panics
///
/// If it has joined zero calls: there is no value, and nothing has failed. [`first_ok`](crate::first_ok) panics before that.
///
/// # Errors
///
/// What all calls failed with, in the order in which it happened.
///
/// # Examples
///
/// ```
/// use ingather::joiner::FirstOk;
/// use ingather::{GroupOptions, block_on};
///
/// let calls = ["x", "2"].map(|text| move || async move { text.parse::<u8>() });
/// let first = GroupOptions::new().limit(1).join_with(FirstOk::new(), calls); // one attempt at a time
/// assert_eq!(block_on(first).ok(), Some(2));
/// ```
pub struct FirstOk<T, E> {
    value: Option<Quiet<T>>,
    failed: Failed<E>,
}

impl<T, E> FirstOk<T, E> {
    /// Nothing has been joined yet.
    pub const fn new() -> Self {
        Self {
            value: None,
            failed: Failed::new(),
        }
    }
}

impl<T, E> Default for FirstOk<T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, E> Joiner<T, E> for FirstOk<T, E> {
    type Output = Result<T, GroupError<E>>;

    fn completed(&mut self, call: CallInfo<'_>, outcome: Outcome<T, E>) -> Verdict {
        let value = self.failed.sort(call, outcome);
        match value.map(Quiet::new) {
            Some(value) if self.value.is_none() => self.value = Some(value),
            _not_needed => {}
        }
        match self.value {
            Some(_) => Verdict::Cancel,
            None => Verdict::Continue,
        }
    }

    fn finish(self) -> Self::Output {
        if let Some(value) = self.value {
            self.failed.forgive();
            return Ok(value.give());
        }
        let error = self.failed.into_error();
        Err(error.expect("the first of zero calls: `FirstOk` needs at least one"))
    }
}

shows!([T, E] FirstOk<T, E>, this => has_value: this.value.is_some(), failed);
