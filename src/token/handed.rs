//! The reasons that were handed out to one child or body.

use super::reason::Handed;

/// Grows with those that are held.
#[derive(Default)]
pub(crate) struct Told {
    list: Vec<Handed>,
    /// At this length those are left out that nobody holds.
    full: usize,
}

impl Told {
    pub(crate) fn note(&mut self, handed: Handed) {
        if self.list.len() >= self.full {
            self.list.retain(Handed::is_held);
            self.full = 2 * self.list.len() + 4;
        }
        self.list.push(handed);
    }

    /// Those that are held.
    pub(crate) fn held(mut self) -> Vec<Handed> {
        self.list.retain(Handed::is_held);
        self.list
    }
}
