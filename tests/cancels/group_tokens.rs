//! The tokens of groups, bodies and children: whose they are, what cancelling them does, and that they keep nothing.

use std::future::pending;
use std::sync::{Arc, Mutex};

use ingather::cancel::{CancelKind, cancel_reason};
use ingather::testing::TestExecutor;
use ingather::{CancelReason, CancelToken, GatherGroup, GroupOptions, Key, current_token, shield};

use crate::support::{
    Drops, Fault, Gate, HOUR, Kind, Polls, Rng, Site, behaviour, kind, reason, until,
    watchdog::watched_for, yields,
};

behaviour!(
    each_child_and_body_has_a_token_of_its_own,
    a_token_of_a_child_cancels_that_child,
    a_token_of_a_body_cancels_its_group,
    a_token_of_a_child_turns_what_is_inside_and_nothing_outside,
    the_token_of_a_group_can_be_cancelled_for_any_reason,
    a_group_follows_a_token,
    a_group_that_follows_a_cancelled_token_takes_nobody,
    a_token_that_is_asked_for_late_has_turned,
    a_child_that_asked_for_its_token_is_freed_at_its_end,
    a_group_whose_token_was_asked_for_is_freed,
);

behaviour!(outside: very_many_children_are_cancelled_at_once);

fn stop() -> CancelReason {
    CancelReason::with_message("by its token")
}

// Cancelling-9
async fn each_child_and_body_has_a_token_of_its_own(on: Site) {
    let nobodys = current_token();
    assert!(on.inside || !nobodys.same_as(&current_token()));
    let inside = on.clone();
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            let body = current_token();
            assert!(body.same_as(&current_token()) && body.same_as(&tg.token()));
            let child = |tg: &ingather::Scope<'static>| {
                tg.spawn(async {
                    let own = current_token();
                    yields(1).await;
                    assert!(own.same_as(&current_token()));
                    own
                })
            };
            let (one, two) = (child(&tg).await.unwrap(), child(&tg).await.unwrap());
            assert!(!one.same_as(&two) && !one.same_as(&body));
            let outer = tg.clone();
            let behind = tg.spawn(async move {
                let own = current_token();
                shield(async move {
                    assert!(!own.same_as(&current_token()));
                    // From inside a shield and another scope: a child is where it runs, not where it was started.
                    let started = ingather::on(&inside.spawner).scope(|tg| async move {
                        assert!(tg.token().same_as(&current_token()));
                        child(&outer).await.unwrap()
                    });
                    (started.await, own)
                })
                .await
            });
            let (started, own) = behind.await.unwrap();
            assert!(!started.same_as(&own));
            tg.token().cancel();
            // One is over, and nobody is told by its token any more who did not ask for it before; the others know.
            assert_eq!(
                body.reason().map(|reason| reason.kind()),
                Some(CancelKind::Explicit)
            );
        })
        .await;
    assert!(!nobodys.is_cancelled());
}

// Cancelling-9, Cancelling-8
async fn a_token_of_a_child_cancels_that_child(on: Site) {
    for grace in [None, Some(HOUR)] {
        let options = GroupOptions::new().on(&on.spawner);
        let group = match grace {
            None => options.group(),
            Some(grace) => options.grace(grace).group(),
        };
        let (gate, tokens) = (Gate::new(), Arc::new(Mutex::new(Vec::new())));
        let keys: Vec<_> = (0..3)
            .map(|_| {
                let (waits, tokens) = (gate.clone(), Arc::clone(&tokens));
                group.spawn(async move {
                    let token = current_token();
                    tokens.lock().unwrap().push(token.clone());
                    let cancelled = token.cancelled();
                    futures::future::select(cancelled, waits.wait()).await;
                    token.reason()
                })
            })
            .collect();
        until(|| gate.waiting() == 3).await;
        let token = tokens.lock().unwrap().swap_remove(1);
        assert!(token.cancel_with(stop()));
        let over = || keys.iter().filter(|key| key.is_finished()).count();
        until(|| over() == 1).await;
        gate.open();
        let tally = group.join().await;
        assert_eq!((group.cancel_reason(), tally.total()), (None, 3));
        // Without grace the token may have had it polled once more, to its end.
        assert!(tally.cancelled <= u64::from(grace.is_none()));
        let mut read = Vec::new();
        for key in keys {
            let dropped = reason(&key);
            read.push(match key.await {
                Ok(read) => read,
                Err(_) => dropped,
            });
        }
        assert_eq!(read.iter().flatten().collect::<Vec<_>>(), [&stop()]);
    }
}

