//! Values that are required: what fails the group where there is none, and what is over.

use std::future::pending;

use ingather::cancel::CancelKind;
use ingather::error::Failure;
use ingather::{
    GatherGroup, GatherIncomplete, GroupError, GroupOptions, Key, OnError, OnPanic, Ready, Scope,
    checkpoint, current_token, inline, shield,
};

use crate::support::{Drops, Fault, HOUR, Site, Trace, behaviour, text_of, throw, yields};

behaviour!(
    what_is_there_is_given,
    each_cause_fails_the_group_wherever_it_is_required,
    a_key_gives_its_value_or_ends_what_awaits_it,
    in_an_inner_scope_what_awaits_is_over_and_the_group_fails,
    a_cancel_that_is_handed_on_is_no_failure,
    outside_of_the_group_it_panics,
    what_cannot_end_panics,
    a_leaf_names_the_child_that_required_it,
);

type Tg = Scope<'static, Fault>;

/// Why there is no value.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cause {
    Own,
    Group,
    KeyFailed,
    KeyPanicked,
    KeyCancelled,
    StartFailed,
    NotStarted,
}

use Cause::{Group, KeyCancelled, KeyFailed, KeyPanicked, NotStarted, Own, StartFailed};

const CAUSES: [Cause; 7] = [
    Own,
    Group,
    KeyFailed,
    KeyPanicked,
    KeyCancelled,
    StartFailed,
    NotStarted,
];

impl Cause {
    async fn require(self, tg: Tg) {
        match self {
            Own => tg.require(Err(Fault("own"))).await,
            Group => {
                let options = GroupOptions::new().inline().on_error(OnError::KeepGoing);
                let inner = options.try_scope(|inner| async move {
                    let child = inner.named("inner");
                    let _ = child
                        .try_spawn(async { Err::<(), _>(Fault("inside")) })
                        .await;
                    Err::<(), _>(Fault("body"))
                });
                tg.require(inner.await).await;
            }
            KeyFailed => {
                let key: Key<()> = tg.named("other").try_spawn(async { Err(Fault("key")) });
                tg.require(key.await).await;
            }
            KeyPanicked => {
                let key: Key<()> = tg.named("other").spawn(async { throw("key") });
                tg.require(key.await).await;
            }
            KeyCancelled => {
                let key = tg.named("other").spawn(pending::<()>());
                key.cancel();
                tg.require(key.await).await;
            }
            StartFailed => {
                let fails = |_: Ready<()>| async { Err::<(), _>(Fault("start")) };
                let start = tg.named("other").try_start(fails);
                tg.require(start.await).await;
            }
            NotStarted => {
                let start = tg.named("other").start(|_: Ready<()>| async {});
                tg.require(start.await).await;
            }
        }
    }

    /// The leaves, if `who` awaits it: each with the name of its child.
    fn leaves(self, who: &str) -> Vec<(String, String)> {
        let leaf = |who: &str, text: &str| (who.to_owned(), text.to_owned());
        match self {
            Own => vec![leaf(who, "own")],
            Group => vec![leaf("inner", "inside"), leaf(who, "body")],
            KeyFailed => vec![leaf("other", "key")],
            KeyPanicked => vec![leaf("other", "panicked: key")],
            KeyCancelled => vec![leaf(who, "cancelled")],
            StartFailed => vec![leaf(who, "start")],
            NotStarted => vec![leaf(who, "no value")],
        }
    }
}

fn leaves_of(error: &GroupError<Fault>) -> Vec<(String, String)> {
    let leaf = |leaf: &ingather::error::ChildFailure<Fault>| {
        let name = leaf.child().and_then(|child| child.name());
        let text = match leaf.failure() {
            Failure::Error(Fault(text)) => (*text).to_owned(),
            Failure::Cancelled(reason) if reason.kind() == CancelKind::NoValue => {
                "no value".to_owned()
            }
            Failure::Cancelled(_) => "cancelled".to_owned(),
            Failure::Panicked(panic) => panic.to_string(),
            failure => panic!("{failure:?}"),
        };
        (name.unwrap_or("body").to_owned(), text)
    };
    error.iter().map(leaf).collect()
}

