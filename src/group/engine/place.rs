//! Where code runs: in which child, in which body, or behind what stands between them and it.
//!
//! A place is set for one poll and put back at its end. The parent of a group is the place in which it was opened; so places
//! make a tree, up which tokens, deadlines and shields look.

use std::cell::Cell;
use std::mem::{self, ManuallyDrop};
use std::sync::{Arc, Weak};

use super::core::Core;
use crate::cancel::{CallbackGuard, CancelReason, CancelToken};
use crate::error::ChildInfo;
use crate::error::KeyId;
use crate::group::cell::CellRef;
use crate::group::handle::threshold::Threshold;
use crate::group::shield::shielded::Hold;
use crate::limiter::CapacityLimiter;
use crate::std_or_loom::atomic::AtomicBool;
use crate::std_or_loom::{Lock, per_thread};
use crate::time::Deadline;

/// Where code runs.
#[derive(Clone)]
pub(crate) enum Place {
    /// In a child.
    Child(CellRef),
    /// In the body of a scope.
    Body(Arc<Core>),
    /// Behind something that reads otherwise than what it stands in.
    Behind(Arc<Screen>),
    /// In a child that may not have started.
    Starting(Arc<Threshold>),
}

/// What stands between code and the place that it is in: a shield.
pub(crate) struct Screen {
    /// What is read behind it.
    pub(in crate::group) token: CancelToken,
    /// The deadline that counts behind it.
    pub(in crate::group) deadline: Deadline,
    /// What it stands in.
    pub(in crate::group) outside: Option<Place>,
    /// Does it hold off nothing any more?
    pub(in crate::group) fallen: AtomicBool,
    /// What turns the token with that, once the screen is lifted.
    pub(in crate::group) lifted: Lock<Option<CallbackGuard>>,
    /// What it holds off drops by.
    pub(in crate::group) hold: Weak<Hold>,
}

per_thread! {
    // Without a destructor, which costs each access a question: whoever puts a place there takes it away again.
    static PLACE: Cell<ManuallyDrop<Option<Place>>> = const { Cell::new(ManuallyDrop::new(None)) };
}

/// Runs `f` in a place.
#[inline]
pub(crate) fn stand<R>(place: Place, f: impl FnOnce() -> R) -> R {
    stand_again(&mut Some(place), f)
}

/// Runs `f` in a place that is lent: what it holds stays the caller's, whatever happens.
#[inline]
pub(in crate::group) fn stand_in_lent<R>(place: ManuallyDrop<Place>, f: impl FnOnce() -> R) -> R {
    let mut lent = ManuallyDrop::new(Some(ManuallyDrop::into_inner(place)));
    stand_again(&mut lent, f)
}

/// Runs `f` in a place that is kept for the next time.
#[inline]
pub(crate) fn stand_again<R>(place: &mut Option<Place>, f: impl FnOnce() -> R) -> R {
    let _visit = Visit::begin(place);
    f()
}

/// Puts place and outer place back, also when the code in between unwinds.
struct Visit<'a>(&'a mut Option<Place>);

impl<'a> Visit<'a> {
    #[inline]
    fn begin(place: &'a mut Option<Place>) -> Self {
        swap(place);
        Self(place)
    }
}

impl Drop for Visit<'_> {
    #[inline]
    fn drop(&mut self) {
        swap(self.0);
    }
}

/// Puts a place where code finds it, and takes out what was there.
#[inline]
fn swap(place: &mut Option<Place>) {
    let _ = PLACE.try_with(|here| {
        let outer = ManuallyDrop::into_inner(here.replace(ManuallyDrop::new(place.take())));
        // What is overwritten is none, and needs no look.
        mem::forget(mem::replace(place, outer));
    });
}

/// Makes this code run in no place, until what this gives is dropped.
pub(in crate::group) fn nowhere() -> Nowhere {
    let mut outer = None;
    swap(&mut outer);
    Nowhere(outer)
}

/// Keeps the outer place, and puts it back.
#[must_use = "the outer place is put back when this is dropped"]
pub(in crate::group) struct Nowhere(Option<Place>);

impl Drop for Nowhere {
    fn drop(&mut self) {
        swap(&mut self.0);
    }
}

/// Where this code runs; `None` outside of all children and bodies.
#[inline]
pub(crate) fn here() -> Option<Place> {
    let look = |cell: &Cell<ManuallyDrop<Option<Place>>>| {
        let here = cell.replace(ManuallyDrop::new(None));
        let seen = Option::clone(&here);
        cell.set(here);
        seen
    };
    PLACE.try_with(look).ok().flatten()
}

