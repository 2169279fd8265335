//! Streams read by threads, and iterators read by tasks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use futures::{StreamExt, stream};
use ingather::sync::{Queue, WaitTimedOut, stream_of, sync_iter};
use ingather::{ContextVar, TaskRegistry};

use crate::support::{ByHand, Drops, Site, behaviour, boom, panic_of};

static NUMBER: ContextVar<u32> = ContextVar::new();

behaviour!(
    a_stream_is_dropped_half_way,
    a_limited_next_loses_nothing,
    an_iterator_is_read_as_a_stream,
    an_iterator_is_ahead_by_little,
    a_panic_of_an_iterator_comes_out,
);
behaviour!(outside: a_thread_reads_a_stream);

const SHORT: Duration = Duration::from_millis(2);

// Primitives-18
async fn a_thread_reads_a_stream(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let here = thread::current().id();
    let items = stream::iter(0..20_u32).then(|n| {
        assert_eq!(thread::current().id(), here, "it is polled here");
        registry.create_task(async move { 2 * n })
    });
    let items: Vec<_> = sync_iter(items).map(Result::unwrap).collect();
    assert_eq!(items, (0..20).map(|n| 2 * n).collect::<Vec<_>>());
}

// Primitives-18
async fn a_stream_is_dropped_half_way(_: Site) {
    let drops = Drops::new();
    let (held, other) = (drops.witness(), drops.witness());
    let mut items = sync_iter(stream::iter(0..3).map(move |n| {
        let _held = &held;
        n
    }));
    assert_eq!(items.next(), Some(0));
    assert_eq!(drops.count(), 0);
    drop(items);
    assert_eq!(drops.count(), 1);
    // At the end it is dropped at once, and not asked again.
    let mut items = sync_iter(stream::iter(0..1).map(move |n| {
        let _held = &other;
        n
    }));
    assert_eq!((items.next(), items.next()), (Some(0), None));
    assert!(drops.all());
    assert_eq!((items.next(), items.next_timeout(SHORT)), (None, Ok(None)));
    assert!(items.into_stream().is_none());
}

// Primitives-18
async fn a_limited_next_loses_nothing(_: Site) {
    let queue = Queue::unbounded();
    let source = queue.clone();
    let items = stream::unfold(source, |source| async move {
        let item = source.get().await.ok()?;
        Some((item, source))
    });
    let mut items = sync_iter(items);
    assert_eq!(items.next_timeout(SHORT), Err(WaitTimedOut));
    queue.try_put(1).unwrap();
    assert_eq!(items.next_timeout(SHORT), Ok(Some(1)));
    assert_eq!(items.next_timeout(Duration::ZERO), Err(WaitTimedOut));
    queue.try_put(2).unwrap();
    queue.close();
    assert_eq!(items.next_timeout(SHORT), Ok(Some(2)));
    assert_eq!(items.next_timeout(SHORT), Ok(None));
}

// Primitives-19
async fn an_iterator_is_read_as_a_stream(on: Site) {
    let _hold = on.hold();
    let here = thread::current().id();
    let numbers = (0..100_u32).map(move |n| {
        assert_ne!(thread::current().id(), here);
        (n, NUMBER.get())
    });
    let items = NUMBER.sync_scope(7, || stream_of(numbers));
    let items: Vec<_> = items.collect().await;
    assert_eq!(items, (0..100).map(|n| (n, Some(7))).collect::<Vec<_>>());
}

// Primitives-19
async fn an_iterator_is_ahead_by_little(on: Site) {
    let _hold = on.hold();
    let made = Arc::new(AtomicUsize::new(0));
    let drops = Drops::new();
    let held = drops.witness();
    let counts = Arc::clone(&made);
    let endless = std::iter::repeat_with(move || {
        let _held = &held;
        counts.fetch_add(1, Ordering::SeqCst);
    });
    let mut items = stream_of(endless);
    for taken in 1..20 {
        assert!(items.next().await.is_some());
        // Those in the queue, and one in its hand.
        assert!(made.load(Ordering::SeqCst) <= taken + 17);
    }
    let mut next = ByHand::new(items.next());
    if next.poll().is_pending() {
        drop(next);
    }
    drop(items);
    while !drops.all() {
        thread::yield_now();
    }
}

// Primitives-19
async fn a_panic_of_an_iterator_comes_out(on: Site) {
    let _hold = on.hold();
    let items = (0..).map(|n| {
        if n == 3 {
            boom("the iterator panics")
        } else {
            n
        }
    });
    let mut items = stream_of(items);
    for n in 0..3 {
        assert_eq!(items.next().await, Some(n));
    }
    // Until the thread has ended in its panic there is nothing.
    let text = loop {
        let mut next = ByHand::new(items.next());
        if let Some(text) = panic_of(|| assert!(next.poll().is_pending())) {
            break text;
        }
        thread::yield_now();
    };
    assert_eq!(text, "the iterator panics");
    assert_eq!(items.next().await, None);
}