// Cancelling-9
async fn a_token_of_a_body_cancels_its_group(on: Site) {
    let error = ingather::on(&on.spawner)
        .try_scope(|tg| async move {
            let key = tg.spawn(pending::<()>());
            current_token().cancel_with(stop());
            assert_eq!(tg.cancel_reason(), Some(stop()));
            let _ = key.await;
            Ok::<_, Fault>(())
        })
        .await
        .unwrap_err();
    assert_eq!(error.cancelled(), Some(&stop()));
    let read = ingather::on(&on.spawner).scope(|tg| async move {
        let key = tg.spawn(pending::<()>());
        current_token().cancel_with(stop());
        key.await.unwrap_err().to_string()
    });
    assert_eq!(
        read.await,
        "the child was cancelled by request: by its token"
    );
}

// Cancelling-9, Cancelling-7
async fn a_token_of_a_child_turns_what_is_inside_and_nothing_outside(on: Site) {
    let outer = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
    let inside = on.clone();
    let child = outer.spawn(async move {
        let read = ingather::on(&inside.spawner).scope(|tg| async move {
            let body = tg.token();
            let grandchild = tg.spawn(async move { current_token().cancelled().await });
            yields(3).await;
            body.cancel_with(stop());
            assert!(tg.is_cancelled());
            (grandchild.await.is_err(), cancel_reason())
        });
        assert_eq!(read.await, (true, Some(stop())));
        // What was cancelled inside does not reach out to the child that it was in.
        assert_eq!(cancel_reason(), None);
        let own = current_token();
        own.cancel_with(stop());
        let inner = GatherGroup::on(&inside.spawner);
        let read = inner.cancel_reason().expect("its outside is cancelled");
        assert_eq!((read.kind(), read.root()), (CancelKind::Parent, &stop()));
        assert_eq!(inner.token().reason(), Some(read));
        assert_eq!(inner.spawn(async { 1 }).await, Ok(1));
        inner.join().await;
    });
    assert_eq!(child.await, Ok(()));
    assert_eq!(
        (outer.cancel_reason(), outer.token().reason()),
        (None, None)
    );
    outer.join().await;
}

// Cancelling-9
async fn the_token_of_a_group_can_be_cancelled_for_any_reason(on: Site) {
    // Passed on from the token of something else, which read it from further out.
    let root = CancelToken::new();
    root.cancel_with(stop());
    let passed = root.child_token().reason().expect("it is born cancelled");
    assert_eq!(passed.kind(), CancelKind::Parent);

    let group = GatherGroup::on(&on.spawner);
    let key = group.spawn(pending::<()>());
    assert!(group.token().cancel_with(passed.clone()));
    assert_eq!(group.cancel_reason(), Some(passed.clone()));
    assert_eq!(group.join().await.cancelled, 1);
    assert_eq!(reason(&key), Some(passed.clone()));

    // The same of a group inside a child that is not cancelled itself.
    let outer = GatherGroup::on(&on.spawner);
    let inside = on.clone();
    let key = outer.spawn(async move {
        let group = GatherGroup::on(&inside.spawner);
        let key = group.spawn(pending::<()>());
        assert!(group.token().cancel_with(passed));
        group.join().await;
        kind(&key)
    });
    assert_eq!(key.await, Ok(Some(CancelKind::Parent)));
    outer.join().await;
}

// Cancelling-9
async fn a_group_follows_a_token(on: Site) {
    let token = CancelToken::new();
    let options = GroupOptions::new().token(&token).on(&on.spawner);
    let (group, other) = (options.clone().group(), options.group());
    let (one, two) = (group.spawn(pending::<()>()), other.spawn(pending::<()>()));
    group.cancel();
    assert_eq!(group.join().await.cancelled, 1);
    // It does not lead.
    assert!(!token.is_cancelled() && !other.is_cancelled());
    token.cancel_with(stop());
    assert_eq!(other.join().await.cancelled, 1);
    assert_eq!(kind(&one), Some(CancelKind::Explicit));
    let read = reason(&two).expect("it was cancelled");
    assert_eq!((read.kind(), read.root()), (CancelKind::Parent, &stop()));
    assert_eq!(
        (other.cancel_reason(), other.token().reason()),
        (Some(read.clone()), Some(read))
    );
    // A try_scope has nothing to give then.
    let token = CancelToken::new();
    let cancels = token.clone();
    let options = GroupOptions::new().token(&token).on(&on.spawner);
    let error = options.try_scope(|_| async move {
        cancels.cancel_with(stop());
        pending::<Result<(), Fault>>().await
    });
    let error = error.await.unwrap_err();
    assert_eq!(error.cancelled().map(CancelReason::root), Some(&stop()));
    // After its end nothing follows.
    let token = CancelToken::new();
    let group = GroupOptions::new().token(&token).on(&on.spawner).group();
    group.join().await;
    token.cancel();
    assert!(!group.is_cancelled());
}

