//! Deadlines: when they cancel, which cause counts, what is an error then, and what reads them.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use ingather::cancel::{CancelKind, current_deadline};
use ingather::clock::{Clock, ClockHandle, Timer, now};
use ingather::spawner::{SpawnError, SpawnerHandle};
use ingather::{Deadline, GatherGroup, GroupOptions, Job, Spawner, current_token, shield};

use crate::support::{
    ByHand, Drops, Fault, Gate, HOUR, MOMENT, Polls, SECOND, Site, behaviour, kind, may_block,
    reason, until, with_wound, yields,
};

behaviour!(
    a_deadline_cancels_a_group_that_nobody_polls,
    a_deadline_in_the_past_cancels_at_once,
    a_deadline_that_never_comes_cancels_nothing,
    a_deadline_that_is_moved_counts_as_it_was_set_last,
    a_deadline_that_has_passed_unnoticed_came_first,
    what_is_over_lets_go_of_its_deadline,
    a_child_sees_the_deadlines_around_it,
    a_deadline_ends_a_blocking_scope,
);

async fn reads(expected: Deadline) {
    assert_eq!(current_deadline(), expected);
}

fn ends(kind: CancelKind) -> impl Fn(&GatherGroup) -> bool {
    move |group| group.cancel_reason().map(|reason| reason.kind()) == Some(kind)
}

// Deadlines-1, Cancelling-1
async fn a_deadline_cancels_a_group_that_nobody_polls(on: Site) {
    with_wound(on, |clock| async move {
        let drops = Drops::new();
        let group = GroupOptions::new().timeout(SECOND).group();
        let held = drops.witness();
        let key = group.spawn(async move {
            let _held = held;
            pending::<()>().await;
        });
        clock.wind(SECOND / 2);
        yields(5).await;
        assert!(!group.is_cancelled());
        clock.wind(SECOND / 2);
        assert!(
            ends(CancelKind::Deadline)(&group),
            "with the clock, and nobody else"
        );
        // Nobody joins it: its own drivers drop the child.
        until(|| drops.all()).await;
        until(|| key.is_finished()).await;
        assert_eq!(kind(&key), Some(CancelKind::Deadline));
        assert_eq!(group.join().await.cancelled, 1);
        // A scope whose future lies about is cancelled likewise.
        let held = drops.witness();
        let options = GroupOptions::new().timeout(SECOND);
        let mut scope = ByHand::new(options.scope_or_cut(|tg| async move {
            tg.spawn(async move {
                let _held = held;
                pending::<()>().await;
            });
            pending::<()>().await;
        }));
        assert!(scope.poll().is_pending());
        clock.wind(SECOND);
        until(|| drops.all()).await;
    })
    .await;
}

// Deadlines-1, Leaving-6
async fn a_deadline_in_the_past_cancels_at_once(on: Site) {
    with_wound(on, |clock| async move {
        let polls = Polls::new();
        for options in [
            GroupOptions::new().deadline(now()),
            GroupOptions::new().deadline(now() - SECOND),
            GroupOptions::new().timeout(Duration::ZERO).grace(HOUR),
        ] {
            let group = options.group();
            assert!(ends(CancelKind::Deadline)(&group));
            let key = group.spawn(polls.clone().of(async {}));
            assert_eq!(kind(&key), Some(CancelKind::Deadline));
            assert_eq!(group.join().await.total(), 0);
        }
        let group = GatherGroup::new();
        let key = group.spawn(pending::<()>());
        group.set_deadline(now());
        assert!(ends(CancelKind::Deadline)(&group));
        assert_eq!(group.join().await.cancelled, 1);
        let read = reason(&key).expect("it was cancelled");
        assert_eq!(read.location().map(|place| place.file()), Some(file!()));
        assert_eq!((polls.count(), clock.waiting()), (0, 0));
    })
    .await;
}

// Deadlines-1
async fn a_deadline_that_never_comes_cancels_nothing(on: Site) {
    with_wound(on, |clock| async move {
        for group in [
            GroupOptions::new().timeout(Duration::MAX).group(),
            GroupOptions::new().timeout(None).group(),
            GroupOptions::new().timeout(SECOND).timeout(None).group(),
            GroupOptions::new().move_on_after(Duration::MAX).group(),
            GroupOptions::new().deadline(Deadline::NEVER).group(),
        ] {
            assert_eq!((group.deadline(), clock.waiting()), (Deadline::NEVER, 0));
            let gate = Gate::new();
            let waits = gate.clone();
            let key = group.spawn(async move { waits.wait().await });
            clock.wind(1_000 * HOUR);
            gate.open();
            assert_eq!(group.join().await.ok, 1);
            assert_eq!(key.await, Ok(()));
        }
    })
    .await;
}

