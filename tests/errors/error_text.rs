//! The group error as a value: its order, its text, its nesting, and its way into other errors.

use std::error::Error;
use std::fmt;

use ingather::error::Failure;
use ingather::{GatherIncomplete, GroupError, GroupOptions, OnError};

use crate::support::{Fault, Gate, Site, behaviour};

behaviour!(
    failures_come_in_the_order_in_which_they_happened,
    each_leaf_has_the_name_and_the_place_of_its_child,
    the_text_is_the_cause_and_the_number_of_the_others,
    it_goes_into_a_boxed_error,
    a_group_inside_a_group_keeps_its_nesting,
    the_cause_comes_out_alone,
);

type Boxed = Box<dyn Error + Send + Sync>;

#[derive(Debug, PartialEq)]
struct Text(&'static str);

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Any error, as programs have one of their own.
#[derive(Debug)]
struct Whatever(Boxed);

impl fmt::Display for Whatever {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: fmt::Debug + fmt::Display + Send + Sync + 'static> From<GroupError<E>> for Whatever {
    fn from(error: GroupError<E>) -> Self {
        Self(error.into())
    }
}

/// Three children and the body fail, in an order that is not that of their spawns: b, body's position, c, a.
async fn three_fail(on: &Site) -> GroupError<Text> {
    let options = GroupOptions::new()
        .name("crawl")
        .on(&on.spawner)
        .on_error(OnError::KeepGoing);
    let result = options.try_scope(|tg| async move {
        let gates = [Gate::new(), Gate::new(), Gate::new()];
        let [a, b, c] = gates.clone();
        let mut keys = [
            tg.named("a").try_spawn(async move {
                a.wait().await;
                Err::<(), _>(Text("the last"))
            }),
            tg.named("b").try_spawn(async move {
                b.wait().await;
                Err(Text("the first"))
            }),
            tg.try_spawn(async move {
                c.wait().await;
                Err(Text("the second"))
            }),
        ];
        for at in [1, 2, 0] {
            gates[at].open();
            assert_eq!((&mut keys[at]).await, Err(GatherIncomplete::Failed));
        }
        Err::<(), _>(Text("the body"))
    });
    result.await.unwrap_err()
}

// Errors-3
async fn failures_come_in_the_order_in_which_they_happened(on: Site) {
    let error = three_fail(&on).await;
    assert_eq!(error.len(), 4);
    assert_eq!(error.name(), Some("crawl"));
    assert_eq!(error.first().error(), Some(&Text("the first")));
    let by_reference: Vec<_> = error.iter().map(|leaf| leaf.failure().error()).collect();
    let by_loop: Vec<_> = (&error)
        .into_iter()
        .map(|leaf| leaf.failure().error())
        .collect();
    assert_eq!(by_reference, by_loop);
    let leaves = error.into_iter();
    assert_eq!(leaves.len(), 4);
    let by_value: Vec<_> = leaves
        .map(|leaf| leaf.into_failure().into_error().unwrap())
        .collect();
    assert_eq!(
        by_value,
        ["the first", "the second", "the last", "the body"].map(Text)
    );
}

// Errors-3
async fn each_leaf_has_the_name_and_the_place_of_its_child(on: Site) {
    let error = three_fail(&on).await;
    let children: Vec<_> = error.iter().map(|leaf| leaf.child()).collect();
    let names: Vec<_> = children
        .iter()
        .map(|child| child.and_then(|child| child.name()))
        .collect();
    assert_eq!(names, [Some("b"), None, Some("a"), None]);
    assert!(children[3].is_none(), "the body is not a child");
    let lines: Vec<_> = children[..3]
        .iter()
        .map(|child| child.unwrap().location().line())
        .collect();
    // Spawned as a, b, c and failed as b, c, a.
    assert!(lines[2] < lines[0] && lines[0] < lines[1], "{lines:?}");
    assert!(
        children[..3]
            .iter()
            .all(|child| child.unwrap().location().file() == file!())
    );
    let mut ids: Vec<_> = children[..3]
        .iter()
        .map(|child| child.unwrap().id())
        .collect();
    ids.sort();
    assert_eq!(ids, [2, 0, 1].map(|at| children[at].unwrap().id()));
}

// Errors-3
async fn the_text_is_the_cause_and_the_number_of_the_others(on: Site) {
    let error = three_fail(&on).await;
    let place = |at: usize| {
        error
            .iter()
            .nth(at)
            .unwrap()
            .child()
            .unwrap()
            .location()
            .to_string()
    };
    let (b, c, a) = (place(0), place(1), place(2));
    assert_eq!(
        format!("{error}"),
        format!("group `crawl`: the first (child `b` spawned at {b}) (and 3 more)")
    );
    assert_eq!(
        format!("{error:#}"),
        format!(
            "group `crawl`: the first (child `b` spawned at {b})\n  \
             and the second (child spawned at {c})\n  \
             and the last (child `a` spawned at {a})\n  \
             and the body"
        )
    );
    let alone = ingather::on(&on.spawner).try_scope(|_| async { Err::<(), _>(Text("alone")) });
    let alone = alone.await.unwrap_err();
    assert_eq!(
        (format!("{alone}"), format!("{alone:#}")),
        ("alone".into(), "alone".into())
    );
    let cancelled = ingather::on(&on.spawner).try_scope(|tg| async move {
        tg.cancel();
        std::future::pending::<Result<(), Text>>().await
    });
    assert_eq!(
        cancelled.await.unwrap_err().to_string(),
        "cancelled by request"
    );
}

// Errors-3
async fn it_goes_into_a_boxed_error(on: Site) {
    async fn one_fails(on: &Site) -> Result<(), Boxed> {
        let fails = |tg: ingather::Scope<'static, std::num::ParseIntError>| async move {
            drop(tg.try_spawn(async { "one".parse::<u32>() }));
            std::future::pending::<Result<(), _>>().await
        };
        Ok(ingather::on(&on.spawner).try_scope(fails).await?)
    }
    let error = one_fails(&on).await.unwrap_err();
    let error = error
        .downcast::<GroupError<std::num::ParseIntError>>()
        .unwrap();
    assert_eq!(error.first().to_string(), "invalid digit found in string");
}

