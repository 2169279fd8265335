//! The outcome of each: the joiner that `gather_settled` would be.

use super::{CallInfo, Joiner, Verdict};
use crate::error::Outcome;
use crate::gather::site::{Site, lose_outcome};
use crate::shows::shows;

/// The outcome of each call in call order; none touches the others.
///
/// Under [`OnPanic::Collect`](crate::OnPanic::Collect) it is [`gather_settled`](crate::gather_settled), which is quicker;
/// otherwise the panic of a call cancels the others and goes on.
///
/// # Examples
///
/// ```
/// use ingather::joiner::Settled;
/// use ingather::{GroupOptions, OnPanic, Outcome, block_on};
///
/// let calls = ["1", "two"].map(|text| move || async move { text.parse::<u32>() });
/// let outcomes = block_on(
///     GroupOptions::new().on_panic(OnPanic::Collect).join_with(Settled::new(), calls),
/// );
/// assert!(matches!(outcomes[..], [Outcome::Ok(1), Outcome::Err(_)]));
/// ```
pub struct Settled<T, E> {
    outcomes: Vec<Option<Outcome<T, E>>>,
    site: Option<Site>,
}

impl<T, E> Settled<T, E> {
    /// Nothing has been joined yet.
    pub const fn new() -> Self {
        Self {
            outcomes: Vec::new(),
            site: None,
        }
    }
}

impl<T, E> Default for Settled<T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, E> Joiner<T, E> for Settled<T, E> {
    type Output = Vec<Outcome<T, E>>;

    fn started(&mut self, _call: CallInfo<'_>) -> Verdict {
        self.outcomes.push(None);
        Verdict::Continue
    }

    fn completed(&mut self, call: CallInfo<'_>, outcome: Outcome<T, E>) -> Verdict {
        self.outcomes[call.index()] = Some(outcome);
        self.site = Some(call.site());
        Verdict::Continue
    }

    fn finish(mut self) -> Self::Output {
        let outcomes = std::mem::take(&mut self.outcomes);
        outcomes.into_iter().flatten().collect()
    }
}

/// Failures that it was notified of and cannot give any more go to the unhandled hook.
impl<T, E> Drop for Settled<T, E> {
    fn drop(&mut self) {
        let Some(site) = self.site else {
            return;
        };
        for (index, outcome) in std::mem::take(&mut self.outcomes).into_iter().enumerate() {
            if let Some(outcome) = outcome {
                lose_outcome(outcome, &site.child(index));
            }
        }
    }
}

shows!([T, E] Settled<T, E>, this => calls: this.outcomes.len());
