//! Cancel tokens: who is cancelled by whom and why, and who is told of it.

use std::future::{pending, ready};
use std::mem::forget;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use ingather::futures::CancelledOwned;
use ingather::{CallbackGuard, CancelKind, CancelReason, CancelToken, scope_on};

use crate::support::{ByHand, Drops, Log, Site, behaviour, boom, panic_of, unhandled, watched};

behaviour!(
    a_cancel_reaches_every_child_that_waits,
    a_child_that_looks_at_a_token_finishes_its_work,
    a_future_gives_way_to_a_token,
);

// Tokens-2, Tokens-6
async fn a_cancel_reaches_every_child_that_waits(on: Site) {
    let root = CancelToken::new();
    let reasons = scope_on(&on.spawner, |tg| async move {
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
    let (looks, rounds) = (token.clone(), Log::new());
    let log = rounds.clone();
    let first = scope_on(&on.spawner, |tg| async move {
        let key = tg.spawn(async move {
            while !looks.is_cancelled() {
                crate::support::yield_now().await;
            }
            log.add("finished");
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
    let (result, dropped) = scope_on(&on.spawner, |tg| async move {
        let key = tg.spawn(async move { (never.await, count.count()) });
        token.cancel();
        key.await.unwrap()
    })
    .await;
    assert_eq!(result.unwrap_err().kind(), CancelKind::Explicit);
    assert_eq!(dropped, 1, "before the reason was given");
}

fn with(message: &str) -> CancelReason {
    CancelReason::with_message(message)
}

fn cause(token: &CancelToken) -> Option<String> {
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
    let count = waits.count();
    drop(waits);
    assert_eq!(Arc::strong_count(&count), 1);
    token.cancel();
    assert_eq!(count.get(), 0);
}

// Tokens-6
#[test]
fn a_waiter_that_moved_is_woken_where_it_was_polled_last() {
    let token = CancelToken::new();
    let mut waits = Box::pin(token.cancelled());
    let counts = [(); 3].map(|()| crate::support::Count::new());
    for (_, waker) in &counts {
        assert!(
            waits
                .as_mut()
                .poll(&mut Context::from_waker(waker))
                .is_pending()
        );
    }
    assert_eq!(
        counts.each_ref().map(|(count, _)| Arc::strong_count(count)),
        [2, 2, 3]
    );
    token.cancel();
    assert_eq!(counts.map(|(count, _)| count.get()), [0, 0, 1]);
}

// Tokens-5, Tokens-6
#[test]
fn a_forgotten_waiter_harms_nobody() {
    let token = CancelToken::new();
    let mut waits = ByHand::new(token.cancelled());
    assert!(waits.poll().is_pending());
    let count = waits.count();
    forget(waits.into_future());
    drop(token);
    // The waker went with the token.
    assert_eq!((Arc::strong_count(&count), count.get()), (1, 0));
}

// Tokens-7
#[test]
fn a_callback_is_called_once_with_the_reason() {
    let token = CancelToken::new();
    let child = token.child_token();
    let log = Log::new();
    let add = |name: &'static str| {
        let log = log.clone();
        move |reason: &CancelReason| log.add(format!("{name} {:?} {reason:?}", reason.kind()))
    };
    let _early = token.on_cancel(add("early"));
    let _below = child.on_cancel(add("below"));
    drop(token.on_cancel(add("withdrawn")));
    token.on_cancel(add("detached")).detach();
    assert!(log.entries().is_empty());
    token.cancel();
    token.cancel();
    let _late = child.on_cancel(add("late"));
    let names: Vec<_> = log.entries();
    let names: Vec<_> = names
        .iter()
        .map(|line| line.split(" Cancel").next().unwrap())
        .collect();
    let expected = [
        "early Explicit",
        "detached Explicit",
        "below Parent",
        "late Parent",
    ];
    assert_eq!(names, expected);
}

// Tokens-7
#[test]
fn a_callback_that_is_withdrawn_is_dropped_at_once() {
    let token = CancelToken::new();
    let drops = Drops::new();
    let witness = drops.witness();
    let guard = token.on_cancel(move |_| drop(witness));
    assert_eq!(drops.count(), 0);
    drop(guard);
    assert_eq!(drops.count(), 1);
}

// Tokens-7
#[test]
fn a_callback_may_withdraw_one_whose_turn_has_not_come() {
    let token = CancelToken::new();
    let guards = Arc::new(Mutex::new(Vec::<CallbackGuard>::new()));
    let calls = Arc::new(AtomicUsize::new(0));
    // Each withdraws all others, those of the same token and those further down.
    for target in [&token, &token, &token.child_token()] {
        let (theirs, calls) = (Arc::clone(&guards), Arc::clone(&calls));
        let guard = target.on_cancel(move |_| {
            let all = std::mem::take(&mut *theirs.lock().unwrap());
            drop(all);
            calls.fetch_add(1, Ordering::SeqCst);
        });
        guards.lock().unwrap().push(guard);
    }
    token.cancel();
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

// Tokens-8
#[test]
fn a_detached_callback_outlives_its_token() {
    let root = CancelToken::new();
    let drops = Drops::new();
    let log = Log::new();
    for name in ["one", "two"] {
        let token = root.child_token().child_token();
        let (log, witness) = (log.clone(), drops.witness());
        let call = move |reason: &CancelReason| {
            let _witness = &witness;
            log.add(format!(
                "{name} {:?} {}",
                reason.kind(),
                reason.root().message().unwrap()
            ));
        };
        token.on_cancel(call).detach();
    }
    assert_eq!(drops.count(), 0);
    root.cancel_with(with("root"));
    assert_eq!(log.entries(), ["one Parent root", "two Parent root"]);
    assert!(drops.all());
    let root = CancelToken::new();
    let witness = drops.witness();
    root.child_token()
        .on_cancel(move |_| drop(witness))
        .detach();
    assert!(!drops.all());
    drop(root);
    assert!(drops.all(), "nobody is left who could cancel");
}

// Tokens-9
#[test]
fn a_panic_in_a_callback_or_a_waker_stops_nobody() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            boom("tokens: a waker");
        }
    }

    unhandled::collect();
    let token = CancelToken::new();
    let waker = Waker::from(Arc::new(Panics));
    let mut bad = Box::pin(token.cancelled());
    assert!(
        bad.as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    let mut good = ByHand::new(token.cancelled());
    assert!(good.poll().is_pending());
    let log = Log::new();
    token.on_cancel(|_| boom("tokens: a callback")).detach();
    let entry = log.clone();
    token.on_cancel(move |_| entry.add("called")).detach();
    assert!(token.cancel());
    assert_eq!((good.wakes(), log.entries().len()), (1, 1));
    assert_eq!(unhandled::taken("tokens: a waker").len(), 1);
    assert_eq!(unhandled::taken("tokens: a callback").len(), 1);

    token.on_cancel(|_| boom("tokens: at once")).detach();
    assert_eq!(unhandled::taken("tokens: at once").len(), 1);
}

// Tokens-9
#[test]
fn a_destructor_that_panics_harms_nobody() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            boom("tokens: a destructor");
        }
    }

    unhandled::collect();
    let token = CancelToken::new();
    let bad = Bad;
    drop(token.on_cancel(move |_| drop(bad)));
    let bad = Bad;
    token.on_cancel(move |_| drop(bad)).detach();
    let bad = Bad;
    token.child_token().on_cancel(move |_| drop(bad)).detach();
    drop(token);
    assert_eq!(unhandled::taken("tokens: a destructor").len(), 3);
}

/// Uses a token in every way when it is woken, called or dropped, and counts how often that went well.
struct Busy {
    token: CancelToken,
    cancels: bool,
    uses: Arc<AtomicUsize>,
}

impl Busy {
    fn use_it(&self) {
        let cancelled = self.token.is_cancelled();
        drop(self.token.child_token().child_token());
        drop(self.token.on_cancel(|_| {}));
        let mut waits = ByHand::new(self.token.clone().cancelled_owned());
        assert_eq!(waits.poll().is_ready(), cancelled);
        drop(waits);
        if self.cancels {
            assert_eq!(self.token.cancel(), !cancelled);
        }
        self.uses.fetch_add(1, Ordering::SeqCst);
    }
}

impl Wake for Busy {
    fn wake(self: Arc<Self>) {
        self.use_it();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.use_it();
    }
}

// Tokens-10
#[test]
fn wakers_callbacks_and_destructors_may_use_their_own_token() {
    watched("a token that is used from within", || {
        let uses = Arc::new(AtomicUsize::new(0));
        let busy = |token: &CancelToken, cancels| Busy {
            token: token.clone(),
            cancels,
            uses: Arc::clone(&uses),
        };
        let used = || uses.swap(0, Ordering::SeqCst);
        let token = CancelToken::new();
        let mut waits = Box::pin(token.cancelled());
        for expected in [0, 1] {
            let waker = Waker::from(Arc::new(busy(&token, false)));
            let mut cx = Context::from_waker(&waker);
            assert!(waits.as_mut().poll(&mut cx).is_pending());
            drop(waker);
            assert_eq!(used(), expected, "the one before was dropped");
        }
        let within = busy(&token, false);
        let guard = token.on_cancel(move |_| within.use_it());
        drop(guard);
        assert_eq!(used(), 1, "the callback was dropped");
        let within = busy(&token, true);
        let guard = token.on_cancel(move |_| drop(within));
        drop(guard);
        assert_eq!(
            (used(), token.is_cancelled()),
            (3, true),
            "and the waker woken and dropped"
        );
        drop(waits);
        assert_eq!(used(), 0);

        let token = CancelToken::new();
        let mut waits = Box::pin(token.cancelled());
        let waker = Waker::from(Arc::new(busy(&token, true)));
        let mut cx = Context::from_waker(&waker);
        assert!(waits.as_mut().poll(&mut cx).is_pending());
        drop(waker);
        drop(waits);
        assert_eq!((used(), token.is_cancelled()), (1, true));
    });
}

// Tokens-10, Tokens-2
#[test]
fn a_callback_may_cancel_further_up() {
    let root = CancelToken::new();
    let (token, sibling) = (root.child_token(), root.child_token());
    let up = root.clone();
    token.on_cancel(move |_| drop(up.drop_guard())).detach();
    assert!(token.cancel_with(with("token")));
    assert_eq!(cause(&token).as_deref(), Some("token"));
    assert!(root.is_cancelled() && sibling.is_cancelled());
}

// Tokens-10
#[test]
fn a_callback_may_hold_the_last_handle_of_its_own_tree() {
    let drops = Drops::new();
    let token = CancelToken::new();
    let (child, witness) = (token.child_token(), drops.witness());
    let own = child.clone();
    child.on_cancel(move |_| drop((own, witness))).detach();
    drop(child);
    token.cancel();
    assert!(drops.all());
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
    let _: CancelledOwned = token.cancelled_owned();
}
