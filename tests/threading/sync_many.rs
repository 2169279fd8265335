//! Waiting for many handles, and waits that end something else.

use std::future::pending;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures::{FutureExt, StreamExt};
use ingather::sync::{
    WaitTimedOut, as_completed, promise, run_guarded, wait_all, wait_first, wait_or_cancel,
};
use ingather::threads::BlockingPool;
use ingather::{TaskRegistry, timeout, to_thread};

use crate::support::{
    ByHand, Drops, Explosive, Gate, Site, behaviour, boom, panic_of, unhandled, unique, yields,
};

behaviour!(
    all_come_in_order,
    the_first_leaves_the_rest,
    each_comes_as_it_is_over,
    waits_for_many_lose_nothing,
    a_given_up_wait_cancels_its_task,
    a_guard_ends_what_it_guards,
    results_are_dropped_one_by_one,
);
behaviour!(outside: threads_wait_for_tasks);

const SHORT: Duration = Duration::from_millis(2);

// Primitives-15
async fn all_come_in_order(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let tasks = (0..5_usize).map(|n| {
        registry.create_task(async move {
            yields(5 - n).await;
            n
        })
    });
    let all = wait_all(tasks).await;
    let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    assert_eq!(all, [0, 1, 2, 3, 4]);
    assert!(
        wait_all(Vec::<std::future::Ready<()>>::new())
            .await
            .is_empty()
    );
}

// Primitives-15
async fn the_first_leaves_the_rest(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let gate = Gate::new();
    let tasks: Vec<_> = (0..3)
        .map(|n| {
            let gate = gate.clone();
            registry.create_task(async move {
                if n != 1 {
                    gate.wait().await;
                }
                n
            })
        })
        .collect();
    let first = wait_first(tasks).await;
    assert_eq!((first.index, first.output.unwrap()), (1, 1));
    let places: Vec<_> = first.rest.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [0, 2]);
    gate.open();
    let rest = wait_all(first.rest.into_iter().map(|(_, task)| task)).await;
    assert_eq!(
        rest.into_iter().map(Result::unwrap).collect::<Vec<_>>(),
        [0, 2]
    );
    let none = panic_of(|| {
        let none = std::panic::catch_unwind(|| wait_first(Vec::<std::future::Ready<()>>::new()));
        none.map_or_else(|_| boom("refused"), drop);
    });
    assert_eq!(none, Some("refused"));
}

// Primitives-15
async fn each_comes_as_it_is_over(_: Site) {
    let (promises, waits): (Vec<_>, Vec<_>) = (0..3).map(|_| promise()).unzip();
    let mut done = as_completed(waits);
    let mut seen = Vec::new();
    for n in [2, 0, 1] {
        promises[n].set(n).unwrap();
        seen.push(done.next().await.unwrap());
    }
    assert_eq!(seen, [(2, Ok(2)), (0, Ok(0)), (1, Ok(1))]);
    assert!(done.next().await.is_none() && done.is_empty());
}

// Primitives-15
async fn waits_for_many_lose_nothing(_: Site) {
    let (promises, waits): (Vec<_>, Vec<_>) = (0..3).map(|_| promise()).unzip();
    let mut all = wait_all(waits);
    for (polls, promise) in promises.iter().enumerate() {
        promise.set(polls).unwrap();
        if polls < 2 {
            assert!(timeout(SHORT, &mut all).await.is_err());
            assert!(all.wait_timeout(SHORT).is_none());
        }
    }
    assert_eq!(all.wait_timeout(SHORT), Some(vec![Ok(0), Ok(1), Ok(2)]));

    let (promises, waits): (Vec<_>, Vec<_>) = (0..2).map(|_| promise()).unzip();
    let mut first = wait_first(waits);
    assert!(ByHand::new(&mut first).poll().is_pending());
    assert!(first.wait_timeout(SHORT).is_none());
    let mut done = as_completed(first.into_rest().into_iter().map(|(_, wait)| wait));
    assert_eq!(done.next_timeout(SHORT), Err(WaitTimedOut));
    promises[1].set(5).unwrap();
    assert_eq!(done.next_timeout(SHORT), Ok(Some((1, Ok(5)))));
    assert!(timeout(SHORT, done.next()).await.is_err());
    let mut rest = done.into_rest();
    promises[0].set(6).unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest.remove(0).1.await, Ok(6));
}

