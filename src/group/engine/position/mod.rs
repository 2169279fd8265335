//! Where code runs: in which child, in which body, or behind what stands between them and it.
//!
//! A position is set for one poll and put back at its end. The parent of a group is the position in which it was opened; so positions
//! make a tree, up which tokens, deadlines and shields look.
//!
//! - `place`: where the thread keeps its position

mod place;

use std::ops::Deref;
use std::sync::Arc;

pub(crate) use self::place::{enter, enter_unmade, here};
pub(in crate::group) use self::place::{enter_lent, is_in, look_around, nowhere};
use super::core::Core;
use crate::clock::Deadline;
use crate::error::{ChildInfo, KeyId};
use crate::group::cell::CellRef;
use crate::limiter::CapacityLimiter;
use crate::std_or_loom::atomic::AtomicUsize;
use crate::token::{CancelReason, CancelToken};

/// Where code runs.
#[derive(Clone)]
pub(crate) enum Position {
    /// In a child.
    Child(CellRef),
    /// In the body of a scope.
    Body(Arc<Core>),
    /// Inside of something that stands between the code and what it is in.
    Behind(Behind),
}

/// What stands between code and the position that it is in: a shield, a clean-up, or a start that is pending.
pub(crate) trait Surrounding: Send + Sync {
    /// What it stands in.
    fn outside(&self) -> Option<&Position>;

    /// The token that is read inside.
    fn token(self: Arc<Self>) -> CancelToken;

    /// Is what it reads its own, and nothing that is outside?
    fn is_screen(&self) -> bool;

    /// Why the code inside is cancelled, if a screen says so.
    fn reason(&self) -> Option<CancelReason> {
        None
    }

    /// The deadline that counts inside, besides those outside of what is no screen.
    fn deadline(&self) -> Deadline {
        Deadline::NEVER
    }

    /// What counts besides that which is outside.
    fn beside(&self) -> Option<Position> {
        None
    }

    /// Does it keep a cancel of what is outside from the code inside?
    fn holds_off(&self) -> bool {
        false
    }

    /// Counts what is inside and holds off drops of what is outside.
    fn held_inside(&self) -> Option<&AtomicUsize> {
        None
    }

    /// Does by itself what the callback of its token is about to do, if that was cancelled.
    fn heeds_token(&self) {}

    /// The code inside is dropped without waiting for the end of its grace.
    fn gives_up(&self) {}

    /// The code inside cannot go on. `true`: this ends it. `false`: what is outside has to.
    fn ends_early(&self, reason: &CancelReason) -> bool;
}

/// A surrounding, by a pointer of one word: a position is put in and out for each poll.
#[derive(Clone)]
pub(crate) struct Behind(Arc<Arc<dyn Surrounding>>);

impl Behind {
    pub(in crate::group) fn new(surrounding: Arc<dyn Surrounding>) -> Self {
        Self(Arc::new(surrounding))
    }
}

impl Deref for Behind {
    type Target = dyn Surrounding;

    fn deref(&self) -> &Self::Target {
        &**self.0
    }
}

/// The child that this code runs in; for the body of a scope that is in no child, the body itself. `None` outside of all
/// groups, where nobody can tell one task from another.
pub(crate) fn task_here() -> Option<KeyId> {
    here()?.task()
}

/// The child that this code runs in, or the nearest around it, and the group, in words.
pub(crate) fn standing() -> (Option<ChildInfo>, Option<String>) {
    let here = here();
    let mut all = here.iter().flat_map(Position::enclosing);
    let core = all.find_map(Position::core);
    let group = core.map(|core| match core.name() {
        Some(name) => format!("group `{name}` opened at {}", core.location()),
        None => format!("a group opened at {}", core.location()),
    });
    (nearest_child(), group)
}

/// Does this code run in a child of the group with this id?
pub(crate) fn is_in_child_of(group: u64) -> bool {
    matches!(here(), Some(Position::Child(child)) if child.core().id() == group)
}

/// The child that this code runs in, or the nearest further out.
pub(in crate::group) fn nearest_child() -> Option<ChildInfo> {
    let here = here()?;
    here.enclosing().find_map(|position| match position {
        Position::Child(child) => Some(child.info()),
        _ => None,
    })
}

