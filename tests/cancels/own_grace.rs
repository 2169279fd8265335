//! The grace that one child has for itself: the table of `docs/semantics.md`, tried cell by cell, on clocks that are wound by hand.

use std::any::Any;
use std::sync::Mutex;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use ingather::clock::{Clock, now, sleep_until};
use ingather::testing::TestExecutor;
use ingather::types::ChildOptions;
use ingather::{CancelToken, Deadline, GroupOptions, Key, Ready, Scope, current_token};

use crate::support::{Gate, HOUR, SECOND, Site, Wound, behaviour, over_seeds, until, yields};

behaviour!(
    a_child_without_time,
    a_child_with_a_time,
    a_child_that_has_for_ever,
    it_is_over_at_once_in_each_cell,
);

/// The time of *a time*, and what is shorter and longer.
const TIME: Duration = Duration::from_secs(4);
const SHORTER: Duration = Duration::from_secs(2);
const LONGER: Duration = Duration::from_secs(8);
/// What no test winds its clock to.
const AGES: Duration = Duration::from_secs(1 << 40);

/// A row of the table.
struct Row {
    own: &'static str,
    with: &'static str,
    /// By the grace of the group.
    ends: [&'static str; 3],
}

fn rows(own: &str) -> Vec<Row> {
    let lines = include_str!("../../docs/semantics.md").lines();
    let rows = lines.filter_map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        match cells[..] {
            [first, with, none, shorter, longer] if first == own => Some(Row {
                own: first,
                with,
                ends: [none, shorter, longer],
            }),
            _ => None,
        }
    });
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows.len(), 7, "rows of the table for {own}");
    rows
}

fn duration(own: &str) -> Duration {
    match own {
        "no time" => Duration::ZERO,
        "a time" => TIME,
        "for ever" => Duration::MAX,
        _ => panic!("no grace {own:?}"),
    }
}

fn of_outside(with: &str) -> Duration {
    let Some(grace) = with.strip_prefix("a group further out, ") else {
        return AGES;
    };
    match grace {
        "without grace" => Duration::ZERO,
        "with a shorter one" => SHORTER,
        "with a longer one" => LONGER,
        _ => panic!("no grace {grace:?}"),
    }
}

/// What holds a child, and what cancels it alone.
struct Handle {
    cancel: Box<dyn FnOnce() + Send>,
    /// Not of a start that is pending, whose key nobody has.
    cancel_now: Option<Box<dyn FnOnce() + Send>>,
}

impl Handle {
    fn of<T: Send + Sync + 'static>(key: Key<T>) -> Self {
        let key = std::sync::Arc::new(key);
        let same = std::sync::Arc::clone(&key);
        Self {
            cancel: Box::new(move || key.cancel()),
            cancel_now: Some(Box::new(move || same.cancel_now())),
        }
    }
}

const KINDS: [&str; 7] = [
    "plain",
    "supervised",
    "background",
    "started",
    "pending start",
    "in a slot",
    "when free",
];

/// Starts a child of this kind.
async fn start(kind: &str, child: ChildOptions<'static>, future: BoxFuture<'static, ()>) -> Handle {
    match kind {
        "plain" => Handle::of(child.spawn(future)),
        "supervised" => {
            let key = Mutex::new(child.supervised().spawn(future));
            let key = std::sync::Arc::new(key);
            let same = std::sync::Arc::clone(&key);
            Handle {
                cancel: Box::new(move || key.lock().unwrap().cancel()),
                cancel_now: Some(Box::new(move || same.lock().unwrap().cancel_now())),
            }
        }
        "background" => Handle::of(child.background().spawn(future)),
        "started" => {
            let started = child.start(|ready: Ready<()>| async move {
                ready.started(()).expect("its caller waits");
                future.await;
            });
            let (key, ()) = started.await.expect("it has started");
            Handle::of(key)
        }
        "pending start" => {
            let started = child.start(|ready: Ready<()>| async move {
                let _ready = ready;
                future.await;
            });
            let started: Box<dyn Any + Send> = Box::new(started);
            Handle {
                // Its caller goes away.
                cancel: Box::new(move || drop(started)),
                cancel_now: None,
            }
        }
        "in a slot" => {
            let child = child.slot().await.expect("there are slots");
            Handle::of(child.spawn(future))
        }
        "when free" => Handle::of(child.spawn_when_free(future).await),
        _ => panic!("no kind {kind:?}"),
    }
}

