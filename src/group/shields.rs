//! How many shields hold off a drop, and through which groups they reach up to what is held.

use std::sync::{Arc, Weak};

use super::core::Core;

/// The shields that hold one child, or one body.
#[derive(Default)]
pub(super) struct Shields {
    count: usize,
    path: Vec<Weak<Core>>,
}

impl Shields {
    pub(super) fn any(&self) -> bool {
        self.count > 0
    }

    /// One more, in what is held or in the group `inner` inside it.
    pub(super) fn add(&mut self, inner: Option<&Arc<Core>>) {
        self.count += 1;
        self.path.extend(inner.map(Arc::downgrade));
    }

    /// One less.
    pub(super) fn remove(&mut self, inner: Option<&Arc<Core>>) {
        self.count -= 1;
        if let Some(inner) = inner {
            let is_it = |weak: &Weak<Core>| weak.as_ptr() == Arc::as_ptr(inner);
            if let Some(at) = self.path.iter().position(is_it) {
                self.path.swap_remove(at);
            }
        }
    }

    /// The groups inside.
    pub(super) fn path(&self) -> Vec<Weak<Core>> {
        self.path.clone()
    }
}