/// Does this code run in a child of the group with this id?
pub(crate) fn is_in_child_of(group: u64) -> bool {
    matches!(here(), Some(Place::Child(child)) if child.core().id() == group)
}

/// The child that this code runs in, or the nearest further out.
pub(in crate::group) fn nearest_child() -> Option<ChildInfo> {
    let here = here()?;
    let mut all = std::iter::successors(Some(&here), |place| place.outside());
    all.find_map(|place| match place {
        Place::Child(child) => Some(child.info()),
        _ => None,
    })
}

/// The child of this group that this code runs in, however far out that is.
pub(in crate::group) fn child_around(core: &Arc<Core>) -> Option<CellRef> {
    let here = here()?;
    let mut all = std::iter::successors(Some(&here), |place| place.outside());
    all.find_map(|place| match place {
        Place::Child(child) if Arc::ptr_eq(child.core(), core) => Some(child.clone()),
        _ => None,
    })
}

impl Place {
    /// The child or body whose code this is. No two have the same, whenever they were there.
    pub(in crate::group) fn code(&self) -> Option<KeyId> {
        match self {
            Self::Child(child) => Some(child.info().id()),
            Self::Body(core) => Some(KeyId {
                group: core.id(),
                // No child has that number.
                child: u64::MAX,
            }),
            Self::Behind(screen) => screen.outside.as_ref()?.code(),
            Self::Starting(threshold) => Some(threshold.child()?.info().id()),
        }
    }

    /// Why the code in this place is cancelled, if it is.
    pub(crate) fn reason(&self) -> Option<CancelReason> {
        self.find(|place, outside| {
            let reason = match place {
                Self::Child(child) => child.own_reason().or_else(|| child.core().known_reason()),
                Self::Body(core) => core.known_reason(),
                Self::Behind(screen) => screen.token.reason(),
                Self::Starting(_) => None,
            }?;
            Some(if outside { reason.inherited() } else { reason })
        })
    }

    /// Goes outwards until `look` finds something, or to the first thing that reads otherwise than what it stands in. `look` is told
    /// whether it is in another group by then. From a threshold it goes into the child, and then out to the caller.
    fn find<R>(&self, mut look: impl FnMut(&Self, bool) -> Option<R>) -> Option<R> {
        let mut callers: Vec<(Self, bool)> = Vec::new();
        let mut thresholds: Vec<*const Threshold> = Vec::new();
        let mut begin: Option<(Self, bool)> = None;
        loop {
            let (mut next, mut outside) = match &begin {
                None => (Some(self), false),
                Some((place, outside)) => (Some(place), *outside),
            };
            while let Some(place) = next {
                let found = look(place, outside);
                if found.is_some() {
                    return found;
                }
                if let Self::Starting(threshold) = place {
                    if thresholds.contains(&Arc::as_ptr(threshold)) {
                        break;
                    }
                    thresholds.push(Arc::as_ptr(threshold));
                    callers.extend(threshold.caller().map(|caller| (caller, outside)));
                } else {
                    outside = true;
                }
                next = match place {
                    Self::Behind(_) => None,
                    _ => place.outside(),
                };
            }
            begin = Some(callers.pop()?);
        }
    }

    /// Cancels each group out here whose deadline has passed, whether or not an alarm has rung.
    pub(in crate::group) fn looks_at_clock(&self) {
        let _ = self.find(|place, _| {
            let core = match place {
                Self::Child(child) => child.core(),
                Self::Body(core) => core,
                Self::Behind(_) | Self::Starting(_) => return None::<()>,
            };
            if let Some(overdue) = core.overdue() {
                core.cancel(overdue);
            }
            None
        });
    }

    /// Makes the tokens of all that this place is in, so that each finds that of the next. From outside, one after the other.
    pub(in crate::group) fn make_tokens(&self) {
        let mut without = Vec::new();
        let _ = self.find(|place, _| {
            let core = match place {
                Self::Child(child) => child.core(),
                Self::Body(core) => core,
                Self::Behind(_) | Self::Starting(_) => return None,
            };
            if core.has_token() {
                return Some(());
            }
            without.push(Arc::clone(core));
            None
        });
        // The last that has none of its own needs but that of the next.
        for core in without.iter().rev() {
            core.token();
        }
    }

    /// The token that turns then.
    pub(crate) fn token(&self) -> CancelToken {
        match self {
            Self::Child(child) => child.token(),
            Self::Body(core) => core.token().clone(),
            Self::Behind(screen) => screen.token.clone(),
            Self::Starting(threshold) => threshold.token(),
        }
    }

