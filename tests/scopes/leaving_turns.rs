//! Leaving a group takes no turn of its own where nobody waits for one, and starves nobody.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::task::Poll;

use ingather::spawner::{Job, SpawnError};
use ingather::testing::TestExecutor;
use ingather::{GatherGroup, Spawner, inline};

use crate::support::{ByHand, Kind, Site, Trace, behaviour, stepper, yield_now, yields};

behaviour!(
    a_scope_that_is_over_in_its_first_poll_is_left_in_it,
    a_scope_that_has_suspended_is_left_when_it_is_over,
    joining_an_empty_group_yields_once,
    a_loop_of_scopes_lets_a_sibling_run,
    a_loop_of_scopes_lets_a_sibling_in_the_same_task_run,
);

// Leaving-2
async fn a_scope_that_is_over_in_its_first_poll_is_left_in_it(on: Site) {
    let empty = ingather::on(&on.spawner).scope(|_| async { 7 });
    let inner = inline::scope(|tg| async move {
        let keys = [1, 2, 4].map(|n| tg.spawn(async move { n }));
        let mut sum = 0;
        for key in keys {
            sum += key.await.unwrap();
        }
        sum
    });
    // These say now and then that a turn is over.
    if on.kind == Kind::Hostile || !on.is_in_order() {
        assert_eq!((empty.await, inner.await), (7, 7));
        return;
    }
    let mut empty = ByHand::new(empty);
    assert_eq!((empty.poll(), empty.wakes()), (Poll::Ready(7), 0));
    let mut inner = ByHand::new(inner);
    assert_eq!((inner.poll(), inner.wakes()), (Poll::Ready(7), 0));
}

// Leaving-2
async fn a_scope_that_has_suspended_is_left_when_it_is_over(on: Site) {
    let mut scope = ByHand::new(ingather::on(&on.spawner).scope(|_| yields(1)));
    assert!(scope.poll().is_pending());
    assert!(scope.is_woken() && scope.poll().is_ready());
}

// Leaving-2
async fn joining_an_empty_group_yields_once(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let mut join = ByHand::new(group.join());
    assert_eq!((join.poll().is_ready(), join.wakes()), (false, 1));
    assert_eq!((join.poll().is_ready(), join.wakes()), (true, 1));

    let group = GatherGroup::<()>::fallible_on(&on.spawner);
    let mut join = ByHand::new(group.try_join());
    assert_eq!((join.poll().is_ready(), join.wakes()), (false, 1));
    assert_eq!((join.poll().is_ready(), join.wakes()), (true, 1));
}

// Leaving-2
async fn a_loop_of_scopes_lets_a_sibling_run(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let (is_over, is_there) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let (spawner, seen, counts) = (
        on.spawner.clone(),
        Arc::clone(&is_over),
        Arc::clone(&is_there),
    );
    let left = group.spawn(async move {
        let mut left = 0;
        while !seen.load(Relaxed) {
            ingather::on(&spawner).scope(|_| async {}).await;
            inline::scope(|_| async {}).await;
            // From a plain thread the sibling comes when it comes.
            left += 2 * usize::from(counts.load(Relaxed));
        }
        left
    });
    drop(group.spawn(async move { is_over.store(true, Relaxed) }));
    is_there.store(true, Relaxed);
    let left: usize = left.await.unwrap();
    if on.kind.is_one_thread() && on.is_in_order() {
        assert!(left <= 32, "the sibling had to wait for {left} scopes");
    }
}

// Leaving-2
async fn a_loop_of_scopes_lets_a_sibling_in_the_same_task_run(on: Site) {
    let (is_over, spawner) = (&AtomicBool::new(false), &on.spawner);
    inline::scope(|tg| async move {
        drop(tg.spawn(async {
            while !is_over.load(Relaxed) {
                ingather::on(spawner).scope(|_| async {}).await;
            }
        }));
        drop(tg.spawn(async { is_over.store(true, Relaxed) }));
    })
    .await;
}

// Leaving-2
#[test]
fn one_in_32_scopes_of_a_task_yields() {
    let (left, stepper) = (&AtomicUsize::new(0), &stepper());
    let mut task = ByHand::new(async {
        for number in 0..100 {
            if number % 2 == 0 {
                ingather::on(stepper).scope(|_| async {}).await;
            } else {
                inline::scope(|tg| async move { tg.spawn(async {}).await.unwrap() }).await;
            }
            left.fetch_add(1, Relaxed);
        }
    });
    for (poll, expected) in [31, 63, 95].into_iter().enumerate() {
        assert!(task.poll().is_pending());
        assert_eq!((left.load(Relaxed), task.wakes()), (expected, poll + 1));
    }
    assert!(task.poll().is_ready());
    assert_eq!(left.load(Relaxed), 100);
}

/// A spawner that says whether the turn is over, or panics instead.
#[derive(Clone)]
struct Says(Arc<AtomicUsize>);

impl Spawner for Says {
    fn spawn(&self, _job: Job) -> Result<(), SpawnError> {
        unreachable!("an empty scope needs no job")
    }

    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    fn is_current(&self) -> bool {
        true
    }

    fn should_yield(&self) -> bool {
        match self.0.load(Relaxed) {
            0 => false,
            1 => true,
            _ => std::panic::resume_unwind(Box::new("it does not say")),
        }
    }
}

// Leaving-2
#[test]
fn a_scope_yields_where_the_turn_is_over() {
    let says = Arc::new(AtomicUsize::new(0));
    let spawner = Says(Arc::clone(&says));
    for (answer, yields) in [(0, false), (1, true), (2, true)] {
        says.store(answer, Relaxed);
        let mut scope = ByHand::new(ingather::on(&spawner).scope(|_| async { 7 }));
        if yields {
            assert_eq!((scope.poll(), scope.wakes()), (Poll::Pending, 1));
        }
        assert_eq!(scope.poll(), Poll::Ready(7));
    }
}

// Leaving-2, Testing-1
#[test]
fn a_test_executor_does_not_depend_on_what_was_left_before() {
    let run = || {
        let log = Trace::new();
        let (loops, sibling) = (log.clone(), log.clone());
        TestExecutor::new().block_on(async move {
            let group = GatherGroup::new();
            drop(group.spawn(async move {
                for number in 0..50 {
                    inline::scope(|_| async {}).await;
                    loops.log(format!("{number}"));
                }
            }));
            drop(group.spawn(async move {
                sibling.log("sibling");
                yield_now().await;
                sibling.log("sibling again");
            }));
            group.join().await;
        });
        log.entries()
    };
    let first = run();
    assert_eq!(first.iter().position(|entry| entry == "sibling"), Some(31));
    for _ in 0..7 {
        ingather::block_on(inline::scope(|_| async {}));
        assert_eq!(run(), first);
    }
}
