//! Promises: set once, read by all who wait, handed on.

use std::sync::{Arc, Barrier};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use ingather::sync::{Promise, PromiseClosed, Promised, SetError, promise};
use ingather::{TaskRegistry, timeout};

use crate::support::{ByHand, Drops, Site, behaviour, boom, panic_of, panic_text};

behaviour!(
    a_promise_reaches_threads_and_tasks,
    a_promise_is_set_once,
    a_dropped_promise_is_closed,
    a_value_that_nobody_wants_comes_back,
    a_value_is_given_once_or_to_all,
    a_wait_that_timed_out_can_be_repeated,
    a_wait_dropped_at_any_poll_takes_nothing,
    a_promise_is_handed_on,
    a_ring_of_promises_is_closed,
);

const SHORT: Duration = Duration::from_millis(2);

// Primitives-1
async fn a_promise_reaches_threads_and_tasks(on: Site) {
    let _hold = on.hold();
    let registry = TaskRegistry::on(&on.spawner);
    let (to_task, in_task) = promise();
    let (to_thread, in_thread) = promise();
    let thread = thread::spawn(move || {
        let value: u32 = in_thread.wait_blocking().unwrap();
        to_task.set(value + 1).unwrap();
    });
    let task = registry.create_task(async move {
        to_thread.set(1).unwrap();
        in_task.await.unwrap()
    });
    assert_eq!(task.await.unwrap(), 2);
    thread.join().unwrap();
}