    /// The limiter whose permits the children of a group hold: of the nearest one that this place is in a child of.
    pub(crate) fn limiter(&self) -> Option<CapacityLimiter> {
        let of = |child: &CellRef| {
            let core = child.core();
            let limiter = || core.with(|sched, _| sched.slots.limiter().cloned());
            core.is_limited().then(limiter).flatten()
        };
        let mut all = std::iter::successors(Some(self), |place| place.outside());
        all.find_map(|place| match place {
            Self::Child(child) => of(child),
            Self::Starting(threshold) => of(threshold.child()?),
            Self::Body(_) | Self::Behind(_) => None,
        })
    }

    /// The earliest deadline of all that this place is in.
    pub(crate) fn deadline(&self) -> Deadline {
        let mut earliest = Deadline::NEVER;
        let _ = self.find(|place, _| {
            earliest = earliest.min(match place {
                Self::Child(child) => child.core().own_deadline(),
                Self::Body(core) => core.own_deadline(),
                Self::Behind(screen) => screen.deadline,
                Self::Starting(_) => Deadline::NEVER,
            });
            None::<()>
        });
        earliest
    }

    /// The place that this one is in.
    pub(in crate::group) fn outside(&self) -> Option<&Place> {
        match self {
            Self::Child(child) => child.core().parent(),
            Self::Body(core) => core.parent(),
            Self::Behind(screen) => screen.outside.as_ref(),
            Self::Starting(threshold) => threshold.outside(),
        }
    }

    /// This place, or the nearest outside, that a cancel drops. None behind a shield, and none where there is only the body
    /// of a scope that has to give its value.
    pub(in crate::group) fn dropped_by_cancel(&self) -> Option<&Place> {
        let mut place = self;
        loop {
            place = match place {
                Self::Child(_) | Self::Starting(_) => return Some(place),
                Self::Body(core) if core.drops_body() => return Some(place),
                Self::Body(core) => core.parent()?,
                Self::Behind(_) => return None,
            };
        }
    }

    /// Is the code here to be dropped, with this place or one further out, now or when nothing holds it any more? A shield that
    /// stands keeps that from what is behind it.
    pub(in crate::group) fn is_to_go(&self) -> bool {
        self.outwards().any(|place| match place {
            Self::Child(child) => child.is_cancelled() || child.core().drops_children(),
            Self::Body(core) => core.is_body_to_go(),
            Self::Behind(_) | Self::Starting(_) => false,
        })
    }

    /// Is it to be dropped whatever holds it: with its owner, say?
    pub(in crate::group) fn is_forced(&self) -> bool {
        self.outwards().any(|place| match place {
            Self::Child(child) => child.is_forced() || child.core().holds_nothing(),
            Self::Body(core) => core.holds_nothing(),
            Self::Behind(_) | Self::Starting(_) => false,
        })
    }

    /// Is it to be dropped at this suspension, since nothing holds it?
    pub(in crate::group) fn is_doomed(&self) -> bool {
        self.outwards().any(|place| match place {
            Self::Child(child) => child.is_doomed(),
            Self::Body(core) => core.dooms_body(),
            Self::Behind(_) | Self::Starting(_) => false,
        })
    }

    /// Sees to it that a cancel by one of the tokens is a cancel of what they are of: whoever was woken by a token may come
    /// before the callback that does it.
    pub(in crate::group) fn heed_tokens(&self) {
        self.outwards().for_each(|place| match place {
            Self::Child(child) => child.heeds_token(),
            Self::Body(core) => core.heeds_token(),
            Self::Starting(threshold) => threshold.heeds_token(),
            Self::Behind(_) => {}
        });
    }

    /// This place and those that it is in, up to a shield that stands.
    fn outwards(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |place| match place {
            Self::Behind(screen) if screen.stands() => None,
            place => place.outside(),
        })
    }

    /// Drops it without waiting for the end of its grace.
    pub(in crate::group) fn gives_up(&self) {
        match self {
            Self::Child(child) => child.gives_up(),
            Self::Body(core) => core.with(|sched, after| sched.body_gives_up(after)),
            Self::Behind(_) => {}
            Self::Starting(threshold) => threshold.gives_up(),
        }
    }
}

/// The token that turns when the code in a place is cancelled.
pub(in crate::group) fn token_of(place: Option<&Place>) -> CancelToken {
    place.map_or_else(CancelToken::new, Place::token)
}

/// The earliest deadline of all that a place is in.
pub(in crate::group) fn deadline_of(place: Option<&Place>) -> Deadline {
    place.map_or(Deadline::NEVER, Place::deadline)
}
