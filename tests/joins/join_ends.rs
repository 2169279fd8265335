//! Joins that end badly: panics of joiners and calls, joins that are dropped, and where the errors go.

use std::future::{pending, ready};
use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use ingather::cancel::CancelKind;
use ingather::joiner::{All, CallInfo, FirstOk, Joiner, Settled, Verdict};
use ingather::spawner::{SpawnError, from_fn};
use ingather::{GroupOptions, OnError, OnPanic, Outcome, inline};

use crate::joiners::{Scribe, call, double, goes_on};
use crate::support::{
    ByHand, CountingWaker, Drops, Explosive, Fault, Gate, Meter, Site, Trace, behaviour,
    explodes_waiting, finish, stepper, text_of, throw, unhandled, unique, watched, yields,
};

behaviour!(
    a_joiner_that_panics_cancels_the_calls_and_its_panic_goes_on,
    a_panic_of_a_call_goes_on_and_the_joiner_is_dropped,
    a_collected_panic_is_told_of,
    a_loser_that_panics_in_its_drop_is_not_lost,
    a_join_that_is_dropped_drops_its_calls,
);

/// Panics at a chosen point.
struct Fragile {
    at: &'static str,
    text: String,
    _explosive: Option<Explosive>,
}

impl Fragile {
    fn new(at: &'static str, text: &str) -> Self {
        let explosive = (at == "drop").then(|| Explosive(text.to_owned()));
        Self {
            at,
            text: text.to_owned(),
            _explosive: explosive,
        }
    }

    fn point(&self, at: &str) {
        if self.at == at {
            throw(&self.text);
        }
    }
}

impl<T, E> Joiner<T, E> for Fragile {
    type Output = ();

    fn started(&mut self, call: CallInfo<'_>) -> Verdict {
        if call.index() == 2 {
            self.point("started");
        }
        Verdict::Continue
    }

    fn completed(&mut self, _: CallInfo<'_>, _: Outcome<T, E>) -> Verdict {
        self.point("completed");
        Verdict::Cancel
    }

    fn finish(self) {
        self.point("finish");
    }
}

// Joining-3
async fn a_joiner_that_panics_cancels_the_calls_and_its_panic_goes_on(on: Site) {
    for at in ["started", "completed", "finish", "drop"] {
        for goes_on in [false, true] {
            let (drops, gate) = (Drops::new(), Gate::new());
            gate.open();
            let text = unique(at);
            let calls = (0..10).map(|n| {
                let (gate, witness) = ((n == 0).then(|| gate.clone()), drops.witness());
                move || call(gate, witness, n)
            });
            let calls: Vec<_> = calls.collect();
            let mut options = GroupOptions::new().on(&on.spawner);
            if goes_on {
                options = options
                    .on_error(OnError::KeepGoing)
                    .on_panic(OnPanic::Collect);
            }
            let join = options.join_with(Fragile::new(at, &text), calls);
            assert_eq!(text_of(join).await, text);
            assert!(drops.all(), "{at}");
            assert_eq!(unhandled::taken(&text), [""; 0]);
        }
    }
}

// Joining-4
async fn a_panic_of_a_call_goes_on_and_the_joiner_is_dropped(on: Site) {
    let (log, drops) = (Trace::new(), Drops::new());
    let (text, gate) = (unique("call"), Gate::new());
    gate.open();
    for in_callable in [false, true] {
        let calls = (0..10).map(|n| {
            let (gate, witness) = ((n < 3).then(|| gate.clone()), drops.witness());
            let text = (n == 5).then(|| text.clone());
            move || {
                if let (Some(text), true) = (&text, in_callable) {
                    throw(text);
                }
                async move {
                    if let Some(text) = text {
                        throw(&text);
                    }
                    call(gate, witness, n).await
                }
            }
        });
        let calls: Vec<_> = calls.collect();
        let scribe = Scribe::new(&log, goes_on);
        let join = ingather::on(&on.spawner).join_with(scribe, calls);
        assert_eq!(text_of(join).await, text);
        assert!(drops.all());
        assert!(!log.entries().contains(&"finish".to_owned()));
    }
}

