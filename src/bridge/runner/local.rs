//! Futures that cannot go to another thread.

use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::thread;

use futures::channel::oneshot::{self, Sender};
use futures::future::{Either, select};

use super::calls::wait_for;
use super::{AsyncRunner, RunnerError};
use crate::bridge::{RunSync, WouldBlock};
use crate::panic::{Panic, catch_async};
use crate::spawner::{LocalSpawner, SpawnerHandle, local_here};

impl AsyncRunner {
    /// Makes a future on the loop's thread, which need not be [`Send`], runs it there, and blocks this thread until it is over.
    ///
    /// On a runner that was [given a spawner](super::AsyncRunnerOptions::on) it is run on a thread of its own, with that spawner
    /// current.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run); the closure is in the error.
    ///
    /// # Panics
    ///
    /// With what the closure or the future panics with.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::rc::Rc;
    ///
    /// use ingather::bridge::AsyncRunner;
    ///
    /// let runner = AsyncRunner::start()?;
    /// let sum = runner.run_local(|| async {
    ///     let number = Rc::new(20);
    ///     std::future::ready(()).await;
    ///     *number + 22
    /// });
    /// assert_eq!(sum.unwrap(), 42);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn run_local<M, F>(&self, make: M) -> Result<F::Output, RunnerError<M>>
    where
        M: FnOnce() -> F + Send + 'static,
        F: Future + 'static,
        F::Output: Send + 'static,
    {
        if let Some(blocks) = self.blocks("AsyncRunner::run_local") {
            return Err(RunnerError::WouldBlock(WouldBlock::new(make, blocks)));
        }
        if self.registry.is_closed() {
            return Err(RunnerError::Closed(make));
        }
        let location = Location::caller();
        let spawner = self.spawner();
        let task = self.registry.create_task(async move {
            let (tell, told) = oneshot::channel();
            match local_here() {
                Some(local) => {
                    let started = local.spawn_local(Box::pin(serve(make, tell)));
                    assert!(started.is_ok(), "a loop that runs takes local futures");
                }
                None => on_thread(make, tell, spawner),
            }
            match told.await {
                Ok(Ok(output)) => output,
                Ok(Err(panic)) => panic.resume(),
                Err(_) => panic!("the loop dropped the future that was handed in at {location}"),
            }
        });
        wait_for(task, None)
    }
}

/// Makes the future and runs it, unless nobody waits any more.
async fn serve<M, F>(make: M, mut tell: Sender<Result<F::Output, Panic>>)
where
    M: FnOnce() -> F,
    F: Future,
{
    let output = {
        let future = catch_async(async move { make().await });
        match select(pin!(future), tell.cancellation()).await {
            Either::Left((output, _)) => output,
            Either::Right(_) => return,
        }
    };
    let _ = tell.send(output);
}

/// The same on a thread of its own.
fn on_thread<M, F>(make: M, tell: Sender<Result<F::Output, Panic>>, spawner: SpawnerHandle)
where
    M: FnOnce() -> F + Send + 'static,
    F: Future + 'static,
    F::Output: Send + 'static,
{
    let thread = thread::Builder::new().name("ingather-local".into());
    let started = thread.spawn(move || {
        let ran = RunSync::new().on(&spawner).run(serve(make, tell));
        debug_assert!(ran.is_ok(), "it has no time limit");
    });
    assert!(
        started.is_ok(),
        "no thread can be started for a local future"
    );
}
