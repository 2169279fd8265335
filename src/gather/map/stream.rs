//! The stream behind `map_concurrent`: it owns a group, feeds it, and gives what its children give.
//!
//! ```text
//!   first poll        the source is at its end and all is given, or the children are dropped
//!  ────────────▶ open ───────────────────────────────────────────────────────────────────▶ leaving ──▶ over
//!               │    ╰─ each poll: one value out and items in up to the limit;                │ no child is left:
//!               │       a turn of the owner only if there is no value                         │ a panic, an error, the end
//!               ╰─ dropped: the children are cancelled and dropped, then the source
//! ```
//!
//! 1. What was taken in and not given is never more than the limit: neither children nor values pile up.
//! 2. Source and function run in the consumer's task. Their panic is the body's: it cancels the children, and goes on when
//!    they are over.
//! 3. Once the group is cancelled neither is asked for more, though the children have some grace.
//! 4. The stream ends as a whole one only if each item has given its value and the source was at its end. `missing` says that
//!    it cannot any more.

use std::collections::VecDeque;
use std::future::Future;
use std::ops::ControlFlow;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::Stream;
use futures::stream::FusedStream;
use pin_project_lite::pin_project;

use super::gives::Gives;
use super::ranks::{AsTheyCome, InRow, Ranks};
use crate::error::unhandled::{drop_quietly, report_panic};
use crate::gather::mode::ModeOf;
use crate::gather::race::completion_queue::{CallEnd, CompletionQueue, End, Ways};
use crate::gather::race::completion_sender::{CompletionSender, Tells};
use crate::gather::site::{Site, lose_value};
use crate::group::{
    BodyFailure, GroupOptions, Lack, Lacking, Left, NoValue, OnError, Origin, Owner, Scope, Shared,
    Turn,
};
use crate::panic::catch;
use crate::shows::shows;
use crate::spawner::{SpawnerHandle, lend};
use crate::turn;

/// What the child of an item gives its group.
type Tell<M, Fut> = <M as Tells<<Fut as Future>::Output>>::Output;

/// How many rounds there are before the executor gets its turn.
const ROUNDS: usize = 16;
/// How many items are taken in before the children get their turn.
const ITEMS: usize = 64;

pin_project! {
    /// The stream of [`map_concurrent`](crate::map_concurrent) and its relatives.
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct MapStream<S, F, V, E, M, R> {
        // Dropped before everything else.
        owner: Option<Owner<'static, E, Shared>>,
        start: Option<GroupOptions>,
        location: &'static Location<'static>,
        limit: usize,
        #[pin]
        source: Option<S>,
        f: Option<F>,
        ranks: R,
        taken: usize,
        queue: Option<Arc<CompletionQueue<V>>>,
        // Of the body, which is the source and the queue. From the first poll to the end.
        waker: Option<Waker>,
        inbox: VecDeque<CallEnd<V>>,
        failure: Option<BodyFailure<E>>,
        leaving: bool,
        missing: bool,
        panics: bool,
        // It had no value to give, and whatever awaits it ends.
        no_value: Option<Box<NoValue>>,
        // The group's, for a poll that opens no turn; `None` if it did not come back to us.
        spawner: Option<SpawnerHandle>,
        mode: std::marker::PhantomData<fn() -> M>,
    }

    impl<S, F, V, E, M, R> PinnedDrop for MapStream<S, F, V, E, M, R> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            drop(this.owner.take());
            if let Err(panic) = catch(|| this.source.set(None)) {
                report_panic("the source of a stream that was dropped", panic);
            }
            drop_quietly("the function of a stream that was dropped", this.f.take());
            if let Some(queue) = this.queue {
                this.inbox.drain(..).for_each(|call_end| queue.lose(call_end));
            }
        }
    }
}

