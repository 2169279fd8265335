//! `shield`: holds off the drop of what it stands in until a future is over.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::clock::{Alarm, Deadline, current_clock};
use crate::group::cell::{CellRef, Stands};
use crate::group::engine::child_cancel::Unshielded;
use crate::group::engine::core::Core;
use crate::group::engine::position::{Behind, Position, Surrounding, enter, here};
use crate::group::queues::small_list::SmallList;
use crate::shows::shows;
use crate::std_or_loom::Lock;
use crate::std_or_loom::atomic::AtomicBool;
use crate::token::{CallbackGuard, CancelReason, CancelToken};

/// Holds off a cancel of this child or body until `future` is over.
///
/// Inside, everything reads uncancelled: [`current_token`](crate::current_token), [`checkpoint`](crate::checkpoint), and
/// the groups that are opened there. When the shield is over a cancel that came meanwhile takes effect: the child is dropped
/// at its next suspension. Shields nest, and hold off the cancels of all scopes that they are in. A child is dropped as a
/// whole, so what runs beside the shield in the same child goes on as long.
///
/// Not covered are children that are spawned from inside into a group outside, and the drop of the shield itself: by a
/// `select`, by a timeout around it, or with a scope whose owner drops it. Give it a bound with
/// [`deadline`](Shield::deadline), or shield a [`timeout`](crate::timeout).
///
/// The idea is trio's shielded cancel scope, and Kotlin's `NonCancellable`.
///
/// # Cancel safety
///
/// Dropped, it drops the future and holds off nothing any more.
///
/// # Examples
///
/// ```
/// use ingather::{GatherGroup, block_on, shield};
/// # let (sender, flushed) = futures::channel::oneshot::channel::<()>();
///
/// block_on(async {
///     let group = GatherGroup::new();
///     let child = group.spawn(async {
///         let flushed = shield(flushed).await;
///         flushed.is_ok()
///     });
///     # while !futures::poll!(std::future::ready(())).is_ready() {}
///     # let waits = group.spawn(async move { while !sender.is_canceled() { break } sender });
///     # let sender = waits.await.unwrap();
///     group.cancel();
///     sender.send(()).unwrap();
///     assert_eq!(child.await, Ok(true));
///     group.join().await;
/// });
/// ```
pub fn shield<F: Future>(future: F) -> Shield<F> {
    Shield {
        future,
        hold: None,
        deadline: Deadline::NEVER,
    }
}

pin_project! {
    /// The future of [`shield`].
    #[must_use = "a shield does nothing unless it is awaited"]
    pub struct Shield<F> {
        #[pin]
        future: F,
        hold: Option<Standing>,
        deadline: Deadline,
    }
}

/// A shield that stands.
struct Standing {
    screen: Arc<Screen>,
    behind: Behind,
    _alarm: Option<Alarm>,
}

impl<F: Future> Shield<F> {
    /// Holds off cancels no longer than until then: what came meanwhile takes effect, and so does what comes later. The
    /// future is not ended by that.
    pub fn deadline(mut self, deadline: impl Into<Deadline>) -> Self {
        self.deadline = deadline.into();
        self
    }
}

impl<F: Future> Future for Shield<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let deadline = *this.deadline;
        let standing = this.hold.get_or_insert_with(|| Standing::raise(deadline));
        let position = Position::Behind(standing.behind.clone());
        let output = ready!(enter(position, || this.future.poll(cx)));
        standing.falls();
        Poll::Ready(output)
    }
}

impl Standing {
    fn raise(deadline: Deadline) -> Self {
        let outside = here();
        let screen = Arc::new(Screen::new(deadline, outside));
        let alarm = deadline.instant().map(|at| {
            let screen = Arc::clone(&screen);
            Alarm::set(&current_clock(), at, move || screen.gives_way())
        });
        Self {
            behind: Behind::new(Arc::clone(&screen) as Arc<dyn Surrounding>),
            screen,
            _alarm: alarm,
        }
    }
}

impl Standing {
    fn falls(&self) {
        self.screen.fall();
        self.screen.hold.let_go();
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.falls();
    }
}

/// Holds off the drops of all that a position is in, until it is dropped.
pub(in crate::group) struct Hold(Lock<SmallList<Rung>>);

/// What is held or told, and the group inside it through which the hold reaches up.
struct Rung {
    what: What,
    stands: Stands,
    inner: Option<Arc<Core>>,
}

enum What {
    Child(CellRef, Option<Unshielded>),
    Body(Arc<Core>),
    /// What only counts who holds.
    Around(Behind),
}

impl Hold {
    /// Of bodies that no cancel drops, those that stand before the first thing that one does are held for a shield only:
    /// a clean-up, which waits to be told by a cancel, would hold them against a panic for ever.
    pub(in crate::group) fn take(position: Option<&Position>, stands: Stands) -> Self {
        Self::climb(position, stands, stands == Stands::Shield)
    }

