//! What awaits a group whose cancel was put off by a shield in it does not go on when that ends: each way of awaiting one, in a child and
//! in a body, on every spawner.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use futures::StreamExt;
use futures::future::BoxFuture;
use ingather::joiner::{Settled, join_with};
use ingather::{
    CancelToken, GatherGroup, GroupError, JoinGroup, calls, first_ok, gather, gather_settled,
    inline, map_concurrent, on, quorum, race, scope, shield, try_gather, try_map_concurrent,
    try_scope,
};

use crate::support::{Fault, Gate, Site, behaviour, until, yields};

behaviour!(
    a_child_that_awaits_what_was_held_does_not_go_on,
    a_body_that_awaits_what_was_held_does_not_go_on,
);

/// A way of awaiting a group.
#[derive(Clone, Copy, Debug)]
enum Form {
    Scope,
    TryScope,
    ScopeInScope,
    Inline,
    InlineBody,
    Join,
    TryJoin,
    Next,
    NextIfAny,
    Completions,
    Key,
    KeyByReference,
    Value,
    Require,
    JoinGroup,
    Gather,
    GatherOfTwo,
    GatherOfCalls,
    TryGather,
    GatherSettled,
    InlineGather,
    Race,
    FirstOk,
    Quorum,
    JoinWith,
    Map,
    TryMap,
}

impl Form {
    const ALL: [Self; 27] = [
        Self::Scope,
        Self::TryScope,
        Self::ScopeInScope,
        Self::Inline,
        Self::InlineBody,
        Self::Join,
        Self::TryJoin,
        Self::Next,
        Self::NextIfAny,
        Self::Completions,
        Self::Key,
        Self::KeyByReference,
        Self::Value,
        Self::Require,
        Self::JoinGroup,
        Self::Gather,
        Self::GatherOfTwo,
        Self::GatherOfCalls,
        Self::TryGather,
        Self::GatherSettled,
        Self::InlineGather,
        Self::Race,
        Self::FirstOk,
        Self::Quorum,
        Self::JoinWith,
        Self::Map,
        Self::TryMap,
    ];

    /// Awaits a group in which a shield stands until the gate is opened.
    async fn awaits(self, held: Held) {
        let group = GatherGroup::new();
        match self {
            Self::Scope => {
                scope(|tg| async move { drop(tg.spawn(held.run())) }).await;
            }
            Self::TryScope => {
                let scope = try_scope(|tg| async move {
                    tg.spawn(held.run());
                    Ok::<_, Fault>(())
                });
                drop(scope.await);
            }
            Self::ScopeInScope => {
                scope(|_| async move {
                    scope(|tg| async move { drop(tg.spawn(held.run())) }).await;
                })
                .await;
            }
            Self::Inline => {
                inline::scope(|tg| async move { drop(tg.spawn(held.run())) }).await;
            }
            Self::InlineBody => {
                inline::scope(|_| async move { held.run().await }).await;
                // The shield is this child's own, which may go on until it suspends.
                yields(1).await;
            }
            Self::Join => {
                drop(group.spawn(held.run()));
                group.join().await;
            }
            Self::TryJoin => {
                let group = GatherGroup::<Fault>::fallible();
                group.try_spawn(held.tries());
                drop(group.try_join().await);
            }
            Self::Next => {
                drop(group.spawn(held.run()));
                group.close();
                while group.next().await.is_some() {}
            }
            Self::NextIfAny => {
                drop(group.spawn(held.run()));
                while group.next_if_any().await.is_some() {}
            }
            Self::Completions => {
                drop(group.spawn(held.run()));
                group.close();
                while group.completions().next().await.is_some() {}
            }
            Self::Key => drop(group.spawn(held.run()).await),
            Self::KeyByReference => {
                let mut key = group.spawn(held.run());
                drop((&mut key).await);
            }
            Self::Value => {
                let scope = try_scope(|tg| async move {
                    tg.spawn(held.run()).value().await;
                    Ok::<_, Fault>(())
                });
                drop(scope.await);
            }
            Self::Require => {
                let scope = try_scope(|tg| async move {
                    let key = tg.spawn(held.run());
                    tg.require(key.await).await;
                    Ok::<_, Fault>(())
                });
                drop(scope.await);
            }
            Self::JoinGroup => {
                let mut group = JoinGroup::<()>::new();
                group.spawn(held.run());
                group.close();
                while group.next().await.is_some() {}
            }
            Self::Gather => drop(gather([|| held.run()]).await),
            Self::GatherOfTwo => drop(gather((|| held.run(), || async {})).await),
            Self::GatherOfCalls => drop(gather(calls![held.clone().run(), yields(1)]).await),
            Self::TryGather => drop(try_gather([|| held.tries()]).await),
            Self::GatherSettled => drop(gather_settled([|| held.tries()]).await),
            Self::InlineGather => drop(inline::gather([|| held.run()]).await),
            Self::Race => race([|| held.run()]).await,
            Self::FirstOk => drop(first_ok([|| held.tries()]).await),
            Self::Quorum => drop(quorum(1, [|| held.tries()]).await),
            Self::JoinWith => drop(join_with(Settled::new(), [|| held.tries()]).await),
            Self::Map => {
                let items = map_concurrent([held], 1, Held::run);
                futures::pin_mut!(items);
                while items.next().await.is_some() {}
            }
            Self::TryMap => {
                let items = try_map_concurrent([held.clone(), held], 2, Held::tries).unordered();
                futures::pin_mut!(items);
                while items.next().await.is_some() {}
            }
        }
    }
}

