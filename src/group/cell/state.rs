//! The state word of a child: what each bit means, who sets it, and which go together.
//!
//! ```text
//!             spawn                      (1) run: a driver takes it from the queue
//!               │                        (2) suspend: the poll gave `Pending`
//!               ▼            (1)         (3) wake: to the queue, or seen by (2) at its end
//!        ┌─ SCHEDULED ────────────▶ RUNNING ─┐   (4) finish: value, error, panic; future dropped
//!        │      ▲  ▲                │  │  ▲  │   (5) claim: a cancel takes the place of a poll
//!        │      │  └──(2) woken─────┘  │  │  │   (6) finish: the future was dropped unfinished
//!        │  (3) │                 (2)  │  │  │(4)(6)
//!        │      └──────── idle ◀───────┘  │  ▼
//!        └──────────(5)─────┴─────────────┘  OVER
//! ```
//!
//! 1. The thread that sets `RUNNING` has the stage to itself until it clears the bit, and no other touches it; but if the end is a failure
//!    only until it makes a `Failed` of it. From there on that has the stage to itself, also while `RUNNING` is still on: the group
//!    gets it under its lock, which orders the two.
//! 2. `OVER` is set once, by the thread that holds `RUNNING`, together with the end; no bit of the end changes afterwards. The stage
//!    holds the end by then, and nobody puts another there; a failure may have been taken out already (1).
//! 3. The thread that turns `SCHEDULED` on while neither `RUNNING` nor `OVER` is set brings the child to the queue, with a
//!    reference of its own. Nobody else does but the driver that gives a batch back, so a child is in the queue at most
//!    once for that and once for each batch. The one that turns it off polls the child, the others only drop a reference.
//! 4. While `WAITER` is off the waiter's slot belongs to the key; while it is on and `OVER` is off, to nobody; the step
//!    that sets `OVER` and finds it on owns the slot from there.
//! 5. `KEY` goes off once, or was never on. Off before `OVER`: the thread that sets `OVER` releases the value. Off after it: the key does.
//! 6. An end is counted once: one that is untold by the thread that, under the group's lock, finds the child on the live list; any other
//!    by the one that set `OVER`.

use std::fmt;

/// It is in the queue or in line, or its waker is bringing it there.
pub(super) const SCHEDULED: usize = 1;
/// It is being polled, or its future is being dropped.
pub(super) const RUNNING: usize = 1 << 1;
/// Its future is dropped and its end stands in the stage.
pub(super) const OVER: usize = 1 << 2;
/// It is not to be polled again: the holder of `RUNNING`, or the next, drops the future, unless `SHIELD` holds that off.
pub(super) const CANCEL: usize = 1 << 3;
/// Its key exists, so its value is kept.
pub(super) const KEY: usize = 1 << 4;
/// The waiter's slot holds the waker of a task that awaits the key.
pub(super) const WAITER: usize = 1 << 5;
/// It has not started, since the group's limit is reached. Nothing holds off its drop.
pub(super) const LINE: usize = 1 << 6;

/// A shield holds off the drop, or a grace of its own: it is polled although `CANCEL` is on.
pub(super) const SHIELD: usize = 1 << 7;
/// No shield holds off anything any more: the group has lost its owner or all who could poll, or somebody asked for that.
pub(super) const DOOM: usize = 1 << 8;
/// It is cancelled when only its like are left. Set when it is made, or never.
pub(super) const BACKGROUND: usize = 1 << 9;

const END_SHIFT: u32 = 10;
const END_MASK: usize = 0b11 << END_SHIFT;
/// It gave a value, and its end is not counted yet: that is left to the next thread that asks.
const UNTOLD: usize = 1 << 12;
/// In the place of the end of one that is untold: it had no key any more, and its value was released.
const LOOSE: usize = 1 << END_SHIFT;

