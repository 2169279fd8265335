//! Inline gathers whose calls are polled where they lie until somebody needs a group: nobody can tell, but by the waker.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use ingather::cancel::{CancelKind, cancel_reason};
use ingather::{CancelToken, ContextVar, Outcome, current_token, inline, shield};

use crate::support::{
    ByHand, Drops, Explosive, Fault, Gate, Site, Trace, behaviour, panic_text, payload_of, throw,
    unhandled, unique, yield_now, yields,
};

behaviour!(
    calls_that_wait_for_each_other_go_on,
    a_call_that_asks_in_its_second_poll_has_a_token_of_its_own,
    a_call_that_cancels_itself_touches_no_other,
    a_panic_in_a_later_poll_drops_the_others_in_their_order,
    an_error_in_a_later_poll_cancels_the_others,
    the_token_of_a_nested_call_follows_the_outer_one,
    what_is_shielded_in_a_call_ends_before_the_gather,
    more_calls_than_are_polled_together,
    a_call_of_a_tuple_fails_in_a_later_poll,
);

/// The waker of this task.
async fn waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

// Gather-2
#[test]
fn calls_are_polled_with_the_waker_of_the_task_until_somebody_asks() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let calls = [false, false, true].map(|asks| {
        let seen = Arc::clone(&seen);
        move || async move {
            for asks in [false, asks, false] {
                if asks {
                    drop(current_token());
                }
                let waker = waker().await;
                seen.lock().unwrap().push(waker);
                yield_now().await;
            }
        }
    });
    let mut gather = ByHand::new(inline::gather(calls));
    let own = gather.counter().waker();
    assert!(gather.poll().is_pending());
    let first = std::mem::take(&mut *seen.lock().unwrap());
    assert!(first.len() == 3 && first.iter().all(|waker| waker.will_wake(&own)));
    assert_eq!(gather.wakes(), 3);
    while gather.poll().is_pending() {}
    let others = seen.lock().unwrap();
    let in_place = others.iter().filter(|waker| waker.will_wake(&own));
    // The second polls of all three, and nothing after somebody had asked.
    assert_eq!((others.len(), in_place.count()), (6, 3));
}

// Gather-1, Gather-2
async fn calls_that_wait_for_each_other_go_on(_: Site) {
    let gates: Vec<_> = (0..20).map(|_| Gate::new()).collect();
    let gates = &gates;
    let numbers = inline::gather((0..20).map(|number| {
        move || async move {
            // Each waits for the next, and the last for nobody.
            if let Some(next) = gates.get(number + 1) {
                next.wait().await;
            }
            gates[number].open();
            number
        }
    }));
    assert_eq!(numbers.await, (0..20).collect::<Vec<_>>());
}

// Gather-2, Tokens-1
async fn a_call_that_asks_in_its_second_poll_has_a_token_of_its_own(_: Site) {
    let tokens = Mutex::new(Vec::<CancelToken>::new());
    let keep = &tokens;
    let polls = inline::gather([0, 1, 2].map(|number| {
        move || async move {
            yields(number).await;
            let token = current_token();
            yield_now().await;
            // The same, from another poll; and nobody else's.
            keep.lock().unwrap().push(token.clone());
            assert!(cancel_reason().is_none() && !current_token().is_cancelled());
            number
        }
    }));
    assert_eq!(polls.await, [0, 1, 2]);
    let tokens = tokens.into_inner().unwrap();
    assert_eq!(tokens.len(), 3);
    tokens[1].cancel();
    assert!(!tokens[0].is_cancelled() && !tokens[2].is_cancelled());
}

// Gather-4
async fn a_call_that_cancels_itself_touches_no_other(_: Site) {
    for polls in 0..3 {
        let drops = Drops::new();
        let calls = [0, 1, 2].map(|number| {
            let held = drops.witness();
            move || async move {
                let _held = held;
                yields(polls).await;
                if number == 1 {
                    current_token().cancel();
                    yield_now().await;
                    unreachable!("it is dropped at its suspension");
                }
                Ok::<_, Fault>(number)
            }
        });
        let outcomes = inline::gather_settled(calls).await;
        assert!(
            matches!(
                &outcomes[..],
                [Outcome::Ok(0), Outcome::Cancelled(reason), Outcome::Ok(2)]
                    if reason.kind() == CancelKind::Explicit
            ),
            "{outcomes:?}"
        );
        assert!(drops.all());
    }
}

