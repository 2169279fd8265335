//! The future of a scope: it polls the body, sees to the children where it can, and leaves when all are over.
//!
//! ```text
//!   first poll         body over                    last child over
//!  ───────────▶ open ─────────────────▶ leaving ──────────────────▶ closed ─────────────▶ ready
//!                │  (value, failure, panic, or                             (once it has suspended, or at once where
//!                │   dropped because the group is cancelled)                the turn goes on and others had theirs)
//!                ╰─ dropped: the children are cancelled and dropped first, then the body
//! ```

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::begin::{Begin, InPlace};
use super::form::Form;
use crate::error::unhandled::{drop_quietly, report_body_error, report_panic};
use crate::group::engine::core::Core;
use crate::group::{
    BodyFailure, Borrows, Executor, Goes, Leaving, Left, Origin, Owner, Scope, Turn, hands_on,
    inside_body,
};
use crate::panic::{Panic, catch};

/// How often the body is polled before the executor gets its turn.
const BODY_POLLS: usize = 16;

pin_project! {
    /// The future of [`scope`](crate::scope) and its relatives.
    #[must_use = "a scope does nothing unless it is awaited"]
    pub struct ScopeFuture<'env, B, F, M>
    where
        F: Future,
        M: Form<F::Output>,
    {
        origin: Option<Origin<M::Kind>>,
        // Until the group is opened.
        start: Option<B>,
        // Dropped before the body.
        owner: Option<Owner<'env, M::Error, M::Kind>>,
        #[pin]
        body: Option<F>,
        value: Option<M::Value>,
        failure: Option<BodyFailure<M::Error>>,
        leaving: bool,
        // It has suspended before there was a group.
        suspended: bool,
        // It has suspended with nothing left to do but to wait for its children.
        waits: bool,
    }
}

impl<B, F, M> ScopeFuture<'_, B, F, M>
where
    F: Future,
    M: Form<F::Output>,
{
    #[inline]
    pub(crate) fn new(origin: Origin<M::Kind>, body: B) -> Self {
        Self {
            origin: Some(origin.drops_body(M::DROPS_BODY).with_body().attended()),
            start: Some(body),
            owner: None,
            body: None,
            value: None,
            failure: None,
            leaving: false,
            suspended: false,
            waits: false,
        }
    }
}

impl<'env, B, F, M> Future for ScopeFuture<'env, B, F, M>
where
    B: Begin<'env, M::Error, M::Kind, Body = F>,
    F: Future,
    M: Form<F::Output>,
    M::Kind: Borrows<'env>,
{
    type Output = M::Output;

    /// # Panics
    ///
    /// If it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<M::Output> {
        let mut this = self.project();
        let is_first = this.start.is_some();
        let mut is_turn_over = false;
        if let Some(start) = this.start {
            match start.poll_in_place(this.origin, cx) {
                InPlace::Never => {
                    let origin = this.origin.take().expect("it is taken with the start");
                    *this.owner = Some(Owner::open(origin));
                }
                InPlace::Pending => {
                    *this.suspended = true;
                    return Poll::Pending;
                }
                InPlace::Over(output) => {
                    *this.start = None;
                    return match M::settle(output) {
                        Ok(value) => Poll::Ready(M::whole(value)),
                        Err(_) => unreachable!("what fails is seen to by a group"),
                    };
                }
                InPlace::Opened(owner, body, is_over) => {
                    is_turn_over = is_over;
                    *this.owner = Some(owner);
                    this.body.set(Some(body));
                    *this.start = None;
                }
            }
        }
        let owner = this
            .owner
            .as_mut()
            .expect("a scope is not polled after it was ready");
        let left = if *this.waits {
            std::task::ready!(owner.scope().core().poll_left(cx.waker()))
        } else {
            None
        };
        let left = match left {
            Some(left) => left,
            None => {
                let (scope, position) = owner.parts();
                let turn = if is_first {
                    Turn::first(scope.on_thread(), scope.executor(), is_turn_over)
                } else {
                    Turn::begin(scope.on_thread(), scope.executor())
                };
                let mut run = Run::<_, M> {
                    scope,
                    body: this.body,
                    value: this.value,
                    failure: this.failure,
                    is_first,
                };
                if let Some(body) = this.start.take() {
                    run.start(body);
                }
                let goes = if is_first && !*this.suspended {
                    Goes::WithinTurn
                } else {
                    Goes::Now
                };
                let stage = Stage {
                    leaving: this.leaving,
                    waits: this.waits,
                    position,
                };
                std::task::ready!(until_left(scope.core(), &mut run, turn, goes, stage, cx))
            }
        };
        let mut owner = this.owner.take().expect("it was there a moment ago");
        let failures = owner.leave(left, this.failure.take());
        let (failures, value) = failures.resume_panic(this.value.take());
        Poll::Ready(M::finish(value, failures))
    }
}

/// One poll of a scope.
struct Run<'a, 'env, F: Future, M: Form<F::Output>> {
    scope: &'a Scope<'env, M::Error, M::Kind>,
    body: Pin<&'a mut Option<F>>,
    value: &'a mut Option<M::Value>,
    failure: &'a mut Option<BodyFailure<M::Error>>,
    /// Is the body to be polled whatever has happened? It is once.
    is_first: bool,
}

