//! How long a turn is: of a driver, or of an owner that polls children.
//!
//! 1. A turn ends after so many polls, and after so much time, measured where polls turn out to be slow.
//! 2. In a turn in which a child has yielded, no child is polled that was woken since the turn began. So nobody is polled twice that
//!    yields, and the next turn begins with the others.
//! 3. A driver or owner that ends its turn with something left to do lets the runtime look at its timers and sockets, if that was not done a
//!    moment ago. Where turns are short, one in a few looks at the clock for that.
//! 4. A group may have several drivers and an owner on one thread. Where turns are long, one that begins as another ends polls nobody and
//!    gives way: so others wait for one turn, and not for one of each.

use std::cell::Cell;
// Not loom's: a hint, of which any value is right.
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU8};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::std_or_loom::per_thread;
use crate::turn;

/// How many children are polled or dropped in one turn.
pub(in crate::group) const MOST: usize = 64;
/// How long a turn lasts, and the one poll that goes beyond.
const LONGEST: Duration = Duration::from_micros(100);
/// Between two turns in a row on one thread there is no longer time, if nobody else has had one.
const AT_ONCE: Duration = Duration::from_micros(10);
/// When the clock is looked at for the first time, where polls have not been slow. Afterwards each time their number doubles.
const FIRST_LOOK: usize = 8;
/// How many turns end without a look at the clock where they are short.
const UNLOOKED: u8 = 8;

/// A turn was short.
const SHORT: u8 = 0;
/// It may have been long: the clock is looked at from the first poll of the next one on.
const PERHAPS_LONG: u8 = 1;
/// It was too long: the same, and one that follows another at once stands back.
const LONG: u8 = 2;

/// What is known of the turns of a group.
pub(crate) struct Pace {
    /// What is known of the last turn: how long it was.
    last: AtomicU8,
    /// An owner's turn ended because the executor's was over: in its next turn it polls children before it does anything else.
    children_first: AtomicBool,
}

