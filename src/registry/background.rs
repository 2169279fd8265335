//! What a task runs, and what becomes of it: its errors and panics are part of its value, and end with whoever takes it.

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
use crate::group::{Settle, child_here};
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
    S: Settle<F::Output, Error: fmt::Display>,
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

/// What a task ended with, until somebody takes it.
pub(super) enum End<T, E> {
    Value(T, Arc<Shared>),
    Failed(Box<Lost<E>>),
}

/// The failure of a task, and whom to tell if nobody takes it.
pub(super) struct Lost<E> {
    failure: TaskError<E>,
    child: Option<ChildInfo>,
    registry: Arc<Shared>,
}

impl<T, E> End<T, E> {
    /// In the task itself, which says who it was.
    fn new(end: Result<T, TaskError<E>>, registry: Arc<Shared>) -> Self {
        match end {
            Ok(value) => Self::Value(value, registry),
            Err(failure) => Self::Failed(Box::new(Lost {
                failure,
                child: child_here(),
                registry,
            })),
        }
    }

    /// Somebody observes it.
    pub(super) fn take(self) -> Result<T, TaskError<E>> {
        match self {
            Self::Value(value, _) => Ok(value),
            Self::Failed(lost) => Err(lost.failure),
        }
    }
}

impl<T, E: fmt::Display> End<T, E> {
    /// The destructor of the future panicked after all this. The first panic of a task is the one that it ends with.
    fn then_panicked(self, panic: Panic) -> Self {
        let registry = match self {
            Self::Failed(lost) if lost.failure.is_panicked() => {
                lost.registry.panicked_here(&panic);
                return Self::Failed(lost);
            }
            Self::Value(_, ref registry) => Arc::clone(registry),
            Self::Failed(ref lost) => Arc::clone(&lost.registry),
        };
        self.let_go();
        Self::new(Err(TaskError::Panicked(panic)), registry)
    }

    /// Nobody will observe it: the hook is told what is wrong with it.
    fn let_go(self) {
        match self {
            Self::Value(value, registry) => {
                if let Err(panic) = catch(|| drop(value)) {
                    registry.report(&Unhandled::of_panic(None, &panic));
                }
            }
            Self::Failed(lost) => {
                let Lost {
                    failure,
                    child,
                    registry,
                } = *lost;
                match &failure {
                    TaskError::Failed(error) => {
                        registry.report(&Unhandled::of_error(child.as_ref(), error));
                    }
                    TaskError::Panicked(panic) => {
                        registry.report(&Unhandled::of_panic(child.as_ref(), panic));
                    }
                    TaskError::Cancelled(_) => {}
                }
                if let Err(panic) = catch(|| drop(failure)) {
                    registry.report(&Unhandled::of_panic(child.as_ref(), &panic));
                }
            }
        }
    }
}

/// What an end means to the group of the task: nothing.
pub(super) struct Tended(Infallible);

impl<T, E: fmt::Display> Settle<End<T, E>> for Tended {
    type Value = End<T, E>;
    type Error = Infallible;

    fn settle(output: End<T, E>) -> Result<End<T, E>, Infallible> {
        Ok(output)
    }

    fn unclaimed(value: End<T, E>) -> Option<Infallible> {
        value.let_go();
        None
    }
}
