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
    the_source_is_the_cause_where_it_is_known_to_be_an_error,
    a_group_error_is_parted_and_flattened,
    a_report_has_sources_and_groups_inside,
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

/// An error with a source, which may be a group of such.
#[derive(Debug)]
enum App {
    Io(std::io::Error),
    Inside(GroupError<App>),
}

impl fmt::Display for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Io(_) => "no page",
            Self::Inside(_) => "no chapter",
        })
    }
}

impl Error for App {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Inside(group) => Some(group),
        }
    }
}

async fn nested(on: &Site) -> GroupError<App> {
    let inner = on.clone();
    let options = GroupOptions::new().name("book").on(&on.spawner);
    let scope = options.try_scope(|tg| async move {
        let chapter = async move {
            let inner = GroupOptions::new()
                .on(&inner.spawner)
                .try_scope(|tg| async move {
                    let torn = std::io::Error::other("torn");
                    drop(
                        tg.named("page")
                            .try_spawn(async { Err::<(), _>(App::Io(torn)) }),
                    );
                });
            inner.await.map_err(App::Inside)
        };
        drop(tg.named("chapter").try_spawn(chapter));
    });
    scope.await.unwrap_err()
}

// Errors-12
async fn the_source_is_the_cause_where_it_is_known_to_be_an_error(on: Site) {
    async fn fails<E: Send + 'static>(on: &Site, error: E) -> GroupError<E> {
        let scope = ingather::on(&on.spawner).try_scope(|_| async move { Err::<(), E>(error) });
        scope.await.unwrap_err()
    }
    let boxed: Boxed = Box::new(std::fmt::Error);
    let error = fails(&on, boxed).await;
    assert!(error.source().unwrap().is::<std::fmt::Error>());
    assert!(fails(&on, "a text").await.source().is_none());
    let panics = GroupOptions::new()
        .on_panic(ingather::OnPanic::Collect)
        .on(&on.spawner);
    let scope = panics.try_scope(|tg: ingather::Scope| async move {
        drop(tg.spawn(async { crate::support::throw("it") }));
    });
    let error = scope.await.unwrap_err();
    assert!(error.source().unwrap().is::<ingather::Panic>());
    let scope = ingather::on(&on.spawner).try_scope(|tg: ingather::Scope| async move {
        tg.cancel();
        std::future::pending::<Result<(), _>>().await
    });
    let error = scope.await.unwrap_err();
    assert!(error.source().unwrap().is::<ingather::CancelReason>());
    let gone = GatherIncomplete::Cancelled(ingather::CancelReason::explicit());
    assert!(gone.source().is_some() && GatherIncomplete::Taken.source().is_none());
}

// Errors-12
async fn a_group_error_is_parted_and_flattened(on: Site) {
    let (b, others) = three_fail(&on).await.split(|leaf| {
        let child = leaf.child().and_then(|child| child.name());
        child == Some("b")
    });
    assert_eq!(b.unwrap().first().error(), Some(&Text("the first")));
    let others = others.unwrap();
    assert_eq!((others.len(), others.name()), (3, Some("crawl")));
    assert!(others.split(|_| true).1.is_none());

    let flat = nested(&on).await.flatten_with(|error| match error {
        App::Inside(group) => Ok(group),
        error => Err(error),
    });
    assert_eq!((flat.len(), flat.name()), (1, Some("book")));
    let leaf = flat.iter().next().unwrap();
    assert_eq!(leaf.child().unwrap().name(), Some("page"));
    assert!(matches!(leaf.failure().error(), Some(App::Io(_))));
}

// Errors-12
async fn a_report_has_sources_and_groups_inside(on: Site) {
    let report = nested(&on).await.report().to_string();
    let places = without_places(&report);
    let expected = "\
group `book` failed:
- child `chapter` spawned at PLACE: no chapter
  caused by: a group failed:
  - child `page` spawned at PLACE: no page
    caused by: torn";
    assert_eq!(places, expected, "{report}");
}

/// The text with each `file:line:column` as `PLACE`.
fn without_places(text: &str) -> String {
    let is_place = |word: &&str| word.contains(".rs:");
    let words = text.split_inclusive([' ', '\n']);
    words
        .map(|word| match Some(word).filter(is_place) {
            Some(_) if word.ends_with(": ") => "PLACE: ",
            Some(_) => "PLACE",
            None => word,
        })
        .collect()
}