// Primitives-15, Primitives-16
async fn threads_wait_for_tasks(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let task = |n: u32| registry.create_task(async move { n });
    let all = wait_all([task(1), task(2)]).wait_blocking();
    assert_eq!(all.into_iter().map(Result::unwrap).sum::<u32>(), 3);
    let first = wait_first([task(7)]).wait_blocking();
    assert_eq!(first.output.unwrap(), 7);
    let mut done = as_completed([task(1), task(1)]);
    while let Some((_, output)) = done.next_blocking() {
        assert_eq!(output.unwrap(), 1);
    }
    assert_eq!(wait_or_cancel(task(3)).wait_blocking().unwrap(), 3);
    let never = wait_or_cancel(registry.create_task(pending::<()>()));
    assert!(never.wait_timeout(SHORT).unwrap_err().is_cancelled());
    let guarded = run_guarded(task(4), pending::<()>()).wait_blocking();
    assert_eq!(guarded.unwrap().unwrap(), 4);
    let neither = run_guarded(pending::<()>(), pending::<()>()).wait_timeout(SHORT);
    assert!(neither.is_err());
}

// Primitives-16
async fn a_given_up_wait_cancels_its_task(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let drops = Drops::new();
    let task = || {
        let witness = drops.witness();
        registry.create_task(async move {
            let _witness = witness;
            pending::<()>().await;
        })
    };
    // At every poll, and never polled.
    for polls in 0..3 {
        let mut wait = ByHand::new(wait_or_cancel(task()));
        for _ in 0..polls {
            assert!(wait.poll().is_pending());
        }
        drop(wait);
        registry.wait_idle().await;
        assert!(drops.all());
    }
    let ended = wait_or_cancel(task()).cancel_after(SHORT).await;
    assert!(ended.unwrap_err().is_cancelled());
    assert!(drops.all(), "its clean-up was waited for");
    let in_time = registry.create_task(async { 1 });
    let in_time = wait_or_cancel(in_time)
        .cancel_after(Duration::from_secs(60))
        .await;
    assert_eq!(in_time.unwrap(), 1);
    registry.wait_idle().await;
    assert!(drops.all());
}

// Primitives-17
async fn a_guard_ends_what_it_guards(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let drops = Drops::new();
    let witness = drops.witness();
    let work = async move {
        let _witness = witness;
        pending::<()>().await;
    };
    let mut guard = registry.create_task(async { "gone" });
    assert_eq!(
        run_guarded(work, &mut guard).await.unwrap_err().unwrap(),
        "gone"
    );
    assert!(drops.all());
    // What is ready counts, also if the guard is.
    let both = run_guarded(async { 1 }, async { 2 }).await;
    assert_eq!(both, Ok(1));
    let mut left = ByHand::new(run_guarded(pending::<()>(), pending::<()>()));
    assert!(left.poll().is_pending());
    let (promise, mut promised) = promise();
    let mut guarded = ByHand::new(run_guarded(&mut promised, pending::<()>()));
    assert!(guarded.poll().is_pending());
    drop(guarded);
    let thread = thread::spawn(move || promise.set(3));
    thread.join().unwrap().unwrap();
    assert_eq!(run_guarded(promised, pending::<()>()).await, Ok(Ok(3)));
    assert_eq!(left.poll(), Poll::Pending);
}

// Panics-3, Primitives-15, Threads-7
async fn results_are_dropped_one_by_one(on: Site) {
    let _hold = on.hold();
    let text = unique("results_are_dropped_one_by_one");
    let (gate, ends) = (Gate::new(), text.clone());
    let opened = gate.clone();
    // Dropped half-way, with two that are over.
    let handle = move |n: usize| {
        let (opened, text) = (opened.clone(), ends.clone());
        async move {
            if n == 2 {
                opened.wait().await;
            }
            Explosive(text)
        }
        .boxed()
    };
    let mut all = ByHand::new(wait_all((0..3).map(handle)));
    assert!(all.poll().is_pending());
    drop(all);
    assert_eq!(unhandled::taken(&text).len(), 2);
    // The same on a pool.
    let (pool, blocks, ends) = (BlockingPool::new(3), gate.clone(), text.clone());
    let mut all = ByHand::new(pool.map(0..3, move |n| {
        if n == 2 {
            blocks.block();
        }
        Explosive(ends.clone())
    }));
    assert!(all.poll().is_pending());
    let is_one_left = || {
        let now = pool.statistics();
        (now.queued, now.starting, now.busy) == (0, 0, 1)
    };
    while !is_one_left() {
        yields(1).await;
    }
    assert!(all.poll().is_pending());
    drop(all);
    assert_eq!(unhandled::taken(&text).len(), 2);
    gate.open();
    to_thread(move || pool.close().wait()).await;
    assert_eq!(unhandled::taken(&text).len(), 1, "nobody wanted it");
}