// Deadlines-2
async fn a_deadline_that_is_moved_counts_as_it_was_set_last(on: Site) {
    with_wound(on, |clock| async move {
        let start = now();
        let group = GroupOptions::new().timeout(5 * SECOND).group();
        let key = group.spawn(pending::<()>());
        assert_eq!(group.deadline(), Deadline::from(start + 5 * SECOND));
        for seconds in [9, 2, 7, 3, 8] {
            group.set_deadline(start + seconds * SECOND);
            assert_eq!(
                (group.deadline(), clock.waiting()),
                ((start + seconds * SECOND).into(), 1)
            );
        }
        clock.wind(7 * SECOND);
        yields(5).await;
        assert!(!group.is_cancelled());
        group.set_deadline(Deadline::NEVER);
        assert_eq!(clock.waiting(), 0);
        clock.wind(7 * SECOND);
        yields(5).await;
        assert!(!group.is_cancelled());
        group.set_deadline(start + 15 * SECOND);
        clock.wind(SECOND);
        assert!(ends(CancelKind::Deadline)(&group));
        let cause = group.cancel_reason();
        // Too late, in whatever direction.
        group.set_deadline(Deadline::NEVER);
        group.set_deadline(start);
        group.join().await;
        assert_eq!(
            (reason(&key), group.cancel_reason()),
            (cause.clone(), cause)
        );
        assert_eq!(clock.waiting(), 0);
    })
    .await;
}

/// A spawner whose clock tells the time, and wakes nobody when it has come.
#[derive(Clone)]
struct Deaf(SpawnerHandle, Arc<AtomicUsize>, std::time::Instant);

impl Spawner for Deaf {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.0.spawn(job)
    }

    fn clock(&self) -> Option<ClockHandle> {
        Some(ClockHandle::new(self.clone()))
    }
}

impl Clock for Deaf {
    fn now(&self) -> std::time::Instant {
        self.2 + SECOND * u32::try_from(self.1.load(SeqCst)).expect("it fits")
    }

    fn timer(&self, _: std::time::Instant) -> Timer {
        Box::pin(pending())
    }
}

// Deadlines-3, Cancelling-1
async fn a_deadline_that_has_passed_unnoticed_came_first(on: Site) {
    for late in [false, true] {
        let seconds = Arc::new(AtomicUsize::new(0));
        let spawner = Deaf(
            on.spawner.clone(),
            Arc::clone(&seconds),
            std::time::Instant::now(),
        );
        let options = GroupOptions::new().timeout(2 * SECOND).on(&spawner);
        // One second, or the very instant.
        let pass = || seconds.store(if late { 2 } else { 1 }, SeqCst);
        let expected = |other: CancelKind| if late { CancelKind::Deadline } else { other };
        let of = |group: &GatherGroup<Fault>| group.cancel_reason().map(|reason| reason.kind());

        let group = options.clone().fallible_group::<Fault>();
        pass();
        group.cancel();
        assert_eq!(of(&group), Some(expected(CancelKind::Explicit)));

        seconds.store(0, SeqCst);
        let group = options.clone().fallible_group::<Fault>();
        pass();
        group.token().cancel();
        assert_eq!(of(&group), Some(expected(CancelKind::Explicit)));

        seconds.store(0, SeqCst);
        let group = options.clone().fallible_group::<Fault>();
        let (gate, waits) = (Gate::new(), Gate::new());
        let opens = gate.clone();
        group.try_spawn(async move {
            opens.wait().await;
            Err::<(), _>(Fault("a child"))
        });
        let sibling = group.spawn(async move { waits.wait().await });
        pass();
        gate.open();
        // The failure is one all the same.
        let error = group.try_join().await.unwrap_err();
        assert_eq!(
            (error.len(), error.first().error()),
            (1, Some(&Fault("a child")))
        );
        assert_eq!(kind(&sibling), Some(expected(CancelKind::SiblingFailed)));

        seconds.store(0, SeqCst);
        let handle = Arc::new(std::sync::Mutex::new(None));
        let kept = Arc::clone(&handle);
        let error = options.clone().try_scope(|tg| async move {
            *kept.lock().unwrap() = Some(tg.spawn(pending::<()>()));
            pass();
            Err::<(), _>(Fault("the body"))
        });
        assert_eq!(
            error.await.unwrap_err().first().error(),
            Some(&Fault("the body"))
        );
        let key = handle.lock().unwrap().take().expect("it was started");
        assert_eq!(kind(&key), Some(expected(CancelKind::BodyFailed)));

        seconds.store(0, SeqCst);
        let group = options.clone().fallible_group::<Fault>();
        let key = group.spawn(pending::<()>());
        pass();
        drop(group);
        // It may be in its first poll at this instant.
        until(|| key.is_finished()).await;
        assert_eq!(kind(&key), Some(expected(CancelKind::Dropped)));
    }
}

