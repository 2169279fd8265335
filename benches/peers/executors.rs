//! Where the work runs: tokio and async-executor, each on one thread or on two. Both sides of a row run in a task there.

use std::future::Future;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use futures::channel::oneshot;
use futures::executor::block_on;
use ingather::Spawner;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::cost::{Cost, Span};

pub trait Executor {
    /// What ingather is given of it.
    type Spawner: Spawner + Clone + 'static;

    fn spawner(&self) -> Self::Spawner;

    /// Runs a future as one of the executor's tasks.
    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static;

    /// Does a work over and over in one task.
    fn repeat<W, F>(&self, times: usize, work: W) -> Cost
    where
        W: Fn() -> F + Send + 'static,
        F: Future<Output = ()> + Send,
    {
        self.run(async move {
            let span = Span::begin();
            for _ in 0..times {
                work().await;
            }
            span.end()
        })
    }

    /// The same for a work that says itself which part of it counts.
    fn repeat_parts<W, F>(&self, times: usize, work: W) -> Cost
    where
        W: Fn() -> F + Send + 'static,
        F: Future<Output = Cost> + Send,
    {
        self.run(async move {
            let mut costs = Cost::default();
            for _ in 0..times {
                costs = costs + work().await;
            }
            costs
        })
    }
}

/// A tokio runtime: the current-thread one, or the multi-thread one with so many workers.
#[derive(Debug)]
pub struct Tokio(Runtime);

impl Tokio {
    pub fn new(threads: usize) -> Self {
        Self::built(Self::builder(threads))
    }

    pub fn with_timers(threads: usize) -> Self {
        let mut builder = Self::builder(threads);
        builder.enable_time();
        Self::built(builder)
    }

    fn builder(threads: usize) -> Builder {
        let mut builder = match threads {
            1 => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        builder.worker_threads(threads);
        builder
    }

    fn built(mut builder: Builder) -> Self {
        Self(builder.build().expect("a tokio runtime starts"))
    }
}

impl Executor for Tokio {
    type Spawner = Handle;

    fn spawner(&self) -> Handle {
        self.0.handle().clone()
    }

    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.0
            .block_on(self.0.spawn(future))
            .expect("the work does not panic")
    }
}

/// An async-executor `Executor` that is run by the caller, or by so many threads.
#[derive(Debug)]
pub struct AsyncExecutor {
    executor: Arc<async_executor::Executor<'static>>,
    workers: Vec<Worker>,
}

type Worker = (oneshot::Sender<()>, JoinHandle<()>);

impl AsyncExecutor {
    pub fn new(threads: usize) -> Self {
        let executor = Arc::new(async_executor::Executor::new());
        let workers = if threads == 1 { 0 } else { threads };
        Self {
            workers: (0..workers).map(|_| Self::worker(&executor)).collect(),
            executor,
        }
    }

    fn worker(executor: &Arc<async_executor::Executor<'static>>) -> Worker {
        let executor = Arc::clone(executor);
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            let _canceled = block_on(executor.run(stopped));
        };
        (stop, thread::spawn(run))
    }
}

impl Executor for AsyncExecutor {
    type Spawner = Arc<async_executor::Executor<'static>>;

    fn spawner(&self) -> Self::Spawner {
        Arc::clone(&self.executor)
    }

    fn run<F>(&self, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        // In full: `Arc<Executor>` has a `spawn` of its own, as a spawner.
        let task = async_executor::Executor::spawn(&self.executor, future);
        if self.workers.is_empty() {
            block_on(self.executor.run(task))
        } else {
            block_on(task)
        }
    }
}

impl Drop for AsyncExecutor {
    fn drop(&mut self) {
        for (stop, worker) in self.workers.drain(..) {
            drop(stop);
            worker.join().expect("a worker does not panic");
        }
    }
}
