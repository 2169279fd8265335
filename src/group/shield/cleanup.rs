//! `with_cleanup`: async clean-up of what a cancel drops.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Acquire;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::shielded::Hold;
use crate::group::cell::{CellRef, Stands};
use crate::group::engine::position::{Behind, Position, Surrounding, enter, here, token_of};
use crate::log;
use crate::shows::shows;
use crate::std_or_loom::atomic::AtomicUsize;
use crate::token::{CancelReason, CancelToken, CancelledOwned};

/// Awaits `future`; if this child or body is cancelled meanwhile, drops it and runs `cleanup` to its end instead, within the
/// group's [grace](crate::GroupOptions::grace).
///
/// The scope waits for the clean-up like for the child that it is part of. Without grace the clean-up is polled once, and
/// dropped if it is not over then. (A [`shield`](crate::shield) or [`to_thread`](crate::to_thread) in it lets it go on for as long.) When it is over the child is cancelled, as it would have been without: what awaits this
/// does not go on. Clean-up that has to be done whether or not there is a cancel belongs after an `.await` as usual, or
/// into a [`shield`](crate::shield).
///
/// Only a cancel starts the clean-up. If this future is dropped otherwise, by a `select`, by a timeout around it, or with a
/// scope that its owner drops, there is nobody to await it; that is told as a warning of `tracing`, where that is on.
///
/// # Examples
///
/// ```
/// use std::future::pending;
/// use std::time::Duration;
///
/// use ingather::cancel::with_cleanup;
/// use ingather::{GroupOptions, block_on};
/// # let (sender, told) = futures::channel::oneshot::channel();
///
/// let options = GroupOptions::new().grace(Duration::from_secs(5));
/// block_on(options.scope(|tg| async move {
///     let transfer = tg.spawn(with_cleanup(pending::<()>(), || async move {
///         sender.send("rolled back").unwrap();
///     }));
///     tg.cancel();
///     assert!(transfer.await.unwrap_err().is_cancelled());
/// }));
/// assert_eq!(block_on(told), Ok("rolled back"));
/// ```
pub fn with_cleanup<F, C, A>(future: F, cleanup: C) -> WithCleanup<F, C, A>
where
    F: Future,
    C: FnOnce() -> A,
    A: Future,
{
    WithCleanup {
        future: Some(future),
        cleanup: Some(cleanup),
        cleaning: None,
        watch: None,
    }
}

pin_project! {
    /// The future of [`with_cleanup`].
    #[must_use = "nothing is done unless this is awaited"]
    pub struct WithCleanup<F, C, A> {
        #[pin]
        future: Option<F>,
        cleanup: Option<C>,
        #[pin]
        cleaning: Option<A>,
        watch: Option<Watch>,
    }

    impl<F, C, A> PinnedDrop for WithCleanup<F, C, A> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if this.watch.is_some() && this.cleanup.is_some() && this.future.is_some() {
                log::warning(&"a future with a clean-up was dropped by something other than a cancel, without it");
            }
        }
    }
}

/// How far a cancel has come. Asked once in a poll, and that alone says what the poll does: so the order in which token, wake
/// and sweep come makes no difference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// There is none.
    Runs,
    /// The token has turned, and the grace lasts.
    Turned,
    /// The grace is over: what this is in goes as soon as nothing holds it.
    Dropped,
    /// It goes whatever holds it, at the end of this poll: nobody awaits a clean-up any more.
    Gone,
}

/// Watches for the cancel that drops whatever this is in, and holds that off.
struct Watch {
    /// The nearest thing around it that a cancel drops.
    position: Option<Position>,
    hold: Hold,
    turn: Turn,
    /// Stands around the clean-up, once that has begun.
    inside: Option<(Arc<Inside>, Behind)>,
    /// The clean-up is over, and whatever this is in knows.
    gave_up: bool,
}

/// Counts what holds in a clean-up.
struct Inside {
    outside: Option<Position>,
    held: AtomicUsize,
}

impl Surrounding for Inside {
    fn outside(&self) -> Option<&Position> {
        self.outside.as_ref()
    }

    fn token(self: Arc<Self>) -> CancelToken {
        token_of(self.outside())
    }

    fn is_screen(&self) -> bool {
        false
    }

    fn held_inside(&self) -> Option<&AtomicUsize> {
        Some(&self.held)
    }

    fn ends_early(&self, _reason: &CancelReason) -> bool {
        false
    }
}

