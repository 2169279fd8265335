//! Gather: callables in, results in call order.

use std::error::Error;
use std::future::{pending, ready};
use std::task::Poll;

use ingather::cancel::CancelKind;
use ingather::spawner::{SpawnError, current_spawner, enter, from_fn};
use ingather::{GroupOptions, OnError, OnPanic, Outcome, gather, gather_settled, try_gather};

use crate::support::{
    ByHand, Drops, Explosive, Fault, Gate, Meter, Site, Trace, Witness, behaviour, explodes_after,
    payload_of, text_of, throw, unhandled, unique, watched, yields,
};

behaviour!(
    callables_in_a_vec_an_array_and_an_iterator,
    callables_in_tuples,
    zero_calls_give_an_empty_result,
    results_come_in_call_order_whatever_the_order_of_the_ends,
    values_with_hostile_methods_go_through,
    calls_run_where_children_run,
    calls_run_at_the_same_time,
    the_limit_of_the_options_holds,
    the_panic_of_a_call_cancels_the_others_and_goes_on,
    the_panic_of_a_callable_is_the_calls,
    a_collected_panic_of_a_call_ends_the_gather,
    try_gather_gives_all_values,
    try_gather_gives_one_error_once_all_calls_are_over,
    try_gather_that_keeps_going_lets_all_finish,
    gather_settled_gives_an_outcome_for_each_call,
    a_settled_call_that_panics_in_its_drop_loses_nothing,
);

async fn f(n: u64) -> u64 {
    yields(2).await;
    n * n
}

// Gather-1
#[test]
fn the_first_example_as_it_stands() {
    watched("the first example", || {
        let squares = ingather::block_on(async { gather(vec![|| f(1), || f(2)]).await });
        assert_eq!(squares, [1, 4]);
    });
}

// Gather-1
async fn callables_in_a_vec_an_array_and_an_iterator(on: Site) {
    assert_eq!(
        ingather::on(&on.spawner)
            .gather(vec![|| f(1), || f(2)])
            .await,
        [1, 4]
    );
    assert_eq!(
        ingather::on(&on.spawner).gather([|| f(1), || f(2)]).await,
        [1, 4]
    );
    assert_eq!(ingather::on(&on.spawner).gather([|| f(3)]).await, [9]);
    let calls = (0..100).map(|n| move || f(n));
    let squares: Vec<_> = (0..100).map(|n| n * n).collect();
    assert_eq!(ingather::on(&on.spawner).gather(calls).await, squares);
}

// Gather-1
async fn callables_in_tuples(on: Site) {
    assert_eq!(ingather::on(&on.spawner).gather((|| f(2),)).await, (4,));
    let two = (|| f(2), || ready(String::from("two")));
    assert_eq!(
        ingather::on(&on.spawner).gather(two).await,
        (4, String::from("two"))
    );
    let twelve = ingather::on(&on.spawner)
        .gather((
            || ready(1_u8),
            || ready('2'),
            || f(3),
            || ready(()),
            || ready(5.0),
            || ready([6]),
            || ready(Some(7)),
            || ready(8_i64),
            || f(9),
            || ready(false),
            || ready(11_u32),
            || ready(String::from("12")),
        ))
        .await;
    let (a, b, c, (), e, f, g, h, i, j, k, l) = twelve;
    assert_eq!((a, b, c, e, f, g), (1, '2', 9, 5.0, [6], Some(7)));
    assert_eq!((h, i, j, k, l.as_str()), (8, 81, false, 11, "12"));
}

// Gather-1
async fn zero_calls_give_an_empty_result(on: Site) {
    let none = || Vec::<fn() -> std::future::Ready<u8>>::new();
    assert_eq!(ingather::on(&on.spawner).gather(none()).await, []);
    let none = || Vec::<fn() -> std::future::Ready<Result<u8, Fault>>>::new();
    assert_eq!(
        ingather::on(&on.spawner).try_gather(none()).await.unwrap(),
        []
    );
    assert!(
        ingather::on(&on.spawner)
            .gather_settled(none())
            .await
            .is_empty()
    );
}

