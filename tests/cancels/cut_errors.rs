//! What an error says of a group that was cut short, beside what failed.

use std::future::pending;
use std::time::Duration;

use ingather::cancel::CancelKind;
use ingather::{CancelToken, GatherGroup, GroupError, GroupOptions, current_token};

use crate::support::{Fault, Gate, Site, Wound, behaviour, panic_of};

behaviour!(
    a_failure_after_a_cancel_says_both,
    a_failure_before_a_deadline_says_both,
    races_that_are_cut_short_say_both,
    what_failed_by_itself_was_not_cut_short,
    a_lone_cancel_is_said_once,
);

fn says<E: std::fmt::Debug>(error: &GroupError<E>, kind: CancelKind) {
    let reason = error.cut_short().unwrap_or_else(|| panic!("{error:?}"));
    assert_eq!(reason.root().kind(), kind);
    assert_eq!(error.is_timeout(), kind == CancelKind::Deadline);
}

// Errors-10
async fn a_failure_after_a_cancel_says_both(on: Site) {
    let (stop, seen) = (CancelToken::new(), Gate::new());
    let options = GroupOptions::new().on(&on.spawner).token(&stop);
    let options = options.grace(Duration::from_secs(3600));
    let scope = options.try_scope(|tg| async move {
        let reaches = seen.clone();
        tg.try_spawn(async move {
            reaches.open();
            current_token().cancelled().await;
            Err::<(), _>(Fault("interrupted"))
        });
        seen.wait().await;
        stop.cancel();
        Ok(())
    });
    let error = scope.await.unwrap_err();
    assert_eq!(error.first().error(), Some(&Fault("interrupted")));
    says(&error, CancelKind::Explicit);
    assert!(error.iter().all(|leaf| !leaf.failure().is_cancelled()));
}

// Errors-10
async fn a_failure_before_a_deadline_says_both(on: Site) {
    let clock = Wound::new();
    let group: GatherGroup<Fault> = GroupOptions::new()
        .on(&clock.on(&on.spawner))
        .on_error(ingather::OnError::KeepGoing)
        .timeout(Duration::from_secs(1))
        .fallible_group();
    let failed = group.try_spawn(async { Err::<(), _>(Fault("early")) });
    group.spawn(pending::<()>());
    assert!(failed.await.is_err());
    clock.wind(Duration::from_secs(2));
    let error = group.try_join().await.unwrap_err();
    assert_eq!(error.len(), 1);
    assert_eq!(error.first().error(), Some(&Fault("early")));
    says(&error, CancelKind::Deadline);
}

// Errors-10, Joining-6
async fn races_that_are_cut_short_say_both(on: Site) {
    for quorum in [false, true] {
        let (stop, failed) = (CancelToken::new(), Gate::new());
        let calls = [0, 1, 2].map(|n| {
            let (stop, failed) = (stop.clone(), failed.clone());
            move || async move {
                match n {
                    0 => {
                        failed.open();
                        Err::<u32, _>(Fault("one"))
                    }
                    1 => {
                        failed.wait().await;
                        stop.cancel();
                        pending().await
                    }
                    _ => pending().await,
                }
            }
        });
        let options = GroupOptions::new()
            .on(&on.spawner)
            .token(&stop)
            .name("calls");
        let error = if quorum {
            options.quorum(2, calls).await.unwrap_err()
        } else {
            options.first_ok(calls).await.unwrap_err()
        };
        assert_eq!((error.len(), error.name()), (1, Some("calls")));
        assert_eq!(error.first().error(), Some(&Fault("one")));
        says(&error, CancelKind::Explicit);
    }
}

// Errors-10
async fn what_failed_by_itself_was_not_cut_short(on: Site) {
    let options = GroupOptions::new()
        .on(&on.spawner)
        .timeout(Duration::from_secs(3600));
    let scope = options.try_scope(|tg| async move {
        tg.spawn(pending::<()>());
        Err::<(), _>(Fault("body"))
    });
    let error = scope.await.unwrap_err();
    assert_eq!(error.cut_short(), None);
    assert!(!error.is_timeout() && error.cancelled().is_none());
    assert_eq!(error.into_first().into_error(), Some(Fault("body")));
}

// Errors-10
async fn a_lone_cancel_is_said_once(on: Site) {
    let clock = Wound::new();
    for fails in [false, true] {
        let options = GroupOptions::new().on(&clock.on(&on.spawner)).name("crawl");
        let options = options.on_error(ingather::OnError::KeepGoing);
        let options = options.timeout(Duration::from_secs(1));
        let group = options.fallible_group::<String>();
        group.spawn(pending::<()>());
        if fails {
            let key = group
                .named("page")
                .try_spawn(async { Err::<(), _>("404".to_owned()) });
            assert!(key.await.is_err());
        }
        clock.wind(Duration::from_secs(2));
        let error = group.try_join().await.unwrap_err();
        let (short, long) = (error.to_string(), format!("{error:#}"));
        let late = "cancelled because its deadline passed";
        if fails {
            assert!(
                short.starts_with("group `crawl`: 404 (child `page` spawned at "),
                "{short}"
            );
            assert!(
                short.ends_with(&format!("; the group was {late}")),
                "{short}"
            );
            assert!(
                long.ends_with(&format!("\n  and the group was {late}")),
                "{long}"
            );
        } else {
            assert_eq!(short, format!("group `crawl`: {late}"));
            assert_eq!(long, short);
        }
    }
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        crate::support::boom("an error that goes off");
    }
}

// Panics-3
#[test]
fn errors_that_panic_when_they_are_dropped_abort_nothing() {
    crate::support::unhandled::collect();
    let fail = || {
        let calls = [(), (), ()].map(|()| || async { Err::<(), _>(Bomb) });
        let options = GroupOptions::new().on_error(ingather::OnError::KeepGoing);
        let error = ingather::block_on(async { options.try_gather(calls).await });
        error.expect_err("all of them fail")
    };
    assert_eq!(panic_of(|| drop(fail())), None);
    assert_eq!(panic_of(|| std::mem::forget(fail().into_first())), None);
    let next = || std::mem::forget(fail().into_iter().next());
    assert_eq!(panic_of(next), None);
    let told = crate::support::unhandled::taken("an error that goes off");
    assert_eq!(told.len(), 7, "{told:?}");
}