impl Pace {
    #[inline]
    pub(crate) fn new() -> Self {
        Self {
            last: AtomicU8::new(SHORT),
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

/// What is known of the turns that have ended on a thread.
#[derive(Clone, Copy)]
struct Ended {
    /// How many may end from now on without a look at the clock.
    unlooked: u8,
    /// When the runtime was let look at its timers.
    last: Option<Instant>,
    /// The one that began last polled nobody, since it followed another.
    stood_back: bool,
}

per_thread! {
    static ENDED: Cell<Ended> = const { Cell::new(Ended { unlooked: 0, last: None, stood_back: false }) };
}

fn ended() -> Option<Ended> {
    ENDED.try_with(Cell::get).ok()
}

fn set_ended(ended: Ended) {
    let _ = ENDED.try_with(|place| place.set(ended));
}

/// Ends the turn of a task that has more to do.
pub(crate) fn give_way(pace: &Pace, waker: &Waker) {
    match ended() {
        Some(ended) if ended.unlooked > 0 => {
            set_ended(Ended {
                unlooked: ended.unlooked - 1,
                ..ended
            });
            waker.wake_by_ref();
        }
        ended => look(pace, ended, waker),
    }
}

#[cold]
fn look(pace: &Pace, ended: Option<Ended>, waker: &Waker) {
    let (Some(ended), Some(now)) = (ended, turn::now()) else {
        return waker.wake_by_ref();
    };
    // One that stood back is no turn: whoever it stood back for goes first.
    let is_soon = !ended.stood_back && is_within(LONGEST, ended.last, now);
    // A turn of few polls ends without a look at the clock, however long they took. It was this one or somebody else's.
    if is_soon {
        pace.last.store(SHORT, Relaxed);
        set_ended(Ended {
            unlooked: UNLOOKED,
            ..ended
        });
        waker.wake_by_ref();
    } else {
        if pace.last.load(Relaxed) == SHORT {
            pace.last.store(PERHAPS_LONG, Relaxed);
        }
        set_ended(Ended {
            last: Some(now),
            ..ended
        });
        turn::yields(waker);
    }
}

fn is_within(time: Duration, last: Option<Instant>, now: Instant) -> bool {
    last.is_some_and(|last| now.saturating_duration_since(last) < time)
}

/// Has a turn on this thread ended just now, so that this one would double it? Not twice in a row.
#[cold]
fn stands_back(now: Instant) -> bool {
    let Some(ended) = ended() else {
        return false;
    };
    let stood_back = !ended.stood_back && is_within(AT_ONCE, ended.last, now);
    set_ended(Ended {
        stood_back,
        ..ended
    });
    stood_back
}

/// What is used up of a turn.
pub(crate) struct Spent {
    polls: usize,
    /// After so many polls nothing is left to poll, as far as is known.
    known: usize,
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
            known: 0,
            next_look: FIRST_LOOK,
            began: None,
            came: None,
            has_yielded: false,
            has_helped: false,
        };
        let last = pace.last.load(Relaxed);
        if last != SHORT {
            spent.next_look = 1;
            spent.began = turn::now();
            if last == LONG && spent.began.is_some_and(stands_back) {
                spent.polls = MOST;
            }
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
        // The first look is of use to a second alone.
        let is_last = self.began.is_none() && self.known < 2 * FIRST_LOOK;
        if is_last && self.polls < self.known {
            self.next_look = self.known + 1;
            return false;
        }
        self.next_look = (self.polls + 1).next_power_of_two();
        if self.polls >= MOST {
            return true;
        }
        let Some(now) = turn::now() else {
            return false;
        };
        let began = *self.began.get_or_insert(now);
        let is_over = now.saturating_duration_since(began) >= LONGEST;
        if is_over || self.polls >= FIRST_LOOK {
            let last = if is_over { LONG } else { SHORT };
            pace.last.store(last, Relaxed);
        }
        if is_over {
            if let Some(ended) = ended() {
                set_ended(Ended {
                    unlooked: 0,
                    ..ended
                });
            }
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

    /// So many are left to poll, as far as is known.
    #[inline]
    pub(crate) fn expects(&mut self, polls: usize) {
        self.known = self.polls.saturating_add(polls);
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
        self.expects(room);
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

    fn ended_before(last: Option<Instant>) {
        set_ended(Ended {
            unlooked: 0,
            last,
            stood_back: false,
        });
    }

    #[test]
    fn a_turn_that_would_have_one_look_has_none() {
        let polls_and_looks = |known: usize, polls: usize| {
            let (pace, mut spent) = (Pace::new(), Spent::new(&Pace::new()));
            spent.expects(known);
            let is_over = (0..polls).any(|_| spent.one_more(&pace));
            assert!(!is_over || polls >= MOST);
            spent.began.is_some()
        };
        assert!(!polls_and_looks(10, 10) && !polls_and_looks(15, 15));
        // More came than was known.
        assert!(polls_and_looks(10, 11) && polls_and_looks(0, 8) && polls_and_looks(16, 8));
    }

    #[test]
    fn a_turn_is_measured_if_the_one_before_may_have_been_slow() {
        // Too short for a look at the clock, whatever it took.
        let pace = Pace::new();
        let mut spent = Spent::new(&pace);
        assert!((1..FIRST_LOOK).all(|_| !spent.one_more(&pace)));
        ended_before(Instant::now().checked_sub(LONGEST));
        give_way(&pace, Waker::noop());
        assert_eq!(pace.last.load(Relaxed), PERHAPS_LONG);
        // A thread that is not run for a while finds that it is not soon.
        let is_soon = || {
            ended_before(Some(Instant::now()));
            give_way(&pace, Waker::noop());
            pace.last.load(Relaxed) == SHORT
        };
        assert!((0..100).any(|_| is_soon()));
    }

    #[test]
    fn a_long_turn_that_follows_another_stands_back_once() {
        let pace = Pace::new();
        let polls = || {
            let polls = Spent::new(&pace).room(0, 3) > 0;
            pace.last.store(LONG, Relaxed);
            give_way(&pace, Waker::noop());
            polls
        };
        ended_before(None);
        let turns: Vec<bool> = (0..1000).map(|_| polls()).collect();
        assert!(turns.windows(2).all(|two| two[0] || two[1]));
        assert!(turns.contains(&false));
        ended_before(Instant::now().checked_sub(LONGEST));
        assert!(polls());
    }

    #[test]
    fn where_polls_are_slow_the_clock_is_looked_at_from_the_first_on() {
        let pace = Pace::new();
        pace.last.store(LONG, Relaxed);
        let mut spent = Spent::new(&pace);
        spent.began = spent.began.and_then(|began| began.checked_sub(LONGEST));
        assert!(spent.one_more(&pace));
        assert_eq!(pace.last.load(Relaxed), LONG);
        // Where they are not any more, that is over after a few.
        let mut spent = Spent::new(&pace);
        spent.began = Some(Instant::now() + LONGEST);
        assert!((0..FIRST_LOOK).all(|_| !spent.one_more(&pace)));
        assert_eq!(pace.last.load(Relaxed), SHORT);
    }
}
