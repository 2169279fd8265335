//! Cancel tokens: who is cancelled by whom and why, and who is told of it.

use std::future::{pending, ready};
use std::mem::forget;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::task::{Context, Poll};

use ingather::cancel::CancelKind;
use ingather::{CancelReason, CancelToken};

use crate::support::{ByHand, CountingWaker, Drops, Site, Trace, behaviour, boom, panic_of};

behaviour!(
    a_cancel_reaches_every_child_that_waits,
    a_child_that_looks_at_a_token_finishes_its_work,
    a_future_gives_way_to_a_token,
);

// Tokens-2, Tokens-6
async fn a_cancel_reaches_every_child_that_waits(on: Site) {
    let root = CancelToken::new();
    let reasons = ingather::on(&on.spawner)
        .scope(|tg| async move {
            let mut keys = Vec::new();
            for _ in 0..20 {
                let token = root.child_token();
                keys.push(tg.spawn(async move { token.cancelled().await }));
            }
            tg.spawn(async move { root.cancel_with(CancelReason::with_message("enough")) });
            let mut reasons = Vec::new();
            for key in keys {
                reasons.push(key.await.unwrap());
            }
            reasons
        })
        .await;
    assert_eq!(reasons.len(), 20);
    for reason in reasons {
        assert_eq!(reason.kind(), CancelKind::Parent);
        assert_eq!(reason.root().message(), Some("enough"));
    }
}

// Tokens-1
async fn a_child_that_looks_at_a_token_finishes_its_work(on: Site) {
    let token = CancelToken::new();
    let (looks, rounds) = (token.clone(), Trace::new());
    let log = rounds.clone();
    let first = ingather::on(&on.spawner)
        .scope(|tg| async move {
            let key = tg.spawn(async move {
                while !looks.is_cancelled() {
                    crate::support::yield_now().await;
                }
                log.log("finished");
            });
            let first = token.cancel();
            key.await.unwrap();
            first && !token.cancel()
        })
        .await;
    assert!(first);
    assert_eq!(rounds.entries(), ["finished"]);
}

// Tokens-11
async fn a_future_gives_way_to_a_token(on: Site) {
    let token = CancelToken::new();
    let drops = Drops::new();
    let witness = drops.witness();
    let never = token.clone().run_until_cancelled_owned(async move {
        let _witness = witness;
        pending::<()>().await
    });
    let count = drops.clone();
    let (result, dropped) = ingather::on(&on.spawner)
        .scope(|tg| async move {
            let key = tg.spawn(async move { (never.await, count.count()) });
            token.cancel();
            key.await.unwrap()
        })
        .await;
    assert_eq!(result.unwrap_err().kind(), CancelKind::Explicit);
    assert_eq!(dropped, 1, "before the reason was given");
}

pub(crate) fn with(message: &str) -> CancelReason {
    CancelReason::with_message(message)
}

pub(crate) fn cause(token: &CancelToken) -> Option<String> {
    let reason = token.reason()?;
    assert!(token.is_cancelled());
    Some(reason.root().message().unwrap_or("none").to_owned())
}

// Tokens-1, Tokens-2
#[test]
fn a_cancel_goes_down_and_neither_up_nor_aside() {
    let root = CancelToken::new();
    let (one, two) = (root.child_token(), root.child_token());
    let below = one.child_token();
    assert!(one.cancel_with(with("one")));
    assert_eq!(one.reason().unwrap().kind(), CancelKind::Explicit);
    assert_eq!(below.reason().unwrap().kind(), CancelKind::Parent);
    assert_eq!([&root, &two].map(cause), [None, None]);
    assert!(root.cancel_with(with("root")));
    assert!(!one.cancel() && !below.cancel() && !root.cancel());
    let causes = [&root, &one, &below, &two].map(|token| cause(token).unwrap());
    assert_eq!(causes, ["root", "one", "one", "root"]);
}

// Tokens-1
#[test]
fn a_reason_has_the_place_of_its_call() {
    let token = CancelToken::new();
    token.cancel();
    let line = line!() - 1;
    assert_eq!(token.reason().unwrap().location().unwrap().line(), line);
    let token = CancelToken::default();
    let guard = token.clone().drop_guard();
    let line = line!() - 1;
    drop(guard);
    let reason = token.reason().unwrap();
    assert_eq!(reason.location().unwrap().line(), line);
    assert_eq!(reason.kind(), CancelKind::Explicit);
}

// Tokens-4
#[test]
fn a_child_of_a_cancelled_token_is_born_cancelled() {
    let root = CancelToken::new();
    let child = root.child_token();
    root.cancel_with(with("root"));
    for born in [root.child_token(), child.child_token()] {
        assert_eq!(born.reason().unwrap().kind(), CancelKind::Parent);
        assert_eq!(cause(&born).as_deref(), Some("root"));
        assert!(!born.cancel());
    }
}

// Tokens-5
#[test]
fn those_below_a_dropped_token_stay_attached() {
    let root = CancelToken::new();
    let mut last = root.child_token();
    for _ in 0..10 {
        last = last.child_token();
    }
    assert!(!last.is_cancelled(), "dropping cancels nothing");
    root.cancel();
    assert!(last.is_cancelled());
}