impl<S, F, V, E, M, R: Default> MapStream<S, F, V, E, M, R> {
    /// # Panics
    ///
    /// If `limit` is 0.
    #[track_caller]
    pub(super) fn new(
        options: GroupOptions,
        location: &'static Location<'static>,
        source: S,
        limit: usize,
        f: F,
    ) -> Self {
        assert!(
            limit > 0,
            "the limit of `map_concurrent` is at least 1: no item could ever be taken"
        );
        Self {
            owner: None,
            start: Some(options),
            location,
            limit,
            source: Some(source),
            f: Some(f),
            ranks: R::default(),
            taken: 0,
            queue: None,
            waker: None,
            inbox: VecDeque::new(),
            failure: None,
            leaving: false,
            missing: false,
            panics: false,
            no_value: None,
            spawner: None,
            mode: std::marker::PhantomData,
        }
    }
}

impl<S, F, T, E, M> MapStream<S, F, T, E, M, InRow<T>> {
    /// Gives the values as they come, so that a slow one holds up no other.
    ///
    /// It is `map(f).buffer_unordered(limit)` of [`StreamExt`](futures::StreamExt), with children.
    ///
    /// # Panics
    ///
    /// If the stream was polled before.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::StreamExt;
    /// use ingather::{block_on, map_concurrent};
    ///
    /// # block_on(async {
    /// let squares = map_concurrent(1..=4_u32, 2, |n| async move { n * n }).unordered();
    /// assert_eq!(squares.fold(0, |sum, square| async move { sum + square }).await, 30);
    /// # });
    /// ```
    #[track_caller]
    pub fn unordered(mut self) -> MapStream<S, F, T, E, M, AsTheyCome<T>> {
        let parts = (self.start.take(), self.source.take(), self.f.take());
        let (Some(options), Some(source), Some(f)) = parts else {
            panic!("a stream that was polled has its order: call `unordered` before");
        };
        MapStream::new(options, self.location, source, self.limit, f)
    }
}

impl<S, F, Fut, V, E, M, R> Stream for MapStream<S, F, V, E, M, R>
where
    S: Stream,
    F: FnMut(S::Item) -> Fut,
    Fut: Future,
    V: 'static,
    M: Tells<Fut::Output, Told = V>
        + ModeOf<'static, CompletionSender<Fut, M>, Tell<M, Fut>, Shared, Error = E>
        + Gives<V, E>,
    R: Ranks<V>,
{
    type Item = M::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<M::Item>> {
        let unit = std::task::ready!(turn::take(cx));
        let this = self.project();
        if let Some(options) = this.start.take() {
            let collects_panics = options.collects_panics();
            let origin = Origin::new(options, this.location).needs_all();
            let owner = Owner::open(origin.drops_body(true));
            let site = Site::of(owner.scope(), this.location);
            let ways = Ways {
                sift: Ok,
                lose: |value, _| lose_value(value),
            };
            *this.queue = Some(Arc::new(CompletionQueue::new(site, collects_panics, ways)));
            *this.waker = Some(Waker::from(Arc::clone(owner.scope().core())));
            *this.owner = Some(owner);
        }
        let parts = (
            this.owner.as_mut(),
            this.queue.as_ref(),
            this.waker.as_ref(),
        );
        let (Some(owner), Some(queue), Some(waker)) = parts else {
            return match this.no_value {
                Some(no_value) => {
                    no_value.poll(cx);
                    Poll::Pending
                }
                None => Poll::Ready(None),
            };
        };
        let poll = {
            let (tg, place) = owner.parts();
            let mut pump = Pump {
                tg,
                queue,
                waker,
                limit: *this.limit,
                source: this.source,
                f: this.f,
                ranks: this.ranks,
                taken: this.taken,
                inbox: this.inbox,
                failure: this.failure,
                leaving: this.leaving,
                missing: this.missing,
                panics: this.panics,
                mode: *this.mode,
            };
            if let Some(value) = pump.value_at_hand(this.spawner) {
                unit.used();
                return Poll::Ready(Some(M::value(value)));
            }
            let turn = Turn::begin(tg.on_thread(), tg.executor());
            pump.run(turn, place, cx)
        };
        let left = match std::task::ready!(poll) {
            ControlFlow::Continue(value) => {
                unit.used();
                return Poll::Ready(Some(M::value(value)));
            }
            ControlFlow::Break(left) => left,
        };
        *this.queue = None;
        *this.waker = None;
        *this.spawner = None;
        let mut owner = this.owner.take().expect("it was there a moment ago");
        let failures = owner.leave(left, this.failure.take());
        let (failures, ()) = failures.resume_panic(());
        // What is missing has failed, or the group was cut short.
        let whole = (!*this.missing).then_some(());
        let Err(error) = failures.into_result(whole) else {
            return Poll::Ready(None);
        };
        match M::missing(error) {
            Ok(last) => Poll::Ready(Some(last)),
            Err(error) => {
                let stream = Lacking {
                    what: "map_concurrent",
                    location: this.location,
                    cure: "`try_map_concurrent` gives an error instead",
                };
                let no_value = this
                    .no_value
                    .insert(stream.ends_surroundings(Lack::of(&error)));
                no_value.poll(cx);
                Poll::Pending
            }
        }
    }
}

