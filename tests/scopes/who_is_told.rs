//! The table of who is told what, read from `docs/semantics.md` and tried cell by cell.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use ingather::tasks::TaskError;
use ingather::{
    CancelReason, GatherGroup, GatherIncomplete, GroupOptions, Key, Outcome, Ready, StartError,
    Task,
};

use crate::support::{Explosive, Gate, Site, behaviour, throw, unhandled, unique, until, yields};

behaviour!(
    plain_children,
    fallible_children,
    observed_children,
    supervised_children,
    background_children,
    pending_starts,
    tasks,
);

/// An error whose text is the test's alone.
#[derive(Clone, Debug, PartialEq)]
struct Lost(String);

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Lost {}

/// A row of the table: how the child ends, and who is told with the key held and gone.
struct Row<'a> {
    ends: &'a str,
    held: &'a str,
    gone: &'a str,
}

fn rows(kind: &str) -> Vec<Row<'static>> {
    let lines = include_str!("../../docs/semantics.md").lines();
    let rows = lines.filter_map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        match cells[..] {
            [child, ends, held, gone] if child == kind => Some(Row { ends, held, gone }),
            _ => None,
        }
    });
    let rows: Vec<_> = rows.collect();
    assert!(rows.len() >= 6, "the table has too few rows for {kind}");
    rows
}

/// What a child does when its gate is open.
fn child(
    ends: &str,
    text: &str,
    gate: &Gate,
) -> impl Future<Output = Result<u32, Lost>> + Send + use<> {
    let explodes = ends
        .contains("destructor")
        .then(|| Explosive(text.to_owned()));
    let (hangs, fails, panics) = (
        ends.contains("cancel"),
        ends == "an error",
        ends == "a panic",
    );
    let (text, gate) = (text.to_owned(), gate.clone());
    let mut waits = async move { gate.wait().await }.boxed();
    poll_fn(move |cx| {
        // Dropped with the future, and not by its last poll.
        let _held = &explodes;
        std::task::ready!(waits.poll_unpin(cx));
        match () {
            () if hangs => Poll::Pending,
            () if panics => throw(&text),
            () if fails => Poll::Ready(Err(Lost(text.clone()))),
            () => Poll::Ready(Ok(7)),
        }
    })
}

/// What a key reads.
fn reads<T>(
    result: Result<T, GatherIncomplete>,
    value: impl FnOnce(T) -> &'static str,
) -> &'static str {
    match result {
        Ok(given) => value(given),
        Err(GatherIncomplete::Failed) => "failed",
        Err(GatherIncomplete::Panicked) => "panicked",
        Err(GatherIncomplete::Cancelled(_)) => "cancelled",
        Err(_) => "something else",
    }
}

fn of_result(result: Result<u32, Lost>) -> &'static str {
    result.map_or("the error", |_| "the value")
}

fn of_outcome(outcome: Outcome<u32, Lost>) -> &'static str {
    match outcome {
        Outcome::Ok(_) => "the value",
        Outcome::Err(_) => "the error",
        Outcome::Panicked(_) => "the panic",
        _ => "a cancel as a value",
    }
}

/// Who was told, as the table says it.
fn told(key: Option<&str>, group: Option<&str>, text: &str) -> String {
    let hook = unhandled::taken(text);
    assert!(hook.len() <= 1, "told twice: {hook:?}");
    let hook = hook.first().map(|told| {
        let is_panic = told.contains("panicked");
        if is_panic { "the panic" } else { "the error" }
    });
    let parts = [("key", key), ("group", group), ("hook", hook)];
    let parts: Vec<_> = parts
        .into_iter()
        .filter_map(|(who, what)| Some(format!("{who}: {}", what?)))
        .collect();
    if parts.is_empty() {
        "nobody".to_owned()
    } else {
        parts.join("; ")
    }
}

/// What comes out where a group is left.
async fn leave(group: &GatherGroup<Lost>, text: &str) -> Option<&'static str> {
    let mut left = None;
    let joined = async { left = Some(group.try_join().await) };
    match std::panic::AssertUnwindSafe(joined).catch_unwind().await {
        Err(payload) => {
            assert_eq!(payload.downcast_ref::<String>().unwrap(), text);
            Some("the panic")
        }
        Ok(()) => match left.unwrap() {
            Ok(_) => None,
            Err(error) => {
                assert_eq!(
                    (error.len(), error.first().error()),
                    (1, Some(&Lost(text.to_owned())))
                );
                Some("the error")
            }
        },
    }
}

type Read = BoxFuture<'static, &'static str>;

