//! The scope behind a gather: it starts the calls and waits for them.
//!
//! All of it has names, and none of them mentions what the callables came in: a task that awaits a gather has to prove that
//! it is `Send`, which rustc cannot do for iterators over borrowed things.

use std::convert::Infallible;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::calls::sealed::Calls;
use super::form::{Gathered, TryGathered};
use super::in_order::Awaits;
use super::in_place::InPlaceOf;
use crate::group::{self, Borrows, Kind, Lacking, NoValue, Origin, Scope};
use crate::scope::{Begin, InPlace, ScopeFuture};
use crate::shows::shows;

/// The future of [`gather`](crate::gather()) and its relatives.
pub type Gather<'env, R, W, K, C = group::Whole> =
    ScopeFuture<'env, Start<'env, R, Infallible, W, K>, Whole<W>, Gathered<K, C>>;

/// The future of [`try_gather`](crate::try_gather) and its relatives.
pub type TryGather<'env, R, E, W, K, C = group::Whole> =
    ScopeFuture<'env, TryStart<'env, R, E, W, K>, TryWhole<W>, TryGathered<E, K, C>>;

/// The body of a [`gather`](crate::gather()), before it has begun.
pub struct Start<'env, R, E, W, K: Kind> {
    ready: R,
    start: fn(R, &Scope<'env, E, K>, &'static Location<'static>) -> W,
    in_place: InPlaceOf<'env, R, E, W, K>,
    location: &'static Location<'static>,
}

impl<'env, R, E, W, K: Kind> Start<'env, R, E, W, K> {
    pub(super) fn new<S, M, C>(calls: C, location: &'static Location<'static>) -> Self
    where
        C: Calls<'env, S, M, K, Ready = R, Error = E, Wait = W>,
        K: Borrows<'env>,
    {
        Self {
            in_place: C::in_place(),
            ready: calls.ready(),
            start: C::start,
            location,
        }
    }
}

impl<'env, R, E, W, K> Begin<'env, E, K> for Start<'env, R, E, W, K>
where
    W: Awaits,
    K: Kind,
{
    type Body = Whole<W>;

    #[expect(private_interfaces, reason = "it is seen in bounds that closures meet")]
    fn poll_in_place(
        &mut self,
        origin: &mut Option<Origin<K>>,
        cx: &mut Context<'_>,
    ) -> InPlace<'env, E, K, W, Whole<W>> {
        let body = |calls| Whole {
            no_value: None,
            calls: Some(calls),
            location: self.location,
        };
        match self.in_place {
            Some(poll) => poll(&mut self.ready, origin, self.location, cx).with_body(body),
            None => InPlace::Never,
        }
    }

    fn begin(self, tg: Scope<'env, E, K>) -> Whole<W> {
        Whole {
            no_value: None,
            calls: Some((self.start)(self.ready, &tg, self.location)),
            location: self.location,
        }
    }
}

/// The body of a [`try_gather`](crate::try_gather), before it has begun.
pub struct TryStart<'env, R, E, W, K: Kind>(pub(super) Start<'env, R, E, W, K>);

impl<'env, R, E, W, K> Begin<'env, E, K> for TryStart<'env, R, E, W, K>
where
    W: Awaits,
    K: Kind,
{
    type Body = TryWhole<W>;

    #[expect(private_interfaces, reason = "it is seen in bounds that closures meet")]
    fn poll_in_place(
        &mut self,
        origin: &mut Option<Origin<K>>,
        cx: &mut Context<'_>,
    ) -> InPlace<'env, E, K, Option<W>, TryWhole<W>> {
        match self.0.poll_in_place(origin, cx) {
            InPlace::Never => InPlace::Never,
            InPlace::Pending => InPlace::Pending,
            InPlace::Over(calls) => InPlace::Over(Some(calls)),
            InPlace::Opened(owner, body, is_over) => {
                let body = TryWhole { calls: body.calls };
                InPlace::Opened(owner, body, is_over)
            }
        }
    }

    fn begin(self, tg: Scope<'env, E, K>) -> TryWhole<W> {
        TryWhole {
            calls: self.0.begin(tg).calls,
        }
    }
}

/// Waits for all calls of a [`gather`](crate::gather()), and gives them with their outputs inside. If one has none it panicked, and the scope, which resumes
/// panics, drops this; or it was cancelled, and then what awaits the gather ends.
#[derive(Debug)]
pub struct Whole<W> {
    /// `None` once this is over.
    calls: Option<W>,
    no_value: Option<Box<NoValue>>,
    location: &'static Location<'static>,
}

impl<W: Awaits> Future for Whole<W> {
    type Output = W;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<W> {
        let Some(calls) = &mut self.calls else {
            if let Some(no_value) = &mut self.no_value {
                no_value.poll(cx);
            }
            return Poll::Pending;
        };
        let whole = std::task::ready!(calls.poll_over(cx));
        let calls = self.calls.take();
        if let Some(calls) = calls.filter(|_| whole) {
            return Poll::Ready(calls);
        }
        let gather = Lacking {
            what: "gather",
            location: self.location,
            cure: "`try_gather` gives an error instead, and `gather_settled` the outcome of each call",
        };
        self.no_value = gather.body_has_no_value(None);
        self.poll(cx)
    }
}

impl<W> Unpin for Whole<W> {}

/// Waits for all calls of a [`try_gather`](crate::try_gather), and gives them with their outputs inside; nothing if one has none.
#[derive(Debug)]
pub struct TryWhole<W> {
    /// `None` once this is over.
    calls: Option<W>,
}

impl<W: Awaits> Future for TryWhole<W> {
    type Output = Option<W>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<W>> {
        let calls = self.calls.as_mut().expect("a body ends once");
        let whole = std::task::ready!(calls.poll_over(cx));
        let calls = self.calls.take();
        Poll::Ready(calls.filter(|_| whole))
    }
}

impl<W> Unpin for TryWhole<W> {}

shows!([R, E, W, K: Kind] Start<'_, R, E, W, K>, this => location, ..);

shows!([R, E, W, K: Kind] TryStart<'_, R, E, W, K>, this => (this.0));
