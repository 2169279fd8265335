//! Blocking scopes: children that borrow and run in parallel, while a thread waits for them and helps.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use ingather::cancel::CancelKind;
use ingather::spawner::enter;
use ingather::{GatherIncomplete, GroupOptions, Spawner, parallel};
use tokio::runtime::{Builder, Handle};

use crate::support::{
    Drops, Fault, Gate, HostileSpawner, Kind, Meter, Mischief, PATIENCE, Site, Trace, behaviour,
    may_block, stepper, watched, yield_now, yields,
};

behaviour!(outside:
    two_children_run_at_the_same_time,
    two_children_run_in_parallel_while_the_body_is_busy,
);

behaviour!(
    a_child_that_is_woken_from_elsewhere_is_polled_by_the_waiting_thread,
    children_borrow_from_the_callers_frame,
    it_returns_when_all_are_over,
    children_start_siblings_through_a_clone,
    values_are_waited_for,
    keys_are_read_after_the_scope,
    a_limit_holds,
    ten_scopes_in_each_other_borrow_from_all_above,
);

// Blocking-1
async fn children_borrow_from_the_callers_frame(on: Site) {
    if !may_block(&on) {
        return;
    }
    let words = [
        String::from("one"),
        String::from("three"),
        String::from("eleven"),
    ];
    let total = AtomicUsize::new(0);
    let longest = parallel::on(&on.spawner).scope(|tg| {
        let child = |word| {
            let total = &total;
            tg.spawn(async move {
                yields(2).await;
                total.fetch_add(String::len(word), SeqCst);
                word
            })
        };
        let keys: Vec<_> = words.iter().map(child).collect();
        let words = keys.into_iter().map(|key| tg.wait(key).unwrap());
        words.max_by_key(|word| word.len())
    });
    assert_eq!((longest, total.into_inner()), (Some(&words[2]), 14));
}

// Blocking-1
async fn two_children_run_at_the_same_time(on: Site) {
    // The thread that waits is one, and the spawner has another.
    let barrier = Barrier::new(2);
    let leaders = AtomicUsize::new(0);
    parallel::on(&on.spawner).scope(|tg| {
        for _ in 0..2 {
            drop(tg.spawn(async {
                leaders.fetch_add(usize::from(barrier.wait().is_leader()), SeqCst);
            }));
        }
    });
    assert_eq!(leaders.into_inner(), 1);
}

// Blocking-1
async fn two_children_run_in_parallel_while_the_body_is_busy(on: Site) {
    if on.spawner.parallelism().get() < 2 {
        return;
    }
    let inside = [Gate::new(), Gate::new()];
    let met = parallel::on(&on.spawner).scope(|tg| {
        for (mine, other) in [(0, 1), (1, 0)] {
            let inside = &inside;
            drop(tg.spawn(async move {
                // The poll of neither ends before that of the other has begun.
                inside[mine].open();
                inside[other].block_for(PATIENCE);
            }));
        }
        // The thread of the body helps neither.
        inside.each_ref().map(|gate| gate.block_for(PATIENCE))
    });
    assert_eq!(met, [true, true]);
}

// Blocking-1
async fn it_returns_when_all_are_over(on: Site) {
    if !may_block(&on) {
        return;
    }
    let (drops, log) = (Drops::new(), Trace::new());
    let value = parallel::on(&on.spawner).scope(|tg| {
        for number in 0..50 {
            let (held, log) = (drops.witness(), &log);
            drop(tg.spawn(async move {
                let _held = held;
                yields(number % 7).await;
                log.log("over");
            }));
        }
        7
    });
    assert_eq!(
        (value, drops.made(), drops.count(), log.entries().len()),
        (7, 50, 50, 50)
    );
}