// Joining-4, Panics-2
async fn a_collected_panic_is_told_of(on: Site) {
    let text = unique("collected");
    let (in_poll, in_drop) = (text.clone(), text.clone());
    let log = Trace::new();
    let (gate, begun) = (Gate::new(), Gate::new());
    let (opens, begins) = (gate.clone(), begun.clone());
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_panic(OnPanic::Collect);
    let join = options.join_with(
        Scribe::new(&log, move |index| {
            opens.open();
            if index == 2 {
                Verdict::Cancel
            } else {
                Verdict::Continue
            }
        }),
        (
            move || async move { throw(&in_poll) },
            move || {
                begins.open();
                explodes_waiting(in_drop)
            },
            move || async move {
                gate.wait().await;
                begun.wait().await;
                Ok(2)
            },
        ),
    );
    let told = join.await.entries();
    let mine = format!("0: {text}");
    assert_eq!(
        told[3..],
        [mine.as_str(), "2: 2", &format!("1: {text}"), "finish"]
    );
    assert_eq!(unhandled::taken(&text), [""; 0]);
}

// Joining-4, Panics-3
async fn a_loser_that_panics_in_its_drop_is_not_lost(on: Site) {
    let text = unique("loser");
    let calls = || {
        let (thrown, begun) = (text.clone(), Gate::new());
        let begins = begun.clone();
        (
            move || async move {
                begun.wait().await;
                double(1).await
            },
            move || {
                begins.open();
                explodes_waiting(thrown)
            },
            || pending::<Result<u32, Fault>>(),
        )
    };
    let join = ingather::on(&on.spawner).join_with(FirstOk::new(), calls());
    assert_eq!(text_of(join).await, text);
    // Collected, it costs nobody the value, and the hook hears of it.
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_panic(OnPanic::Collect);
    let first = options.join_with(FirstOk::new(), calls()).await;
    assert_eq!(first.unwrap(), 2);
    assert_eq!(unhandled::taken(&text).len(), 1);
}

// Joining-5, Dropping-1
async fn a_join_that_is_dropped_drops_its_calls(on: Site) {
    let drops = Drops::new();
    let all = Gate::new();
    let meter = Meter::new();
    let calls = (0..10).map(|_| {
        let (witness, meter, all) = (drops.witness(), meter.clone(), all.clone());
        move || async move {
            let (_held, _under_way) = (witness, meter.enter());
            if meter.now() == 10 {
                all.open();
            }
            pending::<Result<u32, Fault>>().await
        }
    });
    let calls: Vec<_> = calls.collect();
    let mut join = ByHand::new(ingather::on(&on.spawner).join_with(All::new(), calls));
    assert!(join.poll().is_pending());
    all.wait().await;
    drop(join);
    // At most the one that has just opened the gate is still being polled.
    while !drops.all() {
        yields(1).await;
    }
    assert_eq!((drops.count(), meter.now()), (10, 0));
}

/// An error with a type of its own, by which the hook's text is found.
macro_rules! error_type {
    ($name:ident) => {
        #[derive(Debug)]
        struct $name;
    };
}

// Joining-5, Errors-2
#[test]
fn an_error_that_no_joiner_was_told_of_goes_to_the_hook() {
    unhandled::collect();
    error_type!(NeverTold);
    let stepper = stepper();
    let calls = || (|| ready(Err::<(), _>(NeverTold)), || pending());
    let mut join = ByHand::new(ingather::on(&stepper).join_with(FirstOk::new(), calls()));
    assert!(join.poll().is_pending());
    stepper.run_until_idle();
    // The letter is there and was not read.
    drop(join);
    let lost = unhandled::taken("NeverTold");
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(lost[0].contains("`call 0`"), "{lost:?}");
}

async fn panics_late<E>(gate: Gate, text: String) -> Result<(), E> {
    gate.wait().await;
    throw(&text)
}

