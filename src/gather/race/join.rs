//! The scope behind a join: it starts the calls, tells the joiner how each ends, and gives it back to make the result.
//!
//! ```text
//!   child: future over ─▶ dropped ─▶ end queued ─▶ child over
//!                                        │
//!   body:  start all ─▶ wait ◀───────────╯  tell the joiner, cancel if it says so; after the last end: over
//! ```
//!
//! 1. Each call queues one end. After one that says that the group resumes a panic the body has no result: it waits for the others,
//!    and is dropped.
//! 2. The joiner is called by the task that awaits the join alone, and no lock is held then. It makes the result when it is
//!    given: dropped before, it still has what nobody took.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::completion_queue::{CallEnd, CompletionQueue, End};
use super::joined::Joined;
use super::joiner::{self, CallInfo, Joiner, Verdict, Winner};
use super::raced::{Enters, RacesInPlace};
use crate::error::Outcome;
use crate::gather::in_place::{Reached, no_site};
use crate::gather::site::Site;
use crate::group::{Borrows, Kind, Lack, Lacking, NoValue, Origin, Scope, Whole};
use crate::panic::catch;
use crate::scope::{Begin, InPlace, ScopeFuture};
use crate::shows::shows;
use crate::token::{CancelKind, CancelReason};

/// How many ends are read before the children get their turn.
const LETTERS: usize = 256;

/// The future of a join whose calls give an `O`.
pub(super) type Joins<'env, R, J, O, T, E, K> = ScopeFuture<
    'env,
    StartJoin<'env, R, J, O, T, E, K>,
    Joining<'env, J, O, T, E, K>,
    Joined<T, E, K>,
>;

/// The future of [`join_with`](crate::joiner::join_with) and its relatives.
pub type JoinWith<'env, R, J, T, E, K> = Joins<'env, R, J, Result<T, E>, T, E, K>;

/// The future of [`race`](crate::race) and its relatives.
pub type Race<'env, R, T, K, M = Whole> = Joins<'env, R, Winner<T, M>, T, T, Infallible, K>;

/// The future of [`first_ok`](crate::first_ok) and its relatives.
pub type FirstOk<'env, R, T, E, K> = JoinWith<'env, R, joiner::FirstOk<T, E>, T, E, K>;

/// The future of [`quorum`](crate::quorum) and its relatives.
pub type Quorum<'env, R, T, E, K> = JoinWith<'env, R, joiner::Quorum<T, E>, T, E, K>;

/// How calls become children, each after `starts` has heard of it.
type StartCalls<'env, R, O, K> = fn(
    R,
    &Scope<'env, Infallible, K>,
    &'static Location<'static>,
    &mut dyn FnMut(Site, usize),
) -> (Arc<CompletionQueue<O>>, usize);

/// What the joiner gets to know of a call that gave an `O`.
pub(super) type Reads<O, T, E> = fn(O) -> Outcome<T, E>;

/// Asks a joiner, when it has been notified of all calls, whether it has nothing to give, and why.
pub(super) type Lacks<J> = fn(&J) -> Option<Lack>;

/// The body of a [join](crate::joiner::join_with), before it has begun.
pub struct StartJoin<'env, R, J, O, T, E, K: Kind> {
    ready: R,
    start: StartCalls<'env, R, O, K>,
    in_place: RacesInPlace<'env, R, O, K>,
    /// None once it was polled in place to the end, or begun.
    joiner: Option<J>,
    reads: Reads<O, T, E>,
    lacks: Lacks<J>,
    location: &'static Location<'static>,
}

impl<'env, R, J, O, T, E, K: Kind> StartJoin<'env, R, J, O, T, E, K> {
    pub(super) fn new(
        ready: R,
        joiner: J,
        reads: Reads<O, T, E>,
        lacks: Lacks<J>,
        location: &'static Location<'static>,
    ) -> Self
    where
        R: Enters<'env, O, K>,
        K: Borrows<'env>,
    {
        Self {
            start: R::start,
            in_place: ready.in_place(),
            ready,
            joiner: Some(joiner),
            reads,
            lacks,
            location,
        }
    }
}