// Gather-2, Panics-1
async fn a_panic_in_a_later_poll_drops_the_others_in_their_order(on: Site) {
    for polls in 0..3 {
        for way in 0..3 {
            let (log, text) = (Trace::new(), unique("a call"));
            let calls = [0, 1, 2, 3].map(|number| {
                let (log, text) = (log.clone(), text.clone());
                move || {
                    if (number, polls, way) == (2, 0, 2) {
                        throw(&text);
                    }
                    async move {
                        let _dropped = log.at_drop(format!("{number}"));
                        yields(polls).await;
                        if number == 2 {
                            let bomb = (way == 1).then(|| Explosive(text.clone()));
                            if bomb.is_none() {
                                throw(&text);
                            }
                            drop(bomb);
                        }
                        if number > 0 {
                            pending::<()>().await;
                        }
                    }
                }
            });
            let payload = payload_of(inline::gather(calls)).await;
            assert_eq!(panic_text(payload), text);
            let dropped = log.entries();
            if !on.is_in_order() {
                continue;
            }
            let expected = match (polls, way) {
                (0, 2) => vec!["0", "1"],
                _ => vec!["0", "2", "1", "3"],
            };
            // Those that were never polled are not there to be dropped.
            assert_eq!(
                dropped,
                expected[..dropped.len()],
                "{polls} polls, way {way}"
            );
            assert!(dropped.len() >= expected.len() - 1);
            assert!(unhandled::taken(&text).is_empty());
        }
    }
}

// Gather-3
async fn an_error_in_a_later_poll_cancels_the_others(_: Site) {
    for polls in 0..3 {
        let drops = Drops::new();
        let calls = [0, 1, 2].map(|number| {
            let held = drops.witness();
            move || async move {
                let _held = held;
                yields(polls).await;
                match number {
                    0 => Ok(Box::new(number)),
                    1 => Err(Fault("the second")),
                    _ => pending().await,
                }
            }
        });
        let error = inline::try_gather(calls).await.unwrap_err();
        assert_eq!(
            (error.len(), error.first().error()),
            (1, Some(&Fault("the second")))
        );
        // A call has the number of its place, whether or not others are over.
        let child = error.iter().next().and_then(|failure| failure.child());
        let id = child.unwrap().id().to_string();
        assert!(id.ends_with(".2"), "{id}");
        assert!(drops.all());
    }
}

// Gather-3
async fn a_call_of_a_tuple_fails_in_a_later_poll(_: Site) {
    let drops = Drops::new();
    let (held, also) = (drops.witness(), drops.witness());
    let error = inline::try_gather((
        || async move {
            let _held = held;
            pending::<Result<u8, Fault>>().await
        },
        || async {
            yields(2).await;
            Err::<String, _>(Fault("the second"))
        },
        || async move {
            let _held = also;
            Ok(7)
        },
    ));
    let error = error.await.unwrap_err();
    assert_eq!(error.first().error(), Some(&Fault("the second")));
    assert!(drops.all());
}

// Tokens-2
async fn the_token_of_a_nested_call_follows_the_outer_one(_: Site) {
    let (kept, asked) = (Mutex::new(None), Gate::new());
    let (keep, asked) = (&kept, &asked);
    let outer = inline::try_gather([0, 1].map(|number| {
        move || async move {
            if number == 1 {
                asked.wait().await;
                return Err(Fault("the outer one"));
            }
            let inner = inline::gather([2, 3].map(|number| {
                move || async move {
                    yield_now().await;
                    if number == 3 {
                        *keep.lock().unwrap() = Some(current_token());
                        asked.open();
                    }
                    pending::<()>().await;
                }
            }));
            inner.await;
            Ok(())
        }
    }));
    assert_eq!(outer.await.unwrap_err().len(), 1);
    let token = kept.into_inner().unwrap().expect("it was kept");
    assert!(token.is_cancelled());
}