// Cancelling-9, Leaving-6
async fn a_group_that_follows_a_cancelled_token_takes_nobody(on: Site) {
    let token = CancelToken::new();
    token.cancel_with(stop());
    let (polls, drops) = (Polls::new(), Drops::new());
    let group = GroupOptions::new()
        .token(&token)
        .grace(HOUR)
        .on(&on.spawner)
        .group();
    let held = drops.witness();
    let key = group.spawn(polls.clone().of(async move { drop(held) }));
    assert_eq!((polls.count(), drops.count()), (0, 1));
    assert_eq!(
        reason(&key).map(|reason| reason.root().clone()),
        Some(stop())
    );
    assert_eq!(group.join().await.total(), 0);
}

// Cancelling-5, Cancelling-9
async fn a_token_that_is_asked_for_late_has_turned(on: Site) {
    let group = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
    let gate = Gate::new();
    let waits = gate.clone();
    let key = group.spawn(async move {
        waits.wait().await;
        let (own, reason) = (current_token(), cancel_reason());
        assert_eq!(own.reason(), reason);
        (own, reason)
    });
    until(|| gate.waiting() == 1).await;
    group.cancel_with(stop());
    gate.open();
    let (own, read) = key.await.expect("it has time");
    assert_eq!(read, Some(stop()));
    assert_eq!((group.token().reason(), own.reason()), (read.clone(), read));
    group.join().await;
}

// Results-4, Cancelling-9
async fn a_child_that_asked_for_its_token_is_freed_at_its_end(on: Site) {
    // A test executor keeps the names of children for its reports.
    if on.kind == Kind::Test {
        return;
    }
    let options = GroupOptions::new().grace(HOUR).on(&on.spawner);
    let freed = options.scope(|tg| async move {
        let (drops, mut names, mut tokens) = (Drops::new(), Vec::new(), Vec::new());
        for how in 0..6 {
            // A name is part of what a child is, and freed with it.
            let name: Arc<str> = format!("child {how}").into();
            names.push(Arc::clone(&name));
            let (held, output, on) = (drops.witness(), drops.witness(), on.clone());
            let gate = Gate::new();
            let waits = gate.clone();
            let key = tg.named(name).spawn(async move {
                let _held = held;
                let token = current_token();
                let group = GatherGroup::on(&on.spawner);
                let inner = group.token();
                inner.on_cancel(|_| {}).detach();
                shield(async { assert!(!current_token().is_cancelled()) }).await;
                group.join().await;
                if how % 2 == 1 {
                    futures::future::select(token.cancelled(), waits.wait()).await;
                }
                (output, inner)
            });
            match how {
                1 => key.cancel(),
                3 => gate.open(),
                // The key goes first, or with the value in it, or when it has given that.
                4 => drop(key),
                5 => {
                    until(|| gate.waiting() == 1).await;
                    key.cancel();
                    until(|| key.is_finished()).await;
                }
                _ => tokens.extend(key.await.ok().map(|(_, inner)| inner)),
            }
        }
        until(|| drops.all() && tg.is_empty()).await;
        // The tokens of groups that were inside do not keep it.
        until(|| names.iter().all(|name| Arc::strong_count(name) == 1)).await;
        assert!(tokens.iter().all(|token| !token.is_cancelled()));
        (drops.made(), tokens.len(), tg.is_cancelled())
    });
    assert_eq!(freed.await, (12, 2, false));
}

// Results-4, Cancelling-9
async fn a_group_whose_token_was_asked_for_is_freed(on: Site) {
    let follows = CancelToken::new();
    let name: Arc<str> = "the group".into();
    let options = GroupOptions::new()
        .name(Arc::clone(&name))
        .token(&follows)
        .grace(HOUR);
    let options = options.timeout(HOUR).on(&on.spawner);
    let tokens: Arc<Mutex<Vec<CancelToken>>> = Arc::default();
    let kept = Arc::clone(&tokens);
    let value = options.scope_or_cut(|tg| async move {
        kept.lock().unwrap().push(tg.token());
        let key = tg.spawn(async { current_token() });
        let token = key.await.unwrap();
        kept.lock().unwrap().push(token);
    });
    value.await.unwrap();
    assert_eq!(tokens.lock().unwrap().len(), 2);
    until(|| Arc::strong_count(&name) == 1).await;
    follows.cancel();
}

