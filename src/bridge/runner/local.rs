//! Futures that cannot go to another thread.

use std::future::Future;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::thread;

use futures::channel::oneshot::{self, Receiver, Sender};
use futures::future::{BoxFuture, Either, select};

use super::calls::wait_for;
use super::{AsyncRunner, RunnerError};
use crate::bridge::{RunSync, WouldBlock};
use crate::error::unhandled::{drop_quietly, report_panic};
use crate::group::{cancel_reason, current_token, shield};
use crate::panic::{Panic, catch, catch_async};
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
        let local = Local {
            make: Some(make),
            serves: serve_here::<M, F>,
            spawner: self.spawner(),
            location: Location::caller(),
            served: None,
        };
        match self.create_task_or_return(local) {
            Ok(task) => wait_for(task, None),
            Err(refused) => {
                let make = refused.into_future().make;
                Err(RunnerError::Closed(make.expect("it was not polled")))
            }
        }
    }
}

/// What a local future gave. Nothing: it was dropped.
type Served<T> = Option<Result<T, Panic>>;

/// Has a local future made and run where it is to be.
type Serves<M, T> = fn(M, SpawnerHandle) -> BoxFuture<'static, Served<T>>;

/// The task that stands for a local future: it is over when that is gone, also where it was cancelled.
struct Local<M, T> {
    make: Option<M>,
    serves: Serves<M, T>,
    spawner: SpawnerHandle,
    location: &'static Location<'static>,
    served: Option<BoxFuture<'static, Served<T>>>,
}

impl<M, T> Unpin for Local<M, T> {}

impl<M, T> Future for Local<M, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        if let Some(make) = this.make.take() {
            this.served = Some((this.serves)(make, this.spawner.clone()));
        }
        let served = this.served.as_mut().expect("it has begun");
        match ready!(served.as_mut().poll(cx)) {
            Some(Ok(output)) => Poll::Ready(output),
            Some(Err(panic)) => panic.resume(),
            // It is dropped at this suspension.
            None if cancel_reason().is_some() => Poll::Pending,
            None => panic!(
                "the loop dropped the future that was handed in at {}",
                this.location
            ),
        }
    }
}

/// Begins a local future on this thread, or on one of its own. What comes back waits for its end, and has it dropped by a cancel.
fn serve_here<M, F>(make: M, spawner: SpawnerHandle) -> BoxFuture<'static, Served<F::Output>>
where
    M: FnOnce() -> F + Send + 'static,
    F: Future + 'static,
    F::Output: Send + 'static,
{
    let (tell, told) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    match local_here() {
        Some(local) => {
            let started = local.spawn_local(Box::pin(serve(make, tell, stopped)));
            assert!(started.is_ok(), "a loop that runs takes local futures");
        }
        None => on_thread(make, tell, stopped, spawner),
    }
    // Outside of the shield, where the cancel is read.
    let cancelled = current_token().cancelled_owned();
    Box::pin(shield(async move {
        match select(told, pin!(cancelled)).await {
            Either::Left((served, _)) => served.ok(),
            Either::Right((_, told)) => {
                drop(stop);
                told.await.ok()
            }
        }
    }))
}

/// Makes the future and runs it, until it is to be dropped.
async fn serve<M, F>(make: M, tell: Sender<Result<F::Output, Panic>>, stopped: Receiver<()>)
where
    M: FnOnce() -> F,
    F: Future,
{
    let mut future = Quietly(Some(Box::pin(catch_async(async move { make().await }))));
    let output = match select(&mut future, stopped).await {
        Either::Left((output, _)) => output,
        Either::Right(_) => match catch(|| drop(future.0.take())) {
            Ok(()) => return,
            Err(panic) => Err(panic),
        },
    };
    match tell.send(output) {
        Ok(()) => {}
        Err(Ok(output)) => drop_quietly("what a local future gave", output),
        Err(Err(panic)) => report_panic("a local future that nobody waited for", panic),
    }
}

/// A future that may be dropped with the loop that it is on, where nothing may unwind.
struct Quietly<F>(Option<Pin<Box<F>>>);

impl<F> Unpin for Quietly<F> {}

impl<F: Future> Future for Quietly<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let future = self.0.as_mut().expect("it is polled until it is dropped");
        future.as_mut().poll(cx)
    }
}

impl<F> Drop for Quietly<F> {
    fn drop(&mut self) {
        drop_quietly("a local future that its loop dropped", self.0.take());
    }
}

/// The same on a thread of its own.
fn on_thread<M, F>(
    make: M,
    tell: Sender<Result<F::Output, Panic>>,
    stopped: Receiver<()>,
    spawner: SpawnerHandle,
) where
    M: FnOnce() -> F + Send + 'static,
    F: Future + 'static,
    F::Output: Send + 'static,
{
    let thread = thread::Builder::new().name("ingather-local".into());
    let started = thread.spawn(move || {
        let ran = RunSync::new().on(&spawner).run(serve(make, tell, stopped));
        debug_assert!(ran.is_ok(), "it has no time limit");
    });
    assert!(
        started.is_ok(),
        "no thread can be started for a local future"
    );
}
