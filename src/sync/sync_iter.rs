//! `sync_iter`: a stream, read by a thread.

use std::pin::Pin;
use std::time::Duration;

use futures::stream::Stream;

use super::blocking::{ready_within, until_ready};
use super::many::WaitTimedOut;
use crate::shows::shows;

/// Reads a stream from sync code, as an iterator.
///
/// The stream is polled on this thread, when an item is asked for, and need be neither `Send` nor `'static`. What it waits for goes on
/// elsewhere: tasks and children on their spawner, timers on their clock.
///
/// # Examples
///
/// ```
/// use futures::stream;
/// use ingather::sync::sync_iter;
///
/// let squares = stream::unfold(1, |n| async move { (n < 4).then_some((n * n, n + 1)) });
/// assert_eq!(sync_iter(squares).collect::<Vec<_>>(), [1, 4, 9]);
/// ```
pub fn sync_iter<S: Stream>(stream: S) -> SyncIter<S> {
    SyncIter {
        stream: Some(Box::pin(stream)),
    }
}

/// A stream as an iterator; made by [`sync_iter`].
///
/// Dropped half-way, it drops the stream. When the stream is over it is dropped at once, and not asked again.
///
/// # Panics
///
/// [`next`](Iterator::next) panics if there is no item and this is the only thread of a runtime, see
/// [`Spawner::may_block`](crate::Spawner::may_block).
#[must_use = "iterators do nothing unless they are asked"]
pub struct SyncIter<S> {
    /// `None` once it is over.
    stream: Option<Pin<Box<S>>>,
}

impl<S: Stream> SyncIter<S> {
    /// Blocks this thread until there is an item, but no longer than so long; `None` if there are no more. No item gets lost.
    ///
    /// # Errors
    ///
    /// If there was none in time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use futures::stream;
    /// use ingather::sync::sync_iter;
    ///
    /// let mut items = sync_iter(stream::pending::<()>());
    /// assert!(items.next_timeout(Duration::from_millis(1)).is_err());
    /// ```
    pub fn next_timeout(&mut self, limit: Duration) -> Result<Option<S::Item>, WaitTimedOut> {
        let Some(stream) = &mut self.stream else {
            return Ok(None);
        };
        let item = ready_within(limit, |cx| stream.as_mut().poll_next(cx)).ok_or(WaitTimedOut)?;
        Ok(self.ended_if_none(item))
    }

    /// The rest of the stream, unless it is over.
    pub fn into_stream(self) -> Option<Pin<Box<S>>> {
        self.stream
    }

    fn ended_if_none(&mut self, item: Option<S::Item>) -> Option<S::Item> {
        if item.is_none() {
            self.stream = None;
        }
        item
    }
}

impl<S: Stream> Iterator for SyncIter<S> {
    type Item = S::Item;

    fn next(&mut self) -> Option<S::Item> {
        let stream = self.stream.as_mut()?;
        let item = until_ready(|cx| stream.as_mut().poll_next(cx));
        self.ended_if_none(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.stream {
            Some(stream) => stream.size_hint(),
            None => (0, Some(0)),
        }
    }
}

shows!([S] SyncIter<S>, this => is_over: this.stream.is_none(), ..);
