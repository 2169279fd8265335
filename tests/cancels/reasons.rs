//! What a reason tells of whoever cancelled.

use std::future::pending;

use ingather::{
    CancelReason, GatherGroup, GatherIncomplete, Key, Ready, current_token, inline, shield,
};

use crate::support::{Site, behaviour};

behaviour!(
    a_reason_says_which_child_cancelled,
    a_cancel_by_nobodys_child_names_none,
);

/// The reason for which a child was cancelled.
async fn reason_of(key: Key<()>) -> CancelReason {
    match key.await {
        Err(GatherIncomplete::Cancelled(reason)) => reason.root().clone(),
        other => panic!("it was not cancelled: {other:?}"),
    }
}

// Cancelling-15
#[expect(clippy::async_yields_async, reason = "a key is what the child gives")]
async fn a_reason_says_which_child_cancelled(on: Site) {
    for way in 0..8 {
        let group = GatherGroup::on(&on.spawner);
        let victim = group.spawn(pending::<()>());
        let (handle, token) = (group.handle(), group.token());
        let (tell, told) = futures::channel::oneshot::channel();
        // In a group of its own, since the other is cancelled.
        let killers = GatherGroup::on(&on.spawner);
        let killer = killers.named("killer").spawn({
            let spawner = on.spawner.clone();
            async move {
                let key: Key<()> = told.await.unwrap();
                match way {
                    0 => handle.cancel(),
                    1 => handle.cancel_with(CancelReason::with_message("enough")),
                    2 => drop(token.cancel()),
                    3 => key.cancel(),
                    4 => shield(async { handle.cancel() }).await,
                    5 => drop(token.drop_guard()),
                    6 => {
                        ingather::on(&spawner)
                            .scope(|_| async move { handle.cancel() })
                            .await
                    }
                    _ => inline::scope(|_| async move { handle.cancel() }).await,
                }
                key
            }
        });
        let who = killer.child();
        assert!(tell.send(victim).is_ok());
        let reason = reason_of(killer.await.unwrap()).await;
        assert_eq!(reason.child(), Some(&who), "cancelled in way {way}");
        let (text, place) = (reason.to_string(), reason.location().unwrap());
        for part in [
            who.to_string(),
            place.to_string(),
            who.location().to_string(),
        ] {
            assert!(text.contains(&part), "{text}");
        }
        assert_eq!(place.file(), file!());
        assert_eq!(text.ends_with(": enough"), way == 1, "{text}");
        killers.join().await;
        group.join().await;
    }
}

// Cancelling-15
async fn a_cancel_by_nobodys_child_names_none(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let handle = group.handle();
    let victim = group.spawn(pending::<()>());
    // The site may be a job, and is no child.
    ingather::on(&on.spawner)
        .scope(|_| async move { handle.cancel() })
        .await;
    let reason = reason_of(victim).await;
    assert_eq!(
        (reason.child(), reason.to_string()),
        (None, "cancelled by request".to_owned())
    );
    group.join().await;
    // One that is about to start is one, too.
    let group = GatherGroup::on(&on.spawner);
    let victim = group.spawn(pending::<()>());
    let handle = group.handle();
    let start = group.start(|ready: Ready<()>| async move {
        let _ = (ready, current_token());
        handle.cancel();
    });
    drop(start.await);
    assert!(reason_of(victim).await.child().is_some());
    group.join().await;
}
