//! Queues: order, bounds, and waits that end early.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ingather::sync::{
    GetError, GetTimeoutError, PutError, PutTimeoutError, Queue, TryGetError, TryPutError,
};
use ingather::{TaskRegistry, timeout};

use crate::support::{
    ByHand, Drops, Explosive, Site, behaviour, boom, panic_of, unhandled, unique,
};

behaviour!(
    threads_and_tasks_feed_each_other,
    values_keep_their_order,
    a_bound_is_kept,
    a_get_that_ends_early_takes_nothing,
    a_put_that_ends_early_adds_nothing,
    a_wait_that_was_told_and_dropped_tells_the_next,
    closing_releases_all_who_wait,
    a_guard_closes_also_by_a_panic,
    a_drain_makes_room,
    values_that_are_left_are_dropped_each_for_itself,
);

const SHORT: Duration = Duration::from_millis(2);

// Primitives-1, Primitives-6
async fn threads_and_tasks_feed_each_other(on: Site) {
    let _hold = on.hold();
    let (there, back) = (Queue::bounded(2), Queue::bounded(3));
    let (requests, replies) = (there.clone(), back.clone());
    let thread = thread::spawn(move || {
        while let Ok(n) = requests.get_blocking() {
            replies.put_blocking(2 * n).unwrap();
        }
        replies.close();
    });
    let registry = TaskRegistry::on(&on.spawner);
    let feeds = registry.create_task(async move {
        for n in 0..100 {
            there.put(n).await.unwrap();
        }
        there.close();
    });
    let mut got = Vec::new();
    while let Ok(n) = back.get().await {
        got.push(n);
    }
    feeds.await.unwrap();
    thread.join().unwrap();
    assert_eq!(got, (0..100).map(|n| 2 * n).collect::<Vec<_>>());
}

// Primitives-6
async fn values_keep_their_order(_: Site) {
    for queue in [Queue::bounded(4), Queue::unbounded()] {
        for n in 0..4 {
            queue.try_put(n).unwrap();
        }
        assert_eq!(queue.get().await, Ok(0));
        assert_eq!(queue.get_blocking(), Ok(1));
        assert_eq!(queue.get_timeout(Duration::ZERO), Ok(2));
        assert_eq!(queue.try_get(), Ok(3));
        assert_eq!(queue.try_get(), Err(TryGetError::Empty));
    }
}

// Primitives-6
async fn a_bound_is_kept(_: Site) {
    let queue = Queue::bounded(2);
    queue.put(0).await.unwrap();
    queue.put_blocking(1).unwrap();
    assert!(queue.is_full());
    assert_eq!(queue.try_put(2), Err(TryPutError::Full(2)));
    let mut puts: Vec<_> = (2..4).map(|n| ByHand::new(queue.put(n))).collect();
    assert!(puts.iter_mut().all(|put| put.poll().is_pending()));
    assert_eq!(queue.len(), 2);
    assert_eq!(queue.try_get(), Ok(0));
    let woken: Vec<_> = puts.iter().map(ByHand::wakes).collect();
    assert_eq!(woken, [1, 0], "there is room for one");
    assert!(puts[0].poll().is_ready() && puts[1].poll().is_pending());
    assert_eq!((queue.len(), queue.capacity()), (2, Some(2)));
}

// Primitives-7
async fn a_get_that_ends_early_takes_nothing(_: Site) {
    let queue = Queue::bounded(1);
    assert_eq!(queue.get_timeout(SHORT), Err(GetTimeoutError::TimedOut));
    assert!(timeout(SHORT, queue.get()).await.is_err());
    for polls in 0..3 {
        for told in [false, true] {
            let mut get = ByHand::new(queue.get());
            for _ in 0..polls {
                assert!(get.poll().is_pending());
            }
            if told {
                queue.try_put(polls).unwrap();
                assert_eq!(get.wakes(), usize::from(polls > 0));
            }
            let wakers = get.counter();
            drop(get);
            assert_eq!(wakers.held(), 0);
            if !told {
                queue.try_put(polls).unwrap();
            }
            assert_eq!(queue.drain(), [polls]);
        }
    }
}

// Primitives-8
async fn a_put_that_ends_early_adds_nothing(_: Site) {
    let queue = Queue::bounded(1);
    let (drops, held) = (Drops::new(), Drops::new());
    queue.try_put(held.witness()).unwrap();
    let back = queue.put_timeout(drops.witness(), SHORT).unwrap_err();
    assert!(matches!(back, PutTimeoutError::TimedOut(_)) && drops.count() == 0);
    let mut put = queue.put(back.into_value());
    assert!(timeout(SHORT, &mut put).await.is_err());
    let value = put.into_value().expect("it was not put");
    assert_eq!((drops.count(), queue.len()), (0, 1));
    // Without a reference the value goes with the future.
    assert!(timeout(SHORT, queue.put(value)).await.is_err());
    assert_eq!((drops.count(), queue.len()), (1, 1));
    for polls in 0..3 {
        for told in [false, true] {
            let mut put = ByHand::new(queue.put(drops.witness()));
            for _ in 0..polls {
                assert!(put.poll().is_pending());
            }
            if told {
                drop(queue.try_get());
            }
            let (before, wakers) = (drops.count(), put.counter());
            drop(put);
            assert_eq!((drops.count(), wakers.held()), (before + 1, 0));
            assert_eq!(queue.len(), usize::from(!told));
            if told {
                queue.try_put(held.witness()).map_err(drop).unwrap();
            }
        }
    }
    let mut put = ByHand::new(queue.put(drops.witness()));
    assert!(put.poll().is_pending());
    drop(queue.try_get());
    assert!(put.is_woken() && put.poll().is_ready());
    assert_eq!(queue.len(), 1);
}

