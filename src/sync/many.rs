//! Waiting for many: all of them, the first, or each as it comes.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::{FusedStream, FuturesUnordered, Stream};
use pin_project_lite::pin_project;

use super::blocking::{block_on, ready_within, until_ready};
use crate::error::OneByOne;
use crate::shows::shows;

/// Gives what many handles end with, each as it comes, with its place in the order in which they were given.
///
/// Handles are whatever can be awaited: [`Task`](crate::Task), [`Key`](crate::Key), [`Promised`](super::Promised), also
/// by `&mut`. It is a stream, and a thread reads it with [`next_blocking`](AsCompleted::next_blocking). Python's
/// `asyncio.as_completed`, and `concurrent.futures.as_completed`.
///
/// It starts nothing: futures that are no handles make progress only while somebody waits here. For callables that are to run
/// at the same time, see [`gather`](crate::gather()) and [`map_concurrent`](crate::map_concurrent()).
///
/// # Examples
///
/// ```
/// use ingather::sync::{as_completed, promise};
///
/// let (first, one) = promise();
/// let (second, two) = promise();
/// let mut done = as_completed([one, two]);
/// second.set('b').unwrap();
/// assert_eq!(done.next_blocking(), Some((1, Ok('b'))));
/// first.set('a').unwrap();
/// assert_eq!(done.next_blocking(), Some((0, Ok('a'))));
/// assert_eq!(done.next_blocking(), None);
/// ```
pub fn as_completed<I>(handles: I) -> AsCompleted<I::Item>
where
    I: IntoIterator<Item: Future>,
{
    let numbered = handles.into_iter().enumerate();
    AsCompleted {
        waiting: numbered
            .map(|(index, handle)| Numbered { index, handle })
            .collect(),
    }
}

/// Waits until the first of many handles is over, and gives the others back.
///
/// Nobody is cancelled. For callables of which the first is to win, see [`race`](crate::race()) and
/// [`first_ok`](crate::first_ok()).
///
/// # Panics
///
/// If there is no handle: nothing could ever come.
///
/// # Examples
///
/// ```
/// use ingather::sync::{promise, wait_first};
///
/// let (_slow, one) = promise::<u32>();
/// let (fast, two) = promise();
/// fast.set(2).unwrap();
/// let first = wait_first([one, two]).wait_blocking();
/// assert_eq!((first.index, first.output), (1, Ok(2)));
/// assert_eq!(first.rest.len(), 1);
/// ```
#[track_caller]
pub fn wait_first<I>(handles: I) -> WaitFirst<I::Item>
where
    I: IntoIterator<Item: Future + Unpin>,
{
    let all = as_completed(handles);
    assert!(!all.is_empty(), "there is no handle to wait for");
    WaitFirst { all }
}

/// Waits until all of many handles are over, and gives what they ended with in the order in which they were given.
///
/// Nobody is cancelled if one of them fails. For callables, see [`gather`](crate::gather()).
///
/// # Examples
///
/// ```
/// use ingather::create_task;
/// use ingather::sync::wait_all;
///
/// let tasks = [1, 2, 3].map(|n| create_task(async move { n * n }));
/// let squares = wait_all(tasks).wait_blocking();
/// let squares: Vec<_> = squares.into_iter().map(Result::unwrap).collect();
/// assert_eq!(squares, [1, 4, 9]);
/// ```
pub fn wait_all<I>(handles: I) -> WaitAll<I::Item>
where
    I: IntoIterator<Item: Future>,
{
    let all = as_completed(handles);
    WaitAll {
        outputs: (0..all.len()).map(|_| None).collect(),
        all,
    }
}

pin_project! {
    struct Numbered<F> {
        index: usize,
        #[pin]
        handle: F,
    }
}

impl<F: Future> Future for Numbered<F> {
    type Output = (usize, F::Output);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let output = ready!(this.handle.poll(cx));
        Poll::Ready((*this.index, output))
    }
}