// Tokens-2
#[test]
fn the_token_of_a_nested_call_turns_with_that_of_its_outer_call() {
    let (kept, turned) = (Mutex::new(None::<CancelToken>), AtomicUsize::new(0));
    let (keep, counts) = (&kept, &turned);
    let outcomes = inline::local::gather_settled([()].map(|()| {
        move || async move {
            let nested = inline::local::gather([()].map(|()| {
                move || async move {
                    // Nobody has asked the outer one as yet.
                    *keep.lock().unwrap() = Some(current_token());
                    pending::<()>().await;
                }
            }));
            let cancels = async {
                current_token().cancel();
                let inner = keep.lock().unwrap().take();
                counts.store(usize::from(inner.unwrap().is_cancelled()), Relaxed);
            };
            futures::future::join(nested, cancels).await;
            Ok::<_, Fault>(())
        }
    }));
    let outcomes = futures::executor::block_on(outcomes);
    assert!(matches!(outcomes[..], [Outcome::Cancelled(_)]));
    assert_eq!(turned.load(Relaxed), 1);
}

// Shields-1
async fn what_is_shielded_in_a_call_ends_before_the_gather(_: Site) {
    let (over, raised) = (AtomicUsize::new(0), Gate::new());
    let (counts, raised) = (&over, &raised);
    let calls = [0, 1].map(|number| {
        move || async move {
            if number == 1 {
                raised.wait().await;
                return Err(Fault("cancels the other"));
            }
            shield(async {
                raised.open();
                yields(3).await;
                counts.fetch_add(1, Relaxed);
            })
            .await;
            pending().await
        }
    });
    let error = inline::try_gather(calls)
        .await
        .map(|_: Vec<()>| ())
        .unwrap_err();
    assert_eq!((error.len(), over.load(Relaxed)), (1, 1));
}

// Gather-1
async fn more_calls_than_are_polled_together(_: Site) {
    for count in [29, 30, 31, 64, 65, 200] {
        for yielded in [0, 1, 3] {
            let calls = (0..count).map(|number| {
                move || async move {
                    yields(if number % 2 == 0 { yielded } else { 0 }).await;
                    number
                }
            });
            assert_eq!(inline::gather(calls).await, (0..count).collect::<Vec<_>>());
        }
    }
}

// Dropping-1, Inline-2
#[test]
fn a_gather_in_place_that_is_dropped_half_way_drops_its_calls_as_children() {
    let (log, text) = (Trace::new(), unique("a destructor"));
    unhandled::collect();
    let calls = [0, 1, 2].map(|number| {
        let (log, text) = (log.clone(), text.clone());
        move || async move {
            if number == 0 {
                return;
            }
            let _bomb = (number == 1).then(|| Explosive(text));
            let entry = log.clone();
            let _dropped = log.at_drop(format!("{number} dropped"));
            let _asks = crate::support::AtDrop(Some(move || {
                entry.log(format!("{number} cancelled: {}", cancel_reason().is_some()));
            }));
            pending::<()>().await;
        }
    });
    let mut gather = ByHand::new(inline::gather(calls));
    assert!(gather.poll().is_pending());
    drop(gather);
    assert_eq!(
        log.entries(),
        [
            "1 cancelled: true",
            "1 dropped",
            "2 cancelled: true",
            "2 dropped"
        ]
    );
    assert_eq!(unhandled::taken(&text).len(), 1);
}

// Inline-2
#[test]
fn a_gather_in_place_that_is_forgotten_runs_no_more() {
    let (polls, gate) = (Arc::new(AtomicUsize::new(0)), Gate::new());
    let calls = [(); 3].map(|()| {
        let (polls, gate) = (Arc::clone(&polls), gate.clone());
        move || async move {
            polls.fetch_add(1, Relaxed);
            gate.wait().await;
            polls.fetch_add(1, Relaxed);
        }
    });
    let mut gather = ByHand::new(inline::gather(calls));
    assert!(gather.poll().is_pending());
    std::mem::forget(gather);
    gate.open();
    assert_eq!(polls.load(Relaxed), 3);
}

// Context-1
#[test]
fn what_a_call_sets_is_its_own() {
    static NUMBER: ContextVar<usize> = ContextVar::new();
    let calls = [1, 2].map(|number| {
        move || async move {
            assert_eq!(NUMBER.get(), None);
            NUMBER
                .scope(number, async {
                    // The group is made where this is set.
                    drop(current_token());
                    yield_now().await;
                    assert_eq!(NUMBER.get(), Some(number));
                })
                .await;
            yield_now().await;
            assert_eq!(NUMBER.get(), None);
        }
    });
    futures::executor::block_on(inline::gather(calls));
}