/// What ends the time before it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Nothing,
    GroupNow,
    KeyNow,
}

/// A child in a group in a child, which is cancelled as one cell of the table says.
struct Cell<'a> {
    kind: &'a str,
    own: &'a str,
    with: &'a str,
    grace: Duration,
    ends: &'a str,
    then: Then,
}

impl Cell<'_> {
    async fn holds(&self, on: &Site) {
        let clock = Wound::new();
        let spawner = clock.on(&on.spawner);
        let outside = GroupOptions::new()
            .grace(of_outside(self.with))
            .on(&spawner)
            .group();
        let (tell, told) = futures::channel::oneshot::channel::<Scope<'static>>();
        let done = Gate::new();
        let waits = done.clone();
        let options = GroupOptions::new().limit(3).grace(self.grace).on(&spawner);
        outside.spawn(options.scope(|tg| async move {
            drop(tell.send(tg));
            waits.wait().await;
        }));
        let tg = told.await.expect("it is opened");
        let lives = Gate::new();
        let waits = lives.clone();
        let (tell, told) = futures::channel::oneshot::channel::<CancelToken>();
        let future = async move {
            drop(tell.send(current_token()));
            waits.wait().await;
        };
        let child = tg.child().grace(duration(self.own));
        let handle = start(self.kind, child, future.boxed()).await;
        let token = told.await.expect("it is polled");
        until(|| lives.waiting() == 1).await;
        // What the key is to do besides is kept until then.
        let Handle { cancel, cancel_now } = handle;
        let mut kept = Some(cancel);
        match self.with {
            "its group" => tg.cancel(),
            "the deadline of its group" => {
                tg.set_deadline(clock.now() + SECOND);
                clock.wind(SECOND);
            }
            "its key" => kept.take().expect("it is there")(),
            "its token" => drop(token.cancel()),
            _ => outside.cancel(),
        }
        self.ends_at(on, &clock, &lives, || match self.then {
            Then::KeyNow => cancel_now.expect("it has a key")(),
            Then::GroupNow | Then::Nothing => tg.cancel_now(),
        })
        .await;
        drop(kept);
        done.open();
        outside.join().await;
    }

    /// Winds the clock to where it is to be dropped. What nobody drops goes with `now`.
    async fn ends_at(&self, on: &Site, clock: &Wound, lives: &Gate, now: impl FnOnce()) {
        let is_there = async || {
            yields(5).await;
            assert_eq!(lives.waiting(), 1, "{self} on {:?}", on.kind);
        };
        let after = match self.ends {
            "at once" => None,
            "its time" => Some(TIME),
            "grace" => Some(of_outside(self.with)),
            "never" => Some(AGES / 2),
            _ => panic!("no end {:?}", self.ends),
        };
        let Some(after) = after else {
            return until(|| lives.waiting() == 0).await;
        };
        is_there().await;
        clock.wind(SECOND);
        if self.then == Then::Nothing {
            clock.wind(after - 2 * SECOND);
            is_there().await;
            clock.wind(SECOND);
            if self.ends == "never" {
                is_there().await;
                now();
            }
        } else {
            is_there().await;
            now();
        }
        until(|| lives.waiting() == 0).await;
    }
}

impl std::fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            kind,
            own,
            with,
            grace,
            ends,
            then,
        } = self;
        write!(
            f,
            "{kind} with {own} and {grace:?} by {with}, {ends}, {then:?}"
        )
    }
}

