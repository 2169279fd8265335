//! Callbacks of cancel tokens, and what they, wakers and destructors may do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use ingather::cancel::CallbackGuard;
use ingather::{CancelReason, CancelToken};

use crate::support::{ByHand, Drops, Trace, boom, unhandled, watched};
use crate::tokens::{cause, with};

// Tokens-7
#[test]
fn a_callback_is_called_once_with_the_reason() {
    let token = CancelToken::new();
    let child = token.child_token();
    let log = Trace::new();
    let add = |name: &'static str| {
        let log = log.clone();
        move |reason: &CancelReason| log.log(format!("{name} {:?} {reason:?}", reason.kind()))
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
    let log = Trace::new();
    for name in ["one", "two"] {
        let token = root.child_token().child_token();
        let (log, witness) = (log.clone(), drops.witness());
        let call = move |reason: &CancelReason| {
            let _witness = &witness;
            log.log(format!(
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
    let log = Trace::new();
    token.on_cancel(|_| boom("tokens: a callback")).detach();
    let entry = log.clone();
    token.on_cancel(move |_| entry.log("called")).detach();
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

        let at_once = busy(&token, false);
        token.on_cancel(move |_| at_once.use_it()).detach();
        assert_eq!(used(), 2, "called and dropped");
        let token = CancelToken::new();
        let within = busy(&token, true);
        token.on_cancel(move |_| within.use_it()).detach();
        token.cancel();
        assert_eq!(used(), 2, "called and dropped");
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