/// Runs each row of a kind of child, with the key held and gone. `spawn` starts one and says how its key is read.
async fn each(
    on: &Site,
    kind: &str,
    spawn: impl Fn(&GatherGroup<Lost>, String, BoxFuture<'static, Result<u32, Lost>>) -> Read,
) {
    for row in rows(kind) {
        for (held, expected) in [(true, row.held), (false, row.gone)] {
            let (text, gate) = (unique(kind), Gate::new());
            let group = GroupOptions::new().on(&on.spawner).fallible_group::<Lost>();
            if row.ends == "a refusal" {
                group.close();
            }
            let key = spawn(&group, text.clone(), child(row.ends, &text, &gate).boxed());
            let key = held.then_some(key);
            until(|| row.ends == "a refusal" || gate.waiting() == 1).await;
            gate.open();
            if row.ends.contains("cancel") {
                yields(2).await;
                group.cancel();
            }
            until(|| group.is_empty()).await;
            let left = leave(&group, &text).await;
            let key = match key {
                Some(key) => Some(key.await),
                None => None,
            };
            drop(group);
            let seen = told(key, left, &text);
            assert_eq!(seen, expected, "{kind}, {}, held: {held}", row.ends);
        }
    }
}

/// How a key is read.
fn read<T: Send + 'static>(key: Key<T>, value: fn(T) -> &'static str) -> Read {
    async move { reads(key.await, value) }.boxed()
}

// Told-1, Errors-2, Panics-1
async fn plain_children(on: Site) {
    each(&on, "plain", |group, name, child| {
        read(
            group.named(name).spawn(child.map(Result::unwrap)),
            |_| "the value",
        )
    })
    .await;
}

// Told-1, Errors-2
async fn fallible_children(on: Site) {
    each(&on, "fallible", |group, name, child| {
        read(group.named(name).try_spawn(child), |_| "the value")
    })
    .await;
}

// Told-1, Errors-6
async fn observed_children(on: Site) {
    each(&on, "observed", |group, name, child| {
        read(group.named(name).observed().try_spawn(child), of_result)
    })
    .await;
}

// Told-1, Children-2
async fn supervised_children(on: Site) {
    each(&on, "supervised", |group, name, child| {
        read(group.named(name).supervised().try_spawn(child), of_outcome)
    })
    .await;
}

// Told-1, Children-1
async fn background_children(on: Site) {
    each(&on, "background", |group, name, child| {
        let key = group
            .named(name)
            .background()
            .spawn(child.map(Result::unwrap));
        read(key, |_| "the value")
    })
    .await;
}

// Told-1, Starting-4
async fn pending_starts(on: Site) {
    for row in rows("pending start") {
        for (held, expected) in [(true, row.held), (false, row.gone)] {
            let (text, gate) = (unique("pending start"), Gate::new());
            // A caller that goes cancels the child: with a grace in which it ends as it likes.
            let grace = if held { Duration::ZERO } else { Duration::MAX };
            let options = GroupOptions::new().on(&on.spawner).grace(grace);
            let group = options.fallible_group::<Lost>();
            if row.ends == "a refusal" {
                group.close();
            }
            let child = child(row.ends, &text, &gate);
            let start = group
                .named(text.clone())
                .try_start(move |ready: Ready<()>| {
                    drop(ready);
                    child
                });
            until(|| row.ends == "a refusal" || gate.waiting() == 1).await;
            let start = held.then_some(start);
            gate.open();
            if row.ends.contains("cancel") {
                yields(2).await;
                group.cancel_now();
            }
            until(|| group.is_empty()).await;
            let key = match start {
                None => None,
                Some(start) => {
                    let mut result = None;
                    let started = async { result = Some(start.await.map(drop)) };
                    match std::panic::AssertUnwindSafe(started).catch_unwind().await {
                        Err(payload) => {
                            assert_eq!(payload.downcast_ref::<String>(), Some(&text));
                            Some("the panic")
                        }
                        Ok(()) => Some(match result.unwrap() {
                            Ok(()) => "started",
                            Err(StartError::Failed(_)) => "the error",
                            Err(StartError::Refused(_) | StartError::Cancelled(_)) => "cancelled",
                            Err(StartError::NotStarted) => "not started",
                            Err(_) => "something else",
                        }),
                    }
                }
            };
            let left = leave(&group, &text).await;
            let seen = told(key, left, &text);
            assert_eq!(seen, expected, "pending start, {}, held: {held}", row.ends);
        }
    }
}

// Told-1, Tasks-4, Tasks-5
async fn tasks(on: Site) {
    for row in rows("task") {
        for (held, expected) in [(true, row.held), (false, row.gone)] {
            let (text, gate) = (unique("task"), Gate::new());
            let registry = GroupOptions::new().on(&on.spawner).registry();
            if row.ends == "a refusal" {
                registry.close();
            }
            let child = child(row.ends, &text, &gate);
            let task: Task<u32, Lost> = registry.named(text.clone()).try_create_task(child);
            let task = held.then_some(task);
            until(|| row.ends == "a refusal" || gate.waiting() == 1).await;
            gate.open();
            if row.ends.contains("cancel") {
                yields(2).await;
                registry.cancel_all(CancelReason::explicit());
            }
            registry.wait_idle().await;
            let key = match task {
                None => None,
                Some(task) => Some(match task.await {
                    Ok(_) => "the value",
                    Err(TaskError::Failed(_)) => "the error",
                    Err(TaskError::Panicked(_)) => "the panic",
                    Err(TaskError::Cancelled(_)) => "cancelled",
                    Err(_) => "something else",
                }),
            };
            let seen = told(key, None, &text);
            assert_eq!(seen, expected, "task, {}, held: {held}", row.ends);
        }
    }
}
