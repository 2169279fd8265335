//! What a child holds of its context, and what its group holds of spawner and clock: when each goes, and destructors that panic.

use std::future::{pending, poll_fn};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures::executor::block_on;
use ingather::clock::{Clock, ClockHandle, Timer};
use ingather::spawner::SpawnError;
use ingather::{ContextVar, GatherGroup, GroupOptions, Job, Spawner, parallel};

use crate::support::{
    Drops, Explosive, Fault, Site, Witness, behaviour, may_block, throw, unhandled, unique,
    watched, yields,
};

behaviour!(
    a_context_value_goes_before_the_end_is_seen,
    a_context_value_that_panics_in_its_drop_goes_to_the_hook_and_no_further,
    children_of_every_end_let_go_of_a_context_value_that_panics,
);

behaviour!(outside: a_blocking_scope_survives_a_context_value_that_panics_in_its_drop);

static HELD: ContextVar<Witness> = ContextVar::new();
static HOSTILE: ContextVar<Explosive> = ContextVar::new();

// Context-5
async fn a_context_value_goes_before_the_end_is_seen(on: Site) {
    let (drops, out) = (Drops::new(), Arc::<Mutex<Option<Waker>>>::default());
    let group = GatherGroup::on(&on.spawner);
    let slot = Arc::clone(&out);
    let mut key = HELD.sync_scope(drops.witness(), || {
        group.spawn(poll_fn(move |cx| {
            *slot.lock().unwrap() = Some(cx.waker().clone());
            Poll::Ready(7)
        }))
    });
    assert_eq!((&mut key).await, Ok(7));
    // Its key is there, and a waker of it.
    assert!(drops.all() && out.lock().unwrap().is_some());
    assert_eq!(group.join().await.ok, 1);
}

// Context-5, Panics-3
async fn a_context_value_that_panics_in_its_drop_goes_to_the_hook_and_no_further(on: Site) {
    for _ in 0..20 {
        let text = unique("context value");
        let hostile = Explosive(text.clone());
        let five = ingather::on(&on.spawner).scope(|tg| async move {
            HOSTILE.sync_scope(hostile, || drop(tg.spawn(async {})));
            tg.spawn(async { 5 }).await
        });
        assert_eq!(five.await, Ok(5));
        assert_eq!(unhandled::taken(&text).len(), 1);
    }
}

// Context-5, Panics-3
async fn children_of_every_end_let_go_of_a_context_value_that_panics(on: Site) {
    let texts: Vec<_> = (0..6).map(|_| unique("context value")).collect();
    let mut hostile = texts.iter().map(|text| Explosive(text.clone()));
    let mut next = || hostile.next().unwrap();
    let (fails, panics, yielding, cancelled) = (next(), next(), next(), next());
    let error = ingather::on(&on.spawner).try_scope(|tg| async move {
        HOSTILE.sync_scope(fails, || {
            drop(tg.try_spawn(async { Err::<(), _>(Fault("it")) }))
        });
        HOSTILE.sync_scope(yielding, || drop(tg.spawn(yields(3))));
        HOSTILE.sync_scope(cancelled, || drop(tg.spawn(pending::<()>())));
        Ok(())
    });
    assert_eq!(error.await.unwrap_err().len(), 1);

    let group = GatherGroup::on(&on.spawner);
    let supervised = HOSTILE.sync_scope(panics, || {
        group.child().supervised().try_spawn(async {
            if true {
                throw("a supervised child");
            }
            Ok::<(), Fault>(())
        })
    });
    assert!(supervised.await.unwrap().is_panicked());
    let (refused, dropped) = (next(), next());
    HOSTILE.sync_scope(dropped, || drop(group.spawn(pending::<()>())));
    group.close();
    let key = HOSTILE.sync_scope(refused, || group.spawn(async {}));
    assert!(key.is_finished());
    drop((group, key));

    for text in texts {
        // One that was being polled goes at the end of that.
        while unhandled::taken(&text).is_empty() {
            yields(1).await;
        }
        assert_eq!(unhandled::taken(&text), [""; 0]);
    }
}

