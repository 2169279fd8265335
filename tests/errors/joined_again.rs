//! A group that has failed, and is joined again or by several at once.

use std::future::pending;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use futures::future::join_all;
use ingather::cancel::CancelKind;
use ingather::error::Failure;
use ingather::{GatherGroup, GroupOptions, OnError, OnPanic};

use crate::support::{Fault, Site, behaviour, boom};

behaviour!(
    a_failed_group_fails_again,
    a_group_that_panicked_panics_again,
    one_of_several_is_given_what_failed,
    a_group_that_did_not_fail_does_not_fail_later,
);

/// The name of the child that the error of a later join speaks of.
fn named(failure: &Failure<Fault>) -> Option<&str> {
    match failure {
        Failure::Cancelled(reason) if reason.kind() == CancelKind::SiblingFailed => {
            reason.child().and_then(|child| child.name())
        }
        _ => None,
    }
}

// Errors-9, Errors-3
async fn a_failed_group_fails_again(on: Site) {
    for on_error in [OnError::CancelSiblings, OnError::KeepGoing] {
        let options = GroupOptions::new().on(&on.spawner).on_error(on_error);
        let group = options.fallible_group::<Fault>();
        group
            .named("first")
            .try_spawn(async { Err::<(), _>(Fault("one")) });
        let first = group.try_join().await.unwrap_err();
        assert_eq!(
            (first.len(), first.first().error()),
            (1, Some(&Fault("one")))
        );
        for _ in 0..3 {
            let again = group.try_join().await.unwrap_err();
            assert_eq!((again.len(), again.is_timeout()), (1, false));
            assert_eq!(named(again.first()), Some("first"));
        }
    }
}

// Errors-9, Panics-1, Panics-2
async fn a_group_that_panicked_panics_again(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    group.named("bomb").spawn(async { boom("once") });
    let joined = AssertUnwindSafe(group.join()).catch_unwind().await;
    assert_eq!(joined.unwrap_err().downcast_ref(), Some(&"once"));
    for _ in 0..2 {
        let joined = AssertUnwindSafe(group.join()).catch_unwind().await;
        let payload = joined.unwrap_err();
        let text = payload.downcast_ref::<String>().unwrap();
        assert!(
            text.starts_with("a child of this group had panicked"),
            "{text}"
        );
        assert!(text.contains("bomb"), "{text}");
    }
    let again = group.try_join().await.unwrap_err();
    assert!(again.cancelled().is_some());
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_panic(OnPanic::Collect);
    let group = options.fallible_group::<Fault>();
    group.named("bomb").spawn(async { boom("once") });
    assert!(group.try_join().await.unwrap_err().first().is_panic());
    let again = group.try_join().await.unwrap_err();
    assert_eq!(named(again.first()), Some("bomb"));
}

// Errors-9, Errors-2
async fn one_of_several_is_given_what_failed(on: Site) {
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    let group = &group;
    group.named("second").spawn(pending::<()>());
    group
        .named("first")
        .try_spawn(async { Err::<(), _>(Fault("one")) });
    let all = join_all((0..4).map(|_| group.try_join())).await;
    let errors: Vec<_> = all.into_iter().map(Result::unwrap_err).collect();
    let given = |error: &&ingather::GroupError<Fault>| error.first().error().is_some();
    assert_eq!(errors.iter().filter(given).count(), 1);
    let told = errors.iter().filter_map(|error| named(error.first()));
    assert_eq!(told.collect::<Vec<_>>(), ["first"; 3]);
}

// Errors-9, Leaving-7
async fn a_group_that_did_not_fail_does_not_fail_later(on: Site) {
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    let cancelled = group.spawn(pending::<()>());
    group.try_spawn(async { Ok(()) });
    cancelled.cancel();
    let tally = group.try_join().await.unwrap();
    assert_eq!((tally.ok, tally.cancelled), (1, 1));
    assert_eq!(group.try_join().await.unwrap(), tally);
}