// Blocking-1, Leaving-3
async fn children_start_siblings_through_a_clone(on: Site) {
    if !may_block(&on) {
        return;
    }
    fn tree<'env>(tg: &parallel::Scope<'env>, count: &'env AtomicUsize, depth: usize) {
        count.fetch_add(1, SeqCst);
        for _ in 0..if depth == 0 { 0 } else { 3 } {
            let own = tg.clone();
            drop(tg.spawn(async move {
                yield_now().await;
                tree(&own, count, depth - 1);
            }));
        }
    }
    let count = AtomicUsize::new(0);
    parallel::on(&on.spawner).scope(|tg| tree(&tg, &count, 6));
    assert_eq!(count.into_inner(), 1 + 3 + 9 + 27 + 81 + 243 + 729);
}

// Blocking-1, Blocking-2, Results-1
async fn values_are_waited_for(on: Site) {
    if !may_block(&on) {
        return;
    }
    let (text, gate) = (String::from("text"), Gate::new());
    let options = GroupOptions::new().on(&on.spawner).limit(1);
    options.parallel().scope(|tg| {
        let first = tg.spawn(async {
            gate.wait().await;
            text.as_str()
        });
        let second = tg.spawn(async { text.len() });
        let never = tg.spawn(Gate::new().wait());
        assert_eq!(tg.get_result(&second), Err(GatherIncomplete::Waiting));
        gate.open();
        // One in line is waited for as well.
        assert_eq!((tg.wait(second), tg.wait(first)), (Ok(4), Ok("text")));
        tg.cancel();
        let cancelled = tg.wait(never);
        assert!(matches!(cancelled, Err(GatherIncomplete::Cancelled(reason)) if reason.kind() == CancelKind::Explicit));
        let foreign = parallel::on(&on.spawner).scope(|other| other.spawn(async { 1 }));
        assert_eq!(tg.wait(foreign), Err(GatherIncomplete::UnknownKey));
    });
}

// Blocking-1, Results-2
async fn keys_are_read_after_the_scope(on: Site) {
    if !may_block(&on) {
        return;
    }
    let text = String::from("text");
    let (tg, kept, taken) = parallel::on(&on.spawner).scope(|tg| {
        let kept = tg.spawn(async { text.as_str() });
        let taken = tg.spawn(async { text.len() });
        (tg, kept, taken)
    });
    assert_eq!(tg.get_result(&kept), Ok(&"text"));
    assert_eq!((taken.await, tg.wait(kept)), (Ok(4), Ok("text")));
    assert_eq!((tg.tally().ok, tg.tally().taken), (2, 2));
}

// Blocking-2, Limits-2
async fn a_limit_holds(on: Site) {
    if !may_block(&on) {
        return;
    }
    let meter = Meter::new();
    let options = GroupOptions::new().on(&on.spawner).limit(2);
    options.parallel().scope(|tg| {
        for number in 0..30 {
            let meter = &meter;
            drop(tg.spawn(async move {
                let _under_way = meter.enter();
                yields(number % 4).await;
            }));
        }
    });
    assert_eq!((meter.entered(), meter.now()), (30, 0));
    assert!(meter.highest() <= 2, "{} at once", meter.highest());
}

// Blocking-2
async fn ten_scopes_in_each_other_borrow_from_all_above(on: Site) {
    if !may_block(&on) {
        return;
    }
    fn nest(on: &Site, depth: usize, above: &[usize]) -> usize {
        let here: Vec<_> = above.iter().copied().chain([depth]).collect();
        parallel::on(&on.spawner).scope(|tg| {
            let sum = tg.spawn(async {
                yield_now().await;
                here.iter().sum::<usize>()
            });
            let below = tg.spawn(async {
                match depth {
                    1 => 0,
                    _ => nest(on, depth - 1, &here),
                }
            });
            tg.wait(sum).unwrap() + tg.wait(below).unwrap()
        })
    }
    // A child on the only thread of the runtime would open the scope below, and that may not block it.
    let expected: usize = (1..=10).map(|depth| (11 - depth..=10).sum::<usize>()).sum();
    if !matches!(on.kind, Kind::TokioOne | Kind::Test) {
        assert_eq!(nest(&on, 10, &[]), expected);
    }
}

