//! Turns: how much a driver or an owner does before others have theirs, and what may be ready for ever in a row.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::{SinkExt, StreamExt};
use ingather::clock::{interval, sleep_until};
use ingather::spawner::{SpawnError, enter};
use ingather::sync::Event;
use ingather::testing::HostileSpawner;
use ingather::threads::CapacityLimiter;
use ingather::{
    CancelToken, GatherGroup, GroupOptions, Job, Spawner, TaskRegistry, checkpoint, inline, timeout,
};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Semaphore;

use crate::support::{ByHand, Polls, Trace, stepper, watched, yield_now};

fn one_thread() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder
        .enable_time()
        .build()
        .expect("a runtime can be made")
}

/// Yields for ever, and counts.
fn yields_for_ever(polls: &Arc<AtomicUsize>) -> impl Future<Output = ()> + Send + 'static {
    let polls = Arc::clone(polls);
    poll_fn(move |cx| {
        polls.fetch_add(1, SeqCst);
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

// Executors-5
#[test]
fn nobody_that_yields_is_polled_twice_in_a_turn() {
    for children in [1, 2, 3, 7, 40] {
        let (stepper, polls) = (stepper(), Arc::new(AtomicUsize::new(0)));
        let group = GatherGroup::on(&stepper);
        for _ in 0..children {
            drop(group.spawn(yields_for_ever(&polls)));
        }
        for turn in 1..10 {
            assert!(stepper.step());
            assert_eq!(polls.load(SeqCst), turn * children, "of {children}");
        }
        drop(group);
        stepper.run_until_idle();
    }
}

// Executors-5
#[test]
fn one_that_yields_once_is_polled_once_more() {
    let (stepper, polls) = (stepper(), Polls::new());
    let group = GatherGroup::on(&stepper);
    drop(group.spawn(polls.clone().of(async {
        yield_now().await;
        pending::<()>().await;
    })));
    let _ = (0..10).take_while(|_| stepper.step()).count();
    assert_eq!(polls.count(), 2);
    drop(group);
    stepper.run_until_idle();
}

// Executors-5
#[test]
fn those_that_wake_each_other_go_on_within_the_turn() {
    let stepper = stepper();
    let group = GatherGroup::on(&stepper);
    let (mut there, mut comes) = futures::channel::mpsc::channel(0);
    let (mut back, mut answers) = futures::channel::mpsc::channel(0);
    let polls = Polls::new();
    drop(group.spawn(polls.clone().of(async move {
        for n in 0..10 {
            there.send(n).await.unwrap();
            assert_eq!(answers.next().await, Some(n));
        }
    })));
    drop(group.spawn(polls.clone().of(async move {
        while let Some(n) = comes.next().await {
            back.send(n).await.unwrap();
        }
    })));
    assert!(stepper.step());
    assert!(group.is_empty(), "{} polls", polls.count());
    drop(group);
}

/// How many polls of children there are at most between two of a task that lets tokio look at its timers and sockets.
fn polls_beside_a_task(
    runtime: &Runtime,
    busy: BoxFuture<'static, ()>,
    polls: &Arc<AtomicUsize>,
) -> usize {
    let polls = Arc::clone(polls);
    runtime.block_on(async move {
        let busy = tokio::spawn(busy);
        let most = tokio::spawn(async move {
            let (mut most, mut last) = (0, 0);
            for turn in 0..300 {
                tokio::task::yield_now().await;
                let now = polls.load(SeqCst);
                // At first nobody knows that the children take long.
                if turn > 100 {
                    most = most.max(now - last);
                }
                last = now;
            }
            most
        });
        let most = most.await.expect("it does not panic");
        busy.abort();
        most
    })
}

/// Computes for longer than a turn lasts, and yields, for ever.
async fn computes(polls: Arc<AtomicUsize>) {
    loop {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_micros(150) {}
        polls.fetch_add(1, SeqCst);
        let _ = checkpoint().await;
    }
}

// Executors-11
#[test]
fn tokio_looks_at_its_timers_between_two_turns() {
    watched("tokio_looks_at_its_timers_between_two_turns", || {
        let mut many = Builder::new_multi_thread();
        let many = many.worker_threads(1).enable_time().build().unwrap();
        for runtime in [one_thread(), many] {
            for children in [1, 3] {
                let polls = Arc::new(AtomicUsize::new(0));
                let counted = Arc::clone(&polls);
                // By the owner, which is a task of its own; by a driver; inline; and in a task without a group.
                let in_scope: BoxFuture<'static, ()> = Box::pin(async move {
                    let on = Handle::current();
                    let group = GatherGroup::on(&on);
                    for _ in 0..children {
                        drop(group.spawn(computes(Arc::clone(&counted))));
                    }
                    group.join().await;
                });
                let most = polls_beside_a_task(&runtime, in_scope, &polls);
                assert!(most <= 10 * children, "{most} polls of {children} children");

                let polls = Arc::new(AtomicUsize::new(0));
                let counted = Arc::clone(&polls);
                let by_driver: BoxFuture<'static, ()> = Box::pin(async move {
                    let group = GatherGroup::on(&Handle::current());
                    for _ in 0..children {
                        drop(group.spawn(computes(Arc::clone(&counted))));
                    }
                    pending::<()>().await;
                });
                let most = polls_beside_a_task(&runtime, by_driver, &polls);
                assert!(most <= 10 * children, "{most} polls of {children} children");

                let polls = Arc::new(AtomicUsize::new(0));
                let counted = Arc::clone(&polls);
                let inline: BoxFuture<'static, ()> =
                    Box::pin(inline::scope(move |tg| async move {
                        for _ in 0..children {
                            drop(tg.spawn(computes(Arc::clone(&counted))));
                        }
                    }));
                let most = polls_beside_a_task(&runtime, inline, &polls);
                assert!(most <= 10 * children, "{most} polls of {children} children");
            }
            let polls = Arc::new(AtomicUsize::new(0));
            let alone = Box::pin(computes(Arc::clone(&polls)));
            assert!(polls_beside_a_task(&runtime, alone, &polls) <= 10);
        }
    });
}

