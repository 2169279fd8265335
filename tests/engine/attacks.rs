//! What a child, an owner or a waker may try: depth, number, and wakers that outlive everything.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;

use ingather::spawner::SpawnerHandle;
use ingather::{GatherGroup, Scope, inline};

use crate::support::{Drops, Gate, Site, behaviour, yield_now, yields};

behaviour!(
    scopes_nest_ten_deep,
    a_hundred_thousand_children_end,
    a_waker_that_is_called_after_the_end_does_nothing,
    a_waker_that_is_kept_past_the_group_keeps_no_future,
    a_child_that_drops_the_last_handle_goes_on,
    a_child_that_wakes_itself_from_many_threads_is_polled_by_one_at_a_time,
    a_wake_within_the_poll_counts_wherever_it_comes_from,
    a_scope_that_moves_between_threads_is_left,
);

fn nest(
    spawner: SpawnerHandle,
    depth: usize,
    drops: Drops,
) -> Pin<Box<dyn Future<Output = usize> + Send>> {
    Box::pin(async move {
        let _held = drops.witness();
        if depth == 0 {
            yield_now().await;
            return 1;
        }
        let inner = spawner.clone();
        ingather::on(&spawner)
            .scope(|tg| async move {
                let child = || tg.spawn(nest(inner.clone(), depth - 1, drops.clone()));
                let (one, two) = (child(), child());
                one.await.unwrap() + two.await.unwrap()
            })
            .await
    })
}

// Leaving-1
async fn scopes_nest_ten_deep(on: Site) {
    let drops = Drops::new();
    assert_eq!(nest(on.spawner.clone(), 10, drops.clone()).await, 1_024);
    assert_eq!((drops.made(), drops.count()), (2_047, 2_047));

    // Dropped from the outside, all of it goes.
    let drops = Drops::new();
    let (held, inner) = (drops.clone(), on.spawner.clone());
    let group = GatherGroup::on(&on.spawner);
    let bottom = Gate::new();
    let open = bottom.clone();
    drop(group.spawn(async move { hang(inner, 10, held, open).await }));
    bottom.wait().await;
    drop(group);
    while !drops.all() {
        yield_now().await;
    }
    assert_eq!(drops.count(), 11);
}

fn hang(
    spawner: SpawnerHandle,
    depth: usize,
    drops: Drops,
    bottom: Gate,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let _held = drops.witness();
        if depth == 0 {
            bottom.open();
            return pending().await;
        }
        let inner = spawner.clone();
        ingather::on(&spawner)
            .scope(|tg| async move {
                drop(tg.spawn(hang(inner, depth - 1, drops, bottom)));
            })
            .await;
    })
}

// Leaving-1, Executors-4
async fn a_hundred_thousand_children_end(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let drops = Drops::new();
    let mut keys = Vec::new();
    for number in 0..100_000_u64 {
        let held = drops.witness();
        keys.push(group.spawn(async move {
            let _held = held;
            if number % 10 == 0 {
                yield_now().await;
            }
            number
        }));
    }
    assert_eq!(group.join().await.ok, 100_000);
    assert_eq!((drops.made(), drops.count()), (100_000, 100_000));
    let sum: u64 = keys
        .into_iter()
        .map(|key| group.take_result(key).unwrap())
        .sum();
    assert_eq!(sum, 100_000 * 99_999 / 2);
    assert_eq!(group.tally().taken, 100_000);
}

/// A child that gives its waker away and suspends.
fn gives_waker(
    to: &Arc<Mutex<Vec<Waker>>>,
    suspended: &Gate,
) -> impl Future<Output = ()> + Send + use<> {
    let (to, suspended) = (Arc::clone(to), suspended.clone());
    let mut polls = 0;
    poll_fn(move |cx| {
        polls += 1;
        assert_eq!(polls, 1, "polled again");
        to.lock().unwrap().push(cx.waker().clone());
        suspended.open();
        Poll::Pending
    })
}

// Leaving-1, Cancelling-2
async fn a_waker_that_is_called_after_the_end_does_nothing(on: Site) {
    let (wakers, suspended) = (Arc::default(), Gate::new());
    let group = GatherGroup::on(&on.spawner);
    let key = group.spawn(gives_waker(&wakers, &suspended));
    suspended.wait().await;
    group.cancel();
    let tally = group.join().await;
    let waker = wakers.lock().unwrap().pop().unwrap();
    waker.wake_by_ref();
    let clone = waker.clone();
    assert!(clone.will_wake(&waker));
    clone.wake();
    drop(key);
    waker.wake_by_ref();
    yields(5).await;
    assert_eq!((group.tally(), tally.cancelled), (tally, 1));
    drop(group);
    thread::spawn(move || waker.wake()).join().unwrap();
}

// Dropping-1
async fn a_waker_that_is_kept_past_the_group_keeps_no_future(on: Site) {
    let (wakers, suspended, drops) = (Arc::default(), Gate::new(), Drops::new());
    {
        let group = GatherGroup::on(&on.spawner);
        let (held, value) = (drops.witness(), drops.witness());
        let child = gives_waker(&wakers, &suspended);
        drop(group.spawn(async move {
            let _held = held;
            child.await;
        }));
        let over = group.spawn(async move { value });
        suspended.wait().await;
        drop(over);
        while group.len() > 1 {
            yield_now().await;
        }
    }
    // The one that was in its poll is dropped at the end of it.
    while !drops.all() {
        yield_now().await;
    }
    let waker: Waker = wakers.lock().unwrap().pop().unwrap();
    waker.wake_by_ref();
    drop(waker);
    assert_eq!((drops.made(), drops.count()), (2, 2));
}