// Blocking-2
#[test]
fn the_only_thread_of_a_pool_can_wait_for_its_children() {
    watched("the_only_thread_of_a_pool", || {
        let pool = HostileSpawner::on_threads("only", 1, Mischief::honest(), 0);
        let (own, data) = (pool.clone(), vec![1, 2, 3]);
        let sum = parallel::on(&pool).scope(|tg| {
            let key = tg.spawn(async {
                parallel::on(&own).scope(|tg| {
                    let keys: Vec<_> = data.iter().map(|n| tg.spawn(async move { *n })).collect();
                    keys.into_iter()
                        .map(|key| tg.wait(key).unwrap())
                        .sum::<i32>()
                })
            });
            tg.wait(key)
        });
        assert_eq!(sum, Ok(6));
        pool.shut_down();
        pool.join();
    });
}

// Blocking-3
#[test]
fn a_single_threaded_runtime_is_not_blocked() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let (called, stepper) = (Trace::new(), stepper());
    let refused = |f: &mut dyn FnMut()| {
        let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
        let text = payload.downcast::<&'static str>().unwrap();
        assert!(
            text.contains("inline::scope") && text.contains("block"),
            "{text}"
        );
    };
    runtime.block_on(async {
        let here = Handle::current();
        refused(&mut || parallel::on(&here).scope(|_| called.log("called")));
        refused(&mut || {
            let _ = parallel::on(&here).try_scope(|_| {
                called.log("called");
                Ok::<_, Fault>(())
            });
        });
        let task = here.spawn(async move {
            let own = Handle::current();
            std::panic::catch_unwind(|| parallel::on(&own).scope(|_| ())).is_err()
        });
        assert!(task.await.unwrap());
        // So is a scope on another spawner, while the runtime is the current one.
        let _entered = enter(&here);
        refused(&mut || parallel::on(&stepper).scope(|_| called.log("called")));
        refused(&mut || parallel::scope(|_| called.log("called")));
        assert_eq!(here.metrics().num_alive_tasks(), 0);
    });
    assert_eq!((called.entries().len(), stepper.spawned()), (0, 0));
    // A thread that the runtime does not need may wait.
    let handle = runtime.handle().clone();
    let outside = thread::spawn(move || {
        let data = [1, 2];
        parallel::on(&handle).scope(|tg| tg.wait(tg.spawn(async { data.len() })))
    });
    assert_eq!(runtime.block_on(async { outside.join().unwrap() }), Ok(2));
}

// Blocking-3
#[test]
fn a_runtime_with_several_threads_may_be_blocked() {
    watched("a_runtime_with_several_threads", || {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let data = [1, 2, 3];
        let on_task = runtime.spawn(async {
            let data = [1, 2, 3];
            parallel::on(&Handle::current()).scope(|tg| tg.wait(tg.spawn(async { data.len() })))
        });
        let outer = runtime.block_on(async {
            parallel::on(&Handle::current()).scope(|tg| tg.wait(tg.spawn(async { data.len() })))
        });
        assert_eq!((outer, runtime.block_on(on_task).unwrap()), (Ok(3), Ok(3)));
    });
}

// Blocking-2
async fn a_child_that_is_woken_from_elsewhere_is_polled_by_the_waiting_thread(on: Site) {
    if !may_block(&on) {
        return;
    }
    let (gate, begun) = (Gate::new(), Gate::new());
    let opens = {
        let (gate, begun) = (gate.clone(), begun.clone());
        thread::spawn(move || {
            begun.block();
            while gate.waiting() < 3 {
                thread::yield_now();
            }
            gate.open();
        })
    };
    parallel::on(&on.spawner).scope(|tg| {
        let gate = &gate;
        for _ in 0..3 {
            tg.spawn(async move { gate.wait().await });
        }
        begun.open();
    });
    opens.join().unwrap();
    assert_eq!(gate.waiting(), 0);
}