// Joining-5, Panics-4
#[test]
fn errors_in_a_joiner_that_is_dropped_go_to_the_hook() {
    unhandled::collect();
    error_type!(HeldByFirst);
    error_type!(HeldBySettled);
    let stepper = stepper();
    let (gate, text) = (Gate::new(), unique("late"));
    let (gate_2, text_2) = (gate.clone(), text.clone());
    let (gate_3, text_3) = (gate.clone(), text.clone());
    let calls = (
        || ready(Err::<(), _>(HeldByFirst)),
        || panics_late(gate_2, text_2),
    );
    let mut first = ByHand::new(ingather::on(&stepper).join_with(FirstOk::new(), calls));
    let calls = (
        || ready(Err::<(), _>(HeldBySettled)),
        || panics_late(gate_3, text_3),
    );
    let mut settled = ByHand::new(ingather::on(&stepper).join_with(Settled::new(), calls));
    for _ in 0..3 {
        assert!(first.poll().is_pending() && settled.poll().is_pending());
        stepper.run_until_idle();
    }
    assert_eq!(unhandled::taken("HeldBy"), [""; 0]);
    gate.open();
    assert_eq!(
        block_on(text_of(async { finish(&stepper, first.into_inner()) })),
        text
    );
    assert_eq!(
        block_on(text_of(async { finish(&stepper, settled.into_inner()) })),
        text
    );
    assert_eq!(unhandled::taken("HeldByFirst").len(), 1);
    assert_eq!(unhandled::taken("HeldBySettled").len(), 1);
}

// Joining-1
#[test]
fn the_calls_of_a_spawner_that_refuses_are_told_of_as_abandoned() {
    watched("a join on a spawner that refuses", || {
        let refusing = from_fn(|_| Err(SpawnError::new("no room")));
        let log = Trace::new();
        let join = ingather::on(&refusing).join_with(Scribe::new(&log, goes_on), [|| double(1); 2]);
        let told = block_on(join).sorted();
        let abandoned = [
            "0: Abandoned",
            "0 starts",
            "1: Abandoned",
            "1 starts",
            "finish",
        ];
        let mut abandoned = abandoned.map(str::to_owned);
        abandoned.sort();
        assert_eq!(told, abandoned);
        let join = ingather::on(&refusing).join_with(All::new(), [|| double(1)]);
        let error = block_on(join).unwrap_err();
        assert_eq!(error.cancelled().unwrap().kind(), CancelKind::Abandoned);
    });
}

// Joining-5, Inline-2
#[test]
fn an_inline_join_that_is_dropped_drops_its_calls_on_the_spot() {
    let drops = Drops::new();
    let calls = [(); 3].map(|()| {
        let witness = drops.witness();
        move || call(None, witness, 0)
    });
    let mut join = ByHand::new(inline::join_with(All::new(), calls));
    assert!(join.poll().is_pending());
    drop(join);
    assert!(drops.all_here() && drops.count() == 3);
}

// Joining-5, Errors-2
#[test]
fn errors_behind_the_one_at_which_a_joiner_panics_go_to_the_hook() {
    unhandled::collect();
    error_type!(BehindThePanic);
    let (stepper, text) = (stepper(), unique("joiner"));
    let calls = [(); 4].map(|()| || ready(Err::<(), _>(BehindThePanic)));
    let mut join =
        ByHand::new(ingather::on(&stepper).join_with(Fragile::new("completed", &text), calls));
    assert!(join.poll().is_pending());
    // All four have failed before the joiner is told of the first, which it takes.
    stepper.run_until_idle();
    let result = block_on(text_of(async { finish(&stepper, join.into_inner()) }));
    assert_eq!(result, text);
    assert_eq!(unhandled::taken("BehindThePanic").len(), 3);
}

/// Remembers how often the awaiting task had been woken when this is dropped.
struct WakesAtDrop(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    wakes: Option<CountingWaker>,
    at_drop: Vec<usize>,
}

impl Drop for WakesAtDrop {
    fn drop(&mut self) {
        let mut seen = self.0.lock().unwrap();
        let wakes = seen.wakes.as_ref().map_or(0, CountingWaker::count);
        seen.at_drop.push(wakes);
    }
}

// Joining-2
#[test]
fn a_future_is_dropped_before_its_end_is_told() {
    let (stepper, seen) = (stepper(), Arc::<Mutex<Seen>>::default());
    let guard = WakesAtDrop(Arc::clone(&seen));
    let call = move || {
        let mut guard = Some(guard);
        // It keeps what it holds when it is ready.
        std::future::poll_fn(move |_| {
            let _held = &mut guard;
            std::task::Poll::Ready(Ok::<_, Fault>(1))
        })
    };
    let mut join = ByHand::new(ingather::on(&stepper).join_with(All::new(), [call]));
    assert!(join.poll().is_pending());
    seen.lock().unwrap().wakes = Some(join.counter());
    stepper.run_until_idle();
    assert_eq!(seen.lock().unwrap().at_drop, [0]);
    assert_eq!(join.wakes(), 1);
}
