//! Optional calls beside a limit, a shield, each other and background children: who the others are, and whom they hold up.

use std::future::{Future, pending};

use futures::channel::oneshot;
use futures::future::join;
use ingather::{GroupOptions, gather, optional, scope, shield};

use crate::support::{Drops, Gate, Site, behaviour, until, yields};

behaviour!(
    those_in_line_are_cut_and_hold_up_nobody,
    calls_of_a_gather_in_line_are_cut,
    one_that_is_held_keeps_no_other,
    two_in_one_child_are_one,
    a_background_child_is_no_other,
    one_that_has_lent_its_slot_is_cut_before_its_guest_is_over,
    in_a_closed_scope_the_body_is_one_of_the_others,
);

fn waits(drops: &Drops) -> impl Future<Output = ()> + Send + use<> {
    let held = drops.witness();
    async move {
        let _held = held;
        pending().await
    }
}

// Gather-5, Limits-14
async fn those_in_line_are_cut_and_hold_up_nobody(on: Site) {
    for limit in 1..=3 {
        for optionals in 1..=4 {
            for at in 0..=optionals {
                for is_awaited in [false, true] {
                    let drops = Drops::new();
                    let options = GroupOptions::new().on(&on.spawner).limit(limit);
                    let (seen, work) = (drops.clone(), Gate::new());
                    let done = work.clone();
                    let run = options.scope(|tg| async move {
                        let mut key = None;
                        for n in 0..=optionals {
                            let work = work.clone();
                            if n == at {
                                key = Some(tg.spawn(async move {
                                    yields(2).await;
                                    work.open();
                                }));
                            } else {
                                let waits = waits(&seen);
                                tg.start_soon(optional(|| waits));
                            }
                        }
                        if is_awaited {
                            assert_eq!(key.expect("it is one of them").await, Ok(()));
                        }
                    });
                    run.await;
                    assert!(done.is_open() && drops.all());
                }
            }
        }
    }
}

// Gather-5, Limits-14
async fn calls_of_a_gather_in_line_are_cut(on: Site) {
    for limit in 1..=3 {
        let options = || GroupOptions::new().on(&on.spawner).limit(limit);
        let cut = || optional(pending::<()>);
        let given = options()
            .gather((|| async { 1 }, cut(), cut(), cut()))
            .await;
        assert_eq!(given, (1, None, None, None));
        let given = options()
            .gather((cut(), cut(), cut(), || async { 1 }))
            .await;
        assert_eq!(given, (None, None, None, 1));
        let given = options()
            .inline()
            .gather((cut(), || async { 1 }, cut()))
            .await;
        assert_eq!(given, (None, 1, None));
    }
}

// Gather-5: the one that is held ends when the other is gone.
async fn one_that_is_held_keeps_no_other(_: Site) {
    for held_first in [false, true] {
        let (holds, is_gone) = oneshot::channel::<()>();
        let held = optional(move || {
            shield(async move {
                assert!(is_gone.await.is_err());
                7
            })
        });
        let cut = optional(move || async move {
            let _holds = holds;
            pending::<()>().await;
        });
        let work = || yields(3);
        let given = if held_first {
            let (_, held, cut) = gather((work, held, cut)).await;
            (held, cut)
        } else {
            let (_, cut, held) = gather((work, cut, held)).await;
            (held, cut)
        };
        assert_eq!(given, (Some(7), None));
    }
}

// Gather-5: a child that awaits two goes on with others of its own kind alone, and that is not so here.
async fn two_in_one_child_are_one(_: Site) {
    let (gate, ends) = (Gate::new(), Gate::new());
    let (opens, waits) = (gate.clone(), ends.clone());
    let both = move || async move {
        let value = |n: u32| {
            let gate = gate.clone();
            optional(move || async move {
                gate.wait().await;
                n
            })
        };
        let both = join(value(1)(), value(2)()).await;
        ends.open();
        both
    };
    let other = move || async move {
        yields(5).await;
        opens.open();
        waits.wait().await;
    };
    assert_eq!(gather((both, other)).await.0, (Some(1), Some(2)));
}

// Gather-5, Children-1
async fn a_background_child_is_no_other(_: Site) {
    for optionals in 0..3 {
        for backgrounds in 1..3 {
            let drops = Drops::new();
            let seen = drops.clone();
            scope(|tg| async move {
                for _ in 0..backgrounds {
                    tg.child().background().spawn(waits(&seen));
                }
                for _ in 0..optionals {
                    let waits = waits(&seen);
                    tg.start_soon(optional(|| waits));
                }
                tg.start_soon(|| yields(2));
            })
            .await;
            assert!(drops.all());
        }
    }
}

// Limits-8, Limits-14
async fn one_that_has_lent_its_slot_is_cut_before_its_guest_is_over(on: Site) {
    let drops = Drops::new();
    let (seen, gate) = (drops.clone(), Gate::new());
    let options = GroupOptions::new().on(&on.spawner).limit(1);
    options
        .scope(|tg| async move {
            let waits = waits(&seen);
            let lends = tg.spawn(optional(|| waits)());
            let opens = gate.clone();
            let guest = tg.spawn(async move { gate.wait().await });
            until(|| opens.waiting() == 1).await;
            lends.cancel();
            assert!(lends.await.is_err() && seen.all());
            // The slot is the guest's, and no other starts beside it.
            let next = tg.spawn(async {});
            yields(5).await;
            assert!(!next.is_finished());
            opens.open();
            assert_eq!((guest.await, next.await), (Ok(()), Ok(())));
        })
        .await;
    assert!(drops.all());
}

// Gather-5
async fn in_a_closed_scope_the_body_is_one_of_the_others(_: Site) {
    let value = scope(|tg| async move {
        let gate = Gate::new();
        let waits = gate.clone();
        let key = tg.spawn(optional(move || async move { waits.wait().await })());
        until(|| gate.waiting() == 1).await;
        tg.close();
        yields(5).await;
        gate.open();
        key.await
    });
    assert_eq!(value.await, Ok(Some(())));
}
