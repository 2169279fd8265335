//! Joiners: what they are told, when the rest is cancelled, and what becomes of panics and of what is left.

use std::cell::Cell;
use std::future::{pending, ready};
use std::thread;

use ingather::joiner::{All, CallInfo, FirstOk, FirstOver, Joiner, Settled, Verdict, join_with};
use ingather::{GroupOptions, OnPanic, Outcome, inline};

use crate::support::{
    Drops, Fault, Gate, Meter, Site, Trace, Witness, behaviour, finish, payload_of, stepper, throw,
    watched, yields,
};

behaviour!(
    a_joiner_is_told_of_starts_then_of_ends_in_their_order,
    zero_calls_are_finished_at_once,
    calls_come_in_whatever_gather_takes,
    what_is_not_needed_is_cancelled_and_told_of,
    calls_are_not_polled_that_a_joiner_does_not_let_start,
    all_futures_are_dropped_before_the_result_is_made,
    all_is_try_gather,
    settled_is_gather_settled,
    the_limit_of_the_options_holds,
);
behaviour!(outside: a_joiner_is_called_by_the_task_that_awaits);

/// Writes down what it is told, and does what it is told to do.
pub(crate) struct Scribe<A> {
    log: Trace,
    answer: A,
}

impl<A: FnMut(usize) -> Verdict> Scribe<A> {
    pub(crate) fn new(log: &Trace, answer: A) -> Self {
        let log = log.clone();
        Self { log, answer }
    }
}

impl<A: FnMut(usize) -> Verdict> Joiner<u32, Fault> for Scribe<A> {
    type Output = Trace;

    fn started(&mut self, call: CallInfo<'_>) -> Verdict {
        self.log.log(format!("{} starts", call.index()));
        Verdict::Continue
    }

    fn completed(&mut self, call: CallInfo<'_>, outcome: Outcome<u32, Fault>) -> Verdict {
        let how = match outcome {
            Outcome::Ok(value) => value.to_string(),
            Outcome::Err(Fault(text)) => text.to_owned(),
            Outcome::Panicked(panic) => panic.message().to_owned(),
            Outcome::Cancelled(reason) => format!("{:?}", reason.kind()),
            other => format!("{other:?}"),
        };
        self.log.log(format!("{}: {how}", call.index()));
        (self.answer)(call.index())
    }

    fn finish(self) -> Trace {
        self.log.log("finish");
        self.log
    }
}

pub(crate) fn goes_on(_index: usize) -> Verdict {
    Verdict::Continue
}

// Joining-1
async fn a_joiner_is_told_of_starts_then_of_ends_in_their_order(on: Site) {
    let gates: Vec<_> = (0..4).map(|_| Gate::new()).collect();
    let log = Trace::new();
    let calls = (0..4_u32).map(|n| {
        let mine = gates[n as usize].clone();
        move || async move {
            mine.wait().await;
            if n == 1 { Err(Fault("one")) } else { Ok(n) }
        }
    });
    let calls: Vec<_> = calls.collect();
    // Each end opens the gate of the call before it.
    gates[3].open();
    let scribe = Scribe::new(&log, |index| {
        if let Some(before) = index.checked_sub(1) {
            gates[before].open();
        }
        Verdict::Continue
    });
    let told = ingather::on(&on.spawner)
        .join_with(scribe, calls)
        .await
        .entries();
    let starts = ["0 starts", "1 starts", "2 starts", "3 starts"];
    assert_eq!(told[..4], starts);
    assert_eq!(told[4..], ["3: 3", "2: 2", "1: one", "0: 0", "finish"]);
}