/// The child of this group that this code runs in, however far out that is.
pub(in crate::group) fn child_around(core: &Arc<Core>) -> Option<CellRef> {
    let here = here()?;
    here.enclosing().find_map(|position| match position {
        Position::Child(child) if Arc::ptr_eq(child.core(), core) => Some(child.clone()),
        _ => None,
    })
}

impl Position {
    /// The child or body whose code this is. No two have the same, whenever they were there.
    pub(crate) fn code(&self) -> Option<KeyId> {
        match self {
            Self::Child(child) => Some(child.id()),
            Self::Body(core) => Some(KeyId {
                group: core.id(),
                child: KeyId::BODY,
            }),
            Self::Behind(surrounding) => surrounding.outside()?.code(),
        }
    }

    /// The same for the code that polls this, and is polled by no other.
    fn task(&self) -> Option<KeyId> {
        let all = std::iter::successors(Some(self), |position| match position {
            Self::Child(_) => None,
            Self::Body(_) | Self::Behind(_) => position.outside(),
        });
        all.last()?.code()
    }

    /// Why the code in this position is cancelled, if it is.
    pub(crate) fn reason(&self) -> Option<CancelReason> {
        self.find(|position, outside| {
            let reason = match position {
                Self::Child(child) => child.own_reason().or_else(|| child.core().known_reason()),
                Self::Body(core) => core.known_reason(),
                Self::Behind(surrounding) => surrounding.reason(),
            }?;
            Some(if outside { reason.inherited() } else { reason })
        })
    }

    /// Goes outwards until `look` finds something, or to the first screen. `look` is told whether it is in another group by
    /// then. From a pending start it goes into the child, and then out to the caller.
    fn find<R>(&self, mut look: impl FnMut(&Self, bool) -> Option<R>) -> Option<R> {
        let mut beside: Vec<(Self, bool)> = Vec::new();
        // Each is passed once, though a caller may be inside of a start that it waits for.
        let mut passed: Vec<*const ()> = Vec::new();
        let mut begin: Option<(Self, bool)> = None;
        loop {
            let (mut next, mut outside) = match &begin {
                None => (Some(self), false),
                Some((position, outside)) => (Some(position), *outside),
            };
            while let Some(position) = next {
                let found = look(position, outside);
                if found.is_some() {
                    return found;
                }
                next = match position {
                    Self::Behind(surrounding) if surrounding.is_screen() => None,
                    Self::Behind(surrounding) => {
                        let it = Arc::as_ptr(&surrounding.0).cast();
                        if passed.contains(&it) {
                            break;
                        }
                        passed.push(it);
                        beside.extend(surrounding.beside().map(|position| (position, outside)));
                        surrounding.outside()
                    }
                    Self::Child(_) | Self::Body(_) => {
                        outside = true;
                        position.outside()
                    }
                };
            }
            begin = Some(beside.pop()?);
        }
    }

    /// Cancels each group out here whose deadline has passed, whether or not an alarm has rung.
    pub(in crate::group) fn looks_at_clock(&self) {
        let _ = self.find(|position, _| {
            let core = position.core()?;
            if let Some(overdue) = core.overdue() {
                core.cancel(overdue);
            }
            None::<()>
        });
    }

    /// Makes the tokens of all that this position is in, so that each finds that of the next. From outside, one after the other.
    pub(in crate::group) fn make_tokens(&self) {
        let mut without = Vec::new();
        let _ = self.find(|position, _| {
            let core = position.core()?;
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
            Self::Behind(surrounding) => Arc::clone(&*surrounding.0).token(),
        }
    }

    /// The limiter whose permits the children of a group hold: of the nearest one that this position is in a child of.
    pub(crate) fn limiter(&self) -> Option<CapacityLimiter> {
        self.enclosing().find_map(|position| match position {
            Self::Child(child) => {
                let core = child.core();
                let limiter = || core.read(|sched| sched.limit.limiter().cloned());
                core.is_limited().then(limiter).flatten()
            }
            Self::Body(_) | Self::Behind(_) => None,
        })
    }

    /// The earliest deadline of all that this position is in.
    pub(crate) fn deadline(&self) -> Deadline {
        let mut earliest = Deadline::NEVER;
        let _ = self.find(|position, _| {
            earliest = earliest.min(match position {
                Self::Child(child) => child.core().own_deadline(),
                Self::Body(core) => core.own_deadline(),
                Self::Behind(surrounding) => surrounding.deadline(),
            });
            None::<()>
        });
        earliest
    }

    /// The group of the child or body. None of what stands between.
    pub(in crate::group) fn core(&self) -> Option<&Arc<Core>> {
        match self {
            Self::Child(child) => Some(child.core()),
            Self::Body(core) => Some(core),
            Self::Behind(_) => None,
        }
    }

    /// This position and all that it is in, outwards.
    pub(in crate::group) fn enclosing(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |position| position.outside())
    }