    /// What is polled when its grace is over, as a clean-up is, and holds as much as a shield.
    pub(super) fn take_all(position: &Position) -> Self {
        Self::climb(Some(position), Stands::Cleanup, true)
    }

    fn climb(position: Option<&Position>, mut stands: Stands, mut holds_all: bool) -> Self {
        let mut rungs = SmallList::default();
        let mut inner = None;
        let mut next = position;
        while let Some(position) = next {
            let held = match position {
                Position::Child(child) => {
                    holds_all = true;
                    child.shield(inner.as_ref(), stands);
                    Some((What::Child(child.clone(), None), stands, child.core()))
                }
                Position::Body(core) => {
                    holds_all |= core.drops_body();
                    let stands = if holds_all { stands } else { Stands::Told };
                    core.shield_body(inner.as_ref(), stands);
                    Some((What::Body(Arc::clone(core)), stands, core))
                }
                // A cancel further out is not passed on behind it.
                Position::Behind(surrounding) if surrounding.is_screen() => {
                    if !holds_all {
                        break;
                    }
                    if inner.is_none() {
                        stands = Stands::Shield;
                    }
                    None
                }
                Position::Behind(surrounding) => {
                    if let Some(held) = surrounding.held_inside() {
                        held.fetch_add(1, AcqRel);
                        rungs.push(Rung {
                            what: What::Around(surrounding.clone()),
                            stands,
                            inner: None,
                        });
                    }
                    None
                }
            };
            if let Some((what, stands, core)) = held {
                let inner = inner.replace(Arc::clone(core));
                rungs.push(Rung {
                    what,
                    stands,
                    inner,
                });
            }
            next = position.outside();
        }
        Self(Lock::new(rungs))
    }

    /// Once; later calls do nothing.
    ///
    /// First nothing is held any more, from the outside in, and only then is it seen to from the inside out. Code that is to be dropped
    /// with the whole would see otherwise what has become of the code further in, and go on.
    pub(in crate::group) fn let_go(&self) {
        let mut rungs = std::mem::take(&mut *self.0.lock());
        for rung in rungs.iter_mut().rev() {
            let inner = rung.inner.as_ref();
            match &mut rung.what {
                What::Child(child, after) => *after = Some(child.unshield(inner, rung.stands)),
                What::Body(core) => core.unshield_body(inner, rung.stands),
                What::Around(surrounding) => {
                    surrounding.held_inside().into_iter().for_each(|held| {
                        held.fetch_sub(1, AcqRel);
                    })
                }
            }
        }
        for rung in rungs.iter() {
            match &rung.what {
                What::Child(child, after) => {
                    after.iter().for_each(|after| child.is_unshielded(*after))
                }
                What::Body(core) => core.body_is_unshielded(),
                What::Around(_) => {}
            }
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// What stands between code and the position that it is in: a shield.
struct Screen {
    /// What is read behind it, made for those who ask. Follows what is outside once the screen is lifted.
    token: OnceLock<CancelToken>,
    /// The deadline that counts behind it.
    deadline: Deadline,
    /// What it stands in.
    outside: Option<Position>,
    /// Does it hold off nothing any more?
    fallen: AtomicBool,
    /// What turns the token with that, once the screen is lifted.
    lifted: Lock<Option<CallbackGuard>>,
    /// What it holds off drops by.
    hold: Hold,
}

impl Screen {
    fn new(deadline: Deadline, outside: Option<Position>) -> Self {
        Self {
            hold: Hold::take(outside.as_ref(), Stands::Shield),
            token: OnceLock::new(),
            deadline,
            outside,
            fallen: AtomicBool::new(false),
            lifted: Lock::default(),
        }
    }

    fn token(&self) -> &CancelToken {
        self.token.get_or_init(CancelToken::new)
    }

    fn fall(&self) {
        self.fallen.store(true, Release);
    }

    /// Holds off nothing any more, though what is behind it is not over. From now on what is outside is read behind it, too.
    fn gives_way(&self) {
        self.fall();
        if let Some(outside) = &self.outside {
            let follows = self.token().follow(&outside.token());
            self.lifted.lock().replace(follows);
        }
        self.hold.let_go();
    }
}

impl Surrounding for Screen {
    fn outside(&self) -> Option<&Position> {
        self.outside.as_ref()
    }

    fn token(self: Arc<Self>) -> CancelToken {
        Self::token(&self).clone()
    }

    fn is_screen(&self) -> bool {
        true
    }

    fn reason(&self) -> Option<CancelReason> {
        self.token.get()?.reason()
    }

    fn deadline(&self) -> Deadline {
        self.deadline
    }

    fn holds_off(&self) -> bool {
        !self.fallen.load(Acquire)
    }

    /// What cannot go on would be waited for until for ever: it holds off nothing any more.
    fn ends_early(&self, _reason: &CancelReason) -> bool {
        self.gives_way();
        false
    }
}

shows!([F] Shield<F>, this => stands: this.hold.is_some(), deadline, ..);