// Joining-1
async fn zero_calls_are_finished_at_once(on: Site) {
    let none = || Vec::<fn() -> std::future::Ready<Result<u32, Fault>>>::new();
    let log = Trace::new();
    let told = ingather::on(&on.spawner)
        .join_with(Scribe::new(&log, goes_on), none())
        .await;
    assert_eq!(told.entries(), ["finish"]);
    assert_eq!(
        ingather::on(&on.spawner)
            .join_with(All::new(), none())
            .await
            .unwrap(),
        []
    );
    assert!(
        ingather::on(&on.spawner)
            .join_with(Settled::new(), none())
            .await
            .is_empty()
    );
    assert!(
        ingather::on(&on.spawner)
            .join_with(FirstOver::new(), none())
            .await
            .is_none()
    );
    let text = payload_of(ingather::on(&on.spawner).join_with(FirstOk::new(), none())).await;
    let text = text.downcast::<String>().unwrap();
    assert!(text.contains("at least one"), "{text}");
}

pub(crate) async fn double(n: u32) -> Result<u32, Fault> {
    yields(2).await;
    Ok(2 * n)
}

// Joining-1
async fn calls_come_in_whatever_gather_takes(on: Site) {
    let all = All::new;
    let vec = vec![|| double(1), || double(2)];
    assert_eq!(
        ingather::on(&on.spawner)
            .join_with(all(), vec)
            .await
            .unwrap(),
        [2, 4]
    );
    let array = [|| double(1), || double(2)];
    assert_eq!(
        ingather::on(&on.spawner)
            .join_with(all(), array)
            .await
            .unwrap(),
        [2, 4]
    );
    let calls = (0..100).map(|n| move || double(n));
    let doubled: Vec<_> = (0..100).map(|n| 2 * n).collect();
    assert_eq!(
        ingather::on(&on.spawner)
            .join_with(all(), calls)
            .await
            .unwrap(),
        doubled
    );
    let one = (|| double(1),);
    assert_eq!(
        ingather::on(&on.spawner)
            .join_with(all(), one)
            .await
            .unwrap(),
        [2]
    );
    let tuple = (
        || double(0),
        || ready(Ok(1)),
        || async { Ok(2) },
        || double(3),
        || double(4),
        || double(5),
        || double(6),
        || double(7),
        || double(8),
        || double(9),
        || double(10),
        || double(11),
    );
    let values = ingather::on(&on.spawner)
        .join_with(all(), tuple)
        .await
        .unwrap();
    assert_eq!(values, [0, 1, 2, 6, 8, 10, 12, 14, 16, 18, 20, 22]);
}

/// Gives a number when the gate is open, or waits for ever with a witness.
pub(crate) async fn call(gate: Option<Gate>, witness: Witness, n: u32) -> Result<u32, Fault> {
    let _held = witness;
    match gate {
        Some(gate) => gate.wait().await,
        None => pending().await,
    }
    Ok(n)
}

// Joining-2
async fn what_is_not_needed_is_cancelled_and_told_of(on: Site) {
    let (log, drops, gate) = (Trace::new(), Drops::new(), Gate::new());
    gate.open();
    let calls = (0..5).map(|n| {
        let (gate, witness) = ((n == 2).then(|| gate.clone()), drops.witness());
        move || call(gate, witness, n)
    });
    let calls: Vec<_> = calls.collect();
    let scribe = Scribe::new(&log, |_| Verdict::Cancel);
    let told = ingather::on(&on.spawner)
        .join_with(scribe, calls)
        .await
        .entries();
    assert!(drops.all());
    assert_eq!(told[5], "2: 2");
    let mut rest = told[6..10].to_vec();
    rest.sort();
    let not_needed = ["0", "1", "3", "4"].map(|n| format!("{n}: NotNeeded"));
    assert_eq!(rest, not_needed);
    assert_eq!(told[10..], ["finish"]);
}

/// Lets so many calls start.
struct Few(usize);

impl<T, E> Joiner<T, E> for Few {
    type Output = ();

    fn started(&mut self, call: CallInfo<'_>) -> Verdict {
        if call.index() < self.0 {
            Verdict::Continue
        } else {
            Verdict::Cancel
        }
    }

    fn completed(&mut self, call: CallInfo<'_>, outcome: Outcome<T, E>) -> Verdict {
        assert!(call.index() < self.0 || outcome.is_cancelled());
        Verdict::Continue
    }

    fn finish(self) {}
}

