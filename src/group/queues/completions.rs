//! Completions as they come: which children are over and have not been given out by `next` yet.
//!
//! Of children whose keys are gone only the number is kept, so the memory is bounded by the keys that are held.

use std::collections::VecDeque;

use crate::error::{ChildInfo, KeyId};
use crate::group::cell::{CellRef, Ending};

/// Below this many records it is not worth looking for those whose key is gone.
const FEW: usize = 64;

/// One child that is over, as [`GatherGroup::next`](crate::GatherGroup::next) tells of it.
///
/// # Examples
///
/// ```
/// use ingather::types::Ending;
/// use ingather::{GatherGroup, block_on};
///
/// let group: GatherGroup = GatherGroup::new();
/// let key = group.spawn(async { 7 });
/// let over = block_on(group.next()).expect("there is a child");
/// assert_eq!(over.ending(), Ending::Value);
/// assert_eq!(over.id(), Some(key.id()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    child: Option<ChildInfo>,
    ending: Ending,
}

impl Completion {
    /// Which child it was: the [`Key::id`](crate::Key::id) of a key that is still held.
    ///
    /// `None` if its key is gone, dropped or awaited: then nothing is known of the child but how it ended.
    pub fn id(&self) -> Option<KeyId> {
        self.child.as_ref().map(ChildInfo::id)
    }

    /// Which child it was, with name and location; `None` as for [`id`](Self::id).
    pub fn child(&self) -> Option<&ChildInfo> {
        self.child.as_ref()
    }

    /// How it ended.
    pub fn ending(&self) -> Ending {
        self.ending
    }
}

#[derive(Default)]
pub(in crate::group) struct Completions {
    with_key: VecDeque<CellRef>,
    without_key: [u64; 4],
    sweep_at: usize,
}

impl Completions {
    pub(in crate::group) fn record(&mut self, cell: &CellRef, ending: Ending) {
        if !cell.has_key() {
            self.without_key[ending as usize] += 1;
            return;
        }
        if self.with_key.len() >= self.sweep_at.max(FEW) {
            self.with_key.retain(|cell| {
                let has_key = cell.has_key();
                if !has_key {
                    self.without_key[ending_of(cell) as usize] += 1;
                }
                has_key
            });
            self.sweep_at = 2 * self.with_key.len();
        }
        self.with_key.push_back(cell.clone());
    }

    /// Is there one to tell of?
    pub(in crate::group) fn any(&self) -> bool {
        !self.with_key.is_empty() || self.without_key != [0; 4]
    }

    /// Is there one whose turn in the order is known?
    #[inline]
    pub(in crate::group) fn has_next(&self) -> bool {
        !self.with_key.is_empty()
    }

    pub(in crate::group) fn next(&mut self) -> Option<Completion> {
        if let Some(cell) = self.with_key.pop_front() {
            self.sweep_at = self.sweep_at.min(2 * self.with_key.len());
            return Some(Completion {
                child: cell.has_key().then(|| cell.info()),
                ending: ending_of(&cell),
            });
        }
        let endings = [
            Ending::Value,
            Ending::Failed,
            Ending::Panicked,
            Ending::Cancelled,
        ];
        let ending = endings
            .into_iter()
            .find(|ending| self.without_key[*ending as usize] > 0)?;
        self.without_key[ending as usize] -= 1;
        Some(Completion {
            child: None,
            ending,
        })
    }
}

fn ending_of(cell: &CellRef) -> Ending {
    cell.end().expect("only what is over is recorded")
}