// Deadlines-1, Time-7
async fn what_is_over_lets_go_of_its_deadline(on: Site) {
    with_wound(on, |clock| async move {
        let options = GroupOptions::new().timeout(HOUR).grace(HOUR);
        options
            .clone()
            .scope_or_cut(|tg| async move { drop(tg.spawn(async {})) })
            .await
            .unwrap();
        assert_eq!(clock.waiting(), 0);
        let group = options.clone().group();
        group.spawn(pending::<()>());
        assert_eq!(clock.waiting(), 1);
        drop(group);
        assert_eq!(clock.waiting(), 0);
        let group = options.clone().group();
        group.spawn(async {});
        group.join().await;
        assert_eq!(clock.waiting(), 0, "a group that was joined needs none");
        clock.wind(2 * HOUR);
        assert!(!group.is_cancelled());
        // The grace likewise.
        let group = options.group();
        let key = group.spawn(async { current_token().cancelled().await.kind() });
        let alone = group.spawn(async { current_token().cancelled().await.kind() });
        alone.cancel();
        assert_eq!(alone.await, Ok(CancelKind::Explicit));
        until(|| clock.waiting() == 1).await;
        group.cancel();
        assert_eq!(key.await, Ok(CancelKind::Explicit));
        group.join().await;
        assert_eq!(clock.waiting(), 0);
    })
    .await;
}

// Deadlines-5
async fn a_child_sees_the_deadlines_around_it(on: Site) {
    with_wound(on, |_| async move {
        assert_eq!(current_deadline(), Deadline::NEVER);
        let at = |seconds: u32| Deadline::from(now() + seconds * SECOND);
        let (five, three, nine) = (at(5), at(3), at(9));
        let outer = GroupOptions::new().deadline(five);
        let outer = outer.scope_or_cut(|tg| async move {
            reads(five).await;
            tg.spawn(reads(five)).await.unwrap();
            let earlier = GroupOptions::new()
                .deadline(three)
                .scope_or_cut(move |tg| async move {
                    reads(three).await;
                    tg.spawn(reads(three)).await.unwrap();
                    tg.spawn(shield(reads(Deadline::NEVER))).await.unwrap();
                    tg.spawn(shield(reads(nine)).deadline(nine)).await.unwrap();
                    tg.set_deadline(nine);
                    // Its own is later now.
                    assert_eq!(tg.deadline(), nine);
                    reads(five).await;
                    tg.spawn(reads(five)).await.unwrap();
                });
            tg.spawn(earlier).await.unwrap().unwrap();
            tg.set_deadline(Deadline::NEVER);
            reads(Deadline::NEVER).await;
        });
        outer.await.unwrap();
        assert_eq!(current_deadline(), Deadline::NEVER);
    })
    .await;
}

// Deadlines-1, Deadlines-4, Blocking-1
async fn a_deadline_ends_a_blocking_scope(on: Site) {
    if !may_block(&on) {
        return;
    }
    let drops = Drops::new();
    let options = GroupOptions::new().timeout(HOUR).on(&on.spawner);
    let error = options.parallel().try_scope(|tg| {
        for _ in 0..3 {
            let drops = &drops;
            tg.try_spawn(async move {
                let _held = drops.witness();
                pending::<Result<(), Fault>>().await
            });
        }
        // Once they are in the group, or on a busy machine it would refuse them.
        tg.set_deadline(Deadline::after(MOMENT));
        Ok(())
    });
    assert!(error.unwrap_err().is_timeout() && drops.all());
}