// Joining-2
async fn calls_are_not_polled_that_a_joiner_does_not_let_start(on: Site) {
    let meter = Meter::new();
    let calls = (0..10).map(|n| {
        let meter = meter.clone();
        move || {
            assert!(n < 3, "call {n} was made");
            let under_way = meter.enter();
            async move {
                drop(under_way);
                Ok::<_, Fault>(())
            }
        }
    });
    let calls: Vec<_> = calls.collect();
    ingather::on(&on.spawner).join_with(Few(3), calls).await;
    assert!(meter.entered() <= 3);
}

/// Asserts in `finish` that everything was dropped.
struct AllDropped(Drops);

impl<T, E> Joiner<T, E> for AllDropped {
    type Output = usize;

    fn completed(&mut self, _: CallInfo<'_>, _: Outcome<T, E>) -> Verdict {
        Verdict::Cancel
    }

    fn finish(self) -> usize {
        assert!(self.0.all(), "{} of {}", self.0.count(), self.0.made());
        self.0.count()
    }
}

// Joining-2
async fn all_futures_are_dropped_before_the_result_is_made(on: Site) {
    let (drops, gate) = (Drops::new(), Gate::new());
    gate.open();
    let calls = (0..40).map(|n| {
        let (gate, witness) = ((n % 3 == 0).then(|| gate.clone()), drops.witness());
        move || call(gate, witness, n)
    });
    let calls: Vec<_> = calls.collect();
    let joiner = AllDropped(drops.clone());
    assert_eq!(ingather::on(&on.spawner).join_with(joiner, calls).await, 40);
}

/// Remembers the thread that it was made on. It is neither `Send` nor `Sync`.
struct Homebody(Cell<Option<thread::ThreadId>>);

impl Homebody {
    fn check(&self) -> Verdict {
        assert_eq!(self.0.get(), Some(thread::current().id()));
        Verdict::Continue
    }
}

impl<T, E> Joiner<T, E> for Homebody {
    type Output = Verdict;

    fn started(&mut self, _: CallInfo<'_>) -> Verdict {
        self.check()
    }

    fn completed(&mut self, _: CallInfo<'_>, _: Outcome<T, E>) -> Verdict {
        self.check()
    }

    fn finish(self) -> Verdict {
        self.check()
    }
}

// Joining-3
async fn a_joiner_is_called_by_the_task_that_awaits(on: Site) {
    // The future of a joiner that is not `Send` stays on the thread that made it.
    let task = move || {
        let homebody = Homebody(Cell::new(Some(thread::current().id())));
        let join =
            ingather::on(&on.spawner).join_with(homebody, (0..50).map(|n| move || double(n)));
        futures::executor::block_on(join)
    };
    let verdict = thread::spawn(task).join().unwrap();
    assert_eq!(verdict, Verdict::Continue);
}

async fn odd_fails(n: u32) -> Result<u32, Fault> {
    yields(n as usize % 3).await;
    if n % 2 == 0 { Ok(n) } else { Err(Fault("odd")) }
}

// Joining-2, Gather-3
async fn all_is_try_gather(on: Site) {
    let drops = Drops::new();
    let calls = (0..10).map(|n| {
        let witness = drops.witness();
        move || async move {
            let _held = witness;
            if n == 5 {
                odd_fails(n).await
            } else {
                pending().await
            }
        }
    });
    let calls: Vec<_> = calls.collect();
    let options = GroupOptions::new().on(&on.spawner).name("replicas");
    let error = options.join_with(All::new(), calls).await.unwrap_err();
    assert!(drops.all());
    assert_eq!((error.len(), error.name()), (1, Some("replicas")));
    let leaf = error.iter().next().unwrap();
    assert_eq!(leaf.failure().error(), Some(&Fault("odd")));
    assert_eq!(leaf.child().unwrap().name(), Some("call 5"));
    assert!(
        leaf.child()
            .unwrap()
            .location()
            .file()
            .ends_with("joiners.rs")
    );
}

