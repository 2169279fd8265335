//! `spawner_contract`: what a spawner has to do, as a test that any can be put to.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use super::{yield_now, yields};
use crate::clock::{now, sleep};
use crate::error::{GatherIncomplete, Outcome};
use crate::group::{OnPanic, Scope, on};
use crate::spawner::Spawner;
use crate::std_or_loom::Lock;

/// Puts a spawner to the test: panics with what it does not do.
///
/// For those who write a [`Spawner`]; [`local_spawner_contract`](super::local_spawner_contract) is its twin for a local one. It is awaited on the executor or outside of it, whichever they want to know about. What is
/// asked:
///
/// 1. Each job that is taken is run, also one that a job spawns, and many of them.
/// 2. A job that is woken is polled again: by itself, by another job, by a thread that is none of the executor's.
/// 3. A job that always has something to do does not keep the others from their turn.
/// 4. A job that is dropped with its owner is gone, and a panic in a child does no harm to the executor.
/// 5. If the spawner has a clock, nothing is over before its time.
///
/// It cannot ask what never comes: that a job is not polled any more once the executor is gone. And it cannot tell a spawner that
/// refuses jobs from one that has nothing to run them on: both are panics here.
///
/// # Panics
///
/// If the spawner does not do one of these. One that loses a job or a wake does not panic: this waits for ever.
///
/// # Examples
///
/// ```
/// use ingather::spawner::from_fn;
/// use ingather::{block_on, testing::spawner_contract};
///
/// let threads = from_fn(|job| {
///     std::thread::spawn(|| futures::executor::block_on(job));
///     Ok(())
/// });
/// block_on(spawner_contract(&threads));
/// ```
pub async fn spawner_contract<S: Spawner + Clone + 'static>(spawner: &S) {
    each_job_is_run(spawner).await;
    each_wake_is_a_poll(spawner).await;
    each_job_has_its_turn(spawner).await;
    what_is_dropped_is_gone(spawner).await;
    a_panic_does_no_harm(spawner).await;
    if spawner.clock().is_some() {
        nothing_is_over_too_early(spawner).await;
    }
}

async fn each_job_is_run<S: Spawner + Clone + 'static>(spawner: &S) {
    let inner = spawner.clone();
    let sum = on(spawner).scope(|tg| async move {
        let keys: Vec<_> = (0..300_usize)
            .map(|n| {
                let (tg, inner) = (tg.clone(), inner.clone());
                tg.clone().spawn(async move {
                    yields(n % 3).await;
                    let sibling = tg.spawn(async { 1 });
                    let nested = on(&inner).scope(|inside| async move {
                        let key = inside.spawn(async { 1 });
                        key.await
                    });
                    nested.await.expect("a job of a job is run") + value(sibling.await)
                })
            })
            .collect();
        let mut sum = 0;
        for key in keys {
            sum += value(key.await);
        }
        sum
    });
    assert_eq!(sum.await, 600, "each job is run once");
}

pub(super) fn value<T>(result: Result<T, GatherIncomplete>) -> T {
    result.unwrap_or_else(|why| panic!("the spawner did not run a job: {why}"))
}

/// Lets one task wait until another, or a thread, opens it.
#[derive(Default)]
struct Door(Lock<(bool, Option<Waker>)>);

impl Door {
    fn open(&self) {
        let waker = {
            let mut door = self.0.lock();
            door.0 = true;
            door.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    async fn passed(&self) {
        poll_fn(|cx| {
            let waker = cx.waker().clone();
            let mut door = self.0.lock();
            if door.0 {
                return Poll::Ready(());
            }
            let before = door.1.replace(waker);
            drop(door);
            drop(before);
            Poll::Pending
        })
        .await;
    }
}

async fn each_wake_is_a_poll<S: Spawner + Clone + 'static>(spawner: &S) {
    for by_thread in [false, true] {
        let scope = on(spawner).scope(|tg| async move {
            for _ in 0..50 {
                let door = Arc::new(Door::default());
                let opens = Arc::clone(&door);
                let waits = tg.spawn(async move { door.passed().await });
                if by_thread {
                    let opener = thread::spawn(move || opens.open());
                    // So that an executor which looks for deadlocks does not take this for one.
                    while !opener.is_finished() {
                        yield_now().await;
                    }
                    value(waits.await);
                } else {
                    tg.spawn(async move {
                        yield_now().await;
                        opens.open();
                    });
                    value(waits.await);
                }
            }
        });
        scope.await;
    }
}

async fn each_job_has_its_turn<S: Spawner + Clone + 'static>(spawner: &S) {
    let over = Arc::new(AtomicBool::new(false));
    let scope = on(spawner).scope(|tg: Scope| async move {
        let (seen, sets) = (Arc::clone(&over), over);
        let busy = tg.spawn(async move {
            while !seen.load(SeqCst) {
                yield_now().await;
            }
        });
        tg.spawn(async move {
            yields(3).await;
            sets.store(true, SeqCst);
        });
        value(busy.await);
    });
    scope.await;
}

/// Counts those that are there.
struct Witness(Arc<AtomicUsize>);

impl Witness {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

async fn what_is_dropped_is_gone<S: Spawner + Clone + 'static>(spawner: &S) {
    let count = Arc::new(AtomicUsize::new(0));
    {
        let counted = Arc::clone(&count);
        let mut scope = pin!(on(spawner).scope(|tg| async move {
            for n in 0..100 {
                let witness = Witness::new(&counted);
                tg.spawn(async move {
                    let _witness = witness;
                    yields(n % 5).await;
                    pending::<()>().await;
                });
            }
        }));
        for _ in 0..3 {
            poll_fn(|cx| {
                assert!(scope.as_mut().poll(cx).is_pending(), "a child is left");
                Poll::Ready(())
            })
            .await;
            yield_now().await;
        }
    }
    // One that was being polled at that instant is dropped at the end of that poll.
    while count.load(SeqCst) > 0 {
        yield_now().await;
    }
}

async fn a_panic_does_no_harm<S: Spawner + Clone + 'static>(spawner: &S) {
    let scope = on(spawner)
        .on_panic(OnPanic::Collect)
        .scope(|tg| async move {
            for _ in 0..10 {
                let panics = tg.child().supervised().spawn(async {
                    yield_now().await;
                    std::panic::resume_unwind(Box::new("on purpose"))
                });
                let outcome: Outcome<(), _> = value(panics.await);
                assert!(outcome.is_panicked(), "a panic goes to its key");
                assert_eq!(value(tg.spawn(async { 1 }).await), 1);
            }
        });
    scope.await;
}

/// How long some children sleep, in milliseconds.
pub(super) const UNEVEN: [u64; 3] = [30, 10, 20];

pub(super) async fn sleeps_long_enough(milliseconds: u64) {
    let (begin, time) = (now(), Duration::from_millis(milliseconds));
    sleep(time).await;
    assert!(now() >= begin + time, "a sleep was over too early");
}

async fn nothing_is_over_too_early<S: Spawner + Clone + 'static>(spawner: &S) {
    let scope = on(spawner).scope(|tg| async move {
        let keys = UNEVEN.map(|milliseconds| tg.spawn(sleeps_long_enough(milliseconds)));
        for key in keys {
            value(key.await);
        }
    });
    scope.await;
}
