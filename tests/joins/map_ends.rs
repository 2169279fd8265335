//! How a mapped stream ends before its time: errors, panics, spawners that refuse, and dropping it.

use std::collections::BTreeSet;
use std::future::pending;

use futures::stream::FusedStream;
use futures::{StreamExt, TryStreamExt};
use ingather::cancel::CancelKind;
use ingather::spawner::{SpawnError, from_fn};
use ingather::{GroupOptions, OnError};

use crate::map_concurrent::{odd_fails, square};
use crate::support::{
    ByHand, Drops, Explosive, Fault, Gate, Site, behaviour, explodes_waiting, panic_of, payload_of,
    stepper, text_of, throw, unhandled, unique, watched, yields,
};

behaviour!(
    the_panic_of_a_child_goes_on_when_all_are_over,
    the_panic_of_the_function_or_the_source_goes_on_when_all_are_over,
    a_stream_that_is_dropped_leaves_nothing,
    the_first_error_is_the_last_item,
    under_keep_going_all_values_come_and_then_the_errors,
);

// Joining-8, Panics-1
async fn the_panic_of_a_child_goes_on_when_all_are_over(on: Site) {
    let (text, drops) = (unique("child"), Drops::new());
    let thrown = text.clone();
    let results = ingather::on(&on.spawner).map_concurrent(0.., 6, |n: u64| {
        let (witness, text) = (drops.witness(), (n == 3).then(|| thrown.clone()));
        async move {
            let _held = witness;
            if let Some(text) = text {
                throw(&text);
            }
            pending::<()>().await
        }
    });
    let mut results = Box::pin(results);
    assert_eq!(text_of(results.next()).await, text);
    assert!(drops.all() && drops.made() <= 6);
    assert!(results.is_terminated());
    assert_eq!(results.next().await, None);
}

// Joining-8
async fn the_panic_of_the_function_or_the_source_goes_on_when_all_are_over(on: Site) {
    for in_source in [false, true] {
        let (text, drops) = (unique("pump"), Drops::new());
        let thrown = text.clone();
        let items = (0..10).inspect(|n| {
            if *n == 4 && in_source {
                throw(&thrown);
            }
        });
        let mut results = ingather::on(&on.spawner).map_concurrent(items, 8, |n| {
            if n == 4 {
                throw(&thrown);
            }
            let witness = drops.witness();
            async move {
                let _held = witness;
                pending::<()>().await
            }
        });
        assert_eq!(text_of(results.next()).await, text);
        assert!(drops.all() && drops.made() == 4);
        assert_eq!(results.next().await, None);
    }
}

// Joining-8, Dropping-1
async fn a_stream_that_is_dropped_leaves_nothing(on: Site) {
    let drops = Drops::new();
    let in_source = drops.witness();
    let items = (0_usize..).inspect(move |_| {
        let _held = &in_source;
    });
    let mut results = ingather::on(&on.spawner).map_concurrent(items, 10, |n| {
        let witness = drops.witness();
        async move {
            let held = witness;
            if n > 4 {
                pending::<()>().await;
            }
            yields(n).await;
            held
        }
    });
    for _ in 0..3 {
        assert!(results.next().await.is_some());
    }
    drop(results);
    // All but what has a poll in progress, which is dropped at its end.
    while !drops.all() {
        yields(1).await;
    }
    assert!(drops.made() <= 14);
}

// Joining-8
async fn the_first_error_is_the_last_item(on: Site) {
    for ordered in [false, true] {
        let drops = Drops::new();
        let f = |n: u32| {
            let witness = drops.witness();
            async move {
                let _held = witness;
                match n {
                    0..20 => Ok(n),
                    25 => Err(Fault("first")),
                    _ => pending().await,
                }
            }
        };
        let options = GroupOptions::new().on(&on.spawner).name("pages");
        let mut results = if ordered {
            options.try_map_concurrent(0.., 10, f).left_stream()
        } else {
            options
                .try_map_concurrent(0.., 10, f)
                .unordered()
                .right_stream()
        };
        let mut values = 0;
        let error = loop {
            match results.next().await.unwrap() {
                Ok(_) => values += 1,
                Err(error) => break error,
            }
        };
        assert!(values <= 20);
        assert_eq!((error.len(), error.name()), (1, Some("pages")));
        assert_eq!(error.first().error(), Some(&Fault("first")));
        assert!(error.iter().next().unwrap().child().is_some());
        assert!(drops.all());
        assert!(results.next().await.is_none());
    }
    let all = ingather::on(&on.spawner)
        .try_map_concurrent([0, 2, 4], 2, odd_fails)
        .unordered();
    let all: BTreeSet<_> = all.try_collect().await.unwrap();
    assert_eq!(all, [0, 2, 4].into());
}