// Panics-3, Blocking-1
async fn a_blocking_scope_survives_a_context_value_that_panics_in_its_drop(on: Site) {
    assert!(may_block(&on));
    for _ in 0..20 {
        let text = unique("context value");
        parallel::on(&on.spawner).scope(|tg| {
            HOSTILE.sync_scope(Explosive(text.clone()), || drop(tg.spawn(async {})));
        });
        assert_eq!(unhandled::taken(&text).len(), 1);
    }
}

/// Keeps its jobs, goes by a clock of its own, and panics when it is dropped, as the clock does.
struct Hostile {
    jobs: Arc<Mutex<Vec<Job>>>,
    clock: ClockHandle,
    _explosive: Explosive,
}

struct HostileClock(#[expect(dead_code, reason = "held for its drop")] Explosive);

impl Clock for HostileClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn timer(&self, _at: Instant) -> Timer {
        Box::pin(pending())
    }
}

impl Spawner for Hostile {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.jobs.lock().unwrap().push(job);
        Ok(())
    }

    fn clock(&self) -> Option<ClockHandle> {
        Some(self.clock.clone())
    }
}

// Panics-3
#[test]
fn a_spawner_and_a_clock_may_go_with_the_last_waker_of_a_child() {
    watched("context_ends", || {
        unhandled::collect();
        let (text, clock) = (unique("spawner"), unique("clock"));
        let (jobs, out) = (
            Arc::<Mutex<Vec<Job>>>::default(),
            Arc::<Mutex<Option<Waker>>>::default(),
        );
        let spawner = Arc::new(Hostile {
            jobs: Arc::clone(&jobs),
            clock: ClockHandle::new(HostileClock(Explosive(clock.clone()))),
            _explosive: Explosive(text.clone()),
        });
        let options = GroupOptions::new().timeout(Duration::from_secs(1_000));
        let group = options.on(&spawner).group();
        drop(spawner);
        let slot = Arc::clone(&out);
        drop(group.spawn(poll_fn(move |cx| {
            *slot.lock().unwrap() = Some(cx.waker().clone());
            Poll::Ready(())
        })));
        let mut taken = std::mem::take(&mut *jobs.lock().unwrap());
        for job in &mut taken {
            let parked = job.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(parked.is_pending());
        }
        let waker = out.lock().unwrap().take().unwrap();
        block_on(group.join());
        drop((group, taken));
        assert_eq!(unhandled::taken(&text), [""; 0]);
        // The waker holds the cell, that the block, and that the group.
        thread::spawn(move || drop(waker)).join().unwrap();
        assert_eq!(unhandled::taken(&text).len(), 1);
        assert_eq!(unhandled::taken(&clock).len(), 1);
    });
}

/// A clock that stands, until it panics.
struct Broken(Arc<Mutex<bool>>);

impl Clock for Broken {
    fn now(&self) -> Instant {
        if *self.0.lock().unwrap() {
            throw("a broken clock");
        }
        Instant::now()
    }

    fn timer(&self, _at: Instant) -> Timer {
        Box::pin(pending())
    }
}

struct OnBroken(ClockHandle);

impl Spawner for OnBroken {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        thread::spawn(|| block_on(job));
        Ok(())
    }

    fn clock(&self) -> Option<ClockHandle> {
        Some(self.0.clone())
    }
}

// Panics-3, Cancelling-2, Cancelling-17
#[test]
fn under_a_clock_that_panics_there_is_no_grace() {
    watched("context_ends", || {
        unhandled::collect();
        let broken = Arc::<Mutex<bool>>::default();
        let spawner = Arc::new(OnBroken(ClockHandle::new(Broken(Arc::clone(&broken)))));
        let options = GroupOptions::new().grace(Duration::from_secs(1_000));
        let group = options.on(&spawner).group();
        let own = || group.child().grace(Duration::from_secs(1_000));
        let alone = [group.spawn(pending::<()>()), own().spawn(pending())];
        let others = [group.spawn(pending::<()>()), own().spawn(pending())];
        *broken.lock().unwrap() = true;
        for alone in alone {
            alone.cancel();
            assert!(block_on(alone).unwrap_err().is_cancelled());
        }
        group.cancel();
        for other in others {
            assert!(block_on(other).unwrap_err().is_cancelled());
        }
        assert_eq!(block_on(group.join()).cancelled, 4);
        assert!(!unhandled::taken("a broken clock").is_empty());
    });
}
