//! Races, the first value, and quorums: who wins, what the losers leave behind, and what cannot be won.

use std::future::{Future, pending, ready};
use std::pin::Pin;

use ingather::cancel::CancelKind;
use ingather::spawner::{SpawnError, from_fn};
use ingather::{GroupError, GroupOptions, OnPanic, first_ok, inline, quorum, race};

use crate::support::{
    ByHand, Drops, Explosive, Fault, Gate, HostileSpawner, Mischief, Site, behaviour,
    explodes_waiting, finish, panic_of, payload_of, stepper, text_of, throw, unhandled, unique,
    watched, yields,
};

behaviour!(
    the_first_call_that_is_over_wins,
    an_error_wins_a_race_too,
    one_call_wins,
    the_losers_are_over_before_the_winner_is_given,
    a_panic_wins_whatever_the_options_say,
    the_panic_of_a_loser_goes_on,
    a_race_in_a_race_ten_deep,
    the_first_value_wins,
    all_errors_come_out_in_the_order_in_which_they_happened,
    errors_before_a_value_do_not_count,
    a_quorum_gives_its_values_in_the_order_in_which_they_came,
    a_quorum_fails_as_soon_as_it_cannot_be_reached,
    a_quorum_of_none_polls_nothing,
    a_quorum_of_all_waits_for_all,
    a_race_that_is_dropped_drops_its_calls,
);

async fn after(gate: Option<Gate>, n: u32) -> u32 {
    match gate {
        Some(gate) => gate.wait().await,
        None => pending().await,
    }
    n
}

// Joining-6
async fn the_first_call_that_is_over_wins(on: Site) {
    for winner in 0..5 {
        let gate = Gate::new();
        let calls = (0..5).map(|n| {
            let gate = (n == winner).then(|| gate.clone());
            move || after(gate, n)
        });
        let calls: Vec<_> = calls.collect();
        gate.open();
        assert_eq!(ingather::on(&on.spawner).race(calls).await, winner);
    }
    let tuple = (|| pending(), || ready(2), || after(None, 3));
    assert_eq!(ingather::on(&on.spawner).race(tuple).await, 2);
}

// Joining-6
async fn an_error_wins_a_race_too(on: Site) {
    let calls = (
        || pending::<Result<u32, Fault>>(),
        || async { Err(Fault("quick")) },
    );
    assert_eq!(
        ingather::on(&on.spawner).race(calls).await,
        Err(Fault("quick"))
    );
}

// Joining-6
async fn one_call_wins(on: Site) {
    assert_eq!(ingather::on(&on.spawner).race([|| ready(1)]).await, 1);
    let one = || async { Ok::<_, Fault>(1) };
    assert_eq!(ingather::on(&on.spawner).first_ok([one]).await.unwrap(), 1);
    assert_eq!(
        ingather::on(&on.spawner).quorum(1, [one]).await.unwrap(),
        [(0, 1)]
    );
}

// Joining-2, Joining-6
async fn the_losers_are_over_before_the_winner_is_given(on: Site) {
    let drops = Drops::new();
    let calls = (0..30).map(|n| {
        let (witness, gate) = (drops.witness(), Gate::new());
        // Three of them win at about the same time.
        if n % 10 == 3 {
            gate.open();
        }
        move || async move {
            let _held = witness;
            after(Some(gate), n).await
        }
    });
    let calls: Vec<_> = calls.collect();
    let winner = ingather::on(&on.spawner).race(calls).await;
    assert_eq!(winner % 10, 3);
    assert!(drops.all());
}

// Joining-4, Joining-6
async fn a_panic_wins_whatever_the_options_say(on: Site) {
    for on_panic in [OnPanic::Resume, OnPanic::Collect] {
        let (text, drops) = (unique("quick"), Drops::new());
        let (thrown, witness) = (text.clone(), drops.witness());
        let calls = (
            move || async move { throw(&thrown) },
            move || async move {
                let _held = witness;
                after(None, 1).await
            },
        );
        let options = GroupOptions::new().on(&on.spawner).on_panic(on_panic);
        assert_eq!(text_of(options.race(calls)).await, text);
        assert!(drops.all());
        assert_eq!(unhandled::taken(&text), [""; 0]);
    }
}