async fn of_each_kind(on: &Site, own: &str) {
    for row in rows(own) {
        for (grace, ends) in [Duration::ZERO, SHORTER, LONGER].into_iter().zip(row.ends) {
            for kind in KINDS {
                let (own, with, then) = (row.own, row.with, Then::Nothing);
                let cell = Cell {
                    kind,
                    own,
                    with,
                    grace,
                    ends,
                    then,
                };
                cell.holds(on).await;
            }
        }
    }
}

// Cancelling-17, Cancelling-19
async fn a_child_without_time(on: Site) {
    of_each_kind(&on, "no time").await;
}

// Cancelling-17, Cancelling-18, Cancelling-19
async fn a_child_with_a_time(on: Site) {
    of_each_kind(&on, "a time").await;
}

// Cancelling-18, Cancelling-19
async fn a_child_that_has_for_ever(on: Site) {
    assert!(AGES > HOUR);
    of_each_kind(&on, "for ever").await;
}

// Cancelling-16, Cancelling-18, Cancelling-19
async fn it_is_over_at_once_in_each_cell(on: Site) {
    for row in ["a time", "for ever"].into_iter().flat_map(rows) {
        for (grace, ends) in [Duration::ZERO, SHORTER, LONGER].into_iter().zip(row.ends) {
            for (kind, then) in [
                ("plain", Then::GroupNow),
                ("plain", Then::KeyNow),
                ("background", Then::KeyNow),
                ("pending start", Then::GroupNow),
            ] {
                let (own, with) = (row.own, row.with);
                let cell = Cell {
                    kind,
                    own,
                    with,
                    grace,
                    ends,
                    then,
                };
                cell.holds(&on).await;
            }
        }
    }
}

/// In a scope of these options: when one child goes that has its own grace, and when one that has not.
macro_rules! times_in {
    ($options:expr, $grace:expr, $own:expr) => {{
        let begun = now();
        let scope = $options.grace($grace).scope(|tg| async move {
            let own = tg
                .child()
                .grace($own)
                .spawn(sleep_until(Deadline::after(HOUR)));
            let other = tg.spawn(sleep_until(Deadline::after(HOUR)));
            let finishes = tg.child().grace(Duration::MAX).spawn(async {
                current_token().cancelled().await;
                sleep_until(Deadline::after(LONGER)).await;
            });
            yields(3).await;
            tg.cancel();
            let other = async { (other.await.is_err(), now() - begun) };
            let own = async { (own.await.is_err(), now() - begun) };
            let finishes = async { (finishes.await.is_err(), now() - begun) };
            futures::join!(own, other, finishes)
        });
        let (own, other, finishes) = scope.await;
        assert_eq!((own, other), ((true, $own), (true, $grace)));
        assert_eq!(finishes, (false, LONGER));
    }};
}

// Cancelling-4, Cancelling-17
#[test]
fn each_kind_of_scope_has_it() {
    let all = [Duration::ZERO, SHORTER, TIME];
    for (grace, own) in all
        .into_iter()
        .flat_map(|grace| all.map(|own| (grace, own)))
    {
        over_seeds("each_kind_of_scope_has_it", || async {
            times_in!(GroupOptions::new(), grace, own);
            times_in!(GroupOptions::new().inline(), grace, own);
            times_in!(GroupOptions::new().inline_local(), grace, own);
        });
        let executor = TestExecutor::new();
        executor.block_on(async {
            times_in!(GroupOptions::new().local(&executor), grace, own);
        });
    }
}

// Cancelling-16, Cancelling-17
#[test]
fn a_scope_that_a_thread_waits_for_has_it() {
    let gate = Gate::new();
    GroupOptions::new().parallel().scope(|tg| {
        let own = tg.child().grace(Duration::MAX).spawn(gate.wait());
        let other = tg.spawn(gate.wait());
        tg.cancel();
        assert!(tg.wait(other).unwrap_err().is_cancelled());
        assert!(!own.is_finished());
        tg.cancel_now();
        assert!(tg.wait(own).unwrap_err().is_cancelled());
    });
}
