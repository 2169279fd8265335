//! How many shields hold off a drop, and through which groups they reach up to what is held.

use std::sync::{Arc, Weak};

use super::core::Core;

/// The shields that stand in one child, or in one body.
#[derive(Default)]
pub(super) struct Shields {
    /// Those that hold it.
    holding: usize,
    /// Those that do not, and are to be told of its drop.
    told: usize,
    /// The groups inside, each with the number of shields that reach up through it.
    path: Vec<(Weak<Core>, usize)>,
}

impl Shields {
    /// Is it held?
    pub(super) fn any(&self) -> bool {
        self.holding > 0
    }

    /// Is anybody to be told of its drop?
    pub(super) fn tells(&self) -> bool {
        self.holding + self.told > 0
    }

    fn count(&mut self, holds: bool) -> &mut usize {
        if holds {
            &mut self.holding
        } else {
            &mut self.told
        }
    }

    /// One more, in what is held or in the group `inner` inside it.
    pub(super) fn add(&mut self, inner: Option<&Arc<Core>>, holds: bool) {
        *self.count(holds) += 1;
        let Some(inner) = inner else { return };
        match self.position(inner) {
            Some(at) => self.path[at].1 += 1,
            None => self.path.push((Arc::downgrade(inner), 1)),
        }
    }

    /// One less.
    pub(super) fn remove(&mut self, inner: Option<&Arc<Core>>, holds: bool) {
        *self.count(holds) -= 1;
        if let Some(at) = inner.and_then(|inner| self.position(inner)) {
            self.path[at].1 -= 1;
            if self.path[at].1 == 0 {
                self.path.swap_remove(at);
            }
        }
    }

    fn position(&self, inner: &Arc<Core>) -> Option<usize> {
        let is_it = |(weak, _): &(Weak<Core>, usize)| weak.as_ptr() == Arc::as_ptr(inner);
        self.path.iter().position(is_it)
    }

    /// The groups inside.
    pub(super) fn path(&self) -> Vec<Weak<Core>> {
        self.path.iter().map(|(group, _)| group.clone()).collect()
    }
}