impl<'env, R, J, O, T, E, K> Begin<'env, Infallible, K> for StartJoin<'env, R, J, O, T, E, K>
where
    J: Joiner<T, E>,
    K: Kind,
{
    type Body = Joining<'env, J, O, T, E, K>;

    #[expect(private_interfaces, reason = "it is seen in bounds that closures meet")]
    fn poll_in_place(
        &mut self,
        origin: &mut Option<Origin<K>>,
        cx: &mut Context<'_>,
    ) -> InPlace<'env, Infallible, K, J, Self::Body> {
        let Some(poll) = self.in_place else {
            return InPlace::Never;
        };
        match poll(&mut self.ready, origin, self.location, cx) {
            Reached::Never => InPlace::Never,
            Reached::Pending => InPlace::Pending,
            Reached::Over(won) => {
                let mut joiner = self.joiner.take().expect(BEGINS_ONCE);
                for (index, output) in won {
                    let call = CallInfo::new(index, no_site(self.location), None);
                    joiner.completed(call, (self.reads)(output));
                }
                InPlace::Over(joiner)
            }
            Reached::Children(owner, (queue, count), is_over) => {
                let tg = owner.scope().clone();
                let mut joiner = self.joiner.take().expect(BEGINS_ONCE);
                (0..count).for_each(|index| started(&tg, &mut joiner, queue.site(), index));
                let body = Joining::new(joiner, (self.reads, self.lacks), count, queue, tg);
                InPlace::Opened(owner, body, is_over)
            }
        }
    }

    fn begin(self, tg: Scope<'env, Infallible, K>) -> Self::Body {
        let mut joiner = self.joiner.expect(BEGINS_ONCE);
        let mut starts = |site, index| started(&tg, &mut joiner, site, index);
        let (queue, count) = (self.start)(self.ready, &tg, self.location, &mut starts);
        Joining::new(joiner, (self.reads, self.lacks), count, queue, tg)
    }
}

const BEGINS_ONCE: &str = "a join begins once";

/// Tells a [joiner](crate::joiner::join_with) of the ends of calls until all are over.
pub struct Joining<'env, J, O, T, E, K: Kind> {
    /// `None` once this is over.
    joiner: Option<J>,
    reads: Reads<O, T, E>,
    lacks: Lacks<J>,
    /// Letters that were fetched and not reported.
    inbox: VecDeque<CallEnd<O>>,
    /// How many calls have not been reported.
    left: usize,
    /// One of them panicked, and the group goes on with that.
    panics: bool,
    no_value: Option<Box<NoValue>>,
    queue: Arc<CompletionQueue<O>>,
    tg: Scope<'env, Infallible, K>,
}

impl<'env, J, O, T, E, K: Kind> Joining<'env, J, O, T, E, K> {
    fn new(
        joiner: J,
        (reads, lacks): (Reads<O, T, E>, Lacks<J>),
        count: usize,
        queue: Arc<CompletionQueue<O>>,
        tg: Scope<'env, Infallible, K>,
    ) -> Self {
        Self {
            joiner: Some(joiner),
            reads,
            lacks,
            inbox: VecDeque::new(),
            left: count,
            panics: false,
            no_value: None,
            queue,
            tg,
        }
    }
}