    /// The position that this one is in.
    pub(in crate::group) fn outside(&self) -> Option<&Position> {
        match self {
            Self::Child(child) => child.core().parent(),
            Self::Body(core) => core.parent(),
            Self::Behind(surrounding) => surrounding.outside(),
        }
    }

    /// This position, or the nearest outside, that a cancel drops. None behind a shield, and none where there is only the body
    /// of a scope that has to give its value.
    pub(in crate::group) fn dropped_by_cancel(&self) -> Option<&Position> {
        let mut position = self;
        loop {
            position = match position {
                Self::Behind(surrounding) if surrounding.is_screen() => return None,
                Self::Child(_) | Self::Behind(_) => return Some(position),
                Self::Body(core) if core.drops_body() => return Some(position),
                Self::Body(core) => core.parent()?,
            };
        }
    }

    /// Is the code here to be dropped, with this position or one further out, now or when nothing holds it any more? A shield that
    /// stands keeps that from what is behind it.
    pub(in crate::group) fn is_to_go(&self) -> bool {
        self.outwards().any(|position| match position {
            Self::Child(child) => child.is_to_go(),
            Self::Body(core) => core.is_body_to_go(),
            Self::Behind(_) => false,
        })
    }

    /// Is it to be dropped whatever holds it: with its owner, say?
    pub(in crate::group) fn is_forced(&self) -> bool {
        self.outwards().any(|position| match position {
            Self::Child(child) => child.is_forced() || child.core().holds_nothing(),
            Self::Body(core) => core.holds_nothing(),
            Self::Behind(_) => false,
        })
    }

    /// Is it to be dropped at this suspension, since nothing holds it?
    pub(in crate::group) fn is_doomed(&self) -> bool {
        self.outwards().any(|position| match position {
            Self::Child(child) => child.is_doomed(),
            Self::Body(core) => core.dooms_body(),
            Self::Behind(_) => false,
        })
    }

    /// Sees to it that a cancel by one of the tokens is a cancel of what they are of: a task that was woken by a token may come
    /// before the callback that does it.
    pub(in crate::group) fn heed_tokens(&self) {
        self.outwards().for_each(|position| match position {
            Self::Child(child) => {
                child.core().heeds_token();
                child.heeds_token();
            }
            Self::Body(core) => core.heeds_token(),
            Self::Behind(surrounding) => surrounding.heeds_token(),
        });
    }

    /// This position and those that it is in, up to a shield that stands.
    fn outwards(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |position| match position {
            Self::Behind(surrounding) if surrounding.holds_off() => None,
            position => position.outside(),
        })
    }

    /// Drops it without waiting for the end of its grace.
    pub(in crate::group) fn gives_up(&self) {
        match self {
            Self::Child(child) => child.gives_up(),
            Self::Body(core) => core.with(|sched, effects| sched.body_gives_up(effects)),
            Self::Behind(surrounding) => surrounding.gives_up(),
        }
    }
}

/// The token that turns when the code in a position is cancelled.
pub(in crate::group) fn token_of(position: Option<&Position>) -> CancelToken {
    position.map_or_else(CancelToken::new, Position::token)
}

/// The earliest deadline of all that a position is in.
pub(in crate::group) fn deadline_of(position: Option<&Position>) -> Deadline {
    position.map_or(Deadline::NEVER, Position::deadline)
}
