//! Groups and the executors below them: where children run, by how many jobs, and what a poor executor does to a group.

use std::future::{Future, poll_fn};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Wake, Waker};

use ingather::spawner::{SpawnError, SpawnerHandle, current_spawner, from_fn};
use ingather::{GatherGroup, Job, Key, Spawner};
use tokio::runtime::{Builder, Handle};

use crate::support::{
    AtDrop, ByHand, Drops, Gate, HostileSpawner, Kind, Meter, Mischief, PATIENCE, Site, Trace,
    behaviour, kind, stepper, yield_now, yields,
};

behaviour!(
    children_run_where_the_spawner_runs_jobs,
    children_go_on_when_the_scope_is_polled_once_and_left_alone,
    the_children_of_a_group_that_nobody_awaits_make_progress,
    a_thousand_children_take_no_more_jobs_than_run_at_once,
    a_child_that_wakes_itself_starves_no_other_task,
    a_body_that_wakes_itself_starves_no_child,
    the_spawner_of_the_group_is_current_in_body_and_children,
    a_waker_may_call_back_into_the_group,
    a_destructor_may_call_back_into_the_group,
);

behaviour!(inside: a_child_that_is_not_alone_starts_while_the_body_is_still_in_its_poll);
behaviour!(outside: several_children_run_at_once_where_there_are_threads);

// Executors-2
async fn children_run_where_the_spawner_runs_jobs(on: Site) {
    let site = on.clone();
    let strays = ingather::on(&on.spawner)
        .scope(|tg| async move {
            let child = |number: usize| {
                let site = site.clone();
                tg.spawn(async move {
                    let mut strays = usize::from(!site.is_here());
                    for _ in 0..number % 7 {
                        yield_now().await;
                        strays += usize::from(!site.is_here());
                    }
                    strays
                })
            };
            let keys: Vec<_> = (0..200).map(child).collect();
            let mut strays = 0;
            for key in keys {
                strays += key.await.unwrap();
            }
            strays
        })
        .await;
    assert_eq!(strays, 0, "polls on threads that are not the spawner's");
}

// Executors-3
async fn children_go_on_when_the_scope_is_polled_once_and_left_alone(on: Site) {
    let (drops, left_alone) = (Drops::new(), Gate::new());
    let (held, opened) = (drops.clone(), left_alone.clone());
    let (send, keys) = channel::<Vec<Key<usize>>>();
    let mut scope = ByHand::new(ingather::on(&on.spawner).scope(|tg| async move {
        let child = |number| {
            let (held, opened) = (held.witness(), opened.clone());
            tg.spawn(async move {
                let _held = held;
                // They could be over before the poll is that spawns them.
                opened.wait().await;
                yields(number).await;
                number
            })
        };
        send.send((0..100).map(child).collect()).unwrap();
    }));
    assert!(scope.poll().is_pending());
    left_alone.open();
    for (number, key) in keys.recv().unwrap().into_iter().enumerate() {
        assert_eq!(key.await, Ok(number));
    }
    assert_eq!((drops.made(), drops.count()), (100, 100));
    // Only now does anybody come back to the scope.
    while scope.poll().is_pending() {
        yield_now().await;
    }
}

// Executors-3
async fn the_children_of_a_group_that_nobody_awaits_make_progress(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let first = group.spawn(yields(10));
    let handle = group.handle();
    let second = group.spawn(async move { handle.spawn(yields(3)).await });
    while !(first.is_finished() && second.is_finished()) {
        yield_now().await;
    }
    // Once more, after its jobs found nothing to do.
    yields(20).await;
    assert_eq!(group.spawn(async { 7 }).await, Ok(7));
    assert_eq!(group.join().await.ok, 4);
}

/// Counts the jobs that a spawner is given, and how many of them are not over.
#[derive(Clone)]
struct Counted {
    inner: SpawnerHandle,
    jobs: Meter,
}