// Deadlines-1
#[test]
fn a_checkpoint_sees_by_the_clock_that_the_deadline_has_passed() {
    // Nobody rings the alarms of this runtime while the child is polled.
    let runtime = one_thread();
    let on = runtime.handle().clone();
    let polls = Polls::new();
    let options = GroupOptions::new().on(&on).grace(Duration::from_secs(3600));
    let counted = polls.clone();
    let mut scope = pin!(
        options
            .timeout(Duration::from_millis(1))
            .scope_or_cut(|tg| async move {
                let key = tg.spawn(counted.of(async {
                    let begun = Instant::now();
                    while begun.elapsed() < Duration::from_millis(2) {}
                    checkpoint().await
                }));
                let reason = key.await.expect("it has time to end").unwrap_err();
                assert_eq!(reason.kind(), ingather::cancel::CancelKind::Deadline);
            })
    );
    // Within the grace the body has its way.
    runtime.block_on(scope.as_mut()).unwrap();
    assert_eq!(polls.count(), 2);
}

/// Takes whatever the runtime gives to its task, in each of its polls.
async fn greedy(semaphore: &Semaphore, over: impl Fn() -> bool) {
    for taken in 0.. {
        if over() {
            return;
        }
        assert!(taken < 128 * 10_000, "the others are starved");
        drop(semaphore.acquire().await);
    }
}

// Inline-3
#[test]
fn a_child_that_takes_the_whole_budget_starves_no_sibling() {
    for siblings in [1, 2, 3, 4, 7, 40] {
        let (semaphore, over) = (Semaphore::new(100), AtomicUsize::new(0));
        one_thread().block_on(inline::scope(|tg| {
            let (semaphore, over) = (&semaphore, &over);
            async move {
                drop(tg.spawn(greedy(semaphore, move || over.load(SeqCst) == siblings)));
                for _ in 0..siblings {
                    drop(tg.spawn(async {
                        for _ in 0..3 {
                            drop(semaphore.acquire().await);
                            yield_now().await;
                        }
                        over.fetch_add(1, SeqCst);
                    }));
                }
            }
        }));
        assert_eq!(over.load(SeqCst), siblings);
    }
}

// Inline-3
#[test]
fn a_body_that_takes_the_whole_budget_starves_no_child() {
    for siblings in [1, 2, 3, 4, 7] {
        let (semaphore, over) = (Semaphore::new(100), AtomicUsize::new(0));
        one_thread().block_on(inline::scope(|tg| {
            let (semaphore, over) = (&semaphore, &over);
            async move {
                for _ in 0..siblings {
                    drop(tg.spawn(async {
                        drop(semaphore.acquire().await);
                        over.fetch_add(1, SeqCst);
                    }));
                }
                greedy(semaphore, || over.load(SeqCst) == siblings).await;
            }
        }));
        assert_eq!(over.load(SeqCst), siblings);
    }
}

thread_local! {
    /// What is left of the turn.
    static LEFT: Cell<usize> = const { Cell::new(0) };
}

/// A spawner with a budget of its own.
#[derive(Clone)]
struct Metered(HostileSpawner);

impl Spawner for Metered {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.0.spawn(job)
    }

    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    fn should_yield(&self) -> bool {
        LEFT.get() == 0
    }
}

// Inline-3
#[test]
fn an_inline_scope_gives_way_when_the_spawner_around_it_says_so() {
    let spawner = Metered(stepper());
    let _current = enter(&spawner);
    let log = Trace::new();
    let mut scope = ByHand::new(inline::scope(|tg| {
        let log = &log;
        async move {
            for child in 0..4 {
                drop(tg.spawn(async move {
                    loop {
                        log.log(child);
                        // The first takes all that there is.
                        LEFT.set(if child == 0 { 0 } else { LEFT.get() });
                        yield_now().await;
                    }
                }));
            }
        }
    }));
    for _ in 0..4 {
        LEFT.set(1);
        assert!(scope.poll().is_pending());
    }
    log.assert([
        "0", "1", "2", "3", "0", "1", "2", "3", "0", "1", "2", "3", "0",
    ]);
}