// Gather-1
async fn results_come_in_call_order_whatever_the_order_of_the_ends(on: Site) {
    let gates: Vec<_> = (0..4).map(|_| Gate::new()).collect();
    let log = Trace::new();
    // Each call opens the gate of the one before it.
    let calls = (0..4).map(|n| {
        let (mine, log) = (gates[n].clone(), log.clone());
        let before = n.checked_sub(1).map(|before| gates[before].clone());
        move || async move {
            mine.wait().await;
            log.log(n.to_string());
            if let Some(before) = before {
                before.open();
            }
            n
        }
    });
    let calls: Vec<_> = calls.collect();
    gates[3].open();
    assert_eq!(ingather::on(&on.spawner).gather(calls).await, [0, 1, 2, 3]);
    assert_eq!(log.entries(), ["3", "2", "1", "0"]);
}

/// A value that cannot be compared, nor dropped but on purpose.
struct Hostile(Option<Explosive>, u8);

impl Hostile {
    fn new(n: u8) -> Self {
        Self(Some(Explosive(format!("{n} was dropped"))), n)
    }

    fn disarm(mut self) -> u8 {
        std::mem::forget(self.0.take());
        self.1
    }
}

impl PartialEq for Hostile {
    fn eq(&self, _: &Self) -> bool {
        throw("compared")
    }
}

// Gather-1
async fn values_with_hostile_methods_go_through(on: Site) {
    let calls = (0..3).map(|n| move || async move { Hostile::new(n) });
    let values = ingather::on(&on.spawner).gather(calls).await;
    let numbers: Vec<_> = values.into_iter().map(Hostile::disarm).collect();
    assert_eq!(numbers, [0, 1, 2]);
    let pair = (|| async { Hostile::new(3) }, || f(2));
    let (value, four) = ingather::on(&on.spawner).gather(pair).await;
    assert_eq!((value.disarm(), four), (3, 4));
}

// Gather-2
async fn calls_run_where_children_run(on: Site) {
    let calls = (0..4).map(|_| {
        let on = on.clone();
        move || {
            let called_there = on.is_here();
            async move {
                yields(1).await;
                (
                    called_there,
                    on.is_here(),
                    current_spawner().same_as(&on.spawner),
                )
            }
        }
    });
    let calls: Vec<_> = calls.collect();
    assert_eq!(
        ingather::on(&on.spawner).gather(calls).await,
        [(true, true, true); 4]
    );
    let mut gathered = ByHand::new(gather([|| async { current_spawner() }]));
    let first = {
        let _guard = enter(&on.spawner);
        gathered.poll()
    };
    let current = match first {
        Poll::Ready(current) => current,
        Poll::Pending => gathered.into_inner().await,
    };
    assert!(current[0].same_as(&on.spawner));
}

// Gather-2
async fn calls_run_at_the_same_time(on: Site) {
    let (meter, all) = (Meter::new(), Gate::new());
    let calls = (0..10).map(|_| {
        let (meter, all) = (meter.clone(), all.clone());
        move || async move {
            let _under_way = meter.enter();
            if meter.now() == 10 {
                all.open();
            }
            all.wait().await;
        }
    });
    let calls: Vec<_> = calls.collect();
    assert_eq!(ingather::on(&on.spawner).gather(calls).await.len(), 10);
    assert_eq!(meter.highest(), 10);
}

// Gather-2
async fn the_limit_of_the_options_holds(on: Site) {
    let meter = Meter::new();
    let calls = (0..50).map(|n| {
        let meter = meter.clone();
        move || async move {
            let _under_way = meter.enter();
            yields(n % 3).await;
        }
    });
    let calls: Vec<_> = calls.collect();
    GroupOptions::new()
        .on(&on.spawner)
        .limit(4)
        .gather(calls)
        .await;
    assert_eq!(meter.entered(), 50);
    assert!(meter.highest() <= 4);
}