/// Who requires the value.
#[derive(Clone, Copy, Debug)]
enum Who {
    Body,
    Child,
    ShieldInBody,
    ShieldInChild,
    ShieldsInChild,
    InnerBodyInChild,
}

use Who::{Body, Child, InnerBodyInChild, ShieldInBody, ShieldInChild, ShieldsInChild};

const ALL: [Who; 6] = [
    Body,
    Child,
    ShieldInBody,
    ShieldInChild,
    ShieldsInChild,
    InnerBodyInChild,
];

impl Who {
    fn name(self) -> &'static str {
        match self {
            Body | ShieldInBody => "body",
            _ => "asks",
        }
    }

    /// Requires it, and notes what must not come to pass.
    async fn run(self, cause: Cause, tg: Tg, on: Site, trace: Trace) {
        let inner = tg.clone();
        let asks = async move {
            yields(1).await;
            cause.require(inner).await;
            trace.log("went on");
        };
        match self {
            Body => asks.await,
            ShieldInBody => shield(asks).await,
            Child => drop(tg.named("asks").spawn(asks).await),
            ShieldInChild => drop(tg.named("asks").spawn(shield(asks)).await),
            ShieldsInChild => drop(tg.named("asks").spawn(shield(shield(asks))).await),
            InnerBodyInChild => {
                let options = ingather::on(&on.spawner);
                let inner = options.scope(|_inner| asks);
                drop(tg.named("asks").spawn(inner).await);
            }
        }
    }
}

// Requires-1
async fn what_is_there_is_given(on: Site) {
    let scope = ingather::on(&on.spawner).try_scope(|tg| async move {
        assert_eq!(tg.require(Ok::<_, Fault>(1)).await, 1);
        assert_eq!(tg.require(Ok::<_, GroupError<Fault>>(2)).await, 2);
        assert_eq!(tg.require(tg.spawn(async { 3 }).await).await, 3);
        assert_eq!(tg.spawn(async { 4 }).value().await, 4);
        let start = tg.start(|ready| async move { ready.started(5).unwrap() });
        let (key, five) = tg.require(start.await).await;
        assert_eq!(five, 5);
        key.value().await;
    });
    scope.await.unwrap();
}

// Requires-1, Requires-2: causes x who awaits x policy, each cell
async fn each_cause_fails_the_group_wherever_it_is_required(on: Site) {
    for cause in CAUSES {
        for who in ALL {
            for on_error in [OnError::CancelSiblings, OnError::KeepGoing] {
                let (trace, drops) = (Trace::new(), Drops::new());
                let (site, log, dropped) = (on.clone(), trace.clone(), drops.witness());
                let options = GroupOptions::new().on(&on.spawner).on_error(on_error);
                let options = options.on_panic(OnPanic::Collect);
                let scope = options.try_scope(|tg| async move {
                    let _dropped = dropped;
                    who.run(cause, tg, site, log).await;
                });
                let error = scope.await.expect_err("there was no value");
                let expected = cause.leaves(who.name());
                let cell = format!("{cause:?} x {who:?} x {on_error:?}");
                assert_eq!(leaves_of(&error), expected, "{cell}");
                assert_eq!(trace.entries(), [""; 0], "{cell}");
                assert!(drops.all(), "{cell}");
            }
        }
    }
}

// Requires-1, Requires-2
async fn a_key_gives_its_value_or_ends_what_awaits_it(on: Site) {
    for on_error in [OnError::CancelSiblings, OnError::KeepGoing] {
        for cause in [KeyFailed, KeyPanicked, KeyCancelled] {
            for shielded in [false, true] {
                let options = GroupOptions::new().on(&on.spawner).on_error(on_error);
                let options = options.on_panic(OnPanic::Collect);
                let scope = options.try_scope(|tg: Tg| async move {
                    let key: Key<()> = match cause {
                        KeyFailed => tg.named("other").try_spawn(async { Err(Fault("key")) }),
                        KeyPanicked => tg.named("other").spawn(async { throw("key") }),
                        _ => tg.named("other").spawn(pending()),
                    };
                    if cause == KeyCancelled {
                        key.cancel();
                    }
                    let value = key.value();
                    let asks = tg.named("asks").spawn(async move {
                        if shielded {
                            shield(value).await;
                        } else {
                            value.await;
                        }
                    });
                    drop(asks.await);
                });
                let error = scope.await.expect_err("there was no value");
                // Here it is the other child that has none.
                assert_eq!(leaves_of(&error), cause.leaves("other"), "{cause:?}");
            }
        }
    }
}