impl Counted {
    fn new(on: &Site) -> Self {
        Self {
            inner: on.spawner.clone(),
            jobs: Meter::new(),
        }
    }
}

impl Spawner for Counted {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        let metered = self.jobs.enter();
        self.inner.spawn(Box::pin(async move {
            let _metered = metered;
            job.await;
        }))
    }

    fn parallelism(&self) -> NonZeroUsize {
        self.inner.parallelism()
    }

    fn is_current(&self) -> bool {
        self.inner.is_current()
    }

    fn should_yield(&self) -> bool {
        self.inner.should_yield()
    }
}

// Executors-4
async fn a_thousand_children_take_no_more_jobs_than_run_at_once(on: Site) {
    let counted = Counted::new(&on);
    let most = counted.parallelism().get();
    let gate = Gate::new();
    let opened = gate.clone();
    let sum = ingather::on(&counted)
        .scope(|tg| async move {
            let child = |number: usize| {
                let waits = gate.clone();
                tg.spawn(async move {
                    yields(number % 5).await;
                    waits.wait().await;
                    number
                })
            };
            let keys: Vec<_> = (0..1_000).map(child).collect();
            opened.open();
            let mut sum = 0;
            for key in keys {
                sum += key.await.unwrap();
            }
            sum
        })
        .await;
    assert_eq!(sum, 499_500);
    let (entered, highest) = (counted.jobs.entered(), counted.jobs.highest());
    assert!(
        (1..=most).contains(&entered) && highest <= most,
        "{entered} jobs for {most}"
    );
    // Jobs go home with the group.
    while counted.jobs.now() > 0 {
        yield_now().await;
    }
}

// Executors-5
async fn a_child_that_wakes_itself_starves_no_other_task(on: Site) {
    let stop = Arc::new(AtomicBool::new(false));
    let group = GatherGroup::on(&on.spawner);
    for _ in 0..20 {
        let stop = Arc::clone(&stop);
        drop(group.spawn(poll_fn(move |cx| {
            if stop.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })));
    }
    // A task of the executor that is not the group's, and another group.
    let (tell, told) = futures::channel::oneshot::channel();
    let task = async move {
        yields(10).await;
        let _ = tell.send(());
    };
    on.spawner.spawn(Box::pin(task)).unwrap();
    told.await.expect("the other task is run");
    let other = ingather::on(&on.spawner).scope(|tg| async move { tg.spawn(yields(10)).await });
    assert_eq!(other.await, Ok(()));
    stop.store(true, Ordering::SeqCst);
    assert_eq!(group.join().await.ok, 20);
}

// Executors-5
async fn a_body_that_wakes_itself_starves_no_child(on: Site) {
    let polls = ingather::on(&on.spawner)
        .scope(|tg| async move {
            let key = tg.spawn(yields(10));
            let mut polls = 0_u64;
            while !key.is_finished() {
                polls += 1;
                yield_now().await;
            }
            polls
        })
        .await;
    assert!(polls < 100_000_000);
}

// Executors-5
#[test]
fn a_driver_gives_way_after_a_bounded_number_of_polls() {
    let stepper = stepper();
    let (group, polls) = (GatherGroup::on(&stepper), Arc::new(AtomicUsize::new(0)));
    for _ in 0..1_000 {
        let polls = Arc::clone(&polls);
        drop(group.spawn(poll_fn(move |cx| {
            polls.fetch_add(1, Ordering::SeqCst);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        })));
    }
    for turn in 1..100 {
        assert!(stepper.step());
        assert_eq!(polls.load(Ordering::SeqCst), 64 * turn);
    }
    drop(group);
    stepper.run_until_idle();
    assert_eq!(stepper.jobs(), 0);
}