// Leaving-3
async fn a_child_that_drops_the_last_handle_goes_on(on: Site) {
    let drops = Drops::new();
    let held = drops.witness();
    ingather::on(&on.spawner)
        .scope(|tg| {
            let inner: Scope<'static> = tg.clone();
            drop(tg.spawn(async move {
                let _held = held;
                yield_now().await;
                drop(inner.spawn(yields(3)));
                drop(inner);
                yields(3).await;
            }));
            // The body's own handle goes here, before the child has begun or meanwhile.
            drop(tg);
            async {}
        })
        .await;
    assert!(drops.all());
}

// Executors-1
async fn a_child_that_wakes_itself_from_many_threads_is_polled_by_one_at_a_time(on: Site) {
    let _hold = on.hold();
    let group = GatherGroup::on(&on.spawner);
    let busy = Arc::new(Mutex::new(0_u32));
    let (inside, go) = (Arc::clone(&busy), Gate::new());
    let mut threads: Vec<thread::JoinHandle<()>> = Vec::new();
    let key = group.spawn(poll_fn(move |cx| {
        let mut polls = inside.try_lock().expect("two threads poll one child");
        *polls += 1;
        if *polls > 50 {
            go.open();
            threads.drain(..).for_each(|thread| thread.join().unwrap());
            return Poll::Ready(());
        }
        if *polls % 10 == 1 {
            let (waker, go) = (cx.waker().clone(), go.clone());
            threads.push(thread::spawn(move || {
                while !go.is_open() {
                    waker.wake_by_ref();
                    thread::yield_now();
                }
            }));
        }
        Poll::Pending
    }));
    assert_eq!(key.await, Ok(()));
    assert_eq!((group.join().await.ok, *busy.lock().unwrap()), (1, 51));
}

// Leaving-1, Executors-2
async fn a_scope_that_moves_between_threads_is_left(on: Site) {
    let (drops, site) = (Drops::new(), on.clone());
    let held = drops.clone();
    let mut scope = Box::pin(ingather::on(&on.spawner).scope(|tg| async move {
        let child = |number| {
            let (held, site) = (held.witness(), site.clone());
            tg.spawn(async move {
                let _held = held;
                yields(number).await;
                site.is_here()
            })
        };
        let keys: Vec<_> = (0..20).map(child).collect();
        let mut all_here = true;
        for key in keys {
            all_here &= key.await.unwrap();
        }
        all_here
    }));
    let mut polls = 0;
    let all_here = poll_fn(|cx| {
        polls += 1;
        if polls % 2 == 0 {
            return scope.as_mut().poll(cx);
        }
        // Every other poll is on a thread that is not the spawner's.
        thread::scope(|threads| {
            let waker = cx.waker().clone();
            let scope = &mut scope;
            let polled = threads.spawn(move || {
                let mut cx = std::task::Context::from_waker(&waker);
                scope.as_mut().poll(&mut cx)
            });
            polled.join().unwrap()
        })
    });
    assert!(all_here.await, "a child was polled off the spawner");
    assert!(drops.all());
}

/// Calls its waker when it is dropped.
struct WakesInDrop(Waker);

impl Drop for WakesInDrop {
    fn drop(&mut self) {
        self.0.wake_by_ref();
    }
}

// Executors-3
async fn a_wake_within_the_poll_counts_wherever_it_comes_from(on: Site) {
    let ways: [fn(&Waker); 6] = [
        Waker::wake_by_ref,
        |waker| Waker::wake(waker.clone()),
        |waker| drop(WakesInDrop(waker.clone())),
        |waker| {
            let waker = waker.clone();
            thread::spawn(move || waker.wake()).join().unwrap();
        },
        // In a child that is polled within the poll, and in the body around that.
        |waker| {
            let (waker, shared) = (waker.clone(), waker.clone());
            ingather::block_on(inline::scope(|tg| async move {
                tg.spawn(async move { shared.wake() }).await.unwrap();
                waker.wake();
            }));
        },
        // Twice, and behind a shield.
        |waker| {
            waker.wake_by_ref();
            let shielded = ingather::shield(async { waker.wake_by_ref() });
            assert_eq!(futures::FutureExt::now_or_never(shielded), Some(()));
        },
    ];
    // Alone, and so many that they are lent in batches.
    for children in [1, 20] {
        let on_spawner = ingather::on(&on.spawner);
        on_spawner
            .scope(|tg| async move {
                for _ in 0..children {
                    let mut left = ways.into_iter();
                    drop(tg.spawn(poll_fn(move |cx| match left.next() {
                        // Whatever else it may be woken by is not kept.
                        Some(way) => {
                            way(cx.waker());
                            Poll::Pending
                        }
                        None => Poll::Ready(()),
                    })));
                }
            })
            .await;
    }
}
