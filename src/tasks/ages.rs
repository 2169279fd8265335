//! When tasks were created, kept in little room whatever their number: marks in the sequence of their numbers.
//!
//! A task is as old as the last mark before it. There is a mark for each millisecond in which tasks were created; old marks
//! are thinned out, so that an age is wrong by a thirty-second part of itself at most.

use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crate::std_or_loom::Lock;

/// How far apart the marks are that are set.
const STEP: Duration = Duration::from_millis(1);
/// The part of an age by which it may be wrong.
const PART: u32 = 32;
/// Fewer marks than this are not thinned out.
const FEW: usize = 64;

/// When the tasks of one group were created.
pub(super) struct Ages {
    began: Instant,
    /// When the last mark was set, in microseconds since `began`; `u64::MAX` before the first.
    last: AtomicU64,
    marks: Lock<Marks>,
}

#[derive(Default)]
struct Marks {
    /// The number of the first task, and when that was. Both grow.
    list: VecDeque<(u64, Instant)>,
    thin_at: usize,
}

impl Ages {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            began: now,
            last: AtomicU64::new(u64::MAX),
            marks: Lock::default(),
        }
    }

    /// A task with this number was created.
    pub(super) fn note(&self, number: u64, now: Instant) {
        let since = now.saturating_duration_since(self.began);
        let since = since.as_secs().saturating_mul(1_000_000) + u64::from(since.subsec_micros());
        // Only a hint: a thread that is wrong about it sets a mark too many or too few, for tasks that came at the same time.
        let last = self.last.load(Relaxed);
        let step = STEP.as_micros() as u64;
        if last != u64::MAX && since < last.saturating_add(step) {
            return;
        }
        self.last.store(since, Relaxed);
        self.marks.lock().set(number, now);
    }

    /// How old a task is.
    pub(super) fn age(&self, number: u64, now: Instant) -> Duration {
        let born = self.marks.lock().before(number);
        born.map_or(Duration::ZERO, |born| now.saturating_duration_since(born))
    }
}

impl Marks {
    fn set(&mut self, number: u64, now: Instant) {
        if self.list.back().is_some_and(|last| *last >= (number, now)) {
            return;
        }
        self.list.push_back((number, now));
        if self.list.len() > self.thin_at.max(FEW) {
            self.thin(now);
            self.thin_at = 2 * self.list.len();
        }
    }

    /// Releases each mark whose tasks are old enough to be taken for those of the mark before it: whatever was born
    /// up to the next mark then counts as at most `PART` of its age older than it is.
    fn thin(&mut self, now: Instant) {
        let all = std::mem::take(&mut self.list);
        for (index, mark) in all.iter().enumerate() {
            let around = self.list.back().zip(all.get(index + 1));
            let dispensable = around.is_some_and(|(before, next)| {
                let apart = next.1.saturating_duration_since(before.1);
                apart <= now.saturating_duration_since(next.1) / PART
            });
            if !dispensable {
                self.list.push_back(*mark);
            }
        }
    }

    fn before(&self, number: u64) -> Option<Instant> {
        let after = self.list.partition_point(|(first, _)| *first <= number);
        let at = after.saturating_sub(1);
        self.list.get(at).map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_known_to_a_millisecond() {
        let began = Instant::now();
        let ages = Ages::new(began);
        let at = |ms| began + Duration::from_millis(ms);
        for (number, ms) in [(1, 0), (2, 0), (3, 10), (4, 25)] {
            ages.note(number, at(ms));
        }
        let ages: Vec<_> = (1..=4)
            .map(|number| ages.age(number, at(30)).as_millis())
            .collect();
        assert_eq!(ages, [30, 30, 20, 5]);
    }

    #[test]
    fn a_century_of_tasks_takes_little_room_and_ages_stay_about_right() {
        let began = Instant::now();
        let ages = Ages::new(began);
        let mut elapsed = Duration::ZERO;
        let mut notes = Vec::new();
        let mut number = 0;
        while elapsed < Duration::from_secs(100 * 365 * 24 * 3600) {
            number += 1;
            ages.note(number, began + elapsed);
            notes.push((number, elapsed));
            // Quick bursts at first, then less and less.
            elapsed += Duration::from_millis(1) + elapsed / 5000;
        }
        assert!(ages.marks.lock().list.len() < 2000);
        for (number, born) in notes {
            let (age, real) = (ages.age(number, began + elapsed), elapsed - born);
            assert!(age >= real, "{age:?} {real:?}");
            assert!(age - real <= STEP + real / PART, "{age:?} {real:?}");
        }
    }

    #[test]
    fn numbers_that_come_out_of_turn_do_no_harm() {
        let began = Instant::now();
        let ages = Ages::new(began);
        ages.note(5, began + STEP);
        ages.note(4, began + 2 * STEP);
        ages.note(6, began);
        assert_eq!(ages.age(4, began + 3 * STEP), 2 * STEP);
        assert_eq!(ages.age(9, began + 3 * STEP), 2 * STEP);
        assert_eq!(ages.age(9, began), Duration::ZERO);
    }
}
