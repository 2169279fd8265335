//! Mapping many items at a bounded pace: order, bounds, what ends the stream, and what a dropped one leaves behind.

use std::collections::BTreeSet;
use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use futures::stream::{self, FusedStream};
use futures::{Stream, StreamExt, TryStreamExt};
use ingather::{map_concurrent, try_map_concurrent};

use crate::support::{ByHand, Fault, Gate, Meter, Site, behaviour, stepper, watched, yields};

behaviour!(
    results_come_in_the_order_of_the_items,
    unordered_results_come_as_they_do,
    items_come_from_a_stream_too,
    no_items_give_an_empty_stream,
    at_most_so_many_are_under_way_and_so_many_are_waiting_to_be_given,
    a_slow_consumer_holds_everything_up,
    children_go_on_while_nobody_polls,
    children_run_where_children_run,
    a_stream_in_a_stream,
);

pub(crate) async fn square(n: u64) -> u64 {
    yields(n as usize % 5).await;
    n * n
}

// Joining-7
async fn results_come_in_the_order_of_the_items(on: Site) {
    for limit in [1, 2, 7, 1000] {
        let squares = ingather::on(&on.spawner).map_concurrent(0..200, limit, square);
        let squares: Vec<_> = squares.collect().await;
        assert_eq!(squares, (0..200).map(|n| n * n).collect::<Vec<_>>());
    }
    // The first is the last to end.
    let (first, done) = (Gate::new(), Arc::new(AtomicUsize::new(0)));
    let results = ingather::on(&on.spawner).map_concurrent(0..5, 5, |n| {
        let (first, done) = (first.clone(), done.clone());
        async move {
            if n == 0 {
                first.wait().await;
            } else if done.fetch_add(1, Ordering::SeqCst) == 3 {
                first.open();
            }
            n
        }
    });
    assert_eq!(results.collect::<Vec<_>>().await, [0, 1, 2, 3, 4]);
}

// Joining-7
async fn unordered_results_come_as_they_do(on: Site) {
    let squares = ingather::on(&on.spawner)
        .map_concurrent(0..200, 7, square)
        .unordered();
    let squares: BTreeSet<_> = squares.collect().await;
    assert_eq!(squares, (0..200).map(|n| n * n).collect());
    let slow = Gate::new();
    let opens = slow.clone();
    let mut results = ingather::on(&on.spawner)
        .map_concurrent(0..3, 2, |n| {
            let slow = slow.clone();
            async move {
                if n == 0 {
                    slow.wait().await;
                }
                n
            }
        })
        .unordered();
    assert_eq!(results.next().await, Some(1));
    assert_eq!(results.next().await, Some(2));
    opens.open();
    assert_eq!(results.next().await, Some(0));
    assert_eq!(results.next().await, None);
    assert!(results.is_terminated());
    assert_eq!(results.next().await, None);
}

// Joining-7
async fn items_come_from_a_stream_too(on: Site) {
    let items = || stream::iter(0..50).then(|n| async move { square(n).await });
    let sums = ingather::on(&on.spawner).map_concurrent(Box::pin(items()), 4, square);
    let fourth = (0..50).map(|n: u64| n.pow(4));
    assert_eq!(
        sums.collect::<Vec<_>>().await,
        fourth.clone().collect::<Vec<_>>()
    );
    // One that is not `Unpin`, in an adapter that is pinned as a whole.
    let mut unordered = Box::pin(
        ingather::on(&on.spawner)
            .map_concurrent(items(), 4, square)
            .unordered(),
    );
    let mut sum = 0;
    while let Some(n) = unordered.next().await {
        sum += n;
    }
    assert_eq!(sum, fourth.sum());
}

// Joining-7
async fn no_items_give_an_empty_stream(on: Site) {
    let mut none = ingather::on(&on.spawner).map_concurrent(Vec::new(), 3, square);
    assert!(!none.is_terminated());
    assert_eq!(none.next().await, None);
    assert!(none.is_terminated());
    let none =
        ingather::on(&on.spawner).try_map_concurrent(Vec::new(), 3, |n| ready(Err::<u8, u8>(n)));
    assert_eq!(none.try_collect::<Vec<_>>().await.unwrap(), []);
    let none = stream::empty::<u64>();
    assert_eq!(
        ingather::on(&on.spawner)
            .map_concurrent(none, 3, square)
            .unordered()
            .count()
            .await,
        0
    );
}

// Joining-7
async fn at_most_so_many_are_under_way_and_so_many_are_waiting_to_be_given(on: Site) {
    for ordered in [false, true] {
        let (meter, taken, given) = (
            Meter::new(),
            Arc::new(AtomicUsize::new(0)),
            AtomicUsize::new(0),
        );
        let counts = Arc::clone(&taken);
        let f = |n: u64| {
            let taken = counts.fetch_add(1, Ordering::SeqCst) + 1;
            assert!(
                taken <= given.load(Ordering::SeqCst) + 8 + 1,
                "{taken} were taken"
            );
            let meter = meter.clone();
            async move {
                let _under_way = meter.enter();
                square(n).await
            }
        };
        let mut results = if ordered {
            ingather::on(&on.spawner)
                .map_concurrent(0..300, 8, f)
                .left_stream()
        } else {
            ingather::on(&on.spawner)
                .map_concurrent(0..300, 8, f)
                .unordered()
                .right_stream()
        };
        while results.next().await.is_some() {
            given.fetch_add(1, Ordering::SeqCst);
        }
        assert_eq!((meter.entered(), taken.load(Ordering::SeqCst)), (300, 300));
        assert!(meter.highest() <= 8, "{}", meter.highest());
    }
}

