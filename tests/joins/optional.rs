//! Calls that are cancelled when all others are over.

use std::future::{Future, pending, ready};
use std::rc::Rc;
use std::sync::Arc;

use async_executor::LocalExecutor;
use futures::executor::block_on;
use ingather::cancel::{CancelKind, cancel_reason, with_cleanup};
use ingather::{
    GroupOptions, Outcome, calls, current_token, gather, gather_settled, inline, local, optional,
    scope, shield, try_gather, try_optional,
};

use crate::support::{
    ByHand, Drops, Explosive, Fault, Gate, Site, Trace, behaviour, panic_text, payload_of, throw,
    unhandled, unique, until, yield_now, yields,
};

behaviour!(
    it_is_cut_when_all_others_are_over,
    it_gives_its_value_if_it_is_over_before,
    it_is_cut_wherever_its_calls_run,
    optional_calls_alone_give_what_is_ready,
    one_of_two_that_ends_does_not_keep_the_other,
    the_reason_says_that_it_is_not_needed,
    shields_and_cleanups_hold_it,
    its_error_is_that_of_any_call,
    its_panic_is_that_of_any_call,
    a_settled_one_has_an_outcome,
    a_child_of_a_scope_ends_with_body_and_children,
    outside_of_a_group_it_is_a_call_like_any_other,
    a_cancel_from_outside_is_no_end_of_its_own,
    in_a_scope_within_a_call_it_has_no_others,
);

/// Waits for ever, and says when it is dropped.
fn waits(drops: &Drops) -> impl Future<Output = u8> + Send + use<> {
    let held = drops.witness();
    async move {
        let _held = held;
        pending().await
    }
}

// Gather-5
async fn it_is_cut_when_all_others_are_over(_: Site) {
    for polls in 0..4 {
        for first in [false, true] {
            let drops = Drops::new();
            let waiting = waits(&drops);
            let others = move || async move {
                yields(polls).await;
                7
            };
            let also = move || yields(3 - polls);
            let given = if first {
                let (cut, value, ()) = gather((optional(|| waiting), others, also)).await;
                (value, cut)
            } else {
                let (value, (), cut) = gather((others, also, optional(|| waiting))).await;
                (value, cut)
            };
            assert_eq!(given, (7, None));
            assert!(drops.all());
        }
    }
}

// Gather-5
async fn it_gives_its_value_if_it_is_over_before(_: Site) {
    for polls in 0..3 {
        let gate = Arc::new(Gate::new());
        let opens = Arc::clone(&gate);
        let early = move || async move {
            yields(polls).await;
            opens.open();
            "early"
        };
        let (seven, early) = gather((
            || async move {
                gate.wait().await;
                yield_now().await;
                7
            },
            optional(early),
        ))
        .await;
        assert_eq!((seven, early), (7, Some("early")));
    }
}

// Gather-5
async fn it_is_cut_wherever_its_calls_run(on: Site) {
    let drops = Drops::new();
    let (one, two, three) = (waits(&drops), waits(&drops), waits(&drops));
    let given = inline::gather((|| yields(2), optional(|| one))).await;
    assert_eq!(given, ((), None));
    let listed = calls![optional(|| two)(), async {
        yields(2).await;
        Some(1)
    }];
    assert_eq!(gather(listed).await, [None, Some(1)]);
    let options = GroupOptions::new().limit(1);
    // The other comes first: what waits in line has not begun.
    let given = options.gather((|| yields(2), optional(|| three))).await;
    assert_eq!(given, ((), None));
    assert!(drops.all());
    drop(on);
}

// Gather-5
async fn optional_calls_alone_give_what_is_ready(_: Site) {
    let drops = Drops::new();
    let (one, two) = (waits(&drops), waits(&drops));
    let given = gather((optional(|| one), optional(|| ready(2)), optional(|| two))).await;
    assert_eq!(given, (None, Some(2), None));
    assert!(drops.all());
    let given = gather([1, 2].map(|n| optional(move || ready(n)))).await;
    assert_eq!(given, [Some(1), Some(2)]);
}

// Gather-5
async fn one_of_two_that_ends_does_not_keep_the_other(_: Site) {
    for polls in 0..4 {
        let drops = Drops::new();
        let waiting = waits(&drops);
        let (cut, ended, ()) = gather((
            optional(|| waiting),
            optional(move || async move {
                yields(polls).await;
                1
            }),
            || yields(2),
        ))
        .await;
        assert_eq!(cut, None);
        assert!(ended.is_none_or(|ended| ended == 1));
        assert!(drops.all());
    }
}

// Gather-5
async fn the_reason_says_that_it_is_not_needed(_: Site) {
    let log = Trace::new();
    let told = log.clone();
    let call = move || async move {
        let told = &told;
        let cleanup = || async move {
            let reason = cancel_reason().map(|reason| reason.root().kind());
            told.log(format!("{reason:?}, {}", current_token().is_cancelled()));
        };
        with_cleanup(pending::<()>(), cleanup).await
    };
    let ((), cut) = gather((|| yields(1), optional(call))).await;
    assert_eq!(cut, None);
    assert_eq!(
        log.entries(),
        [format!("{:?}, true", Some(CancelKind::NotNeeded))]
    );
}

