//! Scopes that cannot fail, and can be cut short: what they say, and what becomes of body and children.

use std::convert::Infallible;
use std::future::pending;

use ingather::kind::{Cut, MovesOn};
use ingather::{
    CancelKind, CancelReason, CancelToken, CutShort, Deadline, GroupOptions, Shared, scope,
};

use crate::blocking::may_block;
use crate::leaving::{kind, panic_of};
use crate::support::{Drops, Site, behaviour, boom};
use crate::time::{MOMENT, SECOND, with_wound};

behaviour!(
    a_scope_that_cannot_fail_says_that_its_time_was_up,
    a_scope_that_cannot_fail_says_who_cancelled_it,
    the_value_of_a_body_that_was_in_time_counts,
    a_handle_cuts_children_short_where_the_scope_cannot_say_so,
    a_blocking_scope_says_that_its_children_were_cut_short,
);

fn timeout() -> GroupOptions<Shared, Cut> {
    GroupOptions::new().timeout(SECOND)
}

fn move_on() -> GroupOptions<Shared, MovesOn> {
    GroupOptions::new().move_on_after(SECOND)
}

fn root<T>(cut: Result<T, CutShort>) -> Option<CancelKind> {
    cut.err().map(|cut| cut.reason().root().kind())
}

// Deadlines-6, Cancelling-2, Dropping-1
async fn a_scope_that_cannot_fail_says_that_its_time_was_up(on: Site) {
    with_wound(on, |clock| async move {
        let drops = Drops::new();
        let late = |held, wind: bool| {
            let clock = clock.clone();
            async move {
                let _held = held;
                if wind {
                    clock.wind(SECOND);
                }
                pending::<u32>().await
            }
        };
        let (body, child) = (drops.witness(), drops.witness());
        let cut = timeout().name("lookup").scope_or_cut(|tg| {
            tg.spawn(late(child, false));
            late(body, true)
        });
        let cut = cut.await.unwrap_err();
        assert!(cut.is_timeout() && drops.all());
        assert_eq!(cut.name(), Some("lookup"));
        assert_eq!(cut.reason().kind(), CancelKind::Deadline);
        let text = "`lookup` was cancelled because its deadline passed";
        assert_eq!(cut.to_string(), text);
        // In every form, and where that is no error.
        let inline = timeout().inline_scope_or_cut(|_| late(drops.witness(), true));
        assert_eq!(root(inline.await), Some(CancelKind::Deadline));
        let shared = move_on().scope(|_| late(drops.witness(), true));
        assert_eq!(shared.await, None);
        let inline = move_on().inline_scope(|_| late(drops.witness(), true));
        assert_eq!(inline.await, None);
        let tried = move_on().try_scope(|_| {
            let late = late(drops.witness(), true);
            async move { Ok::<_, Infallible>(late.await) }
        });
        assert_eq!(tried.await.ok(), Some(None));
        assert!(drops.all());
    })
    .await;
}

// Deadlines-6, Cancelling-9
async fn a_scope_that_cannot_fail_says_who_cancelled_it(on: Site) {
    let drops = Drops::new();
    let token = CancelToken::new();
    let stops = |held| {
        let token = token.clone();
        async move {
            let _held = held;
            token.cancel_with(CancelReason::shutdown());
            pending::<u32>().await
        }
    };
    let options = GroupOptions::new().on(&on.spawner).token(&token);
    let cut = options.clone().scope_or_cut(|_| stops(drops.witness()));
    let cut = cut.await.unwrap_err();
    assert_eq!(
        (cut.reason().kind(), cut.reason().root().kind()),
        (CancelKind::Parent, CancelKind::Shutdown)
    );
    assert!(!cut.is_timeout() && drops.all());
    // The token is cancelled by now. Options that move on stay so under a token.
    let moved = GroupOptions::new().on(&on.spawner).move_on_after(SECOND);
    let moved = moved.token(&token).scope(|_| pending::<()>());
    assert_eq!(moved.await, None);
    let tried = GroupOptions::new().on(&on.spawner).move_on_after(SECOND);
    let tried = tried.token(&token).try_scope(|_| async {
        pending::<()>().await;
        Ok::<_, Infallible>(())
    });
    let error = tried.await.unwrap_err();
    assert_eq!(
        error.cancelled().map(|reason| reason.root().kind()),
        Some(CancelKind::Shutdown)
    );
    // Its handle.
    let options = GroupOptions::new().on(&on.spawner).timeout(None);
    let cut = options.clone().scope_or_cut(|tg| async move {
        tg.cancel();
        pending::<u32>().await
    });
    assert_eq!(root(cut.await), Some(CancelKind::Explicit));
    // A panic goes on.
    let panics = options.scope_or_cut(|tg| async move {
        tg.cancel();
        boom("in the body")
    });
    assert_eq!(panic_of(panics).await, "in the body");
}

// Deadlines-6, Deadlines-4
async fn the_value_of_a_body_that_was_in_time_counts(on: Site) {
    with_wound(on, |clock| async move {
        let whole = timeout().scope_or_cut(|tg| async move { tg.spawn(async { 7 }).await });
        assert_eq!(whole.await, Ok(Ok(7)));
        // If the deadline cut children short, the scope did not do its work.
        let winds = clock.clone();
        let cut = timeout().scope_or_cut(|tg| async move {
            tg.spawn(pending::<()>());
            winds.wind(SECOND);
        });
        assert_eq!(root(cut.await), Some(CancelKind::Deadline));
        let winds = clock.clone();
        let moved = move_on().scope(|tg| async move {
            let key = tg.spawn(pending::<()>());
            winds.wind(SECOND);
            [key]
        });
        let [key] = moved.await.expect("the body was in time");
        assert_eq!(kind(&key), Some(CancelKind::Deadline));
        // A cancel of its own is no failure, as in a `try_scope`.
        let own = timeout().scope_or_cut(|tg| async move {
            tg.spawn(pending::<()>());
            tg.cancel();
            7
        });
        assert_eq!(own.await, Ok(7));
    })
    .await;
}

// Deadlines-7
async fn a_handle_cuts_children_short_where_the_scope_cannot_say_so(on: Site) {
    with_wound(on, |clock| async move {
        let value = scope(|tg| async move {
            let key = tg.spawn(pending::<()>());
            tg.set_deadline(Deadline::after(SECOND));
            clock.wind(SECOND);
            let ended = key.await;
            assert!(ended.is_err_and(|why| why.is_cancelled()));
            7
        });
        assert_eq!(value.await, 7);
    })
    .await;
}

// Deadlines-6, Blocking-1
async fn a_blocking_scope_says_that_its_children_were_cut_short(on: Site) {
    if !may_block(&on) {
        return;
    }
    let drops = Drops::new();
    let options = GroupOptions::new().on(&on.spawner);
    let cut = options.clone().timeout(MOMENT).blocking_scope_or_cut(|tg| {
        let held = drops.witness();
        tg.spawn(async move {
            let _held = held;
            pending::<()>().await;
        });
    });
    assert_eq!(root(cut), Some(CancelKind::Deadline));
    assert!(drops.all());
    let options = options.move_on_after(MOMENT);
    let moved = options.clone().blocking_scope(|tg| {
        tg.spawn(pending::<()>());
        7
    });
    assert_eq!(moved, Some(7));
    let moved = options.try_blocking_scope(|tg| {
        tg.spawn(pending::<()>());
        Ok::<_, Infallible>(7)
    });
    assert_eq!(moved.ok(), Some(Some(7)));
}
