//! Gathers on spawners that run one job at a time: calls are polled where they lie until one is pending, and are children from there on.

use std::future::{Future, poll_fn};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use futures::executor::block_on;
use ingather::spawner::{Job, SpawnError};
use ingather::{Spawner, current_token, gather, on, run_sync};
use tokio::runtime::Builder;

use crate::support::{ByHand, Gate, Rng, Site, behaviour, yield_now, yields};

behaviour!(
    calls_wait_for_each_other,
    pending_calls_go_on_while_nobody_polls_the_gather,
);

fn one_at_a_time() -> tokio::runtime::Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// The waker of this task.
async fn waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

// Gather-1, Gather-2
async fn calls_wait_for_each_other(_: Site) {
    let gates: Arc<[_]> = (0..20).map(|_| Gate::new()).collect();
    let numbers = gather((0..20).map(|number| {
        let gates = Arc::clone(&gates);
        move || async move {
            // Each waits for the next, and the last for nobody.
            if let Some(next) = gates.get(number + 1) {
                next.wait().await;
            }
            gates[number].open();
            number
        }
    }));
    assert_eq!(numbers.await, (0..20).collect::<Vec<_>>());
}

// Executors-3
async fn pending_calls_go_on_while_nobody_polls_the_gather(_: Site) {
    for asks in [false, true] {
        let (gate, ends) = (Arc::new(Gate::new()), Arc::new(Mutex::new(Vec::new())));
        let (calls, receivers): (Vec<_>, Vec<_>) = (0..3)
            .map(|number| {
                let (sender, receiver) = oneshot::channel();
                let (gate, ends) = (Arc::clone(&gate), Arc::clone(&ends));
                let call = move || async move {
                    if asks && number == 1 {
                        drop(current_token());
                    }
                    if number > 0 {
                        gate.wait().await;
                    }
                    ends.lock().unwrap().push(number);
                    sender.send(()).unwrap();
                };
                (call, receiver)
            })
            .unzip();
        let mut gather = ByHand::new(gather(calls));
        assert!(gather.poll().is_pending());
        gate.open();
        for receiver in receivers {
            receiver.await.unwrap();
        }
        assert_eq!(ends.lock().unwrap().len(), 3);
        while gather.poll().is_pending() {
            yield_now().await;
        }
    }
}

// Gather-2
#[test]
fn calls_have_the_waker_of_the_task_until_one_is_pending() {
    one_at_a_time().block_on(async {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let calls = [0, 0, 1, 0].map(|times| {
            let seen = Arc::clone(&seen);
            move || async move {
                for _ in 0..times {
                    let waker = waker().await;
                    seen.lock().unwrap().push(waker);
                    yield_now().await;
                }
                let waker = waker().await;
                seen.lock().unwrap().push(waker);
            }
        });
        let mut gather = ByHand::new(gather(calls));
        let own = gather.counter().waker();
        while gather.poll().is_pending() {
            yield_now().await;
        }
        let seen = seen.lock().unwrap();
        let in_place: Vec<_> = seen.iter().map(|waker| waker.will_wake(&own)).collect();
        // The second poll of the third, and the only one of the last, are a child's; in which order is the spawner's business.
        assert_eq!(in_place, [true, true, true, false, false]);
    });
}

// Executors-5
#[test]
fn calls_that_take_long_end_the_turn() {
    one_at_a_time().block_on(async {
        const CALLS: usize = 25;
        let polled = Arc::new(AtomicUsize::new(0));
        let calls = [(); CALLS].map(|()| {
            let polled = Arc::clone(&polled);
            move || async move {
                polled.fetch_add(1, Relaxed);
                let begun = Instant::now();
                while begun.elapsed() < Duration::from_millis(1) {}
            }
        });
        // Not by hand: what is polled so does not depend on the time that it takes.
        let mut gather = Box::pin(gather(calls));
        poll_fn(|cx| {
            assert!(gather.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        assert!(polled.load(Relaxed) < CALLS);
        // The others do without the gather from here on.
        while polled.load(Relaxed) < CALLS {
            yield_now().await;
        }
        assert_eq!(gather.await.len(), CALLS);
    });
}

// Executors-13
#[test]
fn a_call_that_blocks_its_thread_waits_for_its_sibling() {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).build().unwrap();
    for asks in [false, true] {
        let (sender, receiver) = oneshot::channel();
        let task = runtime.spawn(async move {
            let blocks = move || async move {
                if asks {
                    drop(current_token());
                }
                run_sync(receiver).unwrap()
            };
            gather((blocks, || async { sender.send(7).unwrap() })).await
        });
        assert_eq!(runtime.block_on(task).unwrap(), (7, ()));
    }
}

/// Says that it runs one job at a time, on whatever thread asks, and runs each on a thread of its own, at once.
#[derive(Clone, Default)]
struct Liar {
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
    /// Has it polled jobs within `spawn`, before a thread goes on with them?
    is_hasty: bool,
}

impl Spawner for Liar {
    fn spawn(&self, mut job: Job) -> Result<(), SpawnError> {
        if self.is_hasty {
            let mut cx = Context::from_waker(Waker::noop());
            if job.as_mut().poll(&mut cx).is_ready() {
                return Ok(());
            }
        }
        let thread = thread::spawn(|| block_on(job));
        self.threads.lock().unwrap().push(thread);
        Ok(())
    }

    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    fn is_current(&self) -> bool {
        true
    }
}

// Executors-1, Gather-2
#[test]
fn a_spawner_that_runs_more_than_it_says_polls_no_call_twice_at_once() {
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let liar = Liar {
            is_hasty: rng.below(2) == 0,
            ..Liar::default()
        };
        let busy: Arc<[_]> = (0..4).map(|_| AtomicUsize::new(0)).collect();
        let calls: Vec<_> = (0..4)
            .map(|number| {
                let (busy, polls, asks) = (Arc::clone(&busy), rng.below(3), rng.below(3));
                move || {
                    let mut call = Box::pin(async move {
                        for poll in 0..polls {
                            if poll == asks {
                                // Others wake it meanwhile, by a callback of its token.
                                let waker = waker().await;
                                let guard = current_token().on_cancel(move |_| waker.wake());
                                yield_now().await;
                                drop(guard);
                            }
                            yields(1).await;
                        }
                        number
                    });
                    poll_fn(move |cx| {
                        assert_eq!(busy[number].fetch_add(1, Relaxed), 0, "it is polled twice");
                        let polled = call.as_mut().poll(cx);
                        thread::yield_now();
                        busy[number].fetch_sub(1, Relaxed);
                        polled
                    })
                }
            })
            .collect();
        let numbers = block_on(on(&liar).gather(calls));
        assert_eq!(numbers, [0, 1, 2, 3], "seed {seed}");
        let threads = std::mem::take(&mut *liar.threads.lock().unwrap());
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