// Gather-5, Shields-1
async fn shields_and_cleanups_hold_it(_: Site) {
    let log = Trace::new();
    let (told, others) = (log.clone(), log.clone());
    let call = move || async move {
        shield(async {
            yields(5).await;
            told.log("shielded");
        })
        .await;
        pending::<()>().await;
    };
    let other = move || async move {
        yield_now().await;
        others.log("over");
    };
    let ((), cut) = gather((other, optional(call))).await;
    assert_eq!(cut, None::<()>);
    let mut entries = log.entries();
    entries.sort();
    assert_eq!(entries, ["over", "shielded"]);
}

// Gather-5, Gather-3
async fn its_error_is_that_of_any_call(_: Site) {
    let drops = Drops::new();
    let waiting = waits(&drops);
    let fails = || async {
        yield_now().await;
        Err::<(), _>(Fault("it fails"))
    };
    let other = || async move { Ok(waiting.await) };
    let error = try_gather((other, try_optional(fails))).await.unwrap_err();
    assert_eq!(error.first().error(), Some(&Fault("it fails")));
    assert!(drops.all());
    let waiting = waits(&drops);
    let given = try_gather((
        || async { Ok::<_, Fault>(1) },
        try_optional(|| async { Ok(waiting.await) }),
        try_optional(|| ready(Ok("at once"))),
    ));
    assert_eq!(given.await.unwrap(), (1, None, Some("at once")));
    assert!(drops.all());
}

// Gather-5, Panics-1
async fn its_panic_is_that_of_any_call(_: Site) {
    for in_drop in [false, true] {
        let text = unique("an optional call");
        let panics = text.clone();
        let call = move || async move {
            let bomb = in_drop.then(|| Explosive(panics.clone()));
            if bomb.is_none() {
                yield_now().await;
                throw(&panics);
            }
            pending::<()>().await;
            drop(bomb);
        };
        // It panics on its own, or when it is cut.
        let other = move || async move {
            if !in_drop {
                pending::<()>().await;
            }
        };
        let payload = payload_of(gather((other, optional(call)))).await;
        assert_eq!(panic_text(payload), text);
        assert!(unhandled::taken(&text).is_empty());
    }
}

// Gather-5, Gather-4
async fn a_settled_one_has_an_outcome(_: Site) {
    let drops = Drops::new();
    let waiting = waits(&drops);
    let (one, cut) = gather_settled((
        || async { Err::<(), _>(Fault("it fails")) },
        try_optional(|| async { Ok::<_, Fault>(waiting.await) }),
    ))
    .await;
    assert!(matches!(one, Outcome::Err(Fault("it fails"))));
    assert!(matches!(cut, Outcome::Ok(None)), "{cut:?}");
    assert!(drops.all());
}

// Gather-5
async fn a_child_of_a_scope_ends_with_body_and_children(_: Site) {
    let drops = Drops::new();
    let waiting = waits(&drops);
    let log = Trace::new();
    let told = log.clone();
    let key = scope(|tg| async move {
        let child = told.clone();
        let key = tg.start_soon(optional(|| waiting));
        tg.spawn(async move {
            yields(5).await;
            child.log("child");
        });
        yields(2).await;
        told.log("body");
        [key]
    });
    let [key] = key.await;
    assert_eq!(key.await, Ok(None));
    let mut entries = log.entries();
    entries.sort();
    assert_eq!(entries, ["body", "child"]);
    assert!(drops.all());
}

// Gather-5
async fn outside_of_a_group_it_is_a_call_like_any_other(_: Site) {
    let call = optional(|| async {
        yields(3).await;
        7
    });
    // In the body of a scope, too, which no child is.
    let seven = scope(|_tg| async move { call().await });
    assert_eq!(seven.await, Some(7));
}

// Gather-5, Dropping-1
async fn a_cancel_from_outside_is_no_end_of_its_own(_: Site) {
    let drops = Drops::new();
    let (one, two) = (waits(&drops), waits(&drops));
    let mut gathered = ByHand::new(gather((|| one, optional(|| two))));
    assert!(gathered.poll().is_pending());
    yields(3).await;
    drop(gathered);
    // On another thread a call may be in the middle of a poll.
    until(|| drops.all()).await;
}

// Gather-5
async fn in_a_scope_within_a_call_it_has_no_others(_: Site) {
    let inner = || async {
        let call = optional(|| async {
            yields(4).await;
            1
        });
        inline::scope(|_tg| async move { call().await }).await
    };
    let (one, ()) = gather((inner, || ready(()))).await;
    assert_eq!(one, Some(1));
}

// Gather-5
#[test]
fn it_is_cut_in_a_local_gather() {
    let executor = Rc::new(LocalExecutor::new());
    let (not_send, also) = (Rc::new(7), Rc::new(()));
    let calls = (
        move || async move {
            yields(2).await;
            *not_send
        },
        optional(move || async move {
            pending::<()>().await;
            drop(also);
        }),
    );
    let given = block_on(executor.run(local::on(&executor).gather(calls)));
    assert_eq!(given, (7, None));
    let also = Rc::new(());
    let cut = optional(move || async move {
        pending::<()>().await;
        drop(also);
    });
    assert_eq!(
        block_on(inline::local::gather((cut, || yields(2)))),
        (None, ())
    );
}
