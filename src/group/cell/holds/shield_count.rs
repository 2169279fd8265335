//! How many shields hold off a drop, and through which groups they reach up to what is held.

use std::sync::{Arc, Weak};

use crate::group::cell::upcalls::Core;

/// The shields that stand in one child, or in one body. Most have none, ever.
#[derive(Default)]
pub(in crate::group) struct Shields(Option<Box<Standing>>);

/// What stands in a child or body, or in a group inside it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::group) enum Stands {
    /// A shield, which holds it.
    Shield,
    /// A clean-up, which holds it, and is to be polled when the grace is over.
    Cleanup,
    /// A clean-up that does not hold it, and is to be told when it is dropped.
    Told,
}

#[derive(Default)]
struct Standing {
    /// Those that hold it.
    holding: usize,
    /// Those of them that stand in it itself, and hold what it has opened as well.
    own: usize,
    /// Those that do not hold it but must be woken when it is cancelled.
    told: usize,
    /// Those of both that stand in it itself, and are to be polled then.
    polled: usize,
    /// The groups inside, each with the number of shields that reach up through it.
    path: Vec<(Weak<Core>, usize)>,
}

impl Shields {
    /// Is it held?
    pub(in crate::group) fn any(&self) -> bool {
        self.0.as_ref().is_some_and(|all| all.holding > 0)
    }

    /// Is a clean-up to be polled when its drop is due?
    pub(in crate::group) fn tells(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|all| all.holding + all.told > 0)
    }

    /// Is it to be polled once when its grace is over?
    pub(in crate::group) fn wants_poll(&self) -> bool {
        self.0.as_ref().is_some_and(|all| all.polled > 0)
    }

    /// One more, in what is held or in the group `inner` inside it.
    pub(in crate::group) fn add(&mut self, inner: Option<&Arc<Core>>, what: Stands) {
        self.0.get_or_insert_default().add(inner, what);
    }

    /// One less.
    pub(in crate::group) fn remove(&mut self, inner: Option<&Arc<Core>>, what: Stands) {
        if let Some(all) = &mut self.0 {
            all.remove(inner, what);
        }
    }

    /// Does it hold what it has opened, since something stands in it itself?
    pub(in crate::group) fn hold_all(&self) -> bool {
        self.0.as_ref().is_some_and(|all| all.own > 0)
    }

    /// The groups inside, unless they are held with it.
    pub(in crate::group) fn path(&self) -> Vec<Weak<Core>> {
        let all = self.0.iter().filter(|all| all.own == 0);
        let groups = all.flat_map(|all| &all.path);
        groups.map(|(group, _)| group.clone()).collect()
    }
}

impl Standing {
    /// The numbers in which it counts.
    fn counts(
        &mut self,
        inner: Option<&Arc<Core>>,
        what: Stands,
    ) -> impl Iterator<Item = &mut usize> {
        let polled = what != Stands::Shield && inner.is_none();
        let own = what != Stands::Told && inner.is_none();
        let count = match what {
            Stands::Told => &mut self.told,
            Stands::Shield | Stands::Cleanup => &mut self.holding,
        };
        let others = [(polled, &mut self.polled), (own, &mut self.own)];
        let others = others
            .into_iter()
            .filter_map(|(counts, count)| counts.then_some(count));
        std::iter::once(count).chain(others)
    }

    fn add(&mut self, inner: Option<&Arc<Core>>, what: Stands) {
        self.counts(inner, what).for_each(|count| *count += 1);
        let Some(inner) = inner else { return };
        match self.position(inner) {
            Some(at) => self.path[at].1 += 1,
            None => self.path.push((Arc::downgrade(inner), 1)),
        }
    }

    fn remove(&mut self, inner: Option<&Arc<Core>>, what: Stands) {
        self.counts(inner, what).for_each(|count| *count -= 1);
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
}
