//! Who waits for something to happen to a group as a whole, each to be woken once.

use std::task::Waker;

use super::small_list::SmallList;

/// What a watcher waits for; a set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::group) struct Events(u8);

impl Events {
    /// No child is left.
    pub(in crate::group) const EMPTY: Self = Self(1);
    /// A child is over.
    pub(in crate::group) const COMPLETION: Self = Self(1 << 1);
    /// The group was cancelled, or a child panicked.
    pub(in crate::group) const TROUBLE: Self = Self(1 << 2);
    /// The body of the scope was woken.
    pub(in crate::group) const BODY: Self = Self(1 << 3);
    /// There are children to poll and no driver: the watcher is on the spawner and does it itself.
    pub(in crate::group) const WORK: Self = Self(1 << 4);
    /// There are children to be dropped: the watcher is not on the spawner, and sees to that all the same.
    pub(in crate::group) const DROPS: Self = Self(1 << 5);

    /// A child is over, or nothing but children keeps the group open: the watcher is a child that ends when only its like are left.
    pub(in crate::group) const ALONE: Self = Self(1 << 6);

    pub(in crate::group) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(in crate::group) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Names a watcher, who keeps it from one poll to the next.
pub(in crate::group) type WatcherId = u64;

/// Those who wait. They are few: the owner of a scope, or the joins of a group.
#[derive(Default)]
pub(in crate::group) struct Watchers {
    all: SmallList<Watcher>,
    last_id: WatcherId,
}

struct Watcher {
    id: WatcherId,
    events: Events,
    /// `None` once it was woken: it is on its way, and stays registered until it watches again or goes away.
    waker: Option<Waker>,
}

impl Watchers {
    /// Waits, as the watcher that `id` names or as a new one. A waker that is not needed any more comes back.
    pub(in crate::group) fn watch(
        &mut self,
        id: &mut Option<WatcherId>,
        events: Events,
        waker: Waker,
    ) -> Option<Waker> {
        self.put(id, events, Some(waker))
    }

    /// Is on its way by itself, as the watcher that `id` names or as a new one. A waker that is not needed any more comes back.
    #[inline]
    pub(in crate::group) fn comes(
        &mut self,
        id: &mut Option<WatcherId>,
        events: Events,
    ) -> Option<Waker> {
        self.put(id, events, None)
    }

    #[inline]
    fn put(
        &mut self,
        id: &mut Option<WatcherId>,
        events: Events,
        waker: Option<Waker>,
    ) -> Option<Waker> {
        let old = id.and_then(|id| self.unwatch(id));
        let id = *id.get_or_insert_with(|| {
            self.last_id += 1;
            self.last_id
        });
        self.all.push(Watcher { id, events, waker });
        old
    }

    /// Waits no longer. Its waker comes back if it was not woken.
    pub(in crate::group) fn unwatch(&mut self, id: WatcherId) -> Option<Waker> {
        self.all.remove(|watcher| watcher.id == id)?.waker
    }

    /// Does anybody wait for one of these, or is on its way because of one?
    #[inline]
    pub(in crate::group) fn any(&self, events: Events) -> bool {
        let mut all = self.all.iter();
        all.any(|watcher| watcher.events.meets(events))
    }

    /// Does anybody wait for one of these who is not on its way?
    #[inline]
    pub(in crate::group) fn waits(&self, events: Events) -> bool {
        let mut all = self.all.iter();
        all.any(|watcher| watcher.events.meets(events) && watcher.waker.is_some())
    }

    /// Takes the wakers of all who wait for one of these.
    #[inline]
    pub(in crate::group) fn notify(&mut self, events: Events, mut wake: impl FnMut(Waker)) {
        // In most groups there never is one.
        if !self.all.is_empty() {
            self.notify_some(events, &mut wake);
        }
    }

    /// Once for all who call it: it is called from many places.
    fn notify_some(&mut self, events: Events, wake: &mut dyn FnMut(Waker)) {
        let all = self.all.iter_mut();
        all.filter(|watcher| watcher.events.meets(events))
            .filter_map(|watcher| watcher.waker.take())
            .for_each(wake);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_woken_once_and_for_its_own_events() {
        let (mut watchers, mut wakes) = (Watchers::default(), Vec::new());
        let (mut one, mut two) = (None, None);
        let both = Events::EMPTY.and(Events::COMPLETION);
        watchers.watch(&mut one, both, Waker::noop().clone());
        watchers.watch(&mut two, Events::EMPTY, Waker::noop().clone());
        watchers.notify(Events::COMPLETION, |waker| wakes.push(waker));
        assert_eq!(wakes.len(), 1);
        watchers.notify(both, |waker| wakes.push(waker));
        assert_eq!(wakes.len(), 2);
        // Those who were woken are on their way until they say otherwise.
        assert!(watchers.any(both));
        watchers.unwatch(one.unwrap());
        watchers.unwatch(two.unwrap());
        assert!(!watchers.any(both));
    }

    #[test]
    fn a_watcher_on_its_way_counts_and_is_not_woken() {
        let mut watchers = Watchers::default();
        let mut id = None;
        watchers.comes(&mut id, Events::WORK);
        assert!(watchers.any(Events::WORK));
        watchers.notify(Events::WORK, |_| panic!("it comes by itself"));
        watchers.unwatch(id.unwrap());
        assert!(!watchers.any(Events::WORK));
    }

    #[test]
    fn watching_again_keeps_the_place() {
        let (mut watchers, mut wakes) = (Watchers::default(), Vec::new());
        let mut id = None;
        assert!(
            watchers
                .watch(&mut id, Events::EMPTY, Waker::noop().clone())
                .is_none()
        );
        assert!(
            watchers
                .watch(&mut id, Events::EMPTY, Waker::noop().clone())
                .is_some()
        );
        watchers.notify(Events::EMPTY, |waker| wakes.push(waker));
        assert_eq!(wakes.len(), 1);
        assert!(watchers.unwatch(id.unwrap()).is_none());
    }
}
