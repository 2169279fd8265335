//! A child that tells its owner of its end, after its future was dropped.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::completion_queue::{CallEnd, CompletionQueue, End};
use crate::error::unhandled::report_child_panic;
use crate::gather::mode::{Trying, Values};
use crate::gather::site::lose_error;
use crate::group::{cancel_reason, is_in_child_of};
use crate::panic::{Panic, catch};
use crate::shows::shows;

/// What a child that gives an `O` tells its owner, and what it tells the group.
#[expect(unnameable_types, reason = "it is a sealed trait")]
pub trait Tells<O> {
    /// What the owner is told.
    type Told;
    /// What fails the group.
    type Lost;
    /// The output of the child.
    type Output;
    #[doc(hidden)]
    fn sort(output: O) -> Result<Self::Told, Self::Lost>;
    #[doc(hidden)]
    fn output(lost: Option<Self::Lost>) -> Self::Output;
}

/// The owner is notified of everything.
impl<O> Tells<O> for Values {
    type Told = O;
    type Lost = std::convert::Infallible;
    type Output = ();

    fn sort(output: O) -> Result<O, Self::Lost> {
        Ok(output)
    }

    fn output(_lost: Option<Self::Lost>) {}
}

/// The owner is notified of values, and errors fail the group.
impl<T, E> Tells<Result<T, E>> for Trying {
    type Told = T;
    type Lost = E;
    type Output = Result<(), E>;

    fn sort(output: Result<T, E>) -> Result<T, E> {
        output
    }

    fn output(lost: Option<E>) -> Result<(), E> {
        lost.map_or(Ok(()), Err)
    }
}

pin_project! {
    // Tells exactly once: at its end, or when it is dropped before that.
    pub struct CompletionSender<F: Future, M: Tells<F::Output>> {
        #[pin]
        future: Option<F>,
        index: usize,
        // `None` once it has told.
        queue: Option<Arc<CompletionQueue<M::Told>>>,
        mode: PhantomData<fn() -> M>,
    }

    impl<F: Future, M: Tells<F::Output>> PinnedDrop for CompletionSender<F, M> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let Some(queue) = this.queue.take() else {
                return;
            };
            // It is cancelled.
            let dropped = catch(|| this.future.set(None));
            let is_refused = !is_in_child_of(queue.site().group);
            let cancelled = || End::Cancelled(if is_refused { None } else { cancel_reason() });
            match dropped {
                Ok(()) => queue.send(*this.index, cancelled()),
                // The panic of one that was refused is not its group's.
                Err(panic) if is_refused && !queue.tells_panics() => {
                    queue.send(*this.index, cancelled());
                    panic.resume();
                }
                Err(panic) => panicked(&queue, *this.index, panic),
            }
        }
    }
}

impl<F: Future, M: Tells<F::Output>> CompletionSender<F, M> {
    pub(in crate::gather) fn new(
        future: F,
        index: usize,
        queue: Arc<CompletionQueue<M::Told>>,
    ) -> Self {
        Self {
            future: Some(future),
            index,
            queue: Some(queue),
            mode: PhantomData,
        }
    }
}

impl<F: Future, M: Tells<F::Output>> Future for CompletionSender<F, M> {
    type Output = M::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<M::Output> {
        let mut this = self.project();
        let future = this.future.as_mut().as_pin_mut();
        let future = future.expect("a child is not polled after its end");
        let gave = match catch(|| future.poll(cx)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(M::sort(output)),
            Err(panic) => Err(panic),
        };
        let dropped = catch(|| this.future.set(None));
        let queue = this.queue.take().expect("a child ends once");
        let index = *this.index;
        Poll::Ready(M::output(match (gave, dropped) {
            (Ok(Ok(told)), Ok(())) => {
                queue.send_output(index, told);
                None
            }
            (Ok(Err(lost)), Ok(())) => {
                queue.send(index, End::Failed);
                Some(lost)
            }
            (Ok(gave), Err(panic)) => {
                lose(&queue, index, gave);
                panicked(&queue, index, panic);
                None
            }
            (Err(panic), dropped) => {
                if let Err(second) = dropped {
                    report_child_panic(&queue.site().child(index), &second);
                }
                panicked(&queue, index, panic);
                None
            }
        }))
    }
}

/// A panic is reported to the owner, or goes on to the group.
fn panicked<O>(queue: &CompletionQueue<O>, index: usize, panic: Panic) {
    if queue.tells_panics() {
        queue.send(index, End::Panicked(panic));
    } else {
        queue.send(index, End::Panics);
        panic.resume();
    }
}

/// What a call gave before its future panicked in its drop, which is its end.
fn lose<O, E>(queue: &CompletionQueue<O>, index: usize, gave: Result<O, E>) {
    match gave {
        Ok(told) => queue.lose(CallEnd {
            index,
            end: End::Gave(told),
        }),
        Err(error) => lose_error(error, &queue.site().child(index)),
    }
}

shows!([F: Future, M: Tells<F::Output>] CompletionSender<F, M>, this =>
    index,
    is_over: this.queue.is_none(),
    ..
);
