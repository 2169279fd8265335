//! Polls of a mapped stream that find a value: what they do besides giving it, and what comes between two of them.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use futures::{Stream, StreamExt};
use ingather::spawner::{SpawnerHandle, enter, from_fn, try_current_spawner};
use ingather::{GroupOptions, Spawner};

use crate::support::{
    ByHand, Drops, Fault, HostileSpawner, Meter, Site, behaviour, payload_of, stepper, throw,
    unique, watched, yields,
};

behaviour!(
    the_spawner_is_current_in_each_poll,
    a_limit_of_one_takes_one_after_the_other
);

/// Whether this spawner is the current one, each time that it was asked.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<bool>>>);

impl Asked {
    fn ask(&self, spawner: &SpawnerHandle) {
        let current = try_current_spawner();
        let is_current = current.is_some_and(|current| current.same_as(spawner));
        self.0.lock().unwrap().push(is_current);
    }
}

// Joining-8, Executors-2
async fn the_spawner_is_current_in_each_poll(on: Site) {
    let (spawner, asked) = (SpawnerHandle::new(on.spawner.clone()), Asked::default());
    let other = SpawnerHandle::new(stepper());
    let (in_source, in_function) = (asked.clone(), asked.clone());
    let (there, here) = (spawner.clone(), spawner.clone());
    let items = (0..40).inspect(move |_| in_source.ask(&there));
    let mut results = Box::pin(
        ingather::on(&spawner).map_concurrent(items, 8, move |n: usize| {
            in_function.ask(&here);
            async move {
                yields(n % 3).await;
                n
            }
        }),
    );
    for n in 0..40 {
        let first = poll_fn(|cx| {
            let guard = (n % 2 == 0).then(|| enter(&other));
            let given = results.poll_next_unpin(cx);
            let current = try_current_spawner();
            let is_back = current.is_some_and(|current| current.same_as(&other));
            assert_eq!(is_back, guard.is_some());
            Poll::Ready(given)
        });
        let given = match first.await {
            Poll::Ready(given) => given,
            Poll::Pending => results.next().await,
        };
        assert_eq!(given, Some(n));
    }
    assert_eq!(results.next().await, None);
    assert_eq!(*asked.0.lock().unwrap(), [true; 80]);
}

// Joining-7
async fn a_limit_of_one_takes_one_after_the_other(on: Site) {
    let (meter, taken) = (Meter::new(), Arc::new(AtomicUsize::new(0)));
    let counts = Arc::clone(&taken);
    let items = (0..100).inspect(move |_| {
        counts.fetch_add(1, SeqCst);
    });
    let mut results = ingather::on(&on.spawner)
        .map_concurrent(items, 1, |n: usize| {
            let meter = meter.clone();
            async move {
                let _under_way = meter.enter();
                yields(n % 3).await;
                n
            }
        })
        .unordered();
    for n in 0..100 {
        assert_eq!(results.next().await, Some(n));
        // The next is taken as this one is given, and none beyond it.
        assert_eq!(taken.load(SeqCst), (n + 2).min(100));
    }
    assert_eq!(results.next().await, None);
    assert_eq!((meter.highest(), meter.entered()), (1, 100));
}

/// Polls once.
fn poll<S: Stream + Unpin>(stream: &mut S) -> Poll<Option<S::Item>> {
    ByHand::new(stream.next()).poll()
}

/// What is there when all values are that could come by now.
fn ready<S: Stream + Unpin>(stream: &mut S, stepper: &HostileSpawner) -> Option<S::Item> {
    for _ in 0..3 {
        if let Poll::Ready(given) = poll(stream) {
            return given;
        }
        stepper.run_until_idle();
    }
    panic!("no value came");
}

// Joining-7, Executors-3
#[test]
fn what_a_poll_takes_goes_on_when_nobody_polls_again() {
    watched("a stream that is left alone", || {
        let (stepper, over) = (stepper(), Arc::new(AtomicUsize::new(0)));
        let mut results = Box::pin(
            ingather::on(&stepper).map_concurrent(0..100, 4, |n: usize| {
                let over = Arc::clone(&over);
                async move {
                    yields(2).await;
                    over.fetch_add(1, SeqCst);
                    n
                }
            }),
        );
        for n in 0..50 {
            assert_eq!(ready(&mut results, &stepper), Some(n));
            stepper.run_until_idle();
            // As many as were taken, and the limit of those that were not given.
            assert_eq!(over.load(SeqCst), n + 5);
        }
        drop(results);
        stepper.run_until_idle();
        assert_eq!(over.load(SeqCst), 54);
    });
}