// Joining-4
async fn the_panic_of_a_loser_goes_on(on: Site) {
    let calls = |text: &str| {
        let (thrown, begun) = (text.to_owned(), Gate::new());
        let begins = begun.clone();
        (
            || after(Some(begun), 1),
            move || {
                begins.open();
                explodes_waiting(thrown)
            },
        )
    };
    let text = unique("loser");
    assert_eq!(
        text_of(ingather::on(&on.spawner).race(calls(&text))).await,
        text
    );
    assert_eq!(unhandled::taken(&text), [""; 0]);
    // Collected, it costs nobody the winner.
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_panic(OnPanic::Collect);
    assert_eq!(options.race(calls(&text)).await, 1);
    assert_eq!(unhandled::taken(&text).len(), 1);
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A race of a race, a call that never ends, and so on down.
fn deep(on: Site, drops: Drops, depth: u32) -> Boxed<u32> {
    Box::pin(async move {
        if depth == 0 {
            yields(3).await;
            return 0;
        }
        let (spawner, witness) = (on.spawner.clone(), drops.witness());
        let inner: Box<dyn FnOnce() -> Boxed<u32> + Send> =
            Box::new(move || deep(on, drops, depth - 1));
        let never: Box<dyn FnOnce() -> Boxed<u32> + Send> = Box::new(move || {
            Box::pin(async move {
                let _held = witness;
                pending().await
            })
        });
        ingather::on(&spawner).race([never, inner]).await + 1
    })
}

// Joining-2, Joining-6
async fn a_race_in_a_race_ten_deep(on: Site) {
    let drops = Drops::new();
    assert_eq!(deep(on.clone(), drops.clone(), 10).await, 10);
    assert!(drops.all() && drops.count() == 10);
    // The outermost loser takes all that is in it along.
    let (drops, gate) = (Drops::new(), Gate::new());
    let inner: Box<dyn FnOnce() -> Boxed<u32> + Send> = {
        let (drops, spawner, gate) = (drops.clone(), on.spawner.clone(), gate.clone());
        Box::new(move || {
            Box::pin(async move {
                let innermost = move || {
                    let witness = drops.witness();
                    gate.open();
                    async move {
                        let _held = witness;
                        pending::<u32>().await
                    }
                };
                ingather::on(&spawner).race([innermost]).await
            })
        })
    };
    let outer: Box<dyn FnOnce() -> Boxed<u32> + Send> =
        Box::new(move || Box::pin(after(Some(gate), 7)));
    assert_eq!(ingather::on(&on.spawner).race([inner, outer]).await, 7);
    while !drops.all() {
        yields(1).await;
    }
    assert_eq!(drops.made(), 1);
}

async fn attempt(n: usize, good: usize) -> Result<usize, Fault> {
    yields(n).await;
    if n == good { Ok(n) } else { Err(Fault("bad")) }
}

// Joining-6
async fn the_first_value_wins(on: Site) {
    let calls = (0..6).map(|n| move || attempt(n, 4));
    let calls: Vec<_> = calls.collect();
    assert_eq!(ingather::on(&on.spawner).first_ok(calls).await.unwrap(), 4);
    let (drops, witness) = {
        let drops = Drops::new();
        let witness = drops.witness();
        (drops, witness)
    };
    let calls = (
        || attempt(1, 1),
        || async {
            let _held = witness;
            pending().await
        },
    );
    assert_eq!(ingather::on(&on.spawner).first_ok(calls).await.unwrap(), 1);
    assert!(drops.all());
}

// Joining-6, Errors-3
async fn all_errors_come_out_in_the_order_in_which_they_happened(on: Site) {
    let gates: Vec<_> = (0..3).map(|_| Gate::new()).collect();
    // Each error opens the gate of the call before it, and the calls end one after the other.
    let calls = (0..3).map(|n| {
        let mine = gates[n].clone();
        let before = n.checked_sub(1).map(|before| gates[before].clone());
        move || async move {
            mine.wait().await;
            let _opens = before.map(|before| before.opens_at_drop());
            Err::<(), _>(n)
        }
    });
    let calls: Vec<_> = calls.collect();
    gates[2].open();
    let options = GroupOptions::new().on(&on.spawner).name("mirrors");
    let error = options.first_ok(calls).await.unwrap_err();
    assert_eq!(error.name(), Some("mirrors"));
    let leaves = error.iter().map(|leaf| {
        let child = leaf.child().unwrap();
        (*leaf.failure().error().unwrap(), child.name().unwrap())
    });
    let leaves: Vec<_> = leaves.collect();
    let mut sorted = leaves.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, [(0, "call 0"), (1, "call 1"), (2, "call 2")]);
    // Elsewhere another thread may end its call first, between the gate and the end.
    if on.kind.is_one_thread() {
        assert_eq!(
            leaves.iter().map(|leaf| leaf.0).collect::<Vec<_>>(),
            [2, 1, 0]
        );
    }
}

