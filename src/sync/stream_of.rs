//! `stream_of`: an iterator that blocks, read by a task.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;

use futures::stream::Stream;

use super::queue::Queue;
use super::signal::Waiting;
use crate::context::ContextSnapshot;
use crate::error::unhandled::drop_quietly;
use crate::panic::{Panic, catch};
use crate::shows::shows;
use crate::std_or_loom::Lock;

/// How many items the iterator may be ahead.
const AHEAD: usize = 16;

/// Reads an iterator that blocks from async code, as a stream.
///
/// The iterator runs on a thread of its own, at most 16 items ahead of who reads. It sees the
/// [context variables](crate::ContextVar) that are set here. It is dropped on that thread.
///
/// # Panics
///
/// If the system starts no thread, as [`std::thread::spawn`]. A panic of the iterator comes out of the stream, once, after the
/// items that it gave.
///
/// # Examples
///
/// ```
/// use futures::StreamExt;
/// use ingather::block_on;
/// use ingather::sync::stream_of;
///
/// let lines = std::io::Cursor::new("one\ntwo\n");
/// let lines = stream_of(std::io::BufRead::lines(lines)).map(Result::unwrap);
/// assert_eq!(block_on(lines.collect::<Vec<_>>()), ["one", "two"]);
/// ```
#[track_caller]
pub fn stream_of<I>(iterator: I) -> StreamOf<I::Item>
where
    I: IntoIterator<Item: Send + 'static> + Send + 'static,
{
    let items = Queue::bounded(AHEAD);
    let panicked = Arc::new(Lock::new(None));
    let (to, panic, context) = (
        items.clone(),
        Arc::clone(&panicked),
        ContextSnapshot::current(),
    );
    let run = move || {
        let _closes = to.close_guard();
        let ended = catch(|| context.run(|| feed(iterator, &to)));
        *panic.lock() = ended.err();
    };
    let thread = thread::Builder::new().name("ingather-stream".into());
    let started = thread.spawn(run);
    started.expect("a thread can be started");
    StreamOf {
        items,
        panicked,
        waiting: Waiting::new(),
    }
}

fn feed<I: IntoIterator>(iterator: I, to: &Queue<I::Item>) {
    for item in iterator {
        if let Err(left) = to.put_blocking(item) {
            drop_quietly("an item that nobody reads", left.into_value());
            return;
        }
    }
}

/// An iterator as a stream; made by [`stream_of`].
///
/// Dropped half-way, it drops the items that were ahead; the iterator is dropped when it gives its next item. Nobody waits for
/// that, since it may block for long.
///
/// # Cancel safety
///
/// Taking the next item is cancel safe: no item gets lost.
#[must_use = "streams do nothing unless they are polled"]
pub struct StreamOf<T> {
    items: Queue<T>,
    panicked: Arc<Lock<Option<Panic>>>,
    waiting: Waiting,
}

impl<T> Stream for StreamOf<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Self {
            items,
            panicked,
            waiting,
        } = &mut *self;
        let items = items.inner();
        match ready!(waiting.poll(items.values(), cx, || items.get())) {
            Ok(item) => Poll::Ready(Some(item)),
            Err(_) => match panicked.lock().take() {
                Some(panic) => panic.resume(),
                None => Poll::Ready(None),
            },
        }
    }
}

impl<T> Drop for StreamOf<T> {
    fn drop(&mut self) {
        self.items.close();
        for item in self.items.drain() {
            drop_quietly("an item that nobody reads", item);
        }
    }
}

shows!([T] StreamOf<T>, this => ahead: this.items.len(), ..);
