//! How long a turn is: of a driver, or of an owner that polls children.
//!
//! 1. A turn ends after so many polls, and after so much time, measured where polls turn out to be slow.
//! 2. In a turn in which a child has yielded, no child is polled that was woken since the turn began. So nobody is polled twice that
//!    yields, and the next turn begins with the others.
//! 3. A driver or owner that ends its turn with something left to do lets the runtime look at its timers and sockets, if that was not done a
//!    moment ago. Where turns are short, one in a few looks at the clock for that.

use std::cell::Cell;
// Not loom's: a hint, of which any value is right.
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::std_or_loom::per_thread;
use crate::turn;

/// How many children are polled or dropped in one turn.
pub(in crate::group) const MOST: usize = 64;
/// How long a turn lasts, and the one poll that goes beyond.
const LONGEST: Duration = Duration::from_micros(100);
/// When the clock is looked at for the first time, where polls have not been slow. Afterwards each time their number doubles.
const FIRST_LOOK: usize = 8;
/// How many turns end without a look at the clock where they are short.
const UNLOOKED: u8 = 8;

/// What is known of the turns of a group.
pub(crate) struct Pace {
    /// A turn took too long: the clock is looked at from the first poll on.
    is_slow: AtomicBool,
    /// An owner's turn ended because the executor's was over: in its next turn it polls children before it does anything else.
    children_first: AtomicBool,
}

impl Pace {
    #[inline]
    pub(crate) fn new() -> Self {
        Self {
            is_slow: AtomicBool::new(false),
            children_first: AtomicBool::new(false),
        }
    }

    /// The executor says that an owner's turn is over: whatever came first in this turn is not to come first in each.
    pub(in crate::group) fn turn_about(&self, began_with_children: bool) {
        self.children_first.store(!began_with_children, Relaxed);
    }

    /// Does an owner begin with the children this time?
    #[inline]
    pub(in crate::group) fn begins_with_children(&self) -> bool {
        self.children_first.load(Relaxed) && self.children_first.swap(false, Relaxed)
    }
}

per_thread! {
    // How many turns may end on this thread without a look at the clock, and when the runtime was let look at its timers.
    static GAVE_WAY: Cell<(u8, Option<Instant>)> = const { Cell::new((0, None)) };
}

/// Ends the turn of a task that has more to do.
pub(crate) fn give_way(waker: &Waker) {
    if let Ok((unlooked @ 1.., last)) = GAVE_WAY.try_with(Cell::get) {
        let _ = GAVE_WAY.try_with(|gave_way| gave_way.set((unlooked - 1, last)));
        return waker.wake_by_ref();
    }
    look(waker);
}

#[cold]
fn look(waker: &Waker) {
    let Some(now) = turn::now() else {
        return waker.wake_by_ref();
    };
    let last = GAVE_WAY
        .try_with(|gave_way| gave_way.get().1)
        .ok()
        .flatten();
    let is_soon = last.is_some_and(|last| now.saturating_duration_since(last) < LONGEST);
    let next = if is_soon {
        (UNLOOKED, last)
    } else {
        (0, Some(now))
    };
    let _ = GAVE_WAY.try_with(|gave_way| gave_way.set(next));
    if is_soon {
        waker.wake_by_ref();
    } else {
        turn::yields(waker);
    }
}

/// What is used up of a turn.
pub(crate) struct Spent {
    polls: usize,
    next_look: usize,
    began: Option<Instant>,
    /// How many children had come into the queue when the round began.
    came: Option<u64>,
    has_yielded: bool,
    has_helped: bool,
}

impl Spent {
    #[inline]
    pub(crate) fn new(pace: &Pace) -> Self {
        let mut spent = Self {
            polls: 0,
            next_look: FIRST_LOOK,
            began: None,
            came: None,
            has_yielded: false,
            has_helped: false,
        };
        if pace.is_slow.load(Relaxed) {
            spent.next_look = 1;
            spent.began = turn::now();
        }
        spent
    }

    /// One more was polled or dropped. `true`: the turn is over.
    #[inline]
    pub(crate) fn one_more(&mut self, pace: &Pace) -> bool {
        self.polls += 1;
        self.polls >= self.next_look && self.looks(pace)
    }

    #[cold]
    fn looks(&mut self, pace: &Pace) -> bool {
        self.next_look *= 2;
        if self.polls >= MOST {
            return true;
        }
        let Some(now) = turn::now() else {
            return false;
        };
        let began = *self.began.get_or_insert(now);
        let is_over = now.saturating_duration_since(began) >= LONGEST;
        if is_over || self.polls >= FIRST_LOOK {
            pace.is_slow.store(is_over, Relaxed);
        }
        if is_over {
            let _ = GAVE_WAY.try_with(|gave_way| gave_way.set((0, gave_way.get().1)));
        }
        is_over
    }

    /// Takes a child over from a driver that is busy: once in a turn.
    #[cold]
    pub(in crate::group) fn helps(&mut self) -> bool {
        !std::mem::replace(&mut self.has_helped, true)
    }

    /// A child was woken while it was polled.
    #[inline]
    pub(in crate::group) fn child_yields(&mut self) {
        self.has_yielded = true;
    }

    /// How many children may be polled now, where so many have left the queue and so many have come into it. None: the turn is
    /// over, as far as it is for those in the queue.
    #[inline]
    pub(in crate::group) fn room(&mut self, left: u64, came: u64) -> usize {
        let mut until = *self.came.get_or_insert(came);
        if left >= until && !self.has_yielded {
            until = came;
            self.came = Some(came);
        }
        let room = usize::try_from(until.saturating_sub(left)).unwrap_or(usize::MAX);
        room.min(MOST.saturating_sub(self.polls))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_has_a_bounded_number_of_polls() {
        let pace = Pace::new();
        let mut spent = Spent::new(&pace);
        let polls = (1..).find(|_| spent.one_more(&pace));
        assert!(polls.is_some_and(|polls| polls <= MOST), "{polls:?}");
    }

    #[test]
    fn what_came_since_the_turn_began_waits_once_a_child_has_yielded() {
        let mut spent = Spent::new(&Pace::new());
        assert_eq!(spent.room(0, 3), 3);
        assert_eq!(spent.room(3, 5), 2, "another round");
        spent.child_yields();
        assert_eq!(spent.room(4, 6), 1);
        assert_eq!(spent.room(5, 7), 0);
    }

    #[test]
    fn where_polls_are_slow_the_clock_is_looked_at_from_the_first_on() {
        let pace = Pace::new();
        pace.is_slow.store(true, Relaxed);
        let mut spent = Spent::new(&pace);
        spent.began = spent.began.and_then(|began| began.checked_sub(LONGEST));
        assert!(spent.one_more(&pace) && pace.is_slow.load(Relaxed));
        // Where they are not any more, that is over after a few.
        let mut spent = Spent::new(&pace);
        spent.began = Some(Instant::now() + LONGEST);
        assert!((0..FIRST_LOOK).all(|_| !spent.one_more(&pace)));
        assert!(!pace.is_slow.load(Relaxed));
    }
}