// Joining-5
async fn errors_before_a_value_do_not_count(on: Site) {
    #[derive(Debug)]
    struct Forgiven;
    let failed = Gate::new();
    let fails = failed.opens_at_drop();
    let calls = (
        move || async move {
            let _fails = fails;
            Err(Forgiven)
        },
        move || async move {
            failed.wait().await;
            Ok(1)
        },
    );
    assert_eq!(ingather::on(&on.spawner).first_ok(calls).await.unwrap(), 1);
    assert_eq!(unhandled::taken("Forgiven"), [""; 0]);
}

// Joining-6
async fn a_quorum_gives_its_values_in_the_order_in_which_they_came(on: Site) {
    let stepper = stepper();
    let gates: Vec<_> = (0..4).map(|_| Gate::new()).collect();
    let calls = gates.clone().into_iter().map(|gate| {
        move || async move {
            gate.wait().await;
            Ok::<_, Fault>('v')
        }
    });
    let mut reached = ByHand::new(ingather::on(&stepper).quorum(2, calls));
    for n in [3, 1] {
        assert!(reached.poll().is_pending());
        stepper.run_until_idle();
        gates[n].open();
        stepper.run_until_idle();
    }
    let values = finish(&stepper, reached.into_inner()).unwrap();
    assert_eq!(values, [(3, 'v'), (1, 'v')]);

    let calls = (0..20).map(|n| move || attempt(n, n));
    let values = ingather::on(&on.spawner)
        .quorum(7, calls.collect::<Vec<_>>())
        .await;
    let values = values.unwrap();
    assert_eq!(values.len(), 7);
    assert!(values.iter().all(|(index, value)| index == value));
}

// Joining-2, Joining-6
async fn a_quorum_fails_as_soon_as_it_cannot_be_reached(on: Site) {
    let drops = Drops::new();
    let calls = (0..5).map(|n| {
        let witness = drops.witness();
        move || async move {
            let _held = witness;
            if n < 2 {
                pending().await
            } else {
                Err::<(), _>(Fault("down"))
            }
        }
    });
    // Three of five are down, so that three cannot be had: the two that would wait for ever are cancelled.
    let calls: Vec<_> = calls.collect();
    let error = ingather::on(&on.spawner)
        .quorum(3, calls)
        .await
        .unwrap_err();
    assert_eq!(error.len(), 3);
    assert!(drops.all());
    assert!(error.cancelled().is_none());
}

// Joining-6
async fn a_quorum_of_none_polls_nothing(on: Site) {
    let call = || async { throw("polled") };
    let none: Result<Vec<(usize, ())>, GroupError<Fault>> =
        ingather::on(&on.spawner).quorum(0, [call; 3]).await;
    assert_eq!(none.unwrap(), []);
    let none = ingather::on(&on.spawner)
        .quorum(
            0,
            Vec::<fn() -> std::future::Ready<Result<u8, Fault>>>::new(),
        )
        .await;
    assert_eq!(none.unwrap(), []);
}

// Joining-6
async fn a_quorum_of_all_waits_for_all(on: Site) {
    let calls = [3, 1, 2].map(|n| move || attempt(n, n));
    let mut values = ingather::on(&on.spawner).quorum(3, calls).await.unwrap();
    values.sort_unstable();
    assert_eq!(values, [(0, 3), (1, 1), (2, 2)]);
}

// Joining-5, Dropping-1
async fn a_race_that_is_dropped_drops_its_calls(on: Site) {
    let drops = Drops::new();
    let calls = [(); 5].map(|()| {
        let witness = drops.witness();
        move || async move {
            let _held = witness;
            pending::<u32>().await
        }
    });
    let mut race = ByHand::new(ingather::on(&on.spawner).race(calls));
    assert!(race.poll().is_pending());
    drop(race);
    while !drops.all() {
        yields(1).await;
    }
    assert_eq!(drops.count(), 5);
}

