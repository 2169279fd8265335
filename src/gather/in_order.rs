//! Waits for keys in the order of the calls.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::mode::ModeOf;
use crate::group::{Key, Kind};

/// The calls of one type: a `Vec` of outputs, in call order.
///
/// It waits for the first key that is not over; those behind it are not looked at, so that each is polled about once.
/// `None` if a call gave nothing.
#[expect(unnameable_types, reason = "it is seen in a sealed trait alone")]
pub struct InOrder<'env, M: ModeOf<'env, F, K>, F: Future, K: Kind> {
    keys: std::vec::IntoIter<Key<M::Value>>,
    current: Option<Key<M::Value>>,
    outputs: Vec<M::Output>,
    complete: bool,
}

impl<'env, M: ModeOf<'env, F, K>, F: Future, K: Kind> InOrder<'env, M, F, K> {
    pub(super) fn new(keys: Vec<Key<M::Value>>) -> Self {
        let mut keys = keys.into_iter();
        Self {
            outputs: Vec::with_capacity(keys.len()),
            current: keys.next(),
            keys,
            complete: true,
        }
    }
}

impl<'env, M: ModeOf<'env, F, K>, F: Future, K: Kind> Unpin for InOrder<'env, M, F, K> {}

impl<'env, M: ModeOf<'env, F, K>, F: Future, K: Kind> Future for InOrder<'env, M, F, K> {
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
pub enum One<'env, M: ModeOf<'env, F, K>, F: Future, K: Kind> {
    Waits(Key<M::Value>),
    Over(Option<M::Output>),
}

impl<'env, M: ModeOf<'env, F, K>, F: Future, K: Kind> One<'env, M, F, K> {
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

impl<'env, M: ModeOf<'env, F, K>, F: Future, K: Kind> Unpin for One<'env, M, F, K> {}

impl<'env, M: ModeOf<'env, F, K>, F: Future, K: Kind> fmt::Debug for InOrder<'env, M, F, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InOrder")
            .field("over", &self.outputs.len())
            .finish_non_exhaustive()
    }
}

impl<'env, M: ModeOf<'env, F, K>, F: Future, K: Kind> fmt::Debug for One<'env, M, F, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waits(_) => "Waits",
            Self::Over(_) => "Over",
        })
    }
}
