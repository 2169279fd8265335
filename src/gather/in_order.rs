//! Waits for keys in the order of the calls.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::mode::Ends;
use crate::group::Key;

/// The calls of one type: a `Vec` of outputs, in call order.
///
/// It waits for the first key that is not over; those behind it are not looked at, so that each is polled about once.
/// `None` if a call gave nothing.
#[expect(unnameable_types, reason = "it is seen in a sealed trait alone")]
pub struct InOrder<M: Ends<V>, V> {
    keys: std::vec::IntoIter<Key<V>>,
    current: Option<Key<V>>,
    outputs: Vec<M::Output>,
    complete: bool,
}

impl<M: Ends<V>, V> InOrder<M, V> {
    pub(super) fn new(keys: Vec<Key<V>>) -> Self {
        let mut keys = keys.into_iter();
        Self {
            outputs: Vec::with_capacity(keys.len()),
            current: keys.next(),
            keys,
            complete: true,
        }
    }
}

impl<M: Ends<V>, V> Unpin for InOrder<M, V> {}

impl<M: Ends<V>, V> Future for InOrder<M, V> {
    type Output = Option<Vec<M::Output>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        while let Some(key) = &mut this.current {
            let result = ready!(Pin::new(key).poll(cx));
            this.current = this.keys.next();
            match M::settle(result) {
                Some(output) => this.outputs.push(output),
                None => this.complete = false,
            }
        }
        let outputs = std::mem::take(&mut this.outputs);
        Poll::Ready(this.complete.then_some(outputs))
    }
}

/// One call of a tuple.
#[expect(unnameable_types, reason = "it is seen in a sealed trait alone")]
pub enum One<M: Ends<V>, V> {
    /// It is not known to be over.
    Waits(Key<V>),
    /// It is over, with an output or without.
    Over(Option<M::Output>),
}

impl<M: Ends<V>, V> One<M, V> {
    /// Is it over?
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        if let Self::Waits(key) = self {
            match Pin::new(key).poll(cx).map(M::settle) {
                Poll::Ready(output) => *self = Self::Over(output),
                Poll::Pending => return false,
            }
        }
        true
    }

    /// What it gave, once it is over.
    pub(super) fn take(&mut self) -> Option<M::Output> {
        match self {
            Self::Over(output) => output.take(),
            Self::Waits(_) => None,
        }
    }
}

impl<M: Ends<V>, V> Unpin for One<M, V> {}

impl<M: Ends<V>, V> fmt::Debug for InOrder<M, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InOrder")
            .field("over", &self.outputs.len())
            .finish_non_exhaustive()
    }
}

impl<M: Ends<V>, V> fmt::Debug for One<M, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waits(_) => "Waits",
            Self::Over(_) => "Over",
        })
    }
}
