//! `timer_beside_busy`: how late a timer of 5 ms comes in a task beside `n` that compute for 0.2 ms between two yields, for ever.
//!
//! Ours are children of a scope, which yield by `checkpoint`. The peers are tasks of the executor, which yield by its own means.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures::channel::oneshot;
use futures::future::BoxFuture;
use ingather::spawner::Embedded;
use ingather::{Spawner, checkpoint, on};

use crate::cost::Cost;
use crate::executors::{AsyncExecutor, Executor, Tokio};
use crate::report::{Report, Row};

const TIMER: Duration = Duration::from_millis(5);
const COMPUTES: Duration = Duration::from_micros(200);

/// The executor's own timer and yield.
#[derive(Clone, Copy)]
struct Means {
    sleep: fn() -> BoxFuture<'static, ()>,
    yields: fn() -> BoxFuture<'static, ()>,
}

const TOKIO: Means = Means {
    sleep: || Box::pin(tokio::time::sleep(TIMER)),
    yields: || Box::pin(tokio::task::yield_now()),
};

const SMOL: Means = Means {
    sleep: || {
        Box::pin(async {
            smol::Timer::after(TIMER).await;
        })
    },
    yields: || Box::pin(smol::future::yield_now()),
};

pub fn rows(report: &Report) {
    for n in [1, 8] {
        for threads in [1, 2] {
            rows_on(
                report,
                &Tokio::with_timers(threads),
                TOKIO,
                n,
                threads,
                "tokio::spawn",
            );
            let peer = "async_executor::spawn";
            rows_on(report, &AsyncExecutor::new(threads), SMOL, n, threads, peer);
        }
        rows_on(
            report,
            &Default,
            SMOL,
            n,
            2,
            "a job of the embedded default",
        );
    }
}

/// The embedded default, on as many threads as there are processors.
struct Default;

impl Executor for Default {
    type Spawner = Embedded;

    fn spawner(&self) -> Embedded {
        Embedded
    }

    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let job = async move {
            let _ = tell.send(future.await);
        };
        Embedded.spawn(Box::pin(job)).expect("it takes every job");
        futures::executor::block_on(told).expect("the work does not panic")
    }
}

fn rows_on<X>(report: &Report, on: &X, means: Means, n: usize, threads: usize, peer: &'static str)
where
    X: Executor<Spawner: Send>,
{
    let row = Row {
        work: "timer_beside_busy",
        n,
        threads,
        peer,
        units: 1,
    };
    report.compare(
        row,
        |times| {
            let spawner = on.spawner();
            on.repeat_parts(times, move || ours(spawner.clone(), means, n))
        },
        |times| {
            let spawner = on.spawner();
            on.repeat_parts(times, move || peers(spawner.clone(), means, n))
        },
    );
}

/// Computes until it is told to stop.
async fn computes<F: Future>(stop: Arc<AtomicBool>, yields: impl Fn() -> F) {
    while !stop.load(Relaxed) {
        let began = Instant::now();
        while began.elapsed() < COMPUTES {}
        yields().await;
    }
}

/// Measures in a task of its own how late the timer comes, and stops the others.
fn timer<S: Spawner>(spawner: &S, means: Means, stop: &Arc<AtomicBool>) -> oneshot::Receiver<Cost> {
    let (tell, told) = oneshot::channel();
    let stop = Arc::clone(stop);
    let job = async move {
        let began = Instant::now();
        (means.sleep)().await;
        let time = began.elapsed().saturating_sub(TIMER);
        stop.store(true, Relaxed);
        let _ = tell.send(Cost {
            time,
            ..Cost::default()
        });
    };
    spawner.spawn(Box::pin(job)).expect("it takes every job");
    told
}

async fn ours<S: Spawner + Clone + 'static>(spawner: S, means: Means, n: usize) -> Cost {
    let stop = Arc::new(AtomicBool::new(false));
    let told = timer(&spawner, means, &stop);
    on(&spawner)
        .scope(move |tg| async move {
            for _ in 0..n {
                drop(tg.spawn(computes(Arc::clone(&stop), checkpoint)));
            }
        })
        .await;
    told.await.expect("it is measured")
}

async fn peers<S: Spawner>(spawner: S, means: Means, n: usize) -> Cost {
    let stop = Arc::new(AtomicBool::new(false));
    let told = timer(&spawner, means, &stop);
    let mut over = Vec::new();
    for _ in 0..n {
        let (tell, told) = oneshot::channel();
        let task = computes(Arc::clone(&stop), means.yields);
        let job = async move {
            task.await;
            let _ = tell.send(());
        };
        spawner.spawn(Box::pin(job)).expect("it takes every job");
        over.push(told);
    }
    let cost = told.await.expect("it is measured");
    for task in over {
        task.await.expect("it ends when it is told to");
    }
    cost
}