// Executors-5
#[test]
fn a_driver_gives_way_when_the_executor_says_so() {
    let always = Mischief::honest().turn_over(100);
    let stepper = HostileSpawner::stepped_by(1, always, 0);
    let (group, log) = (GatherGroup::on(&stepper), Trace::new());
    for number in 0..3 {
        let log = log.clone();
        drop(group.spawn(async move { log.log(format!("{number}")) }));
    }
    for turn in 1..=3 {
        assert!(stepper.step());
        assert_eq!(log.entries().len(), turn);
    }
    assert_eq!(log.entries(), ["0", "1", "2"]);
    assert!(group.is_empty());
}

// Executors-7
async fn the_spawner_of_the_group_is_current_in_body_and_children(on: Site) {
    let handle = on.spawner.clone();
    let elsewhere = SpawnerHandle::new(from_fn(|_| Err(SpawnError::new("not this one"))));
    let mut scope = Box::pin(ingather::on(&on.spawner).scope(|tg| {
        let in_call = current_spawner().same_as(&handle);
        async move {
            let mut seen = vec![in_call, current_spawner().same_as(&handle)];
            seen.push(tg.spawn(is_current(handle.clone())).await.unwrap());
            seen.push(current_spawner().same_as(&handle));
            // A scope in a child is opened on the same spawner without naming it.
            let nested = tg.start_soon(move || {
                ingather::scope(|tg| async move { tg.spawn(is_current(handle)).await })
            });
            seen.push(nested.await.unwrap().unwrap());
            seen
        }
    }));
    let seen = poll_fn(|cx| {
        let _entered = ingather::spawner::enter(&elsewhere);
        let poll = scope.as_mut().poll(cx);
        assert!(current_spawner().same_as(&elsewhere));
        poll
    });
    assert_eq!(seen.await, [true; 5]);
}

// Executors-7
#[test]
fn in_a_tokio_runtime_children_run_on_it() {
    let one = || Builder::new_current_thread();
    let many = || {
        let mut many = Builder::new_multi_thread();
        many.worker_threads(2);
        many
    };
    for mut builder in [one(), many()] {
        let runtime = builder.enable_time().build().unwrap();
        let id = runtime.handle().id();
        let everywhere = async move {
            let (first, again) = (current_spawner(), current_spawner());
            assert!(first.same_as(&again));
            let elsewhere = tokio::spawn(async { current_spawner() }).await.unwrap();
            assert!(first.same_as(&elsewhere), "one handle for all threads");
            let blocking = tokio::task::spawn_blocking(current_spawner).await.unwrap();
            assert!(first.same_as(&blocking));
            let slept = ingather::scope(|tg| async move {
                let child = tg.spawn(async {
                    tokio::task::yield_now().await;
                    Handle::current().id()
                });
                child.await
            });
            assert_eq!(slept.await, Ok(id));
            let gathered = ingather::gather([|| async { Handle::current().id() }]).await;
            assert_eq!(gathered, [id]);
            let task = ingather::create_task(async { Handle::current().id() });
            assert_eq!(task.await.unwrap(), id);
        };
        runtime.block_on(everywhere);
        {
            let _inside = runtime.enter();
            assert!(!current_spawner().same_as(&SpawnerHandle::new(runtime.handle().clone())));
            let entered = ingather::spawner::enter(&on_nothing());
            assert!(
                current_spawner().spawn(Box::pin(async {})).is_err(),
                "what is entered comes first"
            );
            drop(entered);
            assert!(current_spawner().spawn(Box::pin(async {})).is_ok());
        }
        drop(runtime);
        assert!(Handle::try_current().is_err());
        let outside = futures::executor::block_on(ingather::gather([|| async {
            Handle::try_current().is_err()
        }]));
        assert_eq!(outside, [true]);
    }
}

// Executors-7, Time-1
#[test]
fn in_a_tokio_runtime_the_deadline_of_a_group_goes_by_its_clock() {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let hour = std::time::Duration::from_secs(3600);
        let before = tokio::time::Instant::now();
        let options = ingather::GroupOptions::new().timeout(hour);
        let late = options.scope_or_cut(|_| std::future::pending::<()>());
        assert!(late.await.unwrap_err().is_timeout());
        assert_eq!(before.elapsed(), hour);
    });
}

