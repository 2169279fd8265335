//! All of them: the joiner that `try_gather` would be.

use super::failed::Failed;
use super::{CallInfo, Joiner, Verdict};
use crate::error::{GroupError, OneByOne, Outcome};
use crate::shows::shows;

/// All values in call order; the first error cancels the rest.
///
/// What [`try_gather`](crate::try_gather) does, which is quicker. Java's `Joiner.awaitAllSuccessfulOrThrow` with values.
///
/// # Errors
///
/// Everything that failed, the cause first, a call that was cancelled alone among it. If the group was cut short, the reason.
///
/// # Examples
///
/// ```
/// use ingather::joiner::{All, join_with};
/// use ingather::block_on;
///
/// let numbers = ["1", "2"].map(|text| move || async move { text.parse::<u32>() });
/// assert_eq!(block_on(join_with(All::new(), numbers)).unwrap(), [1, 2]);
/// ```
pub struct All<T, E> {
    values: OneByOne<Option<T>>,
    failed: Failed<E>,
}

impl<T, E> All<T, E> {
    /// Nothing has been joined yet.
    pub const fn new() -> Self {
        Self {
            values: OneByOne::new(),
            failed: Failed::new(),
        }
    }
}

impl<T, E> Default for All<T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, E> Joiner<T, E> for All<T, E> {
    type Output = Result<Vec<T>, GroupError<E>>;

    fn started(&mut self, _call: CallInfo<'_>) -> Verdict {
        self.values.push(None);
        Verdict::Continue
    }

    fn completed(&mut self, call: CallInfo<'_>, outcome: Outcome<T, E>) -> Verdict {
        self.values[call.index()] = self.failed.sort(call, outcome);
        if self.failed.is_empty() {
            Verdict::Continue
        } else {
            Verdict::Cancel
        }
    }

    fn finish(self) -> Self::Output {
        match self.failed.into_error() {
            Some(error) => Err(error),
            None => Ok(self.values.into_iter().flatten().collect()),
        }
    }
}

shows!([T, E] All<T, E>, this => calls: this.values.len(), failed);
