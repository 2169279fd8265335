//! Waits for keys in the order of the calls, and keeps what they give until it is asked for.

use std::fmt;
use std::mem::{needs_drop, take};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::mode::Ends;
use super::site::Site;
use crate::group::Key;
use crate::shows::shows;

/// Waits for all calls of a gather, and keeps their outputs. Dropped with them, it sees to what must not get lost.
#[expect(unnameable_types, reason = "it is a sealed trait")]
pub trait Awaits: Unpin {
    /// What the gather gives: a `Vec` or a tuple.
    type Output;
    /// Whether all have given something, once all are over.
    #[doc(hidden)]
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<bool>;
    /// The outputs, once that is so.
    #[doc(hidden)]
    fn give(self) -> Self::Output;
}

/// The calls of one type: a `Vec` of outputs, in call order.
///
/// It waits for the first key that is not over; those behind it are not looked at, so that each is polled about once.
#[expect(unnameable_types, reason = "it is seen in a sealed trait alone")]
pub struct InOrder<M: Ends<V>, V> {
    keys: std::vec::IntoIter<Key<V>>,
    current: Option<Key<V>>,
    outputs: Vec<M::Output>,
    complete: bool,
    site: Site,
}

impl<M: Ends<V>, V> InOrder<M, V> {
    /// All are over, and gave these.
    pub(super) fn of(outputs: Vec<M::Output>, site: Site) -> Self {
        Self {
            keys: Vec::new().into_iter(),
            current: None,
            outputs,
            complete: true,
            site,
        }
    }

    pub(super) fn new(keys: Vec<Key<V>>, site: Site) -> Self {
        let mut keys = keys.into_iter();
        Self {
            outputs: Vec::with_capacity(keys.len()),
            current: keys.next(),
            keys,
            complete: true,
            site,
        }
    }
}

impl<M: Ends<V>, V> Unpin for InOrder<M, V> {}

impl<M: Ends<V>, V> Awaits for InOrder<M, V> {
    type Output = Vec<M::Output>;

    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        while let Some(key) = &mut self.current {
            let result = ready!(Pin::new(key).poll(cx));
            self.current = self.keys.next();
            match M::settle(result) {
                Some(output) => self.outputs.push(output),
                None => self.complete = false,
            }
        }
        Poll::Ready(self.complete)
    }

    fn give(mut self) -> Vec<M::Output> {
        take(&mut self.outputs)
    }
}

impl<M: Ends<V>, V> Drop for InOrder<M, V> {
    fn drop(&mut self) {
        if needs_drop::<M::Output>() {
            for (index, output) in take(&mut self.outputs).into_iter().enumerate() {
                M::lose(output, || self.site.unnamed(index));
            }
        }
    }
}

/// One call of a tuple.
#[expect(unnameable_types, reason = "it is seen in a sealed trait alone")]
pub struct One<M: Ends<V>, V> {
    state: State<M, V>,
    site: Site,
    index: usize,
}

enum State<M: Ends<V>, V> {
    /// It is not known to be over.
    Waits(Key<V>),
    /// It is over, with an output or without.
    Over(Option<M::Output>),
}

impl<M: Ends<V>, V> One<M, V> {
    pub(super) fn new(key: Key<V>, site: Site, index: usize) -> Self {
        Self {
            state: State::Waits(key),
            site,
            index,
        }
    }

    /// It is over, and gave this.
    pub(super) fn of(output: M::Output, site: Site, index: usize) -> Self {
        Self {
            state: State::Over(Some(output)),
            site,
            index,
        }
    }

    /// Is it over?
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        if let State::Waits(key) = &mut self.state {
            match Pin::new(key).poll(cx).map(M::settle) {
                Poll::Ready(output) => self.state = State::Over(output),
                Poll::Pending => return false,
            }
        }
        true
    }

    /// Is it over with an output?
    pub(super) fn has_output(&self) -> bool {
        matches!(self.state, State::Over(Some(_)))
    }

    /// What it gave, once it is over.
    pub(super) fn take(&mut self) -> Option<M::Output> {
        match &mut self.state {
            State::Over(output) => output.take(),
            State::Waits(_) => None,
        }
    }
}

impl<M: Ends<V>, V> Drop for One<M, V> {
    fn drop(&mut self) {
        if let Some(output) = self.take() {
            M::lose(output, || self.site.unnamed(self.index));
        }
    }
}

impl<M: Ends<V>, V> Unpin for One<M, V> {}

shows!([M: Ends<V>, V] InOrder<M, V>, this => over: this.outputs.len(), ..);

impl<M: Ends<V>, V> fmt::Debug for One<M, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Waits(_) => "Waits",
            State::Over(_) => "Over",
        })
    }
}