// Joining-7
async fn a_slow_consumer_holds_everything_up(on: Site) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&taken);
    let items = (0_u64..).inspect(move |_| {
        counts.fetch_add(1, Ordering::SeqCst);
    });
    let mut results = ingather::on(&on.spawner).map_concurrent(items, 5, square);
    assert_eq!(results.next().await, Some(0));
    yields(50).await;
    assert!(taken.load(Ordering::SeqCst) <= 6);
    for n in 1..20 {
        assert_eq!(results.next().await, Some(n * n));
    }
    assert!(taken.load(Ordering::SeqCst) <= 25);
}

// Joining-7, Executors-3
async fn children_go_on_while_nobody_polls(on: Site) {
    let (gates, done): (Vec<_>, Gate) = ((0..4).map(|_| Gate::new()).collect(), Gate::new());
    // Each child opens the gate of the next, the last one the gate of the test.
    let mut results = ingather::on(&on.spawner).map_concurrent(0..4, 4, |n: usize| {
        let mine = gates[n].clone();
        let next = gates.get(n + 1).unwrap_or(&done).clone();
        async move {
            mine.wait().await;
            yields(3).await;
            next.open();
            n
        }
    });
    assert!(futures::poll!(results.next()).is_pending());
    gates[0].open();
    done.wait().await;
    assert_eq!(results.collect::<Vec<_>>().await, [0, 1, 2, 3]);
}

// Joining-7, Executors-2
async fn children_run_where_children_run(on: Site) {
    let there = ingather::on(&on.spawner)
        .map_concurrent(0..10, 3, |_| {
            let on = on.clone();
            async move {
                yields(1).await;
                on.is_here()
            }
        })
        .unordered();
    assert_eq!(there.collect::<Vec<_>>().await, [true; 10]);
}

pub(crate) async fn odd_fails(n: u32) -> Result<u32, Fault> {
    yields(n as usize % 3).await;
    if n % 2 == 0 { Ok(n) } else { Err(Fault("odd")) }
}

// Joining-7
async fn a_stream_in_a_stream(on: Site) {
    let inner = ingather::on(&on.spawner)
        .map_concurrent(0..100, 3, square)
        .unordered();
    let outer = ingather::on(&on.spawner).map_concurrent(inner, 4, |n| async move { n + 1 });
    let sum = outer.fold(0, |sum, n| ready(sum + n)).await;
    assert_eq!(sum, (0..100).map(|n| n * n + 1).sum());
}

// Joining-7
#[test]
fn a_limit_of_none_is_refused() {
    let text = std::panic::catch_unwind(|| map_concurrent([1], 0, ready)).err();
    let text = *text.unwrap().downcast::<&str>().unwrap();
    assert!(text.contains("at least 1"), "{text}");
}

// Joining-7
#[test]
fn functions_without_a_spawner_take_the_current_one() {
    ingather::block_on(async {
        assert_eq!(map_concurrent([3], 1, square).next().await, Some(9));
        assert_eq!(
            map_concurrent([3], 1, square).unordered().next().await,
            Some(9)
        );
        assert_eq!(
            try_map_concurrent([2], 1, odd_fails)
                .next()
                .await
                .unwrap()
                .unwrap(),
            2
        );
        let two = try_map_concurrent([2], 1, odd_fails)
            .unordered()
            .next()
            .await;
        assert_eq!(two.unwrap().unwrap(), 2);
    });
}

/// A source that is ready once, and then when it is woken by hand.
struct Slow(Arc<Mutex<Option<std::task::Waker>>>, Gate, bool);

impl Stream for Slow {
    type Item = u64;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<u64>> {
        if !self.2 {
            self.2 = true;
            return Poll::Ready(Some(1));
        }
        if self.1.is_open() {
            return Poll::Ready(None);
        }
        *self.0.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    }
}

// Joining-7
#[test]
fn a_source_wakes_the_consumer() {
    let stepper = stepper();
    let (waker, end) = (Arc::default(), Gate::new());
    let source = Slow(Arc::clone(&waker), end.clone(), false);
    let mut results = ingather::on(&stepper).map_concurrent(source, 2, square);
    let mut next = ByHand::new(results.next());
    while next.poll().is_pending() {
        stepper.run_until_idle();
    }
    drop(next);
    let mut next = ByHand::new(results.next());
    assert!(next.poll().is_pending());
    let before = next.wakes();
    end.open();
    waker.lock().unwrap().take().unwrap().wake();
    assert_eq!(next.wakes(), before + 1);
    assert_eq!(next.poll(), Poll::Ready(None));
}

// Joining-7
#[test]
fn a_hundred_thousand_items_under_a_limit_of_a_hundred() {
    watched("a hundred thousand items", || {
        let sum = ingather::block_on(async {
            let results = map_concurrent(0..100_000_u64, 100, ready).unordered();
            results.fold(0, |sum, n| ready(sum + n)).await
        });
        assert_eq!(sum, (0..100_000).sum());
    });
}