impl<J, O, T, E, K> Future for Joining<'_, J, O, T, E, K>
where
    J: Joiner<T, E>,
    K: Kind,
{
    type Output = J;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<J> {
        let this = &mut *self;
        for _ in 0..LETTERS {
            if this.left == 0 {
                return this.end(cx);
            }
            if this.inbox.is_empty() && !this.queue.fetch(&mut this.inbox, cx.waker()) {
                return Poll::Pending;
            }
            this.tell();
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<J, O, T, E, K> Joining<'_, J, O, T, E, K>
where
    J: Joiner<T, E>,
    K: Kind,
{
    /// Gives the joiner back, unless it has nothing to give: then whatever awaits this ends.
    fn end(&mut self, cx: &Context<'_>) -> Poll<J> {
        if self.panics {
            self.tg.core().body_gives_up();
            return Poll::Pending;
        }
        let Some(joiner) = self.joiner.take() else {
            if let Some(no_value) = &mut self.no_value {
                no_value.poll(cx);
            }
            return Poll::Pending;
        };
        match (self.lacks)(&joiner) {
            None => Poll::Ready(joiner),
            Some(lack) => {
                let race = Lacking {
                    what: "race",
                    location: self.queue.site().location,
                    cure: "`join_with` and `joiner::FirstOver` give the outcome instead",
                };
                self.no_value = race.body_has_no_value(Some(lack));
                self.end(cx)
            }
        }
    }

    /// Tells the joiner what the next end says.
    fn tell(&mut self) {
        let (Some(call_end), Some(joiner)) = (self.inbox.pop_front(), &mut self.joiner) else {
            return;
        };
        self.left -= 1;
        let outcome = match call_end.end {
            End::Gave(output) => (self.reads)(output),
            End::Panicked(panic) => Outcome::Panicked(panic),
            End::Cancelled(own) => {
                let reason = own.or_else(|| self.tg.cancel_reason());
                Outcome::Cancelled(
                    reason.unwrap_or_else(|| CancelReason::new(CancelKind::Explicit)),
                )
            }
            End::Panics => {
                self.panics = true;
                return;
            }
            End::Failed => unreachable!("a joiner is told of errors"),
        };
        let groups = outcome.is_cancelled().then(|| self.tg.core().own_reason());
        let groups = groups.flatten();
        let call = call(&self.tg, self.queue.site(), call_end.index).of_group(groups.as_ref());
        ask(&self.tg, joiner, |joiner| joiner.completed(call, outcome));
    }
}

fn call<'a, K: Kind>(tg: &'a Scope<'_, Infallible, K>, site: Site, index: usize) -> CallInfo<'a> {
    CallInfo::new(index, site, tg.core().name())
}

/// Tells the joiner of a call that is started.
fn started<T, E, J: Joiner<T, E>, K: Kind>(
    tg: &Scope<'_, Infallible, K>,
    joiner: &mut J,
    site: Site,
    index: usize,
) {
    ask(tg, joiner, |joiner| joiner.started(call(tg, site, index)));
}

/// Asks the joiner, and cancels the calls if it says so or panics.
fn ask<J, K: Kind>(
    tg: &Scope<'_, Infallible, K>,
    joiner: &mut J,
    question: impl FnOnce(&mut J) -> Verdict,
) {
    let cancel = |kind| tg.core().cancel(CancelReason::new(kind));
    match catch(|| question(joiner)) {
        Ok(Verdict::Continue) => {}
        Ok(Verdict::Cancel) => cancel(CancelKind::NotNeeded),
        Err(panic) => {
            // Not left to the group's policy, which may be to go on.
            cancel(CancelKind::BodyFailed);
            panic.resume();
        }
    }
}

/// What the joiner has not been notified of is lost.
impl<J, O, T, E, K: Kind> Drop for Joining<'_, J, O, T, E, K> {
    fn drop(&mut self) {
        for call_end in std::mem::take(&mut self.inbox) {
            self.queue.lose(call_end);
        }
    }
}

impl<J, O, T, E, K: Kind> Unpin for Joining<'_, J, O, T, E, K> {}

shows!([R, J, O, T, E, K: Kind] StartJoin<'_, R, J, O, T, E, K>, this => location, ..);

shows!([J, O, T, E, K: Kind] Joining<'_, J, O, T, E, K>, this => left, tg, ..);
