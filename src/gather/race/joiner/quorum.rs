//! So many of them: the joiner behind `quorum`.

use super::failed::Failed;
use super::{CallInfo, Joiner, Verdict};
use crate::error::unhandled::drop_quietly;
use crate::error::{GroupError, OneByOne, Outcome};
use crate::shows::shows;

/// The first so many values, each with the index of its call, in the order in which they came; the rest is cancelled.
///
/// It gives up, cancels the rest and fails as soon as so many cannot be reached. What [`quorum`](crate::quorum) does.
///
/// # Panics
///
/// If there were fewer calls than that and none of them failed. [`quorum`](crate::quorum) panics before that.
///
/// # Errors
///
/// What failed until it gave up, in the order in which it happened.
///
/// # Examples
///
/// ```
/// use ingather::block_on;
/// use ingather::joiner::{Quorum, join_with};
///
/// let votes = ["yes", "no", "yes"].map(|vote| move || async move {
///     if vote == "yes" { Ok(()) } else { Err(vote) }
/// });
/// let mut agreed = block_on(join_with(Quorum::new(2), votes)).unwrap();
/// agreed.sort(); // they come in the order of their ends
/// assert_eq!(agreed, [(0, ()), (2, ())]);
/// let votes = ["no", "yes", "no"].map(|vote| move || async move {
///     if vote == "yes" { Ok(()) } else { Err(vote) }
/// });
/// assert!(block_on(join_with(Quorum::new(2), votes)).is_err());
/// ```
pub struct Quorum<T, E> {
    needed: usize,
    calls: usize,
    /// Calls that gave no value.
    without: usize,
    values: OneByOne<(usize, T)>,
    failed: Failed<E>,
}

impl<T, E> Quorum<T, E> {
    /// So many values are needed. For zero no call is polled.
    pub const fn new(needed: usize) -> Self {
        Self {
            needed,
            calls: 0,
            without: 0,
            values: OneByOne::new(),
            failed: Failed::new(),
        }
    }

    fn is_reached(&self) -> bool {
        self.values.len() == self.needed
    }

    fn verdict(&self) -> Verdict {
        if self.is_reached() || self.calls - self.without < self.needed {
            Verdict::Cancel
        } else {
            Verdict::Continue
        }
    }
}

impl<T, E> Joiner<T, E> for Quorum<T, E> {
    type Output = Result<Vec<(usize, T)>, GroupError<E>>;

    fn started(&mut self, _call: CallInfo<'_>) -> Verdict {
        self.calls += 1;
        if self.needed == 0 {
            Verdict::Cancel
        } else {
            Verdict::Continue
        }
    }

    fn completed(&mut self, call: CallInfo<'_>, outcome: Outcome<T, E>) -> Verdict {
        match self.failed.sort(call, outcome) {
            None => self.without += 1,
            Some(value) if !self.is_reached() => self.values.push((call.index(), value)),
            Some(value) => drop_quietly("a value that is not needed", value),
        }
        self.verdict()
    }

    fn finish(self) -> Self::Output {
        if self.is_reached() {
            self.failed.forgive();
            return Ok(self.values.give());
        }
        let error = self.failed.into_error();
        Err(error.unwrap_or_else(|| too_few(self.needed, self.calls)))
    }
}

/// # Panics
///
/// Always.
#[track_caller]
pub(in crate::gather) fn too_few(needed: usize, calls: usize) -> ! {
    panic!(
        "a quorum of {needed} out of {calls} calls cannot be reached: make more calls or ask for fewer values"
    )
}

shows!([T, E] Quorum<T, E>, this => needed, values: this.values.len(), failed, ..);