/// What stands in it, and whether it has fallen.
#[derive(Clone)]
struct Held {
    gate: Gate,
    has_fallen: Arc<AtomicBool>,
}

impl Held {
    fn new(gate: &Gate) -> Self {
        Self {
            gate: gate.clone(),
            has_fallen: Arc::default(),
        }
    }

    async fn run(self) {
        shield(async { self.gate.wait().await }).await;
        self.has_fallen.store(true, SeqCst);
    }

    async fn tries(self) -> Result<(), Fault> {
        self.run().await;
        Ok(())
    }
}

/// Whether code went on after it had awaited what was held.
#[derive(Clone)]
struct WentOn {
    /// Nothing runs beside the test: no poll is in progress when it cancels.
    is_alone: bool,
    has: Arc<AtomicBool>,
}

impl WentOn {
    fn new(at: &Site) -> Self {
        Self {
            is_alone: at.inside && at.kind.is_one_thread(),
            has: Arc::default(),
        }
    }

    /// Awaits it. A poll that was in progress when the hold ended may see that, and go on.
    async fn after(self, form: Form, held: Held) {
        let (mut future, held) = (pin!(form.awaits(held.clone())), held);
        let mut is_late = false;
        poll_fn(|cx| {
            is_late = held.has_fallen.load(SeqCst);
            future.as_mut().poll(cx)
        })
        .await;
        self.has.fetch_or(is_late || self.is_alone, SeqCst);
    }
}

// Shields-7
async fn a_child_that_awaits_what_was_held_does_not_go_on(at: Site) {
    let _hold = at.hold();
    for form in Form::ALL {
        let (gate, went_on) = (Gate::new(), WentOn::new(&at));
        let group = GatherGroup::on(&at.spawner);
        let key = group.spawn(went_on.clone().after(form, Held::new(&gate)));
        until(|| gate.waiting() > 0).await;
        group.cancel();
        yields(3).await;
        assert!(!key.is_finished(), "{form:?}");
        gate.open();
        let end = key.await;
        assert!(end.is_err() || !went_on.is_alone, "{form:?}: {end:?}");
        group.join().await;
        assert!(!went_on.has.load(SeqCst), "{form:?}: the child has gone on");
    }
}

// Shields-7
async fn a_body_that_awaits_what_was_held_does_not_go_on(at: Site) {
    let _hold = at.hold();
    for form in Form::ALL {
        let (gate, went_on) = (Gate::new(), WentOn::new(&at));
        let (outer, token) = (GatherGroup::on(&at.spawner), CancelToken::new());
        let (spawner, stop) = (at.spawner.clone(), token.clone());
        let goes = went_on.clone().after(form, Held::new(&gate));
        let key = outer.spawn(async move {
            let body = async move {
                goes.await;
                Ok(())
            };
            let scope: BoxFuture<'_, Result<(), GroupError<Fault>>> =
                Box::pin(on(&spawner).token(&stop).try_scope(|_| body));
            scope.await
        });
        until(|| gate.waiting() > 0).await;
        token.cancel();
        yields(3).await;
        assert!(!key.is_finished(), "{form:?}");
        gate.open();
        let end = key.await.expect("it is not cancelled itself");
        assert!(
            end.is_err() || !went_on.is_alone,
            "{form:?}: the cancel is lost"
        );
        outer.join().await;
        assert!(!went_on.has.load(SeqCst), "{form:?}: the body has gone on");
    }
}
