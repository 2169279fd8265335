//! What a child is made of: a future or a callable, and what its output means to the group.

use std::convert::Infallible;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::error::unhandled::{
    drop_quietly, report_child_error, report_child_panic, report_error, report_panic,
};
use crate::error::{ChildInfo, Outcome};
use crate::group::cell::{Moved, OutputPolicy};
use crate::group::engine::told;
use crate::panic::{Panic, catch};
use crate::token::CancelReason;

/// Takes an error that hands on the cancel of the child here for that cancel.
#[inline]
fn hand_on<T, E>(output: Result<T, E>) -> Result<Result<T, E>, CancelReason> {
    match output {
        Ok(value) => Ok(Ok(value)),
        Err(error) => told::hands_on(error).map(Err),
    }
}

/// Whatever it gives is its value.
pub(crate) struct AsValue<E>(PhantomData<E>);

impl<O, E> OutputPolicy<O> for AsValue<E> {
    type Value = O;
    type Error = E;

    fn settle(output: O) -> Result<O, E> {
        Ok(output)
    }

    fn unclaimed(_value: O, _child: &dyn Fn() -> ChildInfo) -> Option<E> {
        None
    }
}

/// An error fails the group.
pub(crate) struct Fallible(Infallible);

impl<T, E> OutputPolicy<Result<T, E>> for Fallible {
    type Value = T;
    type Error = E;

    fn settle(output: Result<T, E>) -> Result<T, E> {
        output
    }

    fn hands_on(output: Result<T, E>) -> Result<Result<T, E>, CancelReason> {
        hand_on(output)
    }

    fn unclaimed(_value: T, _child: &dyn Fn() -> ChildInfo) -> Option<E> {
        None
    }
}

/// An error goes to the key; if the key is gone it fails the group.
pub(crate) struct Observed(Infallible);

impl<T, E> OutputPolicy<Result<T, E>> for Observed {
    type Value = Result<T, E>;
    type Error = E;

    fn settle(output: Result<T, E>) -> Result<Result<T, E>, E> {
        Ok(output)
    }

    fn hands_on(output: Result<T, E>) -> Result<Result<T, E>, CancelReason> {
        hand_on(output)
    }

    fn unclaimed(value: Result<T, E>, _child: &dyn Fn() -> ChildInfo) -> Option<E> {
        value.err()
    }
}

/// Neither an error nor a panic fails the group: both are part of the value.
pub(crate) struct Supervised<E>(PhantomData<E>);

impl<T, X, E> OutputPolicy<Outcome<T, X>> for Supervised<E> {
    type Value = Outcome<T, X>;
    type Error = E;

    fn settle(output: Outcome<T, X>) -> Result<Outcome<T, X>, E> {
        Ok(output)
    }

    fn unclaimed(value: Outcome<T, X>, child: &dyn Fn() -> ChildInfo) -> Option<E> {
        match value {
            Outcome::Err(error) => {
                report_child_error::<X>(&child());
                drop_quietly("an error that nobody received", error);
            }
            Outcome::Panicked(panic) => report_child_panic(&child(), &panic),
            Outcome::Ok(value) => {
                if let Err(panic) = catch(|| drop(value)) {
                    report_child_panic(&child(), &panic);
                }
            }
            Outcome::Cancelled(_) => {}
        }
        None
    }

    fn panicked_in_drop(panic: Panic) -> Result<Outcome<T, X>, Panic> {
        Ok(Outcome::Panicked(panic))
    }
}

pin_project! {
    // A child whose panics are part of its output.
    #[derive(Debug)]
    pub struct Contained<F> {
        #[pin]
        future: Option<F>,
    }
}

impl<F> Contained<F> {
    pub(crate) fn new(future: F) -> Self {
        Self {
            future: Some(future),
        }
    }
}

impl<F: Future<Output = Result<T, X>>, T, X> Future for Contained<F> {
    type Output = Outcome<T, X>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Outcome<T, X>> {
        let mut future = self.project().future;
        let outcome = match catch(|| future.as_mut().as_pin_mut().map(|future| future.poll(cx))) {
            Ok(None | Some(Poll::Pending)) => return Poll::Pending,
            Ok(Some(Poll::Ready(Ok(value)))) => Outcome::Ok(value),
            Ok(Some(Poll::Ready(Err(error)))) => Outcome::Err(error),
            Err(panic) => Outcome::Panicked(panic),
        };
        Poll::Ready(match (catch(|| future.set(None)), outcome) {
            (Ok(()), Outcome::Err(error)) => told_of(error),
            (Ok(()), outcome) => outcome,
            (Err(second), Outcome::Panicked(first)) => {
                report_panic("the destructor of a child that had panicked", second);
                Outcome::Panicked(first)
            }
            (Err(panic), outcome) => {
                if matches!(outcome, Outcome::Err(_)) {
                    report_error::<X>("a child that panicked in its destructor");
                }
                drop_quietly("what a child gave that panicked in its destructor", outcome);
                Outcome::Panicked(panic)
            }
        })
    }
}

/// How a child ended that gave this error and keeps it to itself.
fn told_of<T, E>(error: E) -> Outcome<T, E> {
    match told::sift(error) {
        Ok(error) => Outcome::Err(error),
        Err(handed_on) => Outcome::Cancelled(handed_on.reason),
    }
}

pin_project! {
    // A callable that is called by the child's first poll, so that its panic is the child's.
    #[project = CallProjection]
    #[project_replace = CallTaken]
    #[derive(Debug)]
    pub enum Call<C, F>
    where
        F: Future,
    {
        Callable { call: C },
        Future { #[pin] future: F },
        Moved { moved: Moved<C, F> },
        Gone,
    }
}

impl<C, F: Future> Call<C, F> {
    pub(crate) fn new(call: C) -> Self
    where
        C: FnOnce() -> F,
    {
        Self::Callable { call }
    }

    /// One that stays where it lies.
    pub(crate) fn moved(moved: Moved<C, F>) -> Self {
        Self::Moved { moved }
    }
}

impl<C: FnOnce() -> F, F: Future> Future for Call<C, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        loop {
            match self.as_mut().project() {
                CallProjection::Future { future } => return future.poll(cx),
                CallProjection::Moved { moved } => return Pin::new(moved).poll(cx),
                CallProjection::Callable { .. } | CallProjection::Gone => {}
            }
            if let CallTaken::Callable { call } = self.as_mut().project_replace(Self::Gone) {
                let future = call();
                self.set(Self::Future { future });
            } else {
                unreachable!("a child is not polled after its callable panicked");
            }
        }
    }
}
