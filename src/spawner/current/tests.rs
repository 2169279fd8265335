//! The stack of entries, and hostile spawners on it.

use super::*;
use crate::spawner::{Job, SpawnError, from_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn refusing() -> SpawnerHandle {
    SpawnerHandle::new(from_fn(|_| Err(SpawnError::shut_down())))
}

fn is_current(spawner: &SpawnerHandle) -> bool {
    entered().is_some_and(|current| current.same_as(spawner))
}

#[test]
fn entries_nest() {
    let (outer, inner) = (refusing(), refusing());
    assert!(entered().is_none());
    {
        let _outer = enter(&outer);
        assert!(is_current(&outer));
        {
            let _inner = enter(&inner);
            assert!(is_current(&inner));
            assert!(current_spawner().same_as(&inner));
        }
        assert!(is_current(&outer));
    }
    assert!(entered().is_none());
}

#[test]
fn the_last_guard_alive_decides_in_any_order_of_drops() {
    let spawners = [refusing(), refusing(), refusing()];
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        let mut guards = spawners.each_ref().map(|spawner| Some(enter(spawner)));
        for index in order {
            guards[index] = None;
            match guards.iter().rposition(Option::is_some) {
                Some(last) => assert!(is_current(&spawners[last]), "{order:?}"),
                None => assert!(entered().is_none(), "{order:?}"),
            }
        }
    }
}

#[test]
fn a_thread_has_entries_of_its_own() {
    let spawner = refusing();
    let _guard = enter(&spawner);
    std::thread::spawn(|| assert!(entered().is_none()))
        .join()
        .unwrap();
}

#[test]
fn what_is_lent_comes_back() {
    let (outer, lent) = (refusing(), refusing());
    let mut home = Some(lent.clone());
    let _outer = enter(&outer);
    {
        let _lent = lend(&mut home);
        assert!(is_current(&lent));
        let _inner = enter(&outer);
        assert!(is_current(&outer));
    }
    assert!(is_current(&outer) && home.as_ref().is_some_and(|home| home.same_as(&lent)));
    // One that is current already stays at home, and so it does beside a guard that goes first.
    let guard = enter(&lent);
    let still = lend(&mut home);
    drop(guard);
    assert!(is_current(&outer));
    drop(still);
    assert!(home.is_some());
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _lent = lend(&mut home);
        assert!(is_current(&lent));
        panic!("on purpose");
    }));
    assert!(caught.is_err() && is_current(&outer));
    assert!(home.is_some_and(|home| home.same_as(&lent)));
}

#[test]
fn a_panic_takes_the_entry_off() {
    let spawner = refusing();
    let caught = std::panic::catch_unwind(|| {
        let _guard = enter(&spawner);
        panic!("on purpose");
    });
    assert!(caught.is_err());
    assert!(entered().is_none());
}

#[test]
fn a_spawner_is_here_where_its_jobs_run() {
    let (spawner, other) = (refusing(), refusing());
    assert!(!spawner.is_here());
    let (is_here, _owner) = arrive(&spawner);
    assert!(is_current(&spawner) && !is_here && !spawner.is_here());
    {
        let _job = enter_running(&spawner);
        assert!(spawner.is_here() && !other.is_here());
        {
            let _again = enter_running(&spawner);
            assert!(spawner.is_here() && arrive(&spawner).0);
        }
        assert!(spawner.is_here());
        {
            let _entered = enter(&other);
            assert!(!spawner.is_here() && !other.is_here());
        }
        assert!(spawner.is_here());
    }
    assert!(is_current(&spawner) && !spawner.is_here());
}

#[test]
fn a_spawner_that_says_so_is_here() {
    struct Here;
    impl Spawner for Here {
        fn spawn(&self, _job: Job) -> Result<(), SpawnError> {
            Ok(())
        }
        fn is_current(&self) -> bool {
            true
        }
    }
    let here = SpawnerHandle::new(Here);
    assert!(here.is_here() && arrive(&here).0);
}

/// Looks for the current spawner in its destructor, and counts itself.
#[derive(Clone)]
struct Curious(Arc<AtomicUsize>);

impl Spawner for Curious {
    fn spawn(&self, _job: Job) -> Result<(), SpawnError> {
        Ok(())
    }
}

impl Drop for Curious {
    fn drop(&mut self) {
        let _ = try_current_spawner();
        let _guard = enter(&refusing());
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_spawner_may_use_the_stack_while_it_is_dropped() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let guard = enter(&Curious(Arc::clone(&dropped)));
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    drop(guard);
    assert_eq!(dropped.load(Ordering::Relaxed), 2);
}

#[test]
fn the_stack_may_be_gone_before_a_guard() {
    thread_local! {
        static LAST: RefCell<Vec<EnterGuard>> = const { RefCell::new(Vec::new()) };
        static LATE: RefCell<Option<Curious>> = const { RefCell::new(None) };
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let late = Curious(Arc::clone(&dropped));
    std::thread::spawn(move || {
        // Whatever order the platform destroys these in, none of them may panic.
        LATE.set(Some(late));
        LAST.with_borrow_mut(|guards| guards.push(enter(&refusing())));
    })
    .join()
    .unwrap();
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}
