//! Scopes that cannot fail, and can be cut short: what they say, and what becomes of body and children.

use std::convert::Infallible;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use ingather::cancel::CancelKind;
use ingather::clock::now;
use ingather::kind::{Cut, MovesOn, Shared};
use ingather::{
    CancelReason, CancelToken, CutShort, Deadline, GroupOptions, current_token, scope, try_scope,
};

use crate::support::{
    Drops, Fault, HOUR, MOMENT, SECOND, Site, behaviour, boom, kind, may_block, panic_when_awaited,
    with_wound, yield_now,
};

behaviour!(
    a_scope_that_cannot_fail_says_that_its_time_was_up,
    a_scope_that_cannot_fail_says_who_cancelled_it,
    the_value_of_a_body_that_was_in_time_counts,
    a_handle_cuts_children_short_where_the_scope_cannot_say_so,
    a_blocking_scope_says_that_its_children_were_cut_short,
    a_child_that_was_refused_was_cut_short,
    a_body_is_polled_once_whatever_is_over,
    a_scope_that_closed_itself_is_cut_short_all_the_same,
    a_blocking_scope_that_closed_itself_is_cancelled_all_the_same,
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
        let inline = timeout()
            .inline()
            .scope_or_cut(|_| late(drops.witness(), true));
        assert_eq!(root(inline.await), Some(CancelKind::Deadline));
        let shared = move_on().scope(|_| late(drops.witness(), true));
        assert_eq!(shared.await, None);
        let inline = move_on().inline().scope(|_| late(drops.witness(), true));
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
    assert_eq!(panic_when_awaited(panics).await, "in the body");
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
    let cut = options
        .clone()
        .timeout(MOMENT)
        .parallel()
        .scope_or_cut(|tg| {
            let held = drops.witness();
            tg.spawn(async move {
                let _held = held;
                pending::<()>().await;
            });
        });
    assert_eq!(root(cut), Some(CancelKind::Deadline));
    assert!(drops.all());
    let options = options.move_on_after(MOMENT);
    let moved = options.clone().parallel().scope(|tg| {
        tg.spawn(pending::<()>());
        7
    });
    assert_eq!(moved, Some(7));
    let moved = options.parallel().try_scope(|tg| {
        tg.spawn(pending::<()>());
        Ok::<_, Infallible>(7)
    });
    assert_eq!(moved.ok(), Some(Some(7)));
}

// Deadlines-4, Results-6
async fn a_child_that_was_refused_was_cut_short(on: Site) {
    let options = GroupOptions::new().on(&on.spawner);
    let over = options.clone().timeout(Duration::ZERO);
    let group = over.clone().fallible_group::<Fault>();
    let key = group.spawn(async {});
    assert_eq!(kind(&key), Some(CancelKind::Deadline));
    assert!(group.try_join().await.unwrap_err().is_timeout());
    assert!(group.try_join().await.unwrap_err().is_timeout());
    let group = over.clone().group();
    drop((
        group.spawn(async {}),
        group.child().spawn_or_return(async {}),
    ));
    let tally = group.join().await;
    assert_eq!((tally.refused, tally.total()), (2, 0));
    let tried = over.clone().try_scope(|tg| async move {
        drop(tg.spawn(async {}));
        Ok::<_, Fault>(())
    });
    assert!(tried.await.unwrap_err().is_timeout());
    let cut = over
        .clone()
        .scope_or_cut(|tg| async move { drop(tg.spawn(async {})) });
    assert_eq!(root(cut.await), Some(CancelKind::Deadline));
    // With nobody refused nothing was cut short.
    let group = over.clone().fallible_group::<Fault>();
    assert_eq!(group.try_join().await.unwrap().total(), 0);
    // Nor by a group that was closed, or cancelled by its own.
    let group = options.clone().timeout(HOUR).fallible_group::<Fault>();
    group.close();
    drop(group.spawn(async {}));
    assert_eq!(group.try_join().await.unwrap().refused, 1);
    let group = options.clone().timeout(HOUR).fallible_group::<Fault>();
    group.cancel();
    drop(group.spawn(async {}));
    assert_eq!(group.try_join().await.unwrap().refused, 1);
    // One that moves on does.
    let group = options
        .move_on_after(Duration::ZERO)
        .fallible_group::<Fault>();
    drop(group.spawn(async {}));
    assert_eq!(group.try_join().await.unwrap().refused, 1);
}