/// How often a task on tokio is polled that does this.
fn polls_of<F: Future<Output = ()> + Send + 'static>(
    make: impl FnOnce(Handle) -> F + Send + 'static,
) -> usize {
    let polls = Polls::new();
    let counted = polls.clone();
    one_thread().block_on(async move {
        let task = make(Handle::current());
        tokio::spawn(counted.of(task))
            .await
            .expect("it does not panic");
    });
    polls.count()
}

// Executors-11
#[test]
fn what_is_ready_a_thousand_times_in_a_row_takes_part_in_the_budget() {
    watched("what_is_ready_a_thousand_times_in_a_row", || {
        let ended = |on: &Handle, count: usize| {
            let group = GatherGroup::on(on);
            let keys: Vec<_> = (0..count).map(|n| group.spawn(async move { n })).collect();
            // Or the last `next` would wait for more.
            group.close();
            (group, keys)
        };
        let next = polls_of(move |on| async move {
            let (group, keys) = ended(&on, 1_000);
            while keys.iter().any(|key| !key.is_finished()) {
                tokio::task::yield_now().await;
            }
            while group.next().await.is_some() {}
        });
        let completions = polls_of(move |on| async move {
            let (group, keys) = ended(&on, 1_000);
            while keys.iter().any(|key| !key.is_finished()) {
                tokio::task::yield_now().await;
            }
            assert_eq!(group.completions().count().await, 1_000);
        });
        // Eight keys take as much of it as one of the others.
        let awaited = polls_of(move |on| async move {
            let (group, keys) = ended(&on, 8_000);
            while !group.is_empty() {
                tokio::task::yield_now().await;
            }
            for key in keys {
                assert!(key.await.is_ok());
            }
        });
        let mapped = polls_of(|on| async move {
            let options = GroupOptions::new().on(&on);
            let stream = options.map_concurrent(0..1_000, 1_000, |n| async move { n });
            assert_eq!(stream.count().await, 1_000);
        });
        let cancelled = polls_of(|_| async move {
            let token = CancelToken::new();
            token.cancel();
            for _ in 0..1_000 {
                token.cancelled().await;
            }
        });
        let ticks = polls_of(|_| async move {
            let mut ticks = interval(Duration::from_nanos(1));
            for _ in 0..1_000 {
                ticks.tick().await;
            }
        });
        let slots = polls_of(|on| async move {
            let group = GatherGroup::on(&on);
            for _ in 0..1_000 {
                drop(group.child().spawn_when_free(async {}).await);
            }
            group.join().await;
        });
        let idle = polls_of(|on| async move {
            let registry = TaskRegistry::new();
            for _ in 0..1_000 {
                registry.wait_idle().await;
            }
            drop(on);
        });
        let tasks = polls_of(|on| async move {
            let registry = TaskRegistry::on(&on);
            let tasks: Vec<_> = (0..8_000)
                .map(|n| registry.create_task(async move { n }))
                .collect();
            registry.wait_idle().await;
            for task in tasks {
                assert!(task.await.is_ok());
            }
        });
        let sleeps = polls_of(|_| async move {
            let now = Instant::now();
            for _ in 0..1_000 {
                sleep_until(now).await;
            }
        });
        let timeouts = polls_of(|_| async move {
            for _ in 0..1_000 {
                assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
            }
        });
        let permits = polls_of(|_| async move {
            let limiter = CapacityLimiter::new(1);
            for _ in 0..1_000 {
                drop(limiter.acquire().await);
            }
        });
        let taken = polls_of(|on| async move {
            let group = GroupOptions::new().on(&on).limit(1).group();
            for _ in 0..1_000 {
                drop(group.slot().await);
            }
        });
        let events = polls_of(|_| async move {
            let event = Event::new();
            event.set();
            for _ in 0..1_000 {
                event.wait().await;
            }
        });
        let all = [
            tasks,
            sleeps,
            timeouts,
            permits,
            taken,
            events,
            next,
            completions,
            awaited,
            mapped,
            cancelled,
            ticks,
            slots,
            idle,
        ];
        assert!(all.iter().all(|polls| *polls >= 1_000 / 128), "{all:?}");
    });
}

// Executors-11
#[test]
fn where_nobody_returns_the_budget_holds_nobody_up() {
    watched("where_nobody_returns_the_budget_holds_nobody_up", || {
        one_thread().block_on(async {
            let task = tokio::spawn(async {
                let token = CancelToken::new();
                token.cancel();
                // It blocks within a task, and its turn does not end.
                futures::executor::block_on(async {
                    for _ in 0..1_000 {
                        token.cancelled().await;
                    }
                    inline::scope(|tg| async move {
                        for _ in 0..10 {
                            drop(tg.spawn(crate::support::yields(300)));
                        }
                    })
                    .await;
                });
            });
            task.await.expect("it does not panic");
        });
    });
}