/// What many handles end with, each as it comes; made by [`as_completed`].
///
/// Dropped, it drops the handles that are left; [`into_rest`](Self::into_rest) gives them back.
///
/// # Cancel safety
///
/// A wait that is dropped or timed out loses nothing.
#[must_use = "it gives nothing unless it is asked"]
pub struct AsCompleted<F> {
    waiting: FuturesUnordered<Numbered<F>>,
}

impl<F> AsCompleted<F> {
    /// How many have not come yet.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether all have come.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The handles that have not come yet, with their places.
    pub fn into_rest(self) -> Vec<(usize, F)>
    where
        F: Unpin,
    {
        let rest = self.waiting.into_iter();
        let mut rest: Vec<_> = rest.map(|one| (one.index, one.handle)).collect();
        rest.sort_by_key(|(index, _)| *index);
        rest
    }
}

impl<F: Future> AsCompleted<F> {
    /// Blocks this thread until one more is over; `None` if all are.
    ///
    /// # Panics
    ///
    /// If none is over and this is the only thread of a runtime, see [`Spawner::may_block`](crate::Spawner::may_block).
    #[track_caller]
    pub fn next_blocking(&mut self) -> Option<(usize, F::Output)> {
        until_ready(|cx| Pin::new(&mut *self).poll_next(cx))
    }

    /// Blocks this thread until one more is over, but no longer than so long; `None` if all are.
    ///
    /// # Errors
    ///
    /// If none was over in time.
    pub fn next_timeout(
        &mut self,
        limit: Duration,
    ) -> Result<Option<(usize, F::Output)>, WaitTimedOut> {
        ready_within(limit, |cx| Pin::new(&mut *self).poll_next(cx)).ok_or(WaitTimedOut)
    }
}

impl<F: Future> Stream for AsCompleted<F> {
    type Item = (usize, F::Output);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.waiting).poll_next(cx)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len(), Some(self.len()))
    }
}

impl<F: Future> FusedStream for AsCompleted<F> {
    fn is_terminated(&self) -> bool {
        self.is_empty()
    }
}

shows!([F] AsCompleted<F>, this => left: this.len());

/// The first of many that was over.
///
/// # Examples
///
/// ```
/// use std::future::{pending, ready};
///
/// use ingather::block_on;
/// use ingather::sync::{First, wait_first};
///
/// let handles = [futures::future::Either::Left(pending()), futures::future::Either::Right(ready("b"))];
/// let First { index, output, rest, .. } = block_on(wait_first(handles));
/// assert_eq!((index, output), (1, "b"));
/// assert_eq!(rest[0].0, 0); // the other handle, to be waited for again
/// ```
#[derive(Debug)]
pub struct First<T, F> {
    /// Its place among those that were given.
    pub index: usize,
    /// What it ended with.
    pub output: T,
    /// The others, with their places.
    pub rest: Vec<(usize, F)>,
}

/// Waits for the first of many; made by [`wait_first`].
///
/// Dropped, it drops the handles; [`into_rest`](Self::into_rest) gives them back.
///
/// # Cancel safety
///
/// A wait that is dropped or timed out loses nothing.
///
/// # Panics
///
/// If it is polled again after it was ready.
#[must_use = "it gives nothing unless it is asked"]
pub struct WaitFirst<F> {
    all: AsCompleted<F>,
}

impl<F> WaitFirst<F> {
    /// The handles, none of which was over.
    pub fn into_rest(self) -> Vec<(usize, F)>
    where
        F: Unpin,
    {
        self.all.into_rest()
    }
}

impl<F: Future + Unpin> WaitFirst<F> {
    /// Blocks this thread until the first is over.
    ///
    /// # Panics
    ///
    /// If none is over and this is the only thread of a runtime, see [`Spawner::may_block`](crate::Spawner::may_block).
    #[track_caller]
    pub fn wait_blocking(self) -> First<F::Output, F> {
        block_on(self)
    }

    /// Blocks this thread until the first is over, but no longer than so long. `None`: none is, and they can be waited for
    /// again.
    pub fn wait_timeout(&mut self, limit: Duration) -> Option<First<F::Output, F>> {
        ready_within(limit, |cx| Pin::new(&mut *self).poll(cx))
    }
}