/// A body that says when it is polled, and never suspends.
async fn seven(polls: &AtomicUsize) -> Result<u32, Fault> {
    polls.fetch_add(1, Relaxed);
    Ok(7)
}

// Cancelling-12
async fn a_body_is_polled_once_whatever_is_over(on: Site) {
    let token = CancelToken::new();
    token.cancel();
    let polls = &AtomicUsize::new(0);
    let options = GroupOptions::new().on(&on.spawner);
    for grace in [Duration::ZERO, HOUR] {
        let options = options.clone().grace(grace);
        for over in [
            options.clone().timeout(Duration::ZERO),
            options.clone().deadline(now()),
            options.clone().token(&token),
        ] {
            let tried = over.clone().try_scope(|_| seven(polls));
            assert_eq!(tried.await.unwrap(), 7);
            let inline = over.clone().inline().try_scope(|_| seven(polls));
            assert_eq!(inline.await.unwrap(), 7);
            let value = over.clone().scope_or_cut(|_| seven(polls));
            assert_eq!(value.await, Ok(Ok(7)));
            assert_eq!(polls.swap(0, Relaxed), 3);
            if grace.is_zero() {
                // What it awaits may be ready at once; at its first suspension it is dropped.
                let drops = Drops::new();
                let held = drops.witness();
                let suspends = over.try_scope(|_| async move {
                    let _held = held;
                    seven(polls).await?;
                    yield_now().await;
                    seven(polls).await
                });
                assert!(suspends.await.unwrap_err().cancelled().is_some());
                assert_eq!((polls.swap(0, Relaxed), drops.all()), (1, true));
            }
        }
        let moves_on = options.move_on_after(Duration::ZERO);
        let value = moves_on.clone().scope(|_| seven(polls));
        assert_eq!(value.await, Some(Ok(7)));
        let tried = moves_on.clone().try_scope(|_| seven(polls));
        assert_eq!(tried.await.unwrap(), Some(7));
        assert_eq!(polls.swap(0, Relaxed), 2);
    }
}

// Cancelling-13, Deadlines-1
async fn a_scope_that_closed_itself_is_cut_short_all_the_same(on: Site) {
    with_wound(on, |clock| async move {
        for has_child in [false, true] {
            let winds = clock.clone();
            let late = timeout().try_scope(|tg| async move {
                if has_child {
                    tg.spawn(async {}).await.unwrap();
                }
                tg.close();
                winds.wind(SECOND);
                pending::<Result<(), Fault>>().await
            });
            assert!(late.await.unwrap_err().is_timeout());
            let winds = clock.clone();
            let moved = move_on().inline().scope(|tg| async move {
                tg.close();
                winds.wind(SECOND);
                pending::<()>().await;
            });
            assert_eq!(moved.await, None);
        }
        let cancels = try_scope(|tg| async move {
            tg.close();
            tg.cancel();
            pending::<Result<(), Fault>>().await
        });
        let error = cancels.await.unwrap_err();
        assert_eq!(
            error.cancelled().map(CancelReason::kind),
            Some(CancelKind::Explicit)
        );
        let token = CancelToken::new();
        let stops = token.clone();
        let stopped = GroupOptions::new()
            .token(&token)
            .try_scope(|tg| async move {
                tg.close();
                stops.cancel();
                pending::<Result<(), Fault>>().await
            });
        assert!(stopped.await.unwrap_err().cancelled().is_some());
        // One that has to give its value reads it.
        let told = scope(|tg| async move {
            tg.close();
            tg.cancel();
            current_token().cancelled().await.kind()
        });
        assert_eq!(told.await, CancelKind::Explicit);
        // With the body the scope is over.
        let handle = scope(|tg| async move {
            tg.close();
            [tg]
        });
        let [handle] = handle.await;
        handle.cancel();
        assert!(!handle.is_cancelled());
    })
    .await;
}

// Cancelling-13, Blocking-1
async fn a_blocking_scope_that_closed_itself_is_cancelled_all_the_same(on: Site) {
    if !may_block(&on) {
        return;
    }
    let token = GroupOptions::new().on(&on.spawner).parallel().scope(|tg| {
        tg.close();
        tg.cancel();
        assert!(tg.is_cancelled() && current_token().is_cancelled());
        tg.token()
    });
    assert!(token.is_cancelled());
}
