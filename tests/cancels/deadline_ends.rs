//! What a deadline makes of a scope, a join and a gather: which error, when, in virtual time.

use std::future::{Future, pending};
use std::rc::Rc;

use ingather::cancel::CancelKind;
use ingather::clock::{now, sleep};
use ingather::kind::{Cut, MovesOn, Shared};
use ingather::testing::{TestExecutor, Trace};
use ingather::{
    CancelReason, Deadline, GatherGroup, GroupError, GroupOptions, OnError, current_token, scope,
    shield, try_gather, try_scope,
};

use crate::support::{Fault, HOUR, SECOND, at_drop, kind, over_seeds, watched};

/// Gives its number after so many seconds.
async fn after(seconds: u32) -> Result<u32, Fault> {
    sleep(seconds * SECOND).await;
    Ok(seconds)
}

/// What came of it, and after how many seconds.
async fn timed<T>(future: impl Future<Output = T>) -> (T, u64) {
    let start = now();
    let output = future.await;
    (output, (now() - start).as_secs())
}

/// The value that it gave if it did not fail, and after how many seconds.
async fn value<T>(future: impl Future<Output = Result<T, GroupError<Fault>>>) -> (Option<T>, u64) {
    let (result, seconds) = timed(future).await;
    (result.ok(), seconds)
}

fn timeout(seconds: u32) -> GroupOptions<Shared, Cut> {
    GroupOptions::new().timeout(seconds * SECOND)
}

fn move_on_after(seconds: u32) -> GroupOptions<Shared, MovesOn> {
    GroupOptions::new().move_on_after(seconds * SECOND)
}

// Deadlines-4
#[test]
fn a_scope_that_was_cut_short_fails_with_the_deadline_alone() {
    let name = "a_scope_that_was_cut_short_fails_with_the_deadline_alone";
    over_seeds(name, || async {
        // A child, its body, one of its children in line, and both.
        let child = timeout(2).try_scope(|tg| async move {
            drop((tg.try_spawn(after(1)), tg.try_spawn(after(3))));
            Ok::<_, Fault>(())
        });
        let body = timeout(2).try_scope(|tg| async move {
            drop(tg.try_spawn(after(1)));
            after(3).await
        });
        let line = timeout(2).limit(1).grace(HOUR).try_scope(|tg| async move {
            drop((
                tg.try_spawn(after(2)),
                tg.try_spawn(after(2)),
                tg.try_spawn(after(2)),
            ));
            Ok::<_, Fault>(())
        });
        for (result, seconds) in [timed(child).await, timed(line).await] {
            let error = result.unwrap_err();
            assert!(error.is_timeout() && seconds == 2);
            assert_eq!((error.len(), error.iter().count()), (1, 1));
            assert_eq!(
                error.cancelled().map(CancelReason::kind),
                Some(CancelKind::Deadline)
            );
        }
        let (result, seconds) = timed(body).await;
        assert!(result.unwrap_err().is_timeout() && seconds == 2);
    });
}

// Deadlines-4, Errors-4
#[test]
fn what_was_not_cut_short_is_no_timeout() {
    over_seeds("what_was_not_cut_short_is_no_timeout", || async {
        // All were quicker.
        let quick = timeout(3).try_scope(|tg| async move {
            drop(tg.try_spawn(after(1)));
            after(2).await
        });
        assert_eq!(value(quick).await, (Some(2), 2));
        // The grace was enough for all.
        let graceful = timeout(2).grace(5 * SECOND).try_scope(|tg| async move {
            drop(tg.try_spawn(after(6)));
            after(4).await
        });
        assert_eq!(value(graceful).await, (Some(4), 6));
        // So was a shield.
        let shielded = timeout(2).try_scope(|tg| async move {
            drop(tg.try_spawn(shield(after(5))));
            shield(after(4)).await
        });
        assert_eq!(value(shielded).await, (Some(4), 5));
        // What its key cancelled before was not cut short by the deadline.
        let by_key = timeout(2).try_scope(|tg| async move {
            tg.spawn(pending::<()>()).cancel();
            shield(after(3)).await
        });
        assert_eq!(value(by_key).await, (Some(3), 3));
        let group = timeout(3).fallible_group::<Fault>();
        let key = group.spawn(pending::<()>());
        key.cancel();
        sleep(4 * SECOND).await;
        assert_eq!(kind(&key), Some(CancelKind::Explicit));
        // It was open and is cancelled, with nobody in it.
        assert_eq!(
            group.cancel_reason().map(|reason| reason.kind()),
            Some(CancelKind::Deadline)
        );
        assert_eq!(
            group.try_join().await.map(|tally| tally.cancelled).ok(),
            Some(1)
        );
    });
}