// Tokens-6
#[test]
fn a_waiter_is_woken_once_and_ready_for_good() {
    let token = CancelToken::new();
    let mut waits = ByHand::new(token.cancelled());
    let mut owned = ByHand::new(token.clone().cancelled_owned());
    for _ in 0..3 {
        assert!(waits.poll().is_pending() && owned.poll().is_pending());
    }
    token.cancel();
    token.cancel();
    assert_eq!((waits.wakes(), owned.wakes()), (1, 1));
    for _ in 0..3 {
        assert_eq!(waits.poll(), Poll::Ready(token.reason().unwrap()));
        assert_eq!(owned.poll(), Poll::Ready(token.reason().unwrap()));
    }
    assert_eq!((waits.wakes(), owned.wakes()), (1, 1));
}

// Tokens-6
#[test]
fn a_waiter_that_was_dropped_is_not_woken_and_keeps_no_waker() {
    let token = CancelToken::new();
    let mut waits = ByHand::new(token.cancelled());
    assert!(waits.poll().is_pending());
    let count = waits.counter();
    drop(waits);
    assert_eq!(count.held(), 0);
    token.cancel();
    assert_eq!(count.count(), 0);
}

// Tokens-6
#[test]
fn a_waiter_that_moved_is_woken_where_it_was_polled_last() {
    let token = CancelToken::new();
    let mut waits = Box::pin(token.cancelled());
    let counts = [(); 3].map(|()| CountingWaker::new());
    for count in &counts {
        assert!(
            waits
                .as_mut()
                .poll(&mut Context::from_waker(&count.waker()))
                .is_pending()
        );
    }
    assert_eq!(counts.each_ref().map(CountingWaker::held), [0, 0, 1]);
    token.cancel();
    assert_eq!(counts.map(|count| count.count()), [0, 0, 1]);
}

// Tokens-5, Tokens-6
#[test]
fn a_forgotten_waiter_harms_nobody() {
    let token = CancelToken::new();
    let mut waits = ByHand::new(token.cancelled());
    assert!(waits.poll().is_pending());
    let count = waits.counter();
    forget(waits.into_inner());
    drop(token);
    // The waker went with the token.
    assert_eq!((count.held(), count.count()), (0, 0));
}

// Tokens-11
#[test]
fn what_is_ready_in_time_counts() {
    let token = CancelToken::new();
    token.cancel();
    assert_eq!(
        ByHand::new(token.run_until_cancelled(ready(7))).poll(),
        Poll::Ready(Ok(7))
    );
    let mut never = ByHand::new(token.run_until_cancelled(pending::<()>()));
    assert_eq!(never.poll(), Poll::Ready(Err(token.reason().unwrap())));
    let again = catch_unwind(AssertUnwindSafe(|| never.poll()));
    assert!(again.is_err(), "it was ready");
}

// Tokens-11
#[test]
fn a_future_that_gives_way_is_dropped_first_and_the_wake_was_one() {
    let token = CancelToken::new();
    let drops = Drops::new();
    let witness = drops.witness();
    let mut never = ByHand::new(token.run_until_cancelled(async move {
        let _witness = witness;
        pending::<()>().await
    }));
    assert!(never.poll().is_pending() && never.poll().is_pending());
    token.cancel();
    assert_eq!((never.wakes(), drops.count()), (1, 0));
    assert!(matches!(never.poll(), Poll::Ready(Err(_))));
    assert_eq!(drops.count(), 1);
    // Dropped half-way, with a panic in the future.
    let token = CancelToken::new();
    let mut panics = ByHand::new(token.run_until_cancelled(async { boom("in the future") }));
    assert_eq!(panic_of(|| panics.poll().is_ready()), Some("in the future"));
    drop(panics);
    assert!(token.cancel());
}

// Tokens-1
#[test]
fn a_guard_cancels_when_it_is_dropped_and_on_unwinding() {
    let token = CancelToken::new();
    let kept = token.clone().drop_guard().disarm();
    assert!(kept.same_as(&token) && !token.is_cancelled());
    let unwound = panic_of(|| {
        let _guard = token.clone().drop_guard();
        boom("under the guard");
    });
    assert_eq!(unwound, Some("under the guard"));
    assert!(token.is_cancelled());
}

#[test]
fn a_token_says_what_it_is() {
    fn is<T: UnwindSafe + RefUnwindSafe + Send + Sync>(_: &T) {}
    let token = CancelToken::new();
    is(&token);
    let text = format!("{token:?}");
    assert_eq!(text, "CancelToken { is_cancelled: false }");
    token.cancel_with(with("why"));
    let text = format!("{token:?} {:?}", token.clone().cancelled_owned());
    assert_eq!(text.matches("why").count(), 2, "{text}");
    let guard = format!(
        "{:?} {:?}",
        token.clone().drop_guard(),
        token.on_cancel(|_| {})
    );
    assert!(guard.starts_with("DropGuard") && guard.contains("CallbackGuard"));
    assert!(!CancelToken::new().same_as(&CancelToken::new()));
}