// Joining-8
#[test]
fn a_source_that_panics_while_values_wait_ends_the_stream_behind_the_next() {
    watched("a source that panics behind a value", || {
        let (stepper, text, drops) = (stepper(), unique("source"), Drops::new());
        let thrown = text.clone();
        let items = (0..10).inspect(|n| {
            if *n == 4 {
                throw(&thrown);
            }
        });
        let mut results = Box::pin(ingather::on(&stepper).map_concurrent(items, 4, |n: u32| {
            let witness = drops.witness();
            async move { (n, witness) }
        }));
        assert!(poll(&mut results).is_pending());
        stepper.run_until_idle();
        let given = ready(&mut results, &stepper).unwrap();
        assert_eq!((given.0, drops.made()), (0, 4));
        drop(given);
        // What waited is not given any more, and is gone when the panic goes on.
        let caught = futures::executor::block_on(payload_of(async {
            for _ in 0..3 {
                assert!(poll(&mut results).is_pending());
                stepper.run_until_idle();
            }
        }));
        assert_eq!(*caught.downcast::<String>().unwrap(), text);
        assert!(drops.all());
        assert!(poll(&mut results).is_ready());
    });
}

// Joining-8
#[test]
fn an_error_between_two_values_leaves_the_second_ungiven() {
    watched("an error between two values", || {
        let (stepper, drops) = (stepper(), Drops::new());
        let results = ingather::on(&stepper)
            .try_map_concurrent(0..10, 4, |n: u32| {
                let witness = drops.witness();
                async move {
                    // The fifth is taken when the first is given.
                    if n == 4 {
                        Err(Fault("fifth"))
                    } else {
                        Ok((n, witness))
                    }
                }
            })
            .unordered();
        let mut results = Box::pin(results);
        assert!(poll(&mut results).is_pending());
        stepper.run_until_idle();
        let (first, _witness) = ready(&mut results, &stepper).unwrap().unwrap();
        assert_eq!(first, 0);
        stepper.run_until_idle();
        let error = ready(&mut results, &stepper).unwrap().err().unwrap();
        assert_eq!(error.first().error(), Some(&Fault("fifth")));
        assert_eq!(drops.made(), 5);
        assert!(ready(&mut results, &stepper).is_none());
    });
}

// Joining-8, Dropping-1
#[test]
fn a_stream_that_is_dropped_between_two_values_drops_what_waits() {
    watched("a stream that is dropped with values in it", || {
        for unordered in [false, true] {
            let (stepper, drops) = (stepper(), Drops::new());
            let options = GroupOptions::new().on(&stepper);
            let f = |n: u32| {
                let witness = drops.witness();
                async move { (n, witness) }
            };
            let mut results = if unordered {
                options.map_concurrent(0.., 4, f).unordered().left_stream()
            } else {
                options.map_concurrent(0.., 4, f).right_stream()
            };
            assert!(poll(&mut results).is_pending());
            stepper.run_until_idle();
            for n in 0..2 {
                assert_eq!(ready(&mut results, &stepper).unwrap().0, n);
            }
            assert_eq!(drops.made(), 6);
            assert!(!drops.all());
            drop(results);
            assert!(drops.all());
        }
    });
}

#[test]
fn a_stream_that_is_over_keeps_nothing_of_its_spawner() {
    watched("a stream that is over", || {
        for fails in [false, true] {
            let (stepper, alive) = (stepper(), Arc::new(()));
            let (witness, jobs) = (Arc::downgrade(&alive), stepper.clone());
            let spawner = from_fn(move |job| {
                let _alive = &alive;
                jobs.spawn(job)
            });
            let options = GroupOptions::new().on(&spawner);
            let results = options.try_map_concurrent(0..10, 2, move |n: u32| async move {
                if fails && n == 7 {
                    Err(Fault("eighth"))
                } else {
                    Ok(n)
                }
            });
            drop(spawner);
            let mut results = Box::pin(results);
            let mut given = 0;
            while let Some(Ok(n)) = ready(&mut results, &stepper) {
                assert_eq!(n, given);
                given += 1;
            }
            assert!(if fails { given < 8 } else { given == 10 });
            stepper.run_until_idle();
            assert!(witness.upgrade().is_none(), "fails: {fails}");
            assert!(ready(&mut results, &stepper).is_none());
        }
    });
}