/// The body as the loop knows it, which is the same code for all of them.
trait Body {
    fn is_over(&self) -> bool;

    /// Polls the body if it was woken, or drops it if the group is cancelled. `true`: it was woken meanwhile.
    fn poll_body(&mut self) -> bool;
}

/// How far a scope has come.
struct Stage<'a> {
    leaving: &'a mut bool,
    waits: &'a mut bool,
    position: &'a mut Option<u64>,
}

/// Goes on until the scope can be left, or there is nothing to do for now.
fn until_left<G: Executor>(
    core: &Core,
    body: &mut dyn Body,
    mut turn: Turn<'_, G>,
    goes: Goes,
    stage: Stage<'_>,
    cx: &Context<'_>,
) -> Poll<Left> {
    let Stage {
        leaving: leaves,
        waits,
        position,
    } = stage;
    let mut is_idle = false;
    for _ in 0..BODY_POLLS {
        let yields = body.poll_body();
        let leaving = body.is_over();
        // Where the body is over there may be nothing to do but to leave: that is asked first.
        let used_up = !(leaving && is_idle) && turn.drive();
        is_idle = true;
        if leaving {
            match turn.leave(position, cx.waker(), leaves, goes, used_up) {
                Leaving::Left(left) => return Poll::Ready(left),
                Leaving::GivesWay => {
                    *waits = true;
                    return Poll::Pending;
                }
                Leaving::Stays => {}
            }
        } else if used_up || yields {
            break;
        } else if core.is_body_woken() {
            continue;
        }
        if turn.park_scope(position, cx.waker(), leaving) {
            *waits |= leaving;
            return Poll::Pending;
        }
        is_idle = false;
    }
    turn.give_way(position, cx.waker());
    Poll::Pending
}

impl<'env, F: Future, M: Form<F::Output>> Run<'_, 'env, F, M> {
    fn start<B>(&mut self, body: B)
    where
        B: Begin<'env, M::Error, M::Kind, Body = F>,
    {
        let (scope, mut slot) = (self.scope, self.body.as_mut());
        let begun = inside_body(scope.core(), |_| {
            catch(|| slot.set(Some(body.begin(scope.clone()))))
        });
        if let Err(panic) = begun {
            self.panicked(panic);
        }
    }

    fn drop_body(&mut self) -> Result<(), Panic> {
        let mut slot = self.body.as_mut();
        inside_body(self.scope.core(), |_| catch(|| slot.set(None)))
    }

    /// The body gave this and was dropped.
    fn ended(&mut self, dropped: Result<(), Panic>, output: F::Output) {
        match (dropped, M::settle(output)) {
            (Ok(()), Ok(value)) => *self.value = Some(value),
            (Ok(()), Err(error)) => {
                let core = self.scope.core();
                let error = inside_body(core, |_| hands_on(error));
                // What hands on a cancel has no value, and no failure either.
                *self.failure = error.ok().map(|error| core.body_failed(error));
            }
            (Err(panic), output) => {
                if output.is_err() {
                    report_body_error::<M::Error>();
                }
                drop_quietly("the output of a body that panicked in its drop", output);
                self.panicked(panic);
            }
        }
    }

    fn panicked(&mut self, panic: Panic) {
        *self.failure = Some(self.scope.core().body_panicked(panic));
    }
}

impl<F: Future, M: Form<F::Output>> Body for Run<'_, '_, F, M> {
    fn is_over(&self) -> bool {
        self.body.is_none()
    }

    fn poll_body(&mut self) -> bool {
        let core = self.scope.core();
        if self.body.is_none() {
            return false;
        }
        let is_first = std::mem::take(&mut self.is_first);
        if !is_first && core.dooms_body() {
            if let Err(panic) = self.drop_body() {
                self.panicked(panic);
            }
            return false;
        }
        if is_first {
            core.body_begins();
        } else if !core.take_body_wake() {
            return false;
        }
        let (mut slot, mut output) = (self.body.as_mut(), None);
        let polled = inside_body(core, |waker| {
            catch(|| {
                let mut cx = Context::from_waker(waker);
                let body = slot.as_mut().as_pin_mut();
                if let Some(Poll::Ready(gave)) = body.map(|body| body.poll(&mut cx)) {
                    output = Some(gave);
                    slot.set(None);
                }
            })
        });
        match (polled, output) {
            (Ok(()), None) => return core.is_body_woken(),
            (dropped, Some(output)) => self.ended(dropped, output),
            (Err(panic), None) => {
                if let Err(second) = self.drop_body() {
                    report_panic("the destructor of a body that had panicked", second);
                }
                self.panicked(panic);
            }
        }
        false
    }
}

impl<B, F, M> fmt::Debug for ScopeFuture<'_, B, F, M>
where
    F: Future,
    M: Form<F::Output>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopeFuture")
            .field("group", &self.owner)
            .field(
                "is_body_over",
                &(self.start.is_none() && self.body.is_none()),
            )
            .finish()
    }
}