// Joining-4, Gather-4
async fn settled_is_gather_settled(on: Site) {
    let calls = (0..9).map(|n| {
        move || async move {
            if n == 4 {
                throw("four")
            } else {
                odd_fails(n).await
            }
        }
    });
    let calls: Vec<_> = calls.collect();
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_panic(OnPanic::Collect);
    let outcomes = options.join_with(Settled::new(), calls).await;
    assert_eq!(outcomes.len(), 9);
    for (n, outcome) in (0..).zip(outcomes) {
        match outcome {
            Outcome::Panicked(panic) => assert_eq!((n, panic.message()), (4, "four")),
            Outcome::Err(Fault("odd")) => assert_eq!(n % 2, 1),
            other => assert_eq!(other.ok(), Some(n)),
        }
    }
}

// Joining-1, Limits-2
async fn the_limit_of_the_options_holds(on: Site) {
    let meter = Meter::new();
    let calls = (0..50).map(|n| {
        let meter = meter.clone();
        move || async move {
            let _under_way = meter.enter();
            yields(n % 3).await;
            Ok::<_, Fault>(n)
        }
    });
    let calls: Vec<_> = calls.collect();
    let options = GroupOptions::new().on(&on.spawner).limit(4);
    let values = options.join_with(All::new(), calls).await.unwrap();
    assert_eq!(values, (0..50).collect::<Vec<_>>());
    assert_eq!(meter.entered(), 50);
    assert!(meter.highest() <= 4);
}

// Joining-2
#[test]
fn a_call_that_ends_while_the_winner_is_told_of_is_told_of_too() {
    let stepper = stepper();
    let (log, first, second) = (Trace::new(), Gate::new(), Gate::new());
    let (opens, runs) = (second.clone(), stepper.clone());
    // From inside `completed` the other call comes to its end.
    let scribe = Scribe::new(&log, move |_| {
        opens.open();
        runs.run_until_idle();
        Verdict::Cancel
    });
    first.open();
    let calls = [(1, first), (2, second)].map(|(n, gate)| {
        move || async move {
            gate.wait().await;
            Ok(n)
        }
    });
    let told = finish(&stepper, ingather::on(&stepper).join_with(scribe, calls));
    assert_eq!(told.entries()[2..], ["0: 1", "1: 2", "finish"]);
}

/// Counts values.
struct Counts(usize);

impl<T, E> Joiner<T, E> for Counts {
    type Output = usize;

    fn completed(&mut self, _: CallInfo<'_>, outcome: Outcome<T, E>) -> Verdict {
        self.0 += usize::from(outcome.is_ok());
        Verdict::Continue
    }

    fn finish(self) -> usize {
        self.0
    }
}

// Joining-1, Limits-2
#[test]
fn a_million_calls_under_a_limit_of_a_thousand() {
    watched("a million calls", || {
        let calls = (0..1_000_000_u32).map(|n| move || ready(Ok::<_, Fault>(n)));
        let options = GroupOptions::new().limit(1000);
        let counted = ingather::block_on(async { options.join_with(Counts(0), calls).await });
        assert_eq!(counted, 1_000_000);
    });
}

// Joining-1, Inline-1
#[test]
fn inline_calls_borrow_and_need_no_spawner() {
    let words = ["1", "2", "three"].map(String::from);
    let calls = words.iter().map(|word| || async { word.parse::<u32>() });
    let outcomes = futures::executor::block_on(inline::join_with(Settled::new(), calls));
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 2);
    let shared = std::rc::Rc::new(3);
    let calls = [1, 2].map(|n| {
        let shared = &shared;
        move || async move { Ok::<_, Fault>(n * **shared) }
    });
    let values = futures::executor::block_on(inline::local::join_with(All::new(), calls));
    assert_eq!(values.unwrap(), [3, 6]);
}

// Joining-1, Executors-7
#[test]
fn the_spawner_is_the_one_that_is_current_at_the_first_poll() {
    let counted =
        ingather::block_on(async { join_with(Counts(0), [|| double(1), || double(2)]).await });
    assert_eq!(counted, 2);
}