// Deadlines-4, Errors-3
#[test]
fn failures_say_more_than_the_deadline() {
    over_seeds("failures_say_more_than_the_deadline", || async {
        for on_error in [OnError::CancelSiblings, OnError::KeepGoing] {
            let options = timeout(2).grace(2 * SECOND).on_error(on_error);
            let failed = options.try_scope(|tg| async move {
                tg.try_spawn(async {
                    current_token().cancelled().await;
                    Err::<(), _>(Fault("in the grace"))
                });
                drop(tg.try_spawn(after(9)));
                Ok(())
            });
            let (result, seconds) = timed(failed).await;
            let error = result.unwrap_err();
            // Errors-9: the one beside the other.
            assert_eq!((error.len(), error.is_timeout(), seconds), (1, true, 4));
            assert_eq!(error.first().error(), Some(&Fault("in the grace")));
        }
        let first = timeout(2).try_scope(|tg| async move {
            tg.try_spawn(async {
                sleep(SECOND).await;
                Err::<(), _>(Fault("before"))
            });
            pending::<Result<(), Fault>>().await
        });
        let (result, seconds) = timed(first).await;
        let error = result.unwrap_err();
        assert_eq!(
            (error.first().error(), seconds),
            (Some(&Fault("before")), 1)
        );
        assert!(!error.is_timeout());
    });
}

// Deadlines-4, Deadlines-6
#[test]
fn to_move_on_is_no_error() {
    let name = "to_move_on_is_no_error";
    over_seeds(name, || async {
        let child = move_on_after(2).try_scope(|tg| async move {
            drop(tg.try_spawn(after(9)));
            Ok::<_, Fault>(1)
        });
        assert_eq!(value(child).await, (Some(Some(1)), 2));
        let body = move_on_after(2).try_scope(|_| after(9));
        assert_eq!(value(body).await, (Some(None), 2));
        let failed = move_on_after(2).try_scope(|tg| async move {
            tg.try_spawn(async { Err::<(), _>(Fault("a child")) });
            drop(tg.try_spawn(after(9)));
            Ok(())
        });
        let (result, seconds) = timed(failed).await;
        assert_eq!((result.unwrap_err().len(), seconds), (1, 0));
        // What cancels it before the time is up is told.
        let cancelled = move_on_after(2).try_scope(|tg| async move {
            tg.cancel();
            after(1).await
        });
        let (result, seconds) = timed(cancelled).await;
        let error = result.unwrap_err();
        assert!(error.cancelled().is_some() && !error.is_timeout() && seconds == 0);
        // A scope that cannot fail gives what it has.
        let late = move_on_after(2).scope(|tg| async move {
            let key = tg.spawn(pending::<()>());
            key.await.is_err()
        });
        assert_eq!(timed(late).await, (None, 2));
        let local = move_on_after(2)
            .inline_local()
            .scope(|_| pending::<Rc<()>>());
        assert_eq!(timed(local).await, (None, 2));
        let local = timeout(2)
            .inline_local()
            .scope_or_cut(|_| pending::<Rc<()>>());
        let (cut, seconds) = timed(local).await;
        assert!(cut.unwrap_err().is_timeout() && seconds == 2);
        let early = move_on_after(2).scope(|tg| async move { drop(tg.spawn(after(9))) });
        assert_eq!(timed(early).await, (Some(()), 2));
        // So do a gather and a race.
        let calls = || [1, 9].map(|seconds| move || async move { after(seconds).await.unwrap() });
        assert_eq!(timed(move_on_after(2).gather(calls())).await, (None, 2));
        assert_eq!(
            timed(move_on_after(2).inline().gather(calls())).await,
            (None, 2)
        );
        assert_eq!(
            timed(move_on_after(10).gather(calls())).await,
            (Some(vec![1, 9]), 9)
        );
        assert_eq!(timed(move_on_after(2).race(calls())).await, (Some(1), 1));
        assert_eq!(timed(move_on_after(0).race(calls())).await, (None, 0));
        assert_eq!(
            timed(move_on_after(0).inline().race(calls())).await,
            (None, 0)
        );
        let calls = || [1, 9].map(|seconds| move || after(seconds));
        assert_eq!(
            value(move_on_after(2).try_gather(calls())).await,
            (Some(None), 2)
        );
        assert_eq!(
            value(move_on_after(2).inline().try_gather(calls())).await,
            (Some(None), 2)
        );
        let group = move_on_after(2).fallible_group::<Fault>();
        drop(group.try_spawn(after(9)));
        let (tally, seconds) = value(group.try_join()).await;
        assert_eq!((tally.map(|tally| tally.cancelled), seconds), (Some(1), 2));
    });
}

