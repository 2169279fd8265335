//! The crew of a spawner: how many jobs that poll children are on their way to it, and which groups wait to send one more.
//!
//! A group that is being polled and has more to do sends for help. Where as many jobs as the spawner runs at the same time wait
//! for their first poll, one more would not begin any earlier: the group goes on a list, and is called when one of them begins or
//! is lost. Most groups on the list have ended by then, and cost no job.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Weak};

use crate::panic::catch;
use crate::std_or_loom::Lock;

/// A group that waits to send a job.
pub(crate) trait Calls: Send + Sync {
    /// There is room for a job. The one that still has use for it sends one.
    fn is_called(self: Arc<Self>);
}

/// The jobs on their way to one spawner. Nothing is called or dropped under the lock but weak references.
pub(crate) struct Crew {
    limit: usize,
    state: Lock<State>,
}

#[derive(Default)]
struct State {
    coming: usize,
    waiting: VecDeque<Weak<dyn Calls>>,
    /// Somebody calls those who wait.
    is_calling: bool,
}

/// One job on its way: dropped when it begins, or with the job.
pub(crate) struct Coming(Arc<Crew>);

impl Crew {
    pub(super) fn new(parallelism: NonZeroUsize) -> Arc<Self> {
        Arc::new(Self {
            limit: parallelism.get(),
            state: Lock::default(),
        })
    }

    /// One more job is on its way.
    pub(crate) fn joins(self: &Arc<Self>) -> Coming {
        self.state.lock().coming += 1;
        Coming(Arc::clone(self))
    }

    /// Puts a group on the list if enough jobs are on their way. `true`: it will be called.
    pub(crate) fn puts_off(&self, group: Weak<dyn Calls>) -> bool {
        let mut state = self.state.lock();
        if state.coming < self.limit {
            return false;
        }
        // Groups lie in each other: those that came last have ended first.
        let ended = |last: &Weak<dyn Calls>| last.strong_count() == 0;
        while state.waiting.back().is_some_and(ended) {
            state.waiting.pop_back();
        }
        state.waiting.push_back(group);
        true
    }

    /// The next that is to be called, if there is room for a job.
    fn next(&self) -> Option<Weak<dyn Calls>> {
        let mut state = self.state.lock();
        let has_room = state.coming < self.limit;
        let next = has_room.then(|| state.waiting.pop_front()).flatten();
        state.is_calling = next.is_some();
        next
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        {
            let mut state = self.0.state.lock();
            state.coming -= 1;
            // A job that is refused while somebody calls is dropped within that call, and so is the next: one calls them all.
            if state.waiting.is_empty() || std::mem::replace(&mut state.is_calling, true) {
                return;
            }
        }
        while let Some(next) = self.0.next() {
            if let Some(group) = next.upgrade() {
                let _ = catch(|| group.is_called());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::std_or_loom::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::Relaxed;

    /// Sends a job when it is called, which is lost at once.
    struct Unlucky {
        crew: Arc<Crew>,
        called: AtomicUsize,
    }

    impl Calls for Unlucky {
        fn is_called(self: Arc<Self>) {
            self.called.fetch_add(1, Relaxed);
            drop(self.crew.joins());
        }
    }

    fn waiting(crew: &Arc<Crew>) -> Arc<Unlucky> {
        Arc::new(Unlucky {
            crew: Arc::clone(crew),
            called: AtomicUsize::new(0),
        })
    }

    fn puts_off(crew: &Crew, group: &Arc<Unlucky>) -> bool {
        let group: Arc<dyn Calls> = group.clone();
        crew.puts_off(Arc::downgrade(&group))
    }

    #[test]
    fn whoever_comes_when_enough_are_on_their_way_is_called_once() {
        let crew = Crew::new(NonZeroUsize::new(2).unwrap());
        let group = waiting(&crew);
        let first = crew.joins();
        assert!(!puts_off(&crew, &group));
        let second = crew.joins();
        assert!(puts_off(&crew, &group));
        drop(first);
        drop(second);
        assert_eq!(group.called.load(Relaxed), 1);
        assert_eq!(crew.state.lock().coming, 0);
    }

    #[test]
    fn jobs_that_are_lost_one_in_the_other_do_not_nest() {
        let crew = Crew::new(NonZeroUsize::MIN);
        let coming = crew.joins();
        let groups: Vec<_> = (0..100_000).map(|_| waiting(&crew)).collect();
        assert!(groups.iter().all(|group| puts_off(&crew, group)));
        drop(coming);
        assert!(groups.iter().all(|group| group.called.load(Relaxed) == 1));
    }

    #[test]
    fn groups_that_have_ended_leave_the_list() {
        let crew = Crew::new(NonZeroUsize::MIN);
        let _coming = crew.joins();
        let outer = waiting(&crew);
        assert!(puts_off(&crew, &outer));
        for _ in 0..100 {
            assert!(puts_off(&crew, &waiting(&crew)));
        }
        assert_eq!(crew.state.lock().waiting.len(), 2);
    }
}