// Errors-8
async fn a_group_inside_a_group_keeps_its_nesting(on: Site) {
    let inner_on = on.clone();
    let error = ingather::on(&on.spawner).try_scope(|tg| async move {
        drop(tg.named("inner").try_spawn(async move {
            let options = GroupOptions::new()
                .on(&inner_on.spawner)
                .on_error(OnError::KeepGoing);
            options
                .try_scope(|tg| async move {
                    for text in ["one", "two"] {
                        drop(tg.try_spawn(async move { Err::<(), _>(Whatever(text.into())) }));
                    }
                    Ok(())
                })
                .await?;
            Ok::<_, Whatever>(())
        }));
        std::future::pending::<Result<(), Whatever>>().await
    });
    let outer = error.await.unwrap_err();
    assert_eq!(outer.len(), 1);
    assert_eq!(
        outer.iter().next().unwrap().child().unwrap().name(),
        Some("inner")
    );
    let inner = outer.first().error().unwrap();
    let inner = inner.0.downcast_ref::<GroupError<Whatever>>().unwrap();
    let mut texts: Vec<_> = inner
        .iter()
        .map(|leaf| leaf.failure().to_string())
        .collect();
    texts.sort();
    assert_eq!(texts, ["one", "two"]);
}

// Errors-3
async fn the_cause_comes_out_alone(on: Site) {
    let failing = ingather::on(&on.spawner).try_scope(|_| async { Err::<(), _>(Fault("cause")) });
    let cause = failing.await.unwrap_err().into_first();
    assert!(!cause.is_panic() && !cause.is_cancelled());
    assert!(matches!(cause, Failure::Error(Fault("cause"))));
}