// Primitives-4
async fn a_wait_that_was_told_and_dropped_tells_the_next(_: Site) {
    let queue = Queue::bounded(1);
    let (mut first, mut second) = (ByHand::new(queue.get()), ByHand::new(queue.get()));
    assert!(first.poll().is_pending() && second.poll().is_pending());
    queue.try_put(1).unwrap();
    assert!(first.is_woken() && !second.is_woken());
    drop(first);
    assert!(second.is_woken());
    assert_eq!(second.poll(), std::task::Poll::Ready(Ok(1)));

    queue.try_put(2).unwrap();
    let (mut first, mut second) = (ByHand::new(queue.put(3)), ByHand::new(queue.put(4)));
    assert!(first.poll().is_pending() && second.poll().is_pending());
    assert_eq!(queue.try_get(), Ok(2));
    assert!(first.is_woken() && !second.is_woken());
    drop(first);
    assert!(second.is_woken() && second.poll().is_ready());
    assert_eq!(queue.try_get(), Ok(4));
}

// Primitives-9
async fn closing_releases_all_who_wait(on: Site) {
    let _hold = on.hold();
    let (empty, full) = (Queue::<u8>::unbounded(), Queue::bounded(1));
    full.try_put(1).unwrap();
    let threads = {
        let (empty, full) = (empty.clone(), full.clone());
        let get = thread::spawn(move || empty.get_blocking());
        let put = thread::spawn(move || full.put_blocking(2));
        (get, put)
    };
    let mut gets: Vec<_> = (0..2).map(|_| ByHand::new(empty.get())).collect();
    let mut puts: Vec<_> = (3..5).map(|n| ByHand::new(full.put(n))).collect();
    assert!(gets.iter_mut().all(|get| get.poll().is_pending()));
    assert!(puts.iter_mut().all(|put| put.poll().is_pending()));
    assert!(empty.close() && full.close() && !full.close());
    assert!(gets.iter().all(|get| get.wakes() == 1));
    for get in &mut gets {
        assert_eq!(get.poll(), std::task::Poll::Ready(Err(GetError)));
    }
    for (put, n) in puts.iter_mut().zip(3..) {
        assert_eq!(put.poll(), std::task::Poll::Ready(Err(PutError(n))));
    }
    assert_eq!(threads.0.join().unwrap(), Err(GetError));
    assert_eq!(threads.1.join().unwrap(), Err(PutError(2)));
    // What is in it can be got.
    assert_eq!(full.try_put(6), Err(TryPutError::Closed(6)));
    assert_eq!(full.put_timeout(6, SHORT), Err(PutTimeoutError::Closed(6)));
    assert_eq!(full.get().await, Ok(1));
    assert_eq!(full.get().await, Err(GetError));
    assert_eq!(full.get_timeout(SHORT), Err(GetTimeoutError::Closed));
    assert_eq!(full.try_get(), Err(TryGetError::Closed));
}

// Primitives-9
async fn a_guard_closes_also_by_a_panic(on: Site) {
    let _hold = on.hold();
    let queue = Queue::bounded(1);
    let jobs = queue.clone();
    let consumer = thread::spawn(move || {
        let _guard = jobs.close_guard();
        jobs.get_blocking().unwrap();
        boom("the consumer dies")
    });
    let mut put = 0;
    let back = loop {
        match queue.put(put).await {
            Ok(()) => put += 1,
            Err(back) => break back.into_value(),
        }
    };
    assert_eq!(back, put);
    assert!(consumer.join().is_err());
    // Who puts after that does not hang.
    assert!(queue.put_blocking(9).is_err());
}

// Primitives-10
async fn a_drain_makes_room(_: Site) {
    let queue = Queue::bounded(2);
    assert_eq!(queue.drain(), []);
    queue.try_put(1).unwrap();
    queue.try_put(2).unwrap();
    let mut puts: Vec<_> = (3..6).map(|n| ByHand::new(queue.put(n))).collect();
    assert!(puts.iter_mut().all(|put| put.poll().is_pending()));
    assert_eq!(queue.drain(), [1, 2]);
    let woken: Vec<_> = puts.iter().map(ByHand::wakes).collect();
    assert_eq!(woken, [1, 1, 0]);
    queue.close();
    assert!(queue.drain().is_empty());
}

// Primitives-9
async fn values_that_are_left_are_dropped_each_for_itself(_: Site) {
    let drops = Drops::new();
    let queue = Queue::unbounded();
    let texts: Vec<_> = (0..3).map(|_| unique("a value left in a queue")).collect();
    for text in &texts {
        let left = queue.try_put((Explosive(text.clone()), drops.witness()));
        left.map_err(std::mem::forget).unwrap();
    }
    let also = Arc::new(queue.clone());
    drop(queue);
    assert_eq!(drops.count(), 0);
    assert_eq!(panic_of(|| drop(also)), None);
    assert!(drops.all());
    for text in &texts {
        assert_eq!(unhandled::taken(text).len(), 1);
    }
}