// Joining-8, Errors-7
async fn under_keep_going_all_values_come_and_then_the_errors(on: Site) {
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_error(OnError::KeepGoing);
    let results = options.try_map_concurrent(0..10, 4, odd_fails);
    let mut results: Vec<_> = results.collect().await;
    let error = results.pop().unwrap().unwrap_err();
    assert_eq!(error.len(), 5);
    let values: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    assert_eq!(values, [0, 2, 4, 6, 8]);
}

// Joining-8, Executors-1
#[test]
fn a_spawner_that_refuses_ends_the_stream() {
    watched("streams on a spawner that refuses", || {
        let refusing = from_fn(|_| Err(SpawnError::new("no room")));
        let mut results = ingather::on(&refusing).map_concurrent(0..3, 2, square);
        let payload = futures::executor::block_on(payload_of(results.next()));
        let text = payload.downcast::<String>().unwrap();
        assert!(text.contains("no room"), "{text}");
        let mut results = ingather::on(&refusing).try_map_concurrent(0..3, 2, odd_fails);
        let error = futures::executor::block_on(results.next())
            .unwrap()
            .unwrap_err();
        assert_eq!(error.cancelled().unwrap().kind(), CancelKind::Abandoned);
        assert!(futures::executor::block_on(results.next()).is_none());
    });
}

// Joining-8, Panics-4
#[test]
fn values_that_are_not_given_are_dropped_before_the_panic_goes_on() {
    unhandled::collect();
    let stepper = stepper();
    let (text, lost) = (unique("late"), unique("value"));
    let gate = Gate::new();
    let mut results = Box::pin(ingather::on(&stepper).map_concurrent(0..4, 4, |n| {
        let (gate, text, lost) = (gate.clone(), text.clone(), lost.clone());
        async move {
            match n {
                0 => gate.wait().await,
                3 => {
                    gate.wait().await;
                    throw(&text)
                }
                _ => {}
            }
            Explosive(lost)
        }
    }));
    let mut first = ByHand::new(results.next());
    assert!(first.poll().is_pending());
    stepper.run_until_idle();
    // Two values are there, behind one that is not.
    assert!(first.poll().is_pending());
    drop(first);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut next = ByHand::new(results.next());
        for _ in 0..10 {
            gate.open();
            stepper.run_until_idle();
            if next.poll().is_ready() {
                break;
            }
        }
    }));
    assert_eq!(*caught.unwrap_err().downcast::<String>().unwrap(), text);
    assert_eq!(unhandled::taken(&lost).len(), 3);
}

// Joining-8
#[test]
fn a_child_that_panics_in_its_drop_takes_no_thread_with_it() {
    unhandled::collect();
    let text = unique("dropped");
    let mut results = ByHand::new(Box::pin(async {
        let thrown = text.clone();
        let mut results = Box::pin(
            ingather::on(&stepper())
                .map_concurrent([0], 1, move |_| explodes_waiting::<()>(thrown.clone())),
        );
        results.next().await
    }));
    assert!(results.poll().is_pending());
    assert!(panic_of(|| drop(results)).is_none());
    assert_eq!(unhandled::taken(&text).len(), 1);
}

#[cfg(feature = "tracing")]
// Dropping-4, Joining-8
#[test]
fn a_stream_that_is_dropped_says_nothing() {
    let ((), warnings) = crate::support::warnings::of(|| {
        let stepper = stepper();
        let mut results = ingather::on(&stepper).map_concurrent(0..10, 3, |_| pending::<()>());
        assert!(ByHand::new(results.next()).poll().is_pending());
    });
    assert_eq!(warnings, [""; 0]);
}