// Joining-6
#[test]
fn nobody_wins_among_none() {
    let none = Vec::<fn() -> std::future::Ready<Result<u32, Fault>>>::new;
    let text = |f: &dyn Fn()| {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
        *caught.unwrap_err().downcast::<String>().unwrap()
    };
    assert!(text(&|| drop(race(none()))).contains("`race` needs at least one call"));
    assert!(text(&|| drop(first_ok(none()))).contains("`first_ok` needs at least one call"));
    assert!(text(&|| drop(inline::race(none()))).contains("at least one call"));
    assert!(text(&|| drop(quorum(1, none()))).contains("a quorum of 1 out of 0 calls"));
    assert!(text(&|| drop(quorum(3, [|| attempt(0, 0); 2]))).contains("3 out of 2 calls"));
    assert!(panic_of(|| drop(quorum(0, none()))).is_none());
}

// Joining-6, Executors-1
#[test]
fn nobody_wins_on_a_spawner_that_refuses() {
    watched("races on a spawner that refuses", || {
        let refusing = from_fn(|_| Err(SpawnError::new("no room")));
        let payload = payload_of(ingather::on(&refusing).race([|| ready(1), || ready(2)]));
        let payload = futures::executor::block_on(payload);
        let text = payload.downcast::<String>().unwrap();
        assert!(text.contains("no room"), "{text}");
        let kind = |error: GroupError<Fault>| error.cancelled().unwrap().kind();
        let first = ingather::on(&refusing).first_ok([|| attempt(0, 0)]);
        let error = futures::executor::block_on(first).unwrap_err();
        assert_eq!(kind(error), CancelKind::Abandoned);
        let some = ingather::on(&refusing).quorum(2, [|| attempt(0, 0); 3]);
        let error = futures::executor::block_on(some).unwrap_err();
        assert_eq!(kind(error), CancelKind::Abandoned);
    });
}

// Joining-5, Panics-3
#[test]
fn a_second_value_is_dropped_and_its_panic_touches_nothing() {
    crate::support::unhandled::collect();
    let stepper = stepper();
    let (text, gate) = (unique("second"), Gate::new());
    let calls = [None, Some(text.clone())].map(|text| {
        let gate = gate.clone();
        move || async move {
            gate.wait().await;
            text.map(Explosive)
        }
    });
    let mut race = ByHand::new(ingather::on(&stepper).race(calls));
    assert!(race.poll().is_pending());
    stepper.run_until_idle();
    gate.open();
    stepper.run_until_idle();
    // Both values are there now.
    assert!(finish(&stepper, race.into_inner()).is_none());
    assert_eq!(crate::support::unhandled::taken(&text).len(), 1);
}

// Joining-6
#[test]
fn a_thousand_races_in_orders_of_their_own() {
    for seed in 0..1000 {
        let stepper = HostileSpawner::stepped_by(3, Mischief::honest().delay(50), seed);
        let drops = Drops::new();
        let calls = (0..6).map(|n| {
            let witness = drops.witness();
            move || async move {
                let _held = witness;
                attempt(n, if n < 4 { 3 } else { 4 }).await
            }
        });
        let calls: Vec<_> = calls.collect();
        let won = finish(&stepper, ingather::on(&stepper).first_ok(calls)).unwrap();
        assert!(won == 3 || won == 4, "{won} of seed {seed}");
        assert!(drops.all(), "seed {seed}");
    }
}

// Joining-6, Inline-1
#[test]
fn inline_races_borrow_and_need_no_spawner() {
    use futures::executor::block_on;
    let names = ["one", "two", "three"].map(String::from);
    let first = block_on(inline::race((
        || ready(names[1].as_str()),
        || pending::<&str>(),
    )));
    assert_eq!(first, "two");
    let parse = |name: &'static str| move || async move { name.parse::<u32>() };
    let value = block_on(inline::first_ok([parse("x"), parse("7")])).unwrap();
    assert_eq!(value, 7);
    let lengths = names
        .iter()
        .map(|name| || async { Ok::<_, Fault>(name.len()) });
    let lengths = block_on(inline::quorum(2, lengths)).unwrap();
    assert_eq!(lengths, [(0, 3), (1, 3)]);
    let shared = std::rc::Rc::new(5);
    let call = || async { *shared };
    assert_eq!(block_on(inline::local::race([call])), 5);
    let call = || async { Ok::<_, Fault>(*shared) };
    assert_eq!(block_on(inline::local::first_ok([call])).unwrap(), 5);
    assert_eq!(
        block_on(inline::local::quorum(1, [call])).unwrap(),
        [(0, 5)]
    );
}