/// One reference; the count fills the bits above the flags.
pub(super) const REF: usize = 1 << 13;
/// A count beyond this is a leak of references in a loop; the process ends before it can wrap. On 32 bits that is at 262,144
/// references to one child.
pub(super) const TOO_MANY: usize = usize::MAX / 2;

/// How a child ended.
///
/// # Examples
///
/// ```
/// use ingather::types::Ending;
/// use ingather::{GatherGroup, block_on};
///
/// let group: GatherGroup<&str> = GatherGroup::fallible();
/// group.try_spawn(async { Err::<(), _>("no") });
/// let ending = block_on(group.next()).map(|over| over.ending());
/// assert_eq!(ending, Some(Ending::Failed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// With a value.
    Value = 0,
    /// With an error that failed the group.
    Failed = 1,
    /// With a panic.
    Panicked = 2,
    /// It was cancelled.
    Cancelled = 3,
}

impl Ending {
    /// Where the state word keeps it, from the moment that `OVER` is set.
    #[inline]
    pub(super) fn bits(self) -> usize {
        (self as usize) << END_SHIFT
    }
}

/// What stands in that place for a value of which the group was not told.
#[inline]
pub(super) fn untold(kept: bool) -> usize {
    if kept { UNTOLD } else { UNTOLD | LOOSE }
}

/// One reading of a state word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Snapshot(pub(super) usize);

impl Snapshot {
    #[inline]
    pub(super) fn has(self, bits: usize) -> bool {
        self.0 & bits != 0
    }

    /// Is it to be dropped instead of being polled?
    #[inline]
    pub(super) fn is_to_go(self) -> bool {
        self.has(CANCEL) && (!self.has(SHIELD) || self.has(DOOM | LINE))
    }

    #[inline]
    pub(super) fn refs(self) -> usize {
        self.0 / REF
    }

    /// The end, once `OVER` is set.
    #[inline]
    pub(super) fn end(self) -> Option<Ending> {
        let ending = match (self.0 & END_MASK) >> END_SHIFT {
            _ if self.has(UNTOLD) => Ending::Value,
            0 => Ending::Value,
            1 => Ending::Failed,
            2 => Ending::Panicked,
            _ => Ending::Cancelled,
        };
        self.has(OVER).then_some(ending)
    }

    /// Is it over, and the group may not have been told? Then whether the value was kept for a key.
    #[inline]
    pub(super) fn untold(self) -> Option<bool> {
        self.has(UNTOLD).then_some(!self.has(LOOSE))
    }

    /// Does it wait for the next holder of `RUNNING`?
    #[inline]
    pub(super) fn is_waiting(self) -> bool {
        self.0 & (SCHEDULED | RUNNING | OVER) == SCHEDULED
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (SCHEDULED, "scheduled"),
            (RUNNING, "running"),
            (CANCEL, "cancel"),
            (KEY, "key"),
            (WAITER, "waiter"),
            (LINE, "line"),
            (SHIELD, "shield"),
            (DOOM, "doom"),
            (BACKGROUND, "background"),
        ];
        for (bit, name) in names {
            if self.has(bit) {
                write!(f, "{name} ")?;
            }
        }
        if let Some(end) = self.end() {
            write!(f, "over={end:?} ")?;
        }
        write!(f, "refs={}", self.refs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_decodes_its_bits() {
        let state = Snapshot(SCHEDULED | KEY | OVER | Ending::Cancelled.bits() | (3 * REF));
        assert_eq!(state.end(), Some(Ending::Cancelled));
        assert_eq!(format!("{state:?}"), "scheduled key over=Cancelled refs=3");
        assert_eq!(Snapshot(RUNNING | REF).end(), None);
    }

    #[test]
    fn an_end_that_is_untold_is_a_value() {
        for kept in [true, false] {
            let state = Snapshot(OVER | untold(kept) | REF);
            assert_eq!(
                (state.end(), state.untold()),
                (Some(Ending::Value), Some(kept))
            );
        }
        assert_eq!(Snapshot(OVER | Ending::Value.bits()).untold(), None);
    }
}