impl Watch {
    fn set() -> Self {
        let here = here();
        let position = here.as_ref().and_then(Position::dropped_by_cancel).cloned();
        Self {
            hold: Hold::take(here.as_ref(), Stands::Cleanup),
            turn: Turn::of(position.as_ref()),
            position,
            inside: None,
            gave_up: false,
        }
    }

    /// What the clean-up is polled in.
    fn inside(&mut self) -> Position {
        let (_, behind) = self.inside.get_or_insert_with(|| {
            let inside = Arc::new(Inside {
                outside: here(),
                held: AtomicUsize::new(0),
            });
            (Arc::clone(&inside), Behind::new(inside))
        });
        Position::Behind(behind.clone())
    }

    fn is_held_inside(&self) -> bool {
        let inside = self.inside.as_ref();
        inside.is_some_and(|(inside, _)| inside.held.load(Acquire) > 0)
    }

    fn stage(&mut self, cx: &mut Context<'_>) -> Stage {
        let has_turned = self.turn.has_come(cx);
        let Some(position) = &self.position else {
            return if has_turned {
                Stage::Turned
            } else {
                Stage::Runs
            };
        };
        if has_turned {
            position.heed_tokens();
        }
        // Where there is no grace both come in one step, and the token afterwards.
        let goes = position.is_to_go();
        match goes || has_turned {
            false => Stage::Runs,
            true if position.is_forced() => Stage::Gone,
            true if goes => Stage::Dropped,
            true => Stage::Turned,
        }
    }
}

/// Waits until the token of a position turns.
enum Turn {
    /// Of a child, whose token turns when it is cancelled and when that of its group does. It need not have one: that is several
    /// pieces of memory, and most children are not cancelled.
    OfChild {
        child: CellRef,
        place: Option<usize>,
        of_group: CancelledOwned,
    },
    OfToken(CancelledOwned),
}

impl Turn {
    fn of(position: Option<&Position>) -> Self {
        match position {
            Some(Position::Child(child)) => Self::OfChild {
                child: child.clone(),
                place: None,
                of_group: child.core().token().clone().cancelled_owned(),
            },
            position => Self::OfToken(token_of(position).cancelled_owned()),
        }
    }

    fn has_come(&mut self, cx: &mut Context<'_>) -> bool {
        match self {
            Self::OfChild {
                child,
                place,
                of_group,
            } => child.watch_alone(place, cx.waker()) || Pin::new(of_group).poll(cx).is_ready(),
            Self::OfToken(cancelled) => Pin::new(cancelled).poll(cx).is_ready(),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Self::OfChild {
            child,
            place: Some(place),
            ..
        } = self
        {
            child.unwatch_alone(*place);
        }
    }
}

impl<F, C, A> Future for WithCleanup<F, C, A>
where
    F: Future,
    C: FnOnce() -> A,
    A: Future,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let watch = this.watch.get_or_insert_with(Watch::set);
        let stage;
        if let Some(future) = this.future.as_mut().as_pin_mut() {
            if let Poll::Ready(output) = future.poll(cx) {
                this.cleanup.take();
                watch.hold.let_go();
                return Poll::Ready(output);
            }
            stage = watch.stage(cx);
            if matches!(stage, Stage::Runs | Stage::Gone) {
                return Poll::Pending;
            }
            this.future.set(None);
            let cleanup = this.cleanup.take();
            this.cleaning.set(cleanup.map(|cleanup| cleanup()));
        } else {
            stage = watch.stage(cx);
            if matches!(stage, Stage::Dropped | Stage::Gone) {
                // It has been polled at least once.
                watch.hold.let_go();
                // What in it holds would not be over otherwise.
                if stage == Stage::Gone || !watch.is_held_inside() {
                    return Poll::Pending;
                }
            }
        }
        let cleaning = this.cleaning.as_mut().as_pin_mut();
        let over =
            cleaning.is_none_or(|cleaning| enter(watch.inside(), || cleaning.poll(cx)).is_ready());
        if let Some(position) = &watch.position {
            // Once: it wakes whatever this is in, which another shield may hold.
            if over && !std::mem::replace(&mut watch.gave_up, true) {
                this.cleaning.set(None);
                position.gives_up();
            }
            if over || stage == Stage::Dropped {
                watch.hold.let_go();
            }
        }
        Poll::Pending
    }
}

shows!([F, C, A] WithCleanup<F, C, A>, this => cleans_up: this.cleaning.is_some(), ..);