/// A spawner that takes nothing.
fn on_nothing() -> SpawnerHandle {
    SpawnerHandle::new(from_fn(|_| Err(SpawnError::new("not this one"))))
}

async fn is_current(spawner: SpawnerHandle) -> bool {
    let first = current_spawner().same_as(&spawner);
    yield_now().await;
    first && current_spawner().same_as(&spawner)
}

/// A waker that calls a closure.
struct OnWake<F>(F);

impl<F: Fn() + Send + Sync> Wake for OnWake<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

// Executors-6
async fn a_waker_may_call_back_into_the_group(on: Site) {
    let (log, gate) = (Trace::new(), Gate::new());
    let group = GatherGroup::on(&on.spawner);
    let waits = gate.clone();
    let mut key = group.spawn(async move { waits.wait().await });
    let (spawned, from_waker) = channel();
    let (handle, trace) = (group.handle(), log.clone());
    let waker = Waker::from(Arc::new(OnWake(move || {
        trace.log(format!("{} {}", handle.is_closed(), handle.tally().ok));
        spawned.send(handle.spawn(async { 7 })).unwrap();
        let _ = format!("{handle:?}");
    })));
    let poll = Pin::new(&mut key).poll(&mut Context::from_waker(&waker));
    assert!(poll.is_pending());
    gate.open();
    while !key.is_finished() {
        yield_now().await;
    }
    let late = loop {
        match from_waker.try_recv() {
            Ok(key) => break key,
            Err(_) => yield_now().await,
        }
    };
    assert_eq!(late.await, Ok(7));
    assert_eq!(
        log.entries(),
        ["false 1"],
        "woken once, after the child was counted"
    );
    assert_eq!(group.join().await.ok, 2);
}

// Executors-6
async fn a_destructor_may_call_back_into_the_group(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let log = Trace::new();
    let calls = |what: &'static str| {
        let (handle, log) = (group.handle(), log.clone());
        AtDrop(Some(move || {
            let key = handle.spawn(async {});
            log.log(format!(
                "{what} {} {}",
                handle.is_cancelled(),
                kind(&key).is_none()
            ));
        }))
    };
    let (in_future, in_value) = (calls("future"), calls("value"));
    drop(group.spawn(async move {
        let _in_future = in_future;
        yield_now().await;
        in_value
    }));
    assert_eq!(group.join().await.ok, 3);
    assert_eq!(log.entries(), ["future false true", "value false true"]);
}

// Executors-3
async fn several_children_run_at_once_where_there_are_threads(on: Site) {
    if on.spawner.parallelism().get() < 2 {
        return;
    }
    let (one, two) = (Gate::new(), Gate::new());
    let (first, second) = (one.clone(), two.clone());
    let group = GatherGroup::on(&on.spawner);
    let waits = group.spawn(async move {
        one.open();
        second.block_for(PATIENCE)
    });
    drop(group.spawn(async move {
        first.block_for(PATIENCE);
        two.open();
    }));
    assert_eq!(
        waits.await,
        Ok(true),
        "the second child did not run beside the first"
    );
}

// Executors-3
async fn a_child_that_is_not_alone_starts_while_the_body_is_still_in_its_poll(on: Site) {
    // tokio keeps what a task has woken last for the same worker, whoever wakes it.
    if on.spawner.parallelism().get() < 2 || on.kind == Kind::TokioMany {
        return;
    }
    let started = ingather::on(&on.spawner).scope(|tg| async move {
        let gate = Gate::new();
        let open = gate.clone();
        drop(tg.spawn(async move { open.open() }));
        // The one that is left is what the body's own task sees to.
        drop(tg.spawn(async {}));
        gate.block_for(PATIENCE)
    });
    assert!(started.await, "no child of a busy body did start");
}