impl<S, F, Fut, V, E, M, R> FusedStream for MapStream<S, F, V, E, M, R>
where
    Self: Stream,
    S: Stream,
    F: FnMut(S::Item) -> Fut,
{
    fn is_terminated(&self) -> bool {
        self.start.is_none() && self.owner.is_none() && self.no_value.is_none()
    }
}

/// One poll of the stream.
struct Pump<'a, S, F, V, E, M, R> {
    tg: &'a Scope<'static, E, Shared>,
    queue: &'a Arc<CompletionQueue<V>>,
    /// The waker of the body, which is the source and the queue.
    waker: &'a Waker,
    limit: usize,
    source: Pin<&'a mut Option<S>>,
    f: &'a mut Option<F>,
    ranks: &'a mut R,
    taken: &'a mut usize,
    inbox: &'a mut VecDeque<CallEnd<V>>,
    failure: &'a mut Option<BodyFailure<E>>,
    leaving: &'a mut bool,
    missing: &'a mut bool,
    /// A child panicked, and the group goes on with that.
    panics: &'a mut bool,
    mode: std::marker::PhantomData<fn() -> M>,
}

impl<S, F, Fut, V, E, M, R> Pump<'_, S, F, V, E, M, R>
where
    S: Stream,
    F: FnMut(S::Item) -> Fut,
    Fut: Future,
    V: 'static,
    M: Tells<Fut::Output, Told = V>
        + ModeOf<'static, CompletionSender<Fut, M>, Tell<M, Fut>, Shared, Error = E>,
    R: Ranks<V>,
{
    /// A value that is there already, of a group that goes on. It takes no turn: nobody waits for the children, so it is left to
    /// others to poll them. Neither does it take a critical section, but for the child that takes the value's place.
    fn value_at_hand(&mut self, spawner: &mut Option<SpawnerHandle>) -> Option<V> {
        if *self.leaving || *self.missing || self.tg.core().is_cancelled() {
            return None;
        }
        let mut value = self.ranks.leave();
        if value.is_none() && self.queue.look(self.inbox) {
            self.sort();
            value = self.ranks.leave();
        }
        let value = value?;
        if self.source.is_some() {
            spawner.get_or_insert_with(|| self.tg.executor().clone());
            let _current = lend(spawner);
            self.take_items();
        }
        Some(value)
    }

    /// Goes on until there is a value, or none can come any more and no child is left, or there is nothing to do for now.
    fn run(
        mut self,
        mut turn: Turn<'_, SpawnerHandle>,
        place: &mut Option<u64>,
        cx: &Context<'_>,
    ) -> Poll<ControlFlow<Left, V>> {
        let core = self.tg.core();
        for _ in 0..ROUNDS {
            // This is the suspension at which whatever awaits the stream is dropped.
            if core.is_cut_off() {
                break;
            }
            core.take_body_wake();
            let mut has_more = false;
            if !*self.leaving {
                self.read_post();
                if core.is_cancelled() {
                    self.stop();
                } else if self.is_ahead() {
                    break;
                }
            }
            if !*self.leaving {
                let value = self.ranks.leave();
                has_more = self.take_items();
                if let Some(value) = value {
                    return Poll::Ready(ControlFlow::Continue(value));
                }
                *self.leaving = self.source.is_none() && self.ranks.len() == 0;
            }
            let used_up = turn.drive();
            if core.is_cut_off() {
                break;
            }
            if *self.leaving {
                if let Some(left) = core.leave_if_empty() {
                    return Poll::Ready(ControlFlow::Break(left));
                }
            }
            if used_up {
                break;
            }
            if has_more || core.is_body_woken() {
                continue;
            }
            if turn.park_scope(place, cx.waker(), *self.leaving) {
                return Poll::Pending;
            }
        }
        turn.give_way(place, cx.waker());
        Poll::Pending
    }

    /// Has a child told this of its failure, and is about to tell the group, which cancels the others? In between nothing is
    /// taken or given.
    fn is_ahead(&self) -> bool {
        let on_error = self.tg.core().policy().on_error;
        *self.panics || (*self.missing && on_error == OnError::CancelSiblings)
    }

    fn read_post(&mut self) {
        while self.queue.fetch(self.inbox, self.waker) {
            self.sort();
        }
    }

    /// What the ends say.
    fn sort(&mut self) {
        for call_end in self.inbox.drain(..) {
            let value = match call_end.end {
                End::Gave(value) => Some(value),
                nothing => {
                    *self.missing = true;
                    *self.panics |= matches!(nothing, End::Panics);
                    None
                }
            };
            self.ranks.arrive(call_end.index, value);
        }
    }

    /// Starts a child for each item that is there, up to the limit. `true`: there may be more at once.
    fn take_items(&mut self) -> bool {
        for _ in 0..ITEMS {
            if self.ranks.len() >= self.limit {
                return false;
            }
            let (Some(source), Some(f)) = (self.source.as_mut().as_pin_mut(), self.f.as_mut())
            else {
                return false;
            };
            let mut cx = Context::from_waker(self.waker);
            let taken = catch(|| match source.poll_next(&mut cx) {
                Poll::Ready(Some(item)) => Poll::Ready(Some(f(item))),
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            });
            match taken {
                Ok(Poll::Pending) => return false,
                Ok(Poll::Ready(Some(future))) => self.spawn(future),
                Ok(Poll::Ready(None)) => {
                    self.drop_source();
                    return false;
                }
                Err(panic) => {
                    *self.failure = Some(self.tg.core().body_panicked(panic));
                    return true;
                }
            }
        }
        true
    }

    fn spawn(&mut self, future: Fut) {
        let index = *self.taken;
        *self.taken += 1;
        self.ranks.enter();
        let child = CompletionSender::new(future, index, Arc::clone(self.queue));
        M::send(self.tg, self.queue.site().location, child);
    }

    fn drop_source(&mut self) {
        if let Err(panic) = catch(|| self.source.set(None)) {
            *self.failure = Some(self.tg.core().body_panicked(panic));
        }
    }

    /// The group is cancelled: nothing is taken any more. When the children are dropped, too, what was not given is dropped,
    /// unless nothing is missing.
    fn stop(&mut self) {
        if let Some(source) = self.source.as_ref().as_pin_ref() {
            let is_at_end = catch(|| source.size_hint().1 == Some(0));
            *self.missing |= !is_at_end.unwrap_or(false);
            if let Err(panic) = catch(|| self.source.set(None)) {
                report_panic("the source of a stream that was cancelled", panic);
            }
        }
        let is_whole = !*self.missing && self.ranks.is_settled();
        if !is_whole && self.tg.core().dooms_body() {
            *self.missing = true;
            *self.leaving = true;
            self.ranks.clear();
        }
    }
}

shows!([S, F, V, E, M, R] MapStream<S, F, V, E, M, R>, this =>
    group: this.owner,
    limit,
    taken,
    is_leaving: this.leaving,
    ..
);
