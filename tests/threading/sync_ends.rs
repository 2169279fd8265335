//! Hostile waiters of the primitives: wakers that panic or come back, and futures that are forgotten.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use ingather::sync::{Event, Queue, promise};

use crate::support::{ByHand, CountingWaker, Site, behaviour, throw, unhandled, unique};

behaviour!(
    a_waker_that_panics_keeps_nobody_waiting,
    a_waker_that_panics_in_its_drop_keeps_nobody_waiting,
    a_waker_may_come_back,
    a_wait_that_moves_wakes_its_last_task,
    a_forgotten_wait_harms_nothing,
);

/// Calls a function when it wakes, and another when it is dropped.
struct Calls<W: Fn() + Send + Sync, D: Fn() + Send + Sync>(W, D);

impl<W: Fn() + Send + Sync, D: Fn() + Send + Sync> Wake for Calls<W, D> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

impl<W: Fn() + Send + Sync, D: Fn() + Send + Sync> Drop for Calls<W, D> {
    fn drop(&mut self) {
        (self.1)();
    }
}

fn waker<W, D>(wakes: W, drops: D) -> Waker
where
    W: Fn() + Send + Sync + 'static,
    D: Fn() + Send + Sync + 'static,
{
    Waker::from(Arc::new(Calls(wakes, drops)))
}

fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Waits with three wakers in a row, of which the one in the middle is this one; then the others have been woken.
fn between_others(middle: &Waker) {
    let others = CountingWaker::new();
    let event = Event::new();
    let mut waits = [event.wait(), event.wait(), event.wait()];
    for (at, wait) in waits.iter_mut().enumerate() {
        let waker = if at == 1 { middle } else { &others.waker() };
        assert!(poll_with(wait, waker).is_pending());
    }
    event.set();
    assert_eq!(others.take(), 2);
    assert!(
        waits
            .iter_mut()
            .all(|wait| poll_with(wait, middle).is_ready())
    );
    event.clear();
    // The event is as fit as before.
    let mut wait = ByHand::new(event.wait());
    assert!(wait.poll().is_pending());
    event.set();
    assert!(wait.wakes() == 1 && wait.poll().is_ready());

    let queue = Queue::bounded(1);
    let mut gets = [queue.get(), queue.get()];
    assert!(poll_with(&mut gets[0], middle).is_pending());
    assert!(poll_with(&mut gets[1], &others.waker()).is_pending());
    assert_eq!(queue.try_put(1), Ok(()));
    assert_eq!(queue.try_get(), Ok(1));
    assert_eq!(queue.try_put(2), Ok(()));
    assert_eq!(others.take(), 1);
    assert_eq!(poll_with(&mut gets[1], middle), Poll::Ready(Ok(2)));
    assert!(poll_with(&mut gets[0], middle).is_pending());
    drop(gets);
    assert_eq!(queue.try_put(3), Ok(()));
    let mut put = queue.put(4);
    assert!(poll_with(&mut put, middle).is_pending());
    queue.close();
    assert!(poll_with(&mut put, middle).is_ready());

    let (promise, promised) = promise();
    let mut promised = promised.shared();
    let mut also = promised.clone();
    assert!(poll_with(&mut promised, middle).is_pending());
    assert!(poll_with(&mut also, &others.waker()).is_pending());
    promise.set(()).unwrap();
    assert_eq!(others.take(), 1);
    assert!(poll_with(&mut promised, middle).is_ready());
}

// Primitives-3
async fn a_waker_that_panics_keeps_nobody_waiting(_: Site) {
    let text = unique("a waker panics");
    let throws = text.clone();
    between_others(&waker(move || throw(&throws), || {}));
    assert!(!unhandled::taken(&text).is_empty());
}

// Primitives-3
async fn a_waker_that_panics_in_its_drop_keeps_nobody_waiting(_: Site) {
    let event = Event::new();
    let others = CountingWaker::new();
    let text = unique("a waker panics in its drop");
    let fragile = || {
        let text = text.clone();
        waker(|| {}, move || throw(&text))
    };
    let (mut first, mut second) = (event.wait(), event.wait());
    let last = fragile();
    assert!(poll_with(&mut first, &last).is_pending());
    assert!(poll_with(&mut second, &others.waker()).is_pending());
    // The wait has the last of it.
    drop(last);
    event.set();
    assert_eq!(others.take(), 1);
    assert!(poll_with(&mut second, &others.waker()).is_ready());
    // One that is replaced, and one that goes with its wait.
    let event = Event::new();
    let mut wait = event.wait();
    for _ in 0..2 {
        let last = fragile();
        assert!(poll_with(&mut wait, &last).is_pending());
        drop(last);
    }
    drop(wait);
    event.set();
    assert!(!unhandled::taken(&text).is_empty());
}

