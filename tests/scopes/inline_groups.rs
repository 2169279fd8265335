//! Inline scopes have what other groups have: keys, limits, errors, cancels, and handles that outlive them.

use std::sync::{Arc, Mutex};

use ingather::cancel::CancelKind;
use ingather::{GatherIncomplete, GroupOptions, OnError, OnPanic, inline};

use crate::support::{
    ByHand, Drops, Fault, Gate, Meter, Site, Trace, behaviour, boom, kind, reason, yield_now,
    yields,
};

behaviour!(
    a_value_is_read_before_and_after_its_child_is_over,
    a_limit_holds,
    spawn_when_free_waits_for_a_slot,
    an_error_cancels_siblings_and_body,
    under_keep_going_all_finish,
    an_observed_error_goes_to_its_key,
    a_cancel_drops_the_children,
    a_cancel_drops_the_body_of_a_scope_that_can_fail,
);

// Inline-1, Results-1, Results-3
async fn a_value_is_read_before_and_after_its_child_is_over(_: Site) {
    let (text, gate) = (String::from("text"), Gate::new());
    GroupOptions::new()
        .limit(1)
        .inline()
        .scope(|tg| {
            let (text, gate) = (&text, &gate);
            async move {
                let key = tg.spawn(async move {
                    gate.wait().await;
                    text.as_str()
                });
                let second = tg.spawn(async move { text.len() });
                while gate.waiting() == 0 {
                    yield_now().await;
                }
                assert_eq!(tg.get_result(&key), Err(GatherIncomplete::Running));
                assert_eq!(tg.get_result(&second), Err(GatherIncomplete::Waiting));
                assert_eq!((tg.len(), tg.waiting()), (2, 1));
                gate.open();
                let mut second = second;
                assert_eq!((&mut second).await, Ok(4));
                assert_eq!(tg.get_result(&second), Err(GatherIncomplete::Taken));
                assert_eq!(tg.get_result(&key), Ok(&"text"));
                assert_eq!(
                    tg.take_result(key).map_err(GatherIncomplete::from),
                    Ok("text")
                );
                let tally = tg.tally();
                assert_eq!((tally.ok, tally.taken, tally.total()), (2, 2, 2));
            }
        })
        .await;
}

// Inline-1, Limits-2
async fn a_limit_holds(on: Site) {
    let (meter, drops) = (Meter::new(), Drops::new());
    GroupOptions::new()
        .limit(3)
        .inline()
        .scope(|tg| {
            let (meter, drops) = (&meter, &drops);
            async move {
                for number in 0..20 {
                    let held = drops.witness();
                    drop(tg.spawn(async move {
                        let (_held, _under_way) = (held, meter.enter());
                        yields(number % 4).await;
                    }));
                }
            }
        })
        .await;
    assert_eq!((meter.entered(), meter.now()), (20, 0));
    let highest = meter.highest();
    assert!(highest == 3 || (highest < 3 && !on.is_in_order()));
    assert_eq!((drops.made(), drops.count()), (20, 20));
}

// Inline-1, Limits-5
async fn spawn_when_free_waits_for_a_slot(on: Site) {
    let (meter, text) = (Meter::new(), String::from("text"));
    let sum = GroupOptions::new()
        .limit(2)
        .inline()
        .scope(|tg| {
            let (meter, text) = (&meter, &text);
            async move {
                let mut keys = Vec::new();
                for number in 0..10 {
                    let key = tg.child().spawn_when_free(async move {
                        let _under_way = meter.enter();
                        yields(number % 3).await;
                        text.len()
                    });
                    keys.push(key.await);
                    assert_eq!(tg.waiting(), 0);
                }
                let mut sum = 0;
                for key in keys {
                    sum += key.await.unwrap();
                }
                sum
            }
        })
        .await;
    assert_eq!(sum, 40);
    let highest = meter.highest();
    assert!(highest == 2 || (highest == 1 && !on.is_in_order()));
}

// Inline-1, Errors-1, Errors-3
async fn an_error_cancels_siblings_and_body(_: Site) {
    let (text, drops, gate) = (String::from("cause"), Drops::new(), Gate::new());
    let scope = GroupOptions::new().name("inline").inline().try_scope(|tg| {
        let (text, drops, gate) = (&text, &drops, &gate);
        async move {
            let _of_body = drops.witness();
            for _ in 0..5 {
                let held = drops.witness();
                drop(tg.spawn(async move {
                    let _held = held;
                    gate.wait().await;
                }));
            }
            drop(tg.named("fails").try_spawn(async move {
                yields(3).await;
                // The error is a borrow.
                Err::<(), &str>(text)
            }));
            gate.wait().await;
            Ok(())
        }
    });
    let error = scope.await.unwrap_err();
    assert_eq!((drops.made(), drops.count()), (6, 6));
    assert_eq!((error.len(), error.name()), (1, Some("inline")));
    let child = error.iter().next().unwrap().child().unwrap();
    assert_eq!(
        (child.name(), child.location().file()),
        (Some("fails"), file!())
    );
    assert_eq!(error.into_first().into_error(), Some("cause"));
}

