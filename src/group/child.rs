//! What a child is made of: a future or a callable, and what its output means to the group.

use std::convert::Infallible;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::cell::Settle;

/// Whatever it gives is its value.
pub(crate) struct Plain<E>(PhantomData<E>);

impl<O, E> Settle<O> for Plain<E> {
    type Value = O;
    type Error = E;

    fn settle(output: O) -> Result<O, E> {
        Ok(output)
    }

    fn unclaimed(_value: O) -> Option<E> {
        None
    }
}

/// An error fails the group.
pub(crate) struct Fallible(Infallible);

impl<T, E> Settle<Result<T, E>> for Fallible {
    type Value = T;
    type Error = E;

    fn settle(output: Result<T, E>) -> Result<T, E> {
        output
    }

    fn unclaimed(_value: T) -> Option<E> {
        None
    }
}

/// An error goes to the key; if the key is gone it fails the group.
pub(crate) struct Observed(Infallible);

impl<T, E> Settle<Result<T, E>> for Observed {
    type Value = Result<T, E>;
    type Error = E;

    fn settle(output: Result<T, E>) -> Result<Result<T, E>, E> {
        Ok(output)
    }

    fn unclaimed(value: Result<T, E>) -> Option<E> {
        value.err()
    }
}

pin_project! {
    // A callable that is called by the child's first poll, so that its panic is the child's.
    #[project = CallProjection]
    #[project_replace = CallTaken]
    #[derive(Debug)]
    pub enum Call<C, F> {
        Callable { call: C },
        Future { #[pin] future: F },
        Gone,
    }
}

impl<C, F> Call<C, F> {
    pub(crate) fn new(call: C) -> Self
    where
        C: FnOnce() -> F,
        F: Future,
    {
        Self::Callable { call }
    }
}

impl<C: FnOnce() -> F, F: Future> Future for Call<C, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        loop {
            if let CallProjection::Future { future } = self.as_mut().project() {
                return future.poll(cx);
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