/// Does something at once, or waits for ever with a witness.
async fn call<T>(witness: Option<Witness>, does: fn() -> T) -> T {
    match witness {
        None => does(),
        Some(_held) => pending().await,
    }
}

// Gather-2, Panics-1
async fn the_panic_of_a_call_cancels_the_others_and_goes_on(on: Site) {
    let drops = Drops::new();
    let calls = (0..11).map(|n| {
        let witness = (n != 5).then(|| drops.witness());
        move || call::<()>(witness, || std::panic::resume_unwind(Box::new(7_u8)))
    });
    let calls: Vec<_> = calls.collect();
    let payload = payload_of(ingather::on(&on.spawner).gather(calls)).await;
    assert_eq!(payload.downcast_ref(), Some(&7_u8));
    assert_eq!(drops.count(), 10);
}

// Gather-2
async fn the_panic_of_a_callable_is_the_calls(on: Site) {
    let callable = |panics: bool| {
        move || {
            if panics {
                throw("callable");
            }
            ready(Ok::<_, Fault>(1))
        }
    };
    let text = text_of(ingather::on(&on.spawner).gather([callable(true), callable(false)])).await;
    assert_eq!(text, "callable");
    let outcomes = ingather::on(&on.spawner)
        .gather_settled([callable(true), callable(false)])
        .await;
    assert!(matches!(&outcomes[0], Outcome::Panicked(panic) if panic.message() == "callable"));
    assert!(matches!(outcomes[1], Outcome::Ok(1)));
}

// Gather-2, Panics-2
async fn a_collected_panic_of_a_call_ends_the_gather(on: Site) {
    let text = unique("collected call");
    let thrown = text.clone();
    let calls = (0..2).map(move |n| {
        let thrown = thrown.clone();
        move || async move {
            if n == 0 {
                throw(&thrown);
            }
            n
        }
    });
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_panic(OnPanic::Collect);
    // It has no error for the panic to be in and no value to give.
    assert_eq!(text_of(options.gather(calls)).await, text);
}

// Gather-3
async fn try_gather_gives_all_values(on: Site) {
    let values = ingather::on(&on.spawner)
        .try_gather((0..10).map(|n| move || async move { Ok::<_, Fault>(n) }));
    assert_eq!(values.await.unwrap(), (0..10).collect::<Vec<_>>());
    let pair = (
        || async { Ok::<_, Fault>(1) },
        || async { Ok("two".to_owned()) },
    );
    assert_eq!(
        ingather::on(&on.spawner).try_gather(pair).await.unwrap(),
        (1, "two".to_owned())
    );
}

// Gather-3
async fn try_gather_gives_one_error_once_all_calls_are_over(on: Site) {
    let drops = Drops::new();
    let calls = (0..11).map(|n| {
        let witness = (n != 5).then(|| drops.witness());
        move || call(witness, || Err::<(), _>(Fault("call")))
    });
    let calls: Vec<_> = calls.collect();
    let error = ingather::on(&on.spawner)
        .try_gather(calls)
        .await
        .unwrap_err();
    assert_eq!(error.len(), 1);
    assert_eq!(error.first().error(), Some(&Fault("call")));
    assert!(error.iter().next().unwrap().child().is_some());
    assert_eq!(drops.count(), 10);
}

// Gather-3, Errors-7
async fn try_gather_that_keeps_going_lets_all_finish(on: Site) {
    let log = Trace::new();
    let calls = (0..6).map(|n| {
        let log = log.clone();
        move || async move {
            yields(n).await;
            log.log("over");
            if n % 2 == 0 {
                Err(Fault("even"))
            } else {
                Ok(n)
            }
        }
    });
    let calls: Vec<_> = calls.collect();
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_error(OnError::KeepGoing);
    let error = options.try_gather(calls).await.unwrap_err();
    assert_eq!(error.len(), 3);
    assert_eq!(log.entries(), ["over"; 6]);
}

