//! Cancels that are handed on with `?`: which are no failure, and which are.

use std::future::pending;
use std::time::Duration;

use ingather::cancel::{CancelKind, cancel_reason};
use ingather::clock::now;
use ingather::error::Failure;
use ingather::{
    CancelReason, CutShort, GatherIncomplete, GroupError, GroupOptions, OnError, Outcome,
    StartError, checkpoint, current_token, shield, try_scope,
};

use crate::support::{Gate, HOUR, Site, behaviour, unhandled, unique, until, yields};

behaviour!(
    a_checkpoint_that_fails_makes_no_leaf,
    what_failed_beside_it_is_told_alone,
    a_body_hands_a_cancel_on,
    an_inner_scope_hands_the_cancel_of_the_outer_on,
    a_child_that_was_cancelled_alone_fails_nobody,
    another_cancel_is_a_failure,
    the_key_and_the_tally_say_cancelled,
    a_call_that_is_needed_is_missing,
    joiners_and_supervisors_are_told_of_a_cancel,
    a_child_that_has_not_started_is_cancelled,
    a_shield_is_no_obstacle,
    whoever_keeps_the_reason_does_not_hide_a_failure,
);

#[derive(Debug)]
enum Flaw {
    Cancelled(CancelReason),
    Inside(#[expect(dead_code, reason = "it is held, to be handed on")] GroupError<Box<Flaw>>),
    Cut(CutShort),
    Key(GatherIncomplete),
    Real(&'static str),
}

impl From<CancelReason> for Flaw {
    fn from(reason: CancelReason) -> Self {
        Self::Cancelled(reason)
    }
}

impl From<CancelReason> for Box<Flaw> {
    fn from(reason: CancelReason) -> Self {
        Box::new(Flaw::Cancelled(reason))
    }
}

impl From<GroupError<Box<Flaw>>> for Flaw {
    fn from(inside: GroupError<Box<Flaw>>) -> Self {
        Self::Inside(inside)
    }
}

impl From<CutShort> for Flaw {
    fn from(cut: CutShort) -> Self {
        Self::Cut(cut)
    }
}

impl From<GatherIncomplete> for Flaw {
    fn from(why: GatherIncomplete) -> Self {
        Self::Key(why)
    }
}

/// Goes on until it is cancelled.
async fn endless<E: From<CancelReason>>() -> Result<(), E> {
    loop {
        checkpoint().await?;
    }
}

fn kinds(error: &GroupError<Flaw>) -> Option<CancelKind> {
    error.cancelled().map(CancelReason::kind)
}

// Errors-11, Errors-4
async fn a_checkpoint_that_fails_makes_no_leaf(on: Site) {
    let options = GroupOptions::new().on(&on.spawner).grace(HOUR);
    let stopped = options.clone().try_scope(|tg| async move {
        for _ in 0..50 {
            tg.try_spawn(endless::<Flaw>());
        }
        tg.cancel();
        Ok(7)
    });
    assert_eq!(stopped.await.unwrap(), 7);
    let late = options.timeout(HOUR).try_scope(|tg| async move {
        for _ in 0..3 {
            tg.try_spawn(endless::<Flaw>());
        }
        tg.set_deadline(now());
        Ok(7)
    });
    // The deadline cut them short.
    let error = late.await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.len(), 1);
}

// Errors-11, Errors-2, Errors-3
async fn what_failed_beside_it_is_told_alone(on: Site) {
    let options = GroupOptions::new().on(&on.spawner).grace(HOUR);
    let failed = options.try_scope(|tg| async move {
        tg.try_spawn(endless::<Flaw>());
        tg.try_spawn(async {
            let told = endless::<CancelReason>().await.unwrap_err();
            drop(told);
            Err::<(), _>(Flaw::Real("in its grace"))
        });
        tg.try_spawn(async {
            // The error holds a reason that was not handed to it.
            drop(endless::<CancelReason>().await);
            Err::<(), _>(Flaw::Cancelled(cancel_reason().unwrap()))
        });
        tg.try_spawn(async {
            let told = endless::<CancelReason>().await.unwrap_err();
            Err::<(), _>(Flaw::Cancelled(told.clone()))
        });
        tg.cancel();
        Ok(())
    });
    let error = failed.await.unwrap_err();
    assert_eq!(error.len(), 3);
    let real = |error: &&Flaw| matches!(error, Flaw::Real("in its grace"));
    let leaves = error.iter().filter_map(|leaf| leaf.failure().error());
    assert_eq!(leaves.clone().filter(real).count(), 1);
    let asked =
        |error: &&Flaw| matches!(error, Flaw::Cancelled(why) if why.kind() == CancelKind::Explicit);
    assert_eq!(leaves.filter(asked).count(), 2);
}

// Errors-11, Errors-1
async fn a_body_hands_a_cancel_on(on: Site) {
    let options = GroupOptions::new().on(&on.spawner).grace(HOUR);
    let stopped = options.clone().try_scope(|tg| async move {
        tg.try_spawn(endless::<Flaw>());
        tg.cancel();
        endless::<Flaw>().await
    });
    let error = stopped.await.unwrap_err();
    assert_eq!(
        (error.len(), kinds(&error)),
        (1, Some(CancelKind::Explicit))
    );
}

// Errors-11, Errors-8
async fn an_inner_scope_hands_the_cancel_of_the_outer_on(on: Site) {
    let options = GroupOptions::new().on(&on.spawner).grace(HOUR);
    let begun = Gate::new();
    let begins = begun.clone();
    let stopped = options.try_scope(|tg| async move {
        tg.try_spawn(async move {
            try_scope(|inner| async move {
                let key = inner.try_spawn(endless::<Box<Flaw>>());
                begins.open();
                let _ = key.await;
                endless::<Box<Flaw>>().await
            })
            .await?;
            Ok::<_, Flaw>(())
        });
        tg.try_spawn(async move {
            let options = GroupOptions::new().timeout(HOUR);
            let cut = options.scope_or_cut(|inner| async move {
                current_token().cancelled().await;
                inner.cancel_with(cancel_reason().unwrap());
                pending::<()>().await;
            });
            cut.await?;
            Ok::<_, Flaw>(())
        });
        begun.wait().await;
        tg.cancel();
        Ok(7)
    });
    assert_eq!(stopped.await.unwrap(), 7);
}

// Errors-11, Cancelling-8
async fn a_child_that_was_cancelled_alone_fails_nobody(on: Site) {
    let options = GroupOptions::new().on(&on.spawner).grace(HOUR);
    let gate = Gate::new();
    let opens = gate.clone();
    let value = options.try_scope(|tg| async move {
        let sibling = tg.try_spawn(async move {
            gate.wait().await;
            Ok::<_, Flaw>(7)
        });
        let key = tg.try_spawn(endless::<Flaw>());
        key.cancel();
        assert!(key.await.is_err());
        opens.open();
        Ok(sibling.await?)
    });
    assert_eq!(value.await.unwrap(), 7);
}

// Errors-11
async fn another_cancel_is_a_failure(on: Site) {
    // The deadline of an inner scope is none of the outer's, which was not cancelled.
    let failed = GroupOptions::new()
        .on(&on.spawner)
        .try_scope(|tg| async move {
            tg.try_spawn(async {
                let options = GroupOptions::new().timeout(Duration::from_millis(1));
                options.scope_or_cut(|_| pending::<()>()).await?;
                Ok::<_, Flaw>(())
            });
            Ok(())
        });
    let error = failed.await.unwrap_err();
    assert!(matches!(error.first().error(), Some(Flaw::Cut(cut)) if cut.is_timeout()));
    // Neither is that of a sibling that was cancelled alone.
    let failed = GroupOptions::new()
        .on(&on.spawner)
        .try_scope(|tg| async move {
            let sibling = tg.spawn(pending::<()>());
            sibling.cancel();
            tg.try_spawn(async move {
                sibling.await?;
                Ok::<_, Flaw>(())
            });
            Ok(())
        });
    let error = failed.await.unwrap_err();
    let first = error.first().error();
    assert!(matches!(first, Some(Flaw::Key(why)) if why.is_cancelled()));
}

// Errors-11, Results-1, Results-6, Deadlines-4
async fn the_key_and_the_tally_say_cancelled(on: Site) {
    for alone in [false, true] {
        let options = GroupOptions::new().on(&on.spawner).grace(HOUR);
        let group = options.fallible_group();
        let fallible = group.try_spawn(endless::<Flaw>());
        let observed = group.child().observed().try_spawn(endless::<Flaw>());
        drop(group.child().observed().try_spawn(endless::<Flaw>()));
        if alone {
            fallible.cancel();
            observed.cancel();
            until(|| fallible.is_finished() && observed.is_finished()).await;
            assert!(!group.is_cancelled());
        }
        group.cancel();
        let tally = group.try_join().await.unwrap();
        assert_eq!((tally.ok, tally.failed, tally.cancelled), (0, 0, 3));
        for why in [
            fallible.await.unwrap_err(),
            observed.await.map(drop).unwrap_err(),
        ] {
            assert!(
                matches!(&why, GatherIncomplete::Cancelled(why) if why.kind() == CancelKind::Explicit),
                "{why:?}"
            );
        }
    }
}

// Errors-11, Cuts-4, Errors-7
async fn a_call_that_is_needed_is_missing(on: Site) {
    for on_error in [OnError::CancelSiblings, OnError::KeepGoing] {
        let options = GroupOptions::new()
            .on(&on.spawner)
            .grace(HOUR)
            .on_error(on_error);
        let gathered = options.try_gather([|| async {
            current_token().cancel();
            endless::<Flaw>().await
        }]);
        let error = gathered.await.unwrap_err();
        assert_eq!(error.len(), 1);
        assert!(
            error
                .iter()
                .all(|leaf| leaf.failure().is_cancelled() && leaf.child().is_some())
        );
    }
}

// Errors-11, Joining-6, Children-2
async fn joiners_and_supervisors_are_told_of_a_cancel(on: Site) {
    let options = || GroupOptions::new().on(&on.spawner).grace(HOUR);
    // The calls are cancelled since the child is in which they are awaited.
    let inner = options();
    let begun = Gate::new();
    let begins = begun.clone();
    let stopped = options().try_scope(|tg| async move {
        tg.try_spawn(async move {
            let calls = (0..3).map(|_| {
                let begins = begins.clone();
                move || async move {
                    begins.open();
                    endless::<Box<Flaw>>().await
                }
            });
            inner.first_ok(calls.collect::<Vec<_>>()).await?;
            Ok::<_, Flaw>(())
        });
        begun.wait().await;
        tg.cancel();
        Ok(7)
    });
    assert_eq!(stopped.await.unwrap(), 7);
    let outcomes = options()
        .gather_settled([|| async {
            current_token().cancel();
            endless::<Flaw>().await
        }])
        .await;
    assert!(
        matches!(&outcomes[..], [Outcome::Cancelled(_)]),
        "{outcomes:?}"
    );
    // Nobody is told of one that is not supervised any more.
    unhandled::collect();
    let name = unique("stopped");
    let group = options().group();
    drop(
        group
            .named(name.as_str())
            .supervised()
            .try_spawn(endless::<Flaw>()),
    );
    group.cancel();
    group.join().await;
    yields(3).await;
    assert!(unhandled::taken(&name).is_empty());
}

// Errors-11, Starting-5
async fn a_child_that_has_not_started_is_cancelled(on: Site) {
    let group = GroupOptions::new()
        .on(&on.spawner)
        .grace(HOUR)
        .fallible_group();
    let started = group.try_start(|_ready: ingather::Ready<()>| async {
        current_token().cancel();
        endless::<Flaw>().await
    });
    assert!(matches!(started.await, Err(StartError::Cancelled(_))));
    group.try_join().await.unwrap();
}

// Errors-11, Shields-1
async fn a_shield_is_no_obstacle(on: Site) {
    let options = GroupOptions::new().on(&on.spawner).grace(HOUR);
    let stopped = options.try_scope(|tg| async move {
        tg.try_spawn(async {
            let why = endless::<CancelReason>().await.unwrap_err();
            shield(yields(3)).await;
            Err::<(), _>(Flaw::from(why))
        });
        tg.cancel();
        Ok(7)
    });
    assert_eq!(stopped.await.unwrap(), 7);
}

// Errors-11, Errors-2
async fn whoever_keeps_the_reason_does_not_hide_a_failure(on: Site) {
    let kept = std::sync::Mutex::new(Vec::new());
    let keep = std::sync::Arc::new(kept);
    let keeps = std::sync::Arc::clone(&keep);
    let options = GroupOptions::new().on(&on.spawner).grace(HOUR);
    let failed = options.try_scope(|tg| async move {
        tg.try_spawn(async move {
            let why = endless::<CancelReason>().await.unwrap_err();
            keeps.lock().unwrap().push(why);
            Err::<(), _>(String::from("real"))
        });
        tg.cancel();
        Ok(())
    });
    let error = failed.await.unwrap_err();
    assert!(matches!(error.first(), Failure::Cancelled(_)));
    assert_eq!(error.len(), 1);
    assert!(error.iter().all(|leaf| leaf.child().is_some()));
    // An error without a destructor holds nothing.
    let keeps = std::sync::Arc::clone(&keep);
    let options = GroupOptions::new().on(&on.spawner).grace(HOUR);
    let failed = options.try_scope(|tg| async move {
        tg.try_spawn(async move {
            let why = endless::<CancelReason>().await.unwrap_err();
            keeps.lock().unwrap().push(why);
            Err::<(), _>("real")
        });
        tg.cancel();
        Ok(())
    });
    assert_eq!(
        failed.await.unwrap_err().into_first().into_error(),
        Some("real")
    );
}