/// So many children of which each waits for its token, and another half that does not.
async fn cancel_many(group: &GatherGroup, many: usize, graceful: bool) {
    let (told, others, drops) = (Polls::new(), Polls::new(), Drops::new());
    let (begun, gate) = (Gate::new(), Gate::new());
    let spawn = |polls: &Polls, asks: bool| -> Key<()> {
        let (begun, gate, held) = (begun.clone(), gate.clone(), drops.witness());
        group.spawn(polls.clone().of(async move {
            let _held = held;
            let token = asks.then(current_token);
            let _begun = begun.wait();
            match token {
                Some(token) => drop(futures::future::select(token.cancelled(), gate.wait()).await),
                None => gate.wait().await,
            }
        }))
    };
    let keys: Vec<_> = (0..many)
        .map(|number| {
            spawn(
                if number % 2 == 0 { &told } else { &others },
                number % 2 == 0,
            )
        })
        .collect();
    until(|| gate.waiting() == many).await;
    group.cancel();
    if graceful {
        until(|| group.len() == many / 2).await;
        assert_eq!((told.count(), others.count()), (many, many / 2));
        gate.open();
        assert_eq!(group.join().await.ok, many as u64);
        assert_eq!((told.count(), others.count()), (many, many));
    } else {
        let tally = group.join().await;
        assert_eq!(tally.cancelled, many as u64);
        // Each once, at its start: the token woke nobody into another poll.
        assert_eq!((told.count(), others.count()), (many / 2, many / 2));
    }
    assert!(drops.all());
    assert!(keys.iter().all(Key::is_finished));
}

// Cancelling-10, Cancelling-2, Cancelling-4
async fn very_many_children_are_cancelled_at_once(on: Site) {
    cancel_many(&GroupOptions::new().on(&on.spawner).group(), 2_000, false).await;
    let graceful = GroupOptions::new().grace(HOUR).on(&on.spawner).group();
    cancel_many(&graceful, 2_000, true).await;
}

// Cancelling-10
#[test]
fn a_hundred_thousand_children_are_cancelled_at_once() {
    watched_for(
        120,
        "a_hundred_thousand_children_are_cancelled_at_once",
        || {
            for graceful in [false, true] {
                let executor = TestExecutor::new().with_step_limit(u64::MAX);
                executor.block_on(async {
                    let options = GroupOptions::new();
                    let group = if graceful {
                        options.grace(HOUR)
                    } else {
                        options
                    }
                    .group();
                    cancel_many(&group, 100_000, graceful).await;
                });
            }
        },
    );
}

// Cancelling-1, Cancelling-9, Cancelling-10
#[test]
fn tokens_keys_and_groups_that_are_cancelled_from_several_threads_agree() {
    let name = "tokens_keys_and_groups_that_are_cancelled_from_several_threads_agree";
    watched_for(60, name, || {
        let mut rng = Rng::new(7);
        for _ in 0..200 {
            let executor = ingather::spawner::Embedded;
            let group = GatherGroup::on(&executor);
            let tokens = Arc::new(Mutex::new(Vec::new()));
            let keys: Vec<_> = (0..4)
                .map(|_| {
                    let tokens = Arc::clone(&tokens);
                    group.spawn(async move {
                        tokens.lock().unwrap().push(current_token());
                        pending::<()>().await;
                    })
                })
                .collect();
            while tokens.lock().unwrap().len() < 4 {
                std::thread::yield_now();
            }
            let (one, all) = (rng.below(4), group.token());
            let token = tokens.lock().unwrap()[rng.below(4)].clone();
            std::thread::scope(|threads| {
                threads.spawn(|| keys[one].cancel());
                threads.spawn(|| token.cancel());
                threads.spawn(|| all.cancel());
            });
            let tally = futures::executor::block_on(group.join());
            assert_eq!((tally.cancelled, tally.total()), (4, 4));
            assert!(tokens.lock().unwrap().iter().all(CancelToken::is_cancelled));
            assert!(
                keys.iter()
                    .all(|key| kind(key) == Some(CancelKind::Explicit))
            );
        }
    });
}