// Primitives-11
async fn a_promise_is_set_once(_: Site) {
    let (promise, mut promised) = promise();
    assert!(promise.is_wanted());
    assert_eq!(promise.set(1), Ok(()));
    assert_eq!(promise.set(2), Err(SetError::AlreadySet(2)));
    assert!(!promise.is_wanted() && promised.is_over());
    assert_eq!((&mut promised).await, Ok(1));
    assert_eq!(promise.set(3), Err(SetError::AlreadySet(3)));
    drop(promised);
    assert_eq!(promise.set(4).unwrap_err().into_value(), 4);
    // Of many who set it at once, one does.
    for _ in 0..20 {
        let (promise, promised) = ingather::sync::promise();
        let barrier = Barrier::new(3);
        let set: Vec<_> = thread::scope(|scope| {
            let set = |n| {
                let (promise, barrier) = (&promise, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    promise.set(n)
                })
            };
            let threads: Vec<_> = (0..3).map(set).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        let winner = promised.await.unwrap();
        for (n, set) in set.into_iter().enumerate() {
            let expected = if n == winner {
                Ok(())
            } else {
                Err(SetError::AlreadySet(n))
            };
            assert_eq!(set, expected);
        }
    }
}

// Primitives-11
async fn a_dropped_promise_is_closed(on: Site) {
    let _hold = on.hold();
    let (promise, promised) = promise::<u8>();
    let promised = promised.shared();
    let waits = promised.clone();
    let thread = thread::spawn(move || waits.wait_blocking());
    let mut task = ByHand::new(promised.clone());
    assert!(task.poll().is_pending());
    assert_eq!(
        panic_of(move || {
            let _promise = promise;
            boom("with a promise to keep")
        }),
        Some("with a promise to keep")
    );
    assert_eq!(task.wakes(), 1);
    assert_eq!(task.poll(), Poll::Ready(Err(PromiseClosed)));
    assert_eq!(thread.join().unwrap(), Err(PromiseClosed));
    assert_eq!(
        promised.wait_timeout(Duration::ZERO),
        Some(Err(PromiseClosed))
    );
}

// Primitives-11
async fn a_value_that_nobody_wants_comes_back(_: Site) {
    let (promise, promised) = promise();
    drop(promised);
    assert!(!promise.is_wanted());
    assert_eq!(promise.set(1), Err(SetError::Unwanted(1)));
    let (promise, promised) = ingather::sync::promise();
    let promised = promised.shared();
    let last = promised.clone();
    drop(promised);
    assert!(promise.is_wanted());
    drop(last);
    assert_eq!(promise.set(1), Err(SetError::Unwanted(1)));
    // One that was set and not asked for is dropped with who could have asked.
    let drops = Drops::new();
    let (promise, promised) = ingather::sync::promise();
    promise.set(drops.witness()).map_err(drop).unwrap();
    drop(promised);
    assert!(drops.all() && drops.all_here());
}

// Primitives-12
async fn a_value_is_given_once_or_to_all(_: Site) {
    let (promise, mut promised) = promise();
    promise.set(1).unwrap();
    assert_eq!(promised.wait_timeout(Duration::ZERO), Some(Ok(1)));
    let again = std::panic::AssertUnwindSafe(|| promised.wait_timeout(Duration::ZERO));
    let text = panic_text(std::panic::catch_unwind(again).unwrap_err());
    assert!(text.contains("once"), "{text}");

    let (promise, promised) = ingather::sync::promise();
    let mut promised = promised.shared();
    let mut also = promised.clone();
    let drops = Drops::new();
    promise.set(drops.witness()).map_err(drop).unwrap();
    let (first, second) = ((&mut promised).await.unwrap(), (&mut also).await.unwrap());
    assert!(Arc::ptr_eq(&first, &second));
    assert!(Arc::ptr_eq(&first, &promised.await.unwrap()));
    drop((promise, also, first));
    assert_eq!(drops.count(), 0);
    drop(second);
    assert!(drops.all());
}

// Primitives-12
async fn a_wait_that_timed_out_can_be_repeated(_: Site) {
    let (promise, mut promised) = promise();
    assert_eq!(promised.wait_timeout(SHORT), None);
    assert!(timeout(SHORT, &mut promised).await.is_err());
    promise.set(1).unwrap();
    assert_eq!(promised.await, Ok(1));
    // The value and the end of the wait at about the same instant: it is given or stays, and is never lost.
    for n in 0..200_u32 {
        let (promise, mut promised) = ingather::sync::promise();
        let setter = thread::spawn(move || promise.set(n));
        let limit = Duration::from_micros(u64::from(n % 50));
        let first = promised.wait_timeout(limit);
        setter.join().unwrap().unwrap();
        let value = first.unwrap_or_else(|| promised.wait_timeout(Duration::ZERO).unwrap());
        assert_eq!(value, Ok(n));
    }
}

// Primitives-4
async fn a_wait_dropped_at_any_poll_takes_nothing(_: Site) {
    for polls in 0..3 {
        for told in [false, true] {
            let (promise, promised) = promise();
            let promised = promised.shared();
            let (mut dropped, mut stays) =
                (ByHand::new(promised.clone()), ByHand::new(promised.clone()));
            for _ in 0..polls {
                assert!(dropped.poll().is_pending());
            }
            assert!(stays.poll().is_pending());
            if told {
                promise.set(7).unwrap();
            }
            let wakers = dropped.counter();
            drop(dropped);
            assert_eq!(wakers.held(), 0);
            if !told {
                promise.set(7).unwrap();
            }
            assert_eq!(stays.wakes(), 1);
            assert_eq!(stays.poll(), Poll::Ready(Ok(Arc::new(7))));
        }
    }
    // By reference, for the only one who waits.
    let (promise, mut promised) = ingather::sync::promise();
    for _ in 0..3 {
        assert!(ByHand::new(&mut promised).poll().is_pending());
    }
    promise.set(8).unwrap();
    assert_eq!(promised.await, Ok(8));
}

type Ends = (Promise<u32>, Promised<u32>);

/// The ends of a chain of so many promises. In `order`, or from the far end.
fn chain(length: usize, forwards: bool) -> Ends {
    let (first, mut last) = promise();
    let mut links: Vec<Ends> = (1..length).map(|_| promise()).collect();
    if forwards {
        for (promise, promised) in links {
            last.forward_to(promise);
            last = promised;
        }
        return (first, last);
    }
    let Some((mut near, end)) = links.pop() else {
        return (first, last);
    };
    while let Some((promise, promised)) = links.pop() {
        promised.forward_to(near);
        near = promise;
    }
    last.forward_to(near);
    (first, end)
}

// Primitives-13
async fn a_promise_is_handed_on(_: Site) {
    for length in [1, 2, 3, 20_000] {
        for forwards in [false, true] {
            let (promise, promised) = chain(length, forwards);
            let mut waits = ByHand::new(promised);
            assert!(waits.poll().is_pending() && promise.is_wanted());
            promise.set(9).unwrap();
            assert_eq!(waits.wakes(), 1);
            assert_eq!(waits.poll(), Poll::Ready(Ok(9)));
            assert_eq!(promise.set(1), Err(SetError::AlreadySet(1)));

            let (promise, promised) = chain(length, forwards);
            drop(promise);
            assert_eq!(promised.await, Err(PromiseClosed));

            let (promise, promised) = chain(length, forwards);
            drop(promised);
            assert!(!promise.is_wanted());
            assert_eq!(promise.set(2), Err(SetError::Unwanted(2)));
        }
    }
    // What has happened already.
    let (promise, promised) = promise();
    promise.set(3).unwrap();
    let (target, at_target) = ingather::sync::promise();
    promised.forward_to(target);
    assert_eq!(at_target.await, Ok(3));
    let (promise, promised) = ingather::sync::promise::<u8>();
    drop(promise);
    let (target, at_target) = ingather::sync::promise();
    promised.forward_to(target);
    assert_eq!(at_target.await, Err(PromiseClosed));
}

// Primitives-13
async fn a_ring_of_promises_is_closed(_: Site) {
    let (promise, promised) = promise::<u8>();
    promised.forward_to(promise);
    let (a, from_a) = ingather::sync::promise::<u8>();
    let (b, from_b) = ingather::sync::promise::<u8>();
    from_a.forward_to(b);
    from_b.forward_to(a);
    // One that somebody waits for is closed for him, too.
    let drops = Drops::new();
    let (a, from_a) = ingather::sync::promise();
    let witness = drops.witness();
    a.set(witness).map_err(drop).unwrap();
    from_a.forward_to(a);
    assert!(drops.all(), "nobody could receive it");
}
