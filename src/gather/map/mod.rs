//! Mapping many items at a bounded pace: each is a child of a group, and the results are a stream.
//!
//! - `gives`: what the stream gives
//! - `items`: what items come in: anything that iterates, or a stream
//! - `ranks`: what values wait in until they are given
//! - `stream`: the stream, which owns the group
//! - `options`: mapping from [`GroupOptions`](crate::GroupOptions)

mod gives;
mod items;
mod options;
mod ranks;
mod stream;

use std::convert::Infallible;
use std::future::Future;

pub use items::Items;
use ranks::{AsTheyCome, InRow};
pub use stream::MapStream;

use super::mode::{Trying, Values};
use crate::group::GroupOptions;

/// The stream of [`map_concurrent`] and its relatives.
pub type MapConcurrent<S, F, T> = MapStream<S, F, T, Infallible, Values, InRow<T>>;

/// The stream of [`map_concurrent`], [unordered](MapStream::unordered).
pub type MapConcurrentUnordered<S, F, T> = MapStream<S, F, T, Infallible, Values, AsTheyCome<T>>;

/// The stream of [`try_map_concurrent`] and its relatives.
pub type TryMapConcurrent<S, F, T, E> = MapStream<S, F, T, E, Trying, InRow<T>>;

/// The stream of [`try_map_concurrent`], [unordered](MapStream::unordered).
pub type TryMapConcurrentUnordered<S, F, T, E> = MapStream<S, F, T, E, Trying, AsTheyCome<T>>;

/// Makes a future of each item and gives what they give, in the order of the items, with at most `limit` under way.
///
/// The items come from an iterator or a [`Stream`](futures::Stream). The futures run as children of a group on the
/// [current spawner](crate::spawner::current_spawner), in parallel where that has several threads, and go on whether or not the
/// stream is polled. New items are taken only when it is polled, and never more than `limit` beyond those whose value was
/// given: a slow consumer holds everything up, and memory is bounded by `limit`.
///
/// It is `map(f).buffered(limit)` of [`StreamExt`](futures::StreamExt), whose futures run inside the polling task only, and
/// only while it polls. For values as they come there is [`unordered`](MapStream::unordered); for futures that can fail
/// [`try_map_concurrent`]. `f` itself is called in the consumer's task.
///
/// # Cancel safety
///
/// Dropping the stream cancels the children: when `drop` returns, each one that was not being polled at that instant has
/// been dropped, on this thread. Dropping the future of `next` loses nothing.
///
/// # Panics
///
/// If `limit` is 0. Polling it panics if there is no current spawner. The panic of a child, of `f` or of the source cancels
/// the children and goes on from the poll once they are over; values that were not given are dropped, and the stream is at
/// its end.
///
/// If a child was cancelled alone, or the spawner dropped the children, a value is missing. Then what awaits the stream ends,
/// as for [`gather`](crate::gather()); [`try_map_concurrent`] gives an error instead.
///
/// # Examples
///
/// ```
/// use futures::StreamExt;
/// use ingather::{block_on, map_concurrent};
///
/// async fn fetch(page: u32) -> String { format!("page {page}") }
///
/// # block_on(async {
/// let mut pages = map_concurrent(1..=1000, 8, |page| fetch(page));
/// assert_eq!(pages.next().await.as_deref(), Some("page 1"));
/// assert_eq!(pages.next().await.as_deref(), Some("page 2"));
/// drop(pages); // at most ten pages were begun, and none goes on
/// # });
/// ```
#[track_caller]
pub fn map_concurrent<S, I, F, Fut>(
    items: I,
    limit: usize,
    f: F,
) -> MapConcurrent<I::Source, F, Fut::Output>
where
    I: Items<S>,
    F: FnMut(I::Item) -> Fut,
    Fut: Future + Send + 'static,
    Fut::Output: Send + 'static,
{
    GroupOptions::new().map_concurrent(items, limit, f)
}

/// Makes a future that can fail of each item and gives their values, in the order of the items, with at most `limit` under
/// way.
///
/// The first error, whichever item it is of, cancels the other children, waits for them, and everything that failed comes
/// out in one [`GroupError`](crate::GroupError) as the last thing that the stream gives. Values that were not given by then
/// are dropped. (Under [`OnError::KeepGoing`](crate::OnError::KeepGoing) all values come, and then the errors.) For the
/// rest see [`map_concurrent`].
///
/// # Cancel safety
///
/// As for [`map_concurrent`]. Errors that were not given go to the unhandled hook.
///
/// # Panics
///
/// As for [`map_concurrent`], except that a missing value is an error.
///
/// # Errors
///
/// The last item of the stream is everything that failed, the cause first, a child that was cancelled alone among it. Also if the
/// stream was cut short, by a token, its deadline or its spawner, and values are missing for that: see
/// [`GroupError::cut_short`](crate::GroupError::cut_short).
///
/// # Examples
///
/// ```
/// use futures::TryStreamExt;
/// use ingather::{block_on, try_map_concurrent};
///
/// async fn parse(text: &str) -> Result<u32, std::num::ParseIntError> { text.parse() }
///
/// # block_on(async {
/// let numbers = try_map_concurrent(["1", "2"], 8, parse);
/// assert_eq!(numbers.try_collect::<Vec<_>>().await.unwrap(), [1, 2]);
///
/// let numbers = try_map_concurrent(["1", "two"], 8, parse);
/// let error = numbers.try_collect::<Vec<_>>().await.unwrap_err();
/// assert_eq!(error.len(), 1);
/// # });
/// ```
#[track_caller]
pub fn try_map_concurrent<S, I, F, Fut, T, E>(
    items: I,
    limit: usize,
    f: F,
) -> TryMapConcurrent<I::Source, F, T, E>
where
    I: Items<S>,
    F: FnMut(I::Item) -> Fut,
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    GroupOptions::new().try_map_concurrent(items, limit, f)
}
