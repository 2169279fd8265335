//! What a piece of work cost: wall time and, while they are counted, allocations and bytes.

use std::iter::Sum;
use std::ops::Add;
use std::time::{Duration, Instant};

use crate::alloc::{Counts, counts};

#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pub time: Duration,
    pub allocations: u64,
    /// Bytes asked for.
    pub allocated: u64,
    /// Bytes asked for and not given back.
    pub held: u64,
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            time: self.time + other.time,
            allocations: self.allocations + other.allocations,
            allocated: self.allocated + other.allocated,
            held: self.held + other.held,
        }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), Add::add)
    }
}

/// The part of a work that counts, from its beginning on.
#[derive(Debug)]
#[must_use = "the cost is known at the end: call `end`"]
pub struct Span {
    counts: Counts,
    began: Instant,
}

impl Span {
    pub fn begin() -> Self {
        Self {
            counts: counts(),
            began: Instant::now(),
        }
    }

    pub fn end(self) -> Cost {
        let time = self.began.elapsed();
        let now = counts();
        let allocated = now.allocated - self.counts.allocated;
        Cost {
            time,
            allocations: now.allocations - self.counts.allocations,
            allocated,
            held: allocated.saturating_sub(now.freed - self.counts.freed),
        }
    }
}