// Gather-4
async fn gather_settled_gives_an_outcome_for_each_call(on: Site) {
    let calls = (0..3).map(|n| {
        move || async move {
            yields(n).await;
            match n {
                0 => Err(Fault("fails")),
                1 => throw("panics"),
                _ => Ok(n),
            }
        }
    });
    let calls: Vec<_> = calls.collect();
    let outcomes = ingather::on(&on.spawner).gather_settled(calls).await;
    assert!(matches!(outcomes[0], Outcome::Err(Fault("fails"))));
    assert!(outcomes[1].is_panicked());
    assert!(outcomes[2].is_ok());
    assert_eq!(outcomes.len(), 3);
    let pair = (
        || async { Ok::<_, Fault>(1) },
        || async { Err::<(), _>(Fault("two")) },
    );
    let (one, two) = ingather::on(&on.spawner).gather_settled(pair).await;
    assert_eq!((one.ok(), two.err()), (Some(1), Some(Fault("two"))));
}

// Gather-4, Errors-2
async fn a_settled_call_that_panics_in_its_drop_loses_nothing(on: Site) {
    let (value, drop_) = (unique("settled value"), unique("settled drop"));
    let (in_value, in_drop) = (value.clone(), drop_.clone());
    let call = move || explodes_after(in_drop, Ok::<_, Fault>(Box::new(Explosive(in_value))));
    let outcomes = ingather::on(&on.spawner).gather_settled([call]).await;
    let Outcome::Panicked(panic) = &outcomes[0] else {
        panic!("{:?}", outcomes[0].is_ok());
    };
    assert_eq!(panic.message(), drop_);
    assert_eq!(unhandled::taken(&value).len(), 1);
}

// Gather-2
#[test]
fn calls_that_their_spawner_drops_end_the_gather() {
    watched("gather on a spawner that refuses", || {
        let refusing = from_fn(|_| Err(SpawnError::new("no room")));
        let payload =
            futures::executor::block_on(payload_of(ingather::on(&refusing).gather([|| f(1)])));
        let text = payload.downcast::<String>().unwrap();
        assert!(text.contains("no room"), "{text}");
        let error = futures::executor::block_on(
            ingather::on(&refusing).try_gather([|| async { Ok::<u8, Fault>(1) }]),
        );
        let error = error.unwrap_err();
        assert_eq!(error.cancelled().unwrap().kind(), CancelKind::Abandoned);
        let call = || async { Ok::<u8, Fault>(1) };
        let outcomes =
            futures::executor::block_on(ingather::on(&refusing).gather_settled([call, call]));
        let kinds = outcomes.iter().map(|outcome| match outcome {
            Outcome::Cancelled(reason) => Some(reason.kind()),
            _ => None,
        });
        assert_eq!(kinds.collect::<Vec<_>>(), [Some(CancelKind::Abandoned); 2]);
    });
}

// Gather-4
#[test]
fn a_settled_call_that_is_cancelled_and_panics_in_its_drop_has_an_outcome() {
    watched(
        "a settled call that was refused and panics in its drop",
        || {
            let refusing = from_fn(|_| Err(SpawnError::new("no room")));
            let explosive = Explosive("refused".into());
            let call = move || async move {
                drop(explosive);
                Ok::<_, Fault>(1)
            };
            let outcomes =
                futures::executor::block_on(ingather::on(&refusing).gather_settled([call]));
            assert!(outcomes[0].is_panicked() || outcomes[0].is_cancelled());
        },
    );
}

// Gather-3
#[test]
fn the_error_of_a_gather_goes_into_a_boxed_error() {
    async fn sum() -> Result<u32, Box<dyn Error>> {
        let parse = |text: &'static str| move || async move { text.parse::<u32>() };
        let numbers = try_gather([parse("1"), parse("two")]).await?;
        Ok(numbers.into_iter().sum())
    }
    let error = ingather::block_on(sum()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("invalid digit found in string")
    );
    let outcomes = ingather::block_on(gather_settled([|| async { Ok::<_, Fault>(1) }]));
    assert!(outcomes[0].is_ok());
}