// Deadlines-4
#[test]
fn joins_and_gathers_that_were_cut_short_fail() {
    over_seeds("joins_and_gathers_that_were_cut_short_fail", || async {
        let group = timeout(2).fallible_group::<Fault>();
        drop((group.try_spawn(after(1)), group.try_spawn(after(9))));
        let (joined, seconds) = timed(group.try_join()).await;
        assert!(joined.unwrap_err().is_timeout() && seconds == 2);

        let calls = || [1, 9].map(|seconds| move || after(seconds));
        let (gathered, seconds) = timed(timeout(2).try_gather(calls())).await;
        assert!(gathered.unwrap_err().is_timeout() && seconds == 2);
        let (gathered, seconds) = timed(timeout(2).inline().try_gather(calls())).await;
        assert!(gathered.unwrap_err().is_timeout() && seconds == 2);
        let (settled, seconds) = timed(timeout(2).gather_settled(calls())).await;
        assert_eq!(
            (settled[0].is_ok(), settled[1].is_cancelled(), seconds),
            (true, true, 2)
        );
        // Under a deadline further out nothing of its own has passed.
        let outer = timeout(2).try_scope(|_| async move {
            let gathered = try_gather([1, 9].map(|seconds| move || after(seconds))).await;
            gathered.map(drop).map_err(|_| Fault("too far"))
        });
        let (result, seconds) = timed(outer).await;
        assert!(result.unwrap_err().is_timeout() && seconds == 2);
    });
}

// Deadlines-3, Cancelling-1
#[test]
fn a_deadline_and_a_cancel_at_the_same_instant_are_a_deadline() {
    let name = "a_deadline_and_a_cancel_at_the_same_instant_are_a_deadline";
    for (deadline, cancel, expected) in [
        (2, 2, CancelKind::Deadline),
        (2, 3, CancelKind::Deadline),
        (3, 2, CancelKind::Explicit),
    ] {
        over_seeds(name, || async {
            // The timer of the one may be woken before that of the other, or after it.
            for cancel_first in [false, true] {
                let group = GatherGroup::new();
                let handle = group.handle();
                let cancels = async move {
                    sleep(cancel * SECOND).await;
                    handle.cancel();
                };
                let other = GatherGroup::new();
                let set = || group.set_deadline(Deadline::after(deadline * SECOND));
                if !cancel_first {
                    set();
                }
                other.spawn(cancels);
                ingather::testing::yields(10).await;
                if cancel_first {
                    set();
                }
                let key = group.spawn(pending::<()>());
                let (tally, seconds) = timed(group.join()).await;
                assert_eq!((tally.cancelled, seconds), (1, deadline.min(cancel).into()));
                assert_eq!(kind(&key), Some(expected));
                other.join().await;
            }
        });
    }
}