// Inline-1, Errors-7
async fn under_keep_going_all_finish(on: Site) {
    let names = ["first", "second", "third"];
    let options = GroupOptions::new()
        .on_error(OnError::KeepGoing)
        .on_panic(OnPanic::Collect);
    let error = options
        .inline()
        .try_scope(|tg| {
            let names = &names;
            async move {
                for (number, name) in names.iter().enumerate() {
                    drop(tg.named(*name).try_spawn(async move {
                        yields(number).await;
                        Err::<(), _>(*name)
                    }));
                }
                drop(tg.named("panics").spawn(async {
                    yields(10).await;
                    boom("collected")
                }));
                Err::<(), _>("body")
            }
        })
        .await
        .unwrap_err();
    let mut leaves: Vec<_> = error
        .iter()
        .map(|leaf| leaf.failure().to_string())
        .collect();
    let by_polls = ["body", "first", "second", "third", "panicked: collected"];
    if !on.is_in_order() {
        leaves.sort_by_key(|leaf| by_polls.iter().position(|name| name == leaf));
    }
    assert_eq!(leaves, by_polls);
}

// Inline-1, Errors-6
async fn an_observed_error_goes_to_its_key(_: Site) {
    let text = String::from("observed");
    let got = inline::try_scope(|tg| {
        let text = &text;
        async move {
            let key = tg
                .child()
                .observed()
                .try_spawn(async move { Err::<(), &str>(text) });
            Ok::<_, &str>(key.await.unwrap().unwrap_err())
        }
    });
    assert_eq!(got.await.unwrap(), "observed");
}

// Inline-1, Cancelling-2
async fn a_cancel_drops_the_children(_: Site) {
    let (drops, polled) = (Drops::new(), Trace::new());
    inline::scope(|tg| {
        let (drops, polled) = (&drops, &polled);
        async move {
            let child = |forever: Gate| {
                let held = drops.witness();
                tg.spawn(async move {
                    let _held = held;
                    polled.log("");
                    forever.wait().await;
                })
            };
            let keys: Vec<_> = (0..5).map(|_| child(Gate::new())).collect();
            while polled.entries().len() < 5 {
                yield_now().await;
            }
            tg.cancel();
            tg.cancel();
            let late = child(Gate::new());
            assert_eq!(kind(&late), Some(CancelKind::Explicit));
            for key in keys {
                let Err(GatherIncomplete::Cancelled(reason)) = key.await else {
                    panic!("it was not cancelled")
                };
                assert_eq!(
                    (reason.kind(), reason.child()),
                    (CancelKind::Explicit, None)
                );
            }
            assert!(
                tg.is_empty() && drops.all(),
                "the body goes on after all are over"
            );
        }
    })
    .await;
    assert_eq!((drops.made(), polled.entries().len()), (6, 5));
}

// Inline-1, Errors-4
async fn a_cancel_drops_the_body_of_a_scope_that_can_fail(_: Site) {
    let drops = Drops::new();
    let error = inline::try_scope(|tg| {
        let drops = &drops;
        async move {
            let (_held, own) = (drops.witness(), tg.clone());
            drop(tg.spawn(async move {
                yield_now().await;
                own.cancel();
            }));
            Gate::new().wait().await;
            Ok::<(), Fault>(())
        }
    });
    let error = error.await.unwrap_err();
    assert_eq!(
        error.cancelled().map(|reason| reason.kind()),
        Some(CancelKind::Explicit)
    );
    assert!(drops.all());
}

// Inline-4
#[test]
fn a_handle_that_outlives_the_scope_rejects() {
    let (text, drops, polled) = (String::from("text"), Drops::new(), Trace::new());
    let place = Mutex::new(None);
    let name: Arc<str> = "outlived".into();
    let mut scope = ByHand::new(
        GroupOptions::new()
            .name(Arc::clone(&name))
            .inline()
            .scope(|tg| {
                let (text, drops, place) = (&text, &drops, &place);
                async move {
                    let (own, held) = (tg.clone(), drops.witness());
                    drop(tg.spawn(async move {
                        let _held = held;
                        *place.lock().unwrap() = Some(own);
                        text.len()
                    }));
                }
            }),
    );
    while scope.poll().is_pending() {}
    assert!(drops.all(), "nothing of the children is kept");
    drop(scope);
    let handle = place.lock().unwrap().take().unwrap();
    assert!(handle.is_closed() && handle.is_empty() && !handle.is_cancelled());
    let (held, ran, text) = (drops.witness(), polled.clone(), &text);
    let key = handle.spawn(async move {
        ran.log(text.as_str());
        drop(held);
    });
    assert!(drops.all() && drops.all_here());
    assert_eq!(reason(&key).unwrap().kind(), CancelKind::Closed);
    assert_eq!(
        futures::executor::block_on(key),
        Err(GatherIncomplete::Cancelled(
            reason(&handle.spawn(async {})).unwrap()
        ))
    );
    assert!(
        handle
            .child()
            .spawn_or_return(async { text.len() })
            .is_err()
    );
    assert_eq!(polled.entries(), [""; 0]);
    drop(handle);
    assert_eq!(
        Arc::strong_count(&name),
        1,
        "the group is gone with its last handle"
    );
}