impl<F: Future + Unpin> Future for WaitFirst<F> {
    type Output = First<F::Output, F>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let first = ready!(Pin::new(&mut self.all).poll_next(cx));
        let (index, output) = first.expect("it is not polled after it was ready");
        let rest = std::mem::replace(&mut self.all, as_completed([]));
        Poll::Ready(First {
            index,
            output,
            rest: rest.into_rest(),
        })
    }
}

impl<F> fmt::Debug for WaitFirst<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("WaitFirst");
        out.field("left", &self.all.len()).finish()
    }
}

/// Waits for all of many; made by [`wait_all`].
///
/// Dropped, it drops the handles that are left and what the others ended with; [`into_parts`](Self::into_parts) gives them.
///
/// # Cancel safety
///
/// A wait by `&mut` that is dropped or timed out loses nothing.
///
/// # Panics
///
/// If it is polled again after it was ready.
#[must_use = "it gives nothing unless it is asked"]
pub struct WaitAll<F: Future> {
    all: AsCompleted<F>,
    outputs: OneByOne<Option<F::Output>>,
}

impl<F: Future> WaitAll<F> {
    /// Blocks this thread until all are over.
    ///
    /// # Panics
    ///
    /// If they are not and this is the only thread of a runtime, see [`Spawner::may_block`](crate::Spawner::may_block).
    #[track_caller]
    pub fn wait_blocking(self) -> Vec<F::Output> {
        block_on(self)
    }

    /// Blocks this thread until all are over, but no longer than so long. `None`: they are not, and can be waited for again.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ingather::sync::{promise, wait_all};
    ///
    /// let (first, one) = promise();
    /// let (_second, two) = promise();
    /// let mut both = wait_all([one, two]);
    /// first.set(1).unwrap();
    /// assert!(both.wait_timeout(Duration::from_millis(1)).is_none());
    /// let parts = both.into_parts();
    /// assert_eq!(parts[0].as_ref().ok(), Some(&Ok(1)));
    /// assert!(parts[1].is_err(), "a handle that is not over");
    /// ```
    pub fn wait_timeout(&mut self, limit: Duration) -> Option<Vec<F::Output>> {
        ready_within(limit, |cx| Pin::new(&mut *self).poll(cx))
    }

    /// What has come so far, in order, and in the places of the others their handles.
    pub fn into_parts(self) -> Vec<Result<F::Output, F>>
    where
        F: Unpin,
    {
        let mut rest = self.all.into_rest().into_iter();
        let parts = self.outputs.into_iter();
        let part = |output: Option<F::Output>| match output {
            Some(output) => Some(Ok(output)),
            None => rest.next().map(|(_, handle)| Err(handle)),
        };
        parts.filter_map(part).collect()
    }
}

/// Neither outputs nor handles are pinned in it.
impl<F: Future> Unpin for WaitAll<F> {}

impl<F: Future> Future for WaitAll<F> {
    type Output = Vec<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        while let Some((index, output)) = ready!(Pin::new(&mut self.all).poll_next(cx)) {
            self.outputs[index] = Some(output);
        }
        let outputs = std::mem::take(&mut self.outputs);
        let output = |output: Option<_>| output.expect("it is not polled after it was ready");
        Poll::Ready(outputs.into_iter().map(output).collect())
    }
}

impl<F: Future> fmt::Debug for WaitAll<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("WaitAll");
        out.field("left", &self.all.len()).finish()
    }
}

/// The time limit of a blocking wait was over first. Nothing is lost: it can be waited for again.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use ingather::sync::{WaitTimedOut, promise, as_completed};
///
/// let (promise, promised) = promise();
/// let mut completed = as_completed([promised]);
/// assert_eq!(completed.next_timeout(Duration::from_millis(1)), Err(WaitTimedOut));
/// assert_eq!(promise.set(7), Ok(()));
/// assert_eq!(completed.next_blocking(), Some((0, Ok(7)))); // it was still waited for
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimedOut;

impl fmt::Display for WaitTimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing came in time; it can be waited for again")
    }
}

impl Error for WaitTimedOut {}