// Deadlines-1, Cancelling-7
#[test]
fn of_deadlines_in_each_other_the_earlier_cuts_short() {
    over_seeds(
        "of_deadlines_in_each_other_the_earlier_cuts_short",
        || async {
            let trace = Trace::new();
            for (outer, inner) in [(2, 4), (4, 2)] {
                let log = trace.clone();
                let outer_scope = timeout(outer).try_scope(|tg| async move {
                    let inner_scope = timeout(inner).try_scope(|tg| async move {
                        tg.spawn(async move {
                            let _dropped = at_drop(&log, "dropped");
                            pending::<()>().await;
                        });
                        Ok::<_, Fault>(())
                    });
                    let inner = tg.spawn(inner_scope).await.expect("it is over");
                    assert!(inner.unwrap_err().is_timeout());
                    Ok::<_, Fault>(7)
                });
                let (result, seconds) = timed(outer_scope).await;
                assert_eq!(seconds, 2);
                match result {
                    Ok(value) => assert_eq!((value, inner), (7, 2)),
                    Err(error) => assert_eq!((error.is_timeout(), outer), (true, 2)),
                }
            }
            trace.assert(["2s: dropped", "4s: dropped"]);
        },
    );
}

// Deadlines-1, Deadlines-2, Inline-1
#[test]
fn each_kind_of_group_has_a_deadline() {
    over_seeds("each_kind_of_group_has_a_deadline", || async {
        let mut borrowed = 0;
        let inline = timeout(2).inline().try_scope(|tg| {
            let borrowed = &mut borrowed;
            async move {
                tg.spawn(async {
                    *borrowed += 1;
                    pending::<()>().await;
                });
                Ok::<_, Fault>(())
            }
        });
        let (result, seconds) = timed(inline).await;
        assert!(result.unwrap_err().is_timeout() && seconds == 2);
        assert_eq!(borrowed, 1);
        let moved = scope(|tg| async move {
            tg.set_deadline(Deadline::after(9 * SECOND));
            let handle = tg.clone();
            tg.spawn(async move {
                sleep(SECOND).await;
                handle.set_deadline(Deadline::after(SECOND));
            });
            tg.spawn(pending::<()>()).await.is_err()
        });
        assert_eq!(timed(moved).await, (true, 2));
    });
    watched("each_kind_of_group_has_a_deadline, local", || {
        let executor = TestExecutor::new();
        let shared = Rc::new(());
        let mine = Rc::clone(&shared);
        // The clock is that of the executor on which it is opened.
        let local = timeout(2).local(&executor).try_scope(|tg| async move {
            tg.spawn(async move {
                let _mine = mine;
                pending::<()>().await;
            });
            Ok::<_, Fault>(())
        });
        assert!(executor.block_on(local).unwrap_err().is_timeout());
        assert_eq!(
            (Rc::strong_count(&shared), executor.elapsed()),
            (1, 2 * SECOND)
        );
    });
}

// Deadlines-4, Cancelling-11
#[test]
fn a_timeout_is_waited_for_as_long_as_its_grace() {
    over_seeds("a_timeout_is_waited_for_as_long_as_its_grace", || async {
        let trace = Trace::new();
        let log = trace.clone();
        let scope = timeout(2).grace(3 * SECOND).try_scope(|tg| async move {
            tg.spawn(async move {
                let _dropped = at_drop(&log, "dropped");
                let reason = current_token().cancelled().await;
                log.log_at(format!("told {:?}", reason.kind()));
                pending::<()>().await;
            });
            Ok::<_, Fault>(())
        });
        let (result, seconds) = timed(scope).await;
        assert!(result.unwrap_err().is_timeout() && seconds == 5);
        trace.assert(["2s: told Deadline", "5s: dropped"]);
        let inside = try_scope(|_| async { Ok::<_, Fault>(()) });
        assert!(inside.await.is_ok());
    });
}