// Requires-1: the nearest that can end is over, the error is the group's
async fn in_an_inner_scope_what_awaits_is_over_and_the_group_fails(on: Site) {
    let spawner = on.spawner.clone();
    let options = GroupOptions::new().on(&on.spawner);
    let scope = options
        .on_error(OnError::KeepGoing)
        .try_scope(|tg| async move {
            let outer: Tg = tg.clone();
            let child = tg.spawn(async move {
                let inner = ingather::on(&spawner).scope(|inner| async move {
                    let asks =
                        inner.spawn(async move { outer.require(Err::<(), _>(Fault("it"))).await });
                    asks.await
                });
                inner.await
            });
            let Ok(Err(GatherIncomplete::Cancelled(reason))) = child.await else {
                panic!("the inner child is over, and the outer goes on");
            };
            assert_eq!(reason.kind(), CancelKind::NoValue);
            assert!(
                reason.to_string().contains("a call of `require` at"),
                "{reason}"
            );
        });
    let error = scope.await.unwrap_err();
    assert_eq!(error.len(), 1);
    assert_eq!(error.first().error(), Some(&Fault("it")));
}

// Requires-2
async fn a_cancel_that_is_handed_on_is_no_failure(on: Site) {
    #[derive(Debug)]
    struct Gone(#[expect(dead_code, reason = "it is held")] ingather::CancelReason);
    let options = GroupOptions::new().on(&on.spawner).grace(HOUR);
    let scope = options.try_scope(|tg: Scope<'static, Gone>| async move {
        let inner = tg.clone();
        let asks = tg.spawn(async move {
            current_token().cancelled().await;
            let reason = checkpoint().await.unwrap_err();
            inner.require(Err::<(), _>(Gone(reason))).await;
        });
        yields(2).await;
        asks.cancel();
        assert!(asks.await.unwrap_err().is_cancelled());
    });
    scope.await.unwrap();
}

// Requires-3
async fn outside_of_the_group_it_panics(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let key = group.spawn(async { 1 });
    let text = text_of(key.value()).await;
    assert!(
        text.contains("`value` at ") && text.contains("outside"),
        "{text}"
    );
    let text = text_of(group.require(Ok::<_, GatherIncomplete>(1))).await;
    assert!(
        text.contains("`require` at ") && text.contains("outside"),
        "{text}"
    );
    // Nor is another group's child or body in it.
    let key = group.spawn(async { 1 });
    let inside = ingather::on(&on.spawner).scope(|_| text_of(key.value()));
    assert!(inside.await.contains("outside"));
    group.join().await;
}

// Requires-3
async fn what_cannot_end_panics(on: Site) {
    let scope = inline::scope(|tg| async move {
        let key = tg.spawn(pending::<()>());
        key.cancel();
        text_of(key.value()).await
    });
    if !on.inside {
        let text = scope.await;
        assert!(
            text.contains("`value` at ") && text.contains("cannot give its value"),
            "{text}"
        );
    }
}

// Requires-2
async fn a_leaf_names_the_child_that_required_it(on: Site) {
    let group = GroupOptions::new()
        .on(&on.spawner)
        .fallible_group::<Fault>();
    let tg = group.handle();
    let key = group.spawn(async move { tg.require(Err::<u32, _>(Fault("none"))).await });
    let id = key.id();
    let error = group.try_join().await.unwrap_err();
    let leaves: Vec<_> = error
        .iter()
        .map(|leaf| leaf.child().map(|child| child.id()))
        .collect();
    assert_eq!(leaves, [Some(id)]);
}