// Primitives-3
async fn a_waker_may_come_back(_: Site) {
    let event = Arc::new(Event::new());
    let queue = Queue::bounded(1);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let waker = {
        let (event, queue, seen) = (Arc::clone(&event), queue.clone(), Arc::clone(&seen));
        let back = move || {
            // Each of these would hang if a lock of the primitive were held.
            let was_set = event.is_set();
            event.clear();
            assert!(ByHand::new(event.wait()).poll().is_pending());
            event.set();
            let got = queue.try_get().ok();
            queue.try_put(9).map_err(drop).unwrap_or_default();
            assert!(ByHand::new(queue.get()).poll().is_ready());
            seen.lock().unwrap().push((was_set, got));
        };
        waker(back, || {})
    };
    let mut wait = event.wait();
    assert!(poll_with(&mut wait, &waker).is_pending());
    event.set();
    assert_eq!(mem::take(&mut *seen.lock().unwrap()), [(true, None)]);
    assert!(poll_with(&mut wait, &waker).is_ready());
    drop(queue.drain());

    let mut get = queue.get();
    assert!(poll_with(&mut get, &waker).is_pending());
    queue.try_put(1).unwrap();
    assert_eq!(mem::take(&mut *seen.lock().unwrap()), [(true, Some(1))]);
    // A drop that tells the next calls a waker as well.
    drop(queue.drain());
    let (mut told, mut next) = (queue.get(), queue.get());
    assert!(poll_with(&mut told, Waker::noop()).is_pending());
    assert!(poll_with(&mut next, &waker).is_pending());
    queue.try_put(2).unwrap();
    drop(told);
    assert_eq!(mem::take(&mut *seen.lock().unwrap()), [(true, Some(2))]);
}

// Primitives-4
async fn a_wait_that_moves_wakes_its_last_task(_: Site) {
    let queue = Queue::bounded(1);
    let (before, after) = (CountingWaker::new(), CountingWaker::new());
    let mut get = queue.get();
    assert!(poll_with(&mut get, &before.waker()).is_pending());
    assert!(poll_with(&mut get, &after.waker()).is_pending());
    assert_eq!(before.held(), 0);
    queue.try_put(1).unwrap();
    assert_eq!((before.count(), after.count()), (0, 1));
}

// Primitives-5
async fn a_forgotten_wait_harms_nothing(_: Site) {
    let event: &'static Event = Box::leak(Box::default());
    let mut forgotten = event.wait();
    assert!(poll_with(&mut forgotten, Waker::noop()).is_pending());
    mem::forget(forgotten);
    let mut wait = ByHand::new(event.wait());
    assert!(wait.poll().is_pending());
    event.set();
    assert!(wait.is_woken());

    let queue: &'static Queue<u32> = Box::leak(Box::new(Queue::bounded(1)));
    let mut forgotten = queue.get();
    assert!(poll_with(&mut forgotten, Waker::noop()).is_pending());
    mem::forget(forgotten);
    let mut get = ByHand::new(queue.get());
    assert!(get.poll().is_pending());
    // The notice goes to the forgotten one, and the value stays.
    queue.try_put(1).unwrap();
    assert_eq!(queue.get().await, Ok(1));
    queue.try_put(2).unwrap();
    assert!(get.is_woken(), "only one notice is lost");
    assert_eq!(get.poll(), Poll::Ready(Ok(2)));

    let mut forgotten = queue.put(3);
    assert!(poll_with(&mut forgotten, Waker::noop()).is_ready());
    let mut forgotten = queue.put(4);
    assert!(poll_with(&mut forgotten, Waker::noop()).is_pending());
    mem::forget(forgotten);
    let mut put = ByHand::new(queue.put(5));
    assert!(put.poll().is_pending());
    assert_eq!(queue.try_get(), Ok(3));
    assert_eq!(queue.try_put(6), Ok(()));
    queue.close();
    assert!(put.is_woken());

    let (promise, promised) = promise();
    let mut promised = promised.shared();
    let mut forgotten = promised.clone();
    assert!(poll_with(&mut forgotten, Waker::noop()).is_pending());
    mem::forget(forgotten);
    assert!(poll_with(&mut promised, Waker::noop()).is_pending());
    promise.set(1).unwrap();
    assert!(poll_with(&mut promised, Waker::noop()).is_ready());
}
