//! What a task runs, and what becomes of it: its errors and panics are part of its value, and end with the code that takes it.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::error::TaskError;
use super::shared::Shared;
use crate::error::{ChildInfo, Unhandled};
use crate::group::{OutputPolicy, child_here};
use crate::panic::{Panic, catch};

pin_project! {
    // The future of a task. `S` says what its output means.
    pub(super) struct Background<F, S> {
        // `None` once it is over.
        #[pin]
        future: Option<F>,
        // `None` once it is over: what it ended with has it then.
        registry: Option<Arc<Shared>>,
        sorts: PhantomData<fn() -> S>,
    }

    impl<F, S> PinnedDrop for Background<F, S> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // It was cancelled. A destructor that panics is this task's affair and nobody else's.
            let dropped = catch(|| this.future.set(None));
            if let (Err(panic), Some(registry)) = (dropped, &*this.registry) {
                registry.panicked_here(&panic);
            }
        }
    }
}

impl<F, S> Background<F, S> {
    pub(super) fn new(registry: Arc<Shared>, future: F) -> Self {
        Self {
            future: Some(future),
            registry: Some(registry),
            sorts: PhantomData,
        }
    }

    /// The future of a task that was never polled.
    pub(super) fn into_future(mut self) -> F {
        let future = self.future.take();
        future.expect("a task that was never polled has its future")
    }
}

impl<F, S> Future for Background<F, S>
where
    F: Future,
    S: OutputPolicy<F::Output, Error: fmt::Display>,
{
    type Output = End<S::Value, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut future = this.future;
        let end = match catch(|| future.as_mut().as_pin_mut().map(|future| future.poll(cx))) {
            Ok(None | Some(Poll::Pending)) => return Poll::Pending,
            Ok(Some(Poll::Ready(output))) => S::settle(output).map_err(TaskError::Failed),
            Err(panic) => Err(TaskError::Panicked(panic)),
        };
        let registry = this.registry.take();
        let registry = registry.expect("a task is not polled after its end");
        let end = End::new(end, registry);
        Poll::Ready(match catch(|| future.set(None)) {
            Ok(()) => end,
            Err(panic) => end.then_panicked(panic),
        })
    }
}

/// What a task ended with, until somebody takes it, and whom to tell if nobody does.
pub(super) enum End<T, E> {
    Value(T, Arc<Shared>),
    /// In a box: most tasks do not fail, and a value has to fit in the same place.
    Failed(Box<TaskError<E>>, Arc<Shared>),
}

impl<T, E> End<T, E> {
    fn new(end: Result<T, TaskError<E>>, registry: Arc<Shared>) -> Self {
        match end {
            Ok(value) => Self::Value(value, registry),
            Err(failure) => Self::Failed(Box::new(failure), registry),
        }
    }

    /// Somebody observes it.
    pub(super) fn take(self) -> Result<T, TaskError<E>> {
        match self {
            Self::Value(value, _) => Ok(value),
            Self::Failed(failure, _) => Err(*failure),
        }
    }

    fn registry(&self) -> &Arc<Shared> {
        let (Self::Value(_, registry) | Self::Failed(_, registry)) = self;
        registry
    }
}

impl<T, E: fmt::Display> End<T, E> {
    /// The destructor of the future panicked after all this. The first panic of a task is the one that it ends with.
    fn then_panicked(self, panic: Panic) -> Self {
        if let Self::Failed(failure, registry) = &self {
            if failure.is_panicked() {
                registry.panicked_here(&panic);
                return self;
            }
        }
        let registry = Arc::clone(self.registry());
        self.let_go(child_here().as_ref());
        Self::new(Err(TaskError::Panicked(panic)), registry)
    }

    /// Nobody will observe it: the hook is told what is wrong with it.
    fn let_go(self, child: Option<&ChildInfo>) {
        let (dropped, registry) = match self {
            Self::Value(value, registry) => (catch(|| drop(value)), registry),
            Self::Failed(failure, registry) => {
                match &*failure {
                    TaskError::Failed(error) => registry.report(&Unhandled::of_error(child, error)),
                    TaskError::Panicked(panic) => {
                        registry.report(&Unhandled::of_panic(child, panic))
                    }
                    TaskError::Cancelled(_) => {}
                }
                (catch(|| drop(failure)), registry)
            }
        };
        if let Err(panic) = dropped {
            registry.report(&Unhandled::of_panic(child, &panic));
        }
    }
}

/// What an end means to the group of the task: nothing.
pub(super) struct Tended(Infallible);

impl<T, E: fmt::Display> OutputPolicy<End<T, E>> for Tended {
    type Value = End<T, E>;
    type Error = Infallible;

    fn settle(output: End<T, E>) -> Result<End<T, E>, Infallible> {
        Ok(output)
    }

    fn unclaimed(value: End<T, E>, child: &dyn Fn() -> ChildInfo) -> Option<Infallible> {
        value.let_go(Some(&child()));
        None
    }
}
