//! Joins and races from [`GroupOptions`].

use std::panic::Location;

use super::calls_of::CallsOf;
use super::completion_queue::Ways;
use super::join::{FirstOk, JoinWith, Joins, Lacks, Quorum, Race, Reads, StartJoin};
use super::joiner::{self, Joiner, Winner, too_few};
use super::raced::{Enters, Terms};
use crate::error::Outcome;
use crate::gather::site::{lose_outcome, lose_value};
use crate::group::{Awaited, Borrows, GroupOptions, Origin, State, Uncut, sift};
use crate::scope::ScopeFuture;

/// What is read of a call that gave an `O`, whether that is a value, and what becomes of it otherwise.
struct Reading<O, T, E> {
    reads: Reads<O, T, E>,
    is_value: fn(&O) -> bool,
    ways: Ways<O>,
}

/// Calls that give values.
fn values<T>() -> Reading<T, T, std::convert::Infallible> {
    Reading {
        reads: Outcome::Ok,
        is_value: |_| true,
        ways: Ways {
            sift: Ok,
            lose: |value, _| lose_value(value),
        },
    }
}

/// Calls that give values or errors.
fn results<T, E>() -> Reading<Result<T, E>, T, E> {
    Reading {
        reads: Outcome::from,
        is_value: Result::is_ok,
        ways: Ways {
            sift: |result| match result {
                Ok(value) => Ok(Ok(value)),
                Err(error) => sift(error).map(Err).map_err(|handed_on| handed_on.reason),
            },
            lose: |result, child| lose_outcome(Outcome::from(result), child),
        },
    }
}

#[track_caller]
fn at_least_one(count: usize, what: &str) {
    assert!(
        count > 0,
        "`{what}` needs at least one call: of none there is no first"
    );
}

impl<K: Awaited, M: State> GroupOptions<K, M> {
    /// [`join_with`](crate::joiner::join_with) with these options.
    #[track_caller]
    pub fn join_with<'env, S, T, E, J, C>(
        self,
        joiner: J,
        calls: C,
    ) -> JoinWith<'env, C::Ready, J, T, E, K>
    where
        K: Borrows<'env>,
        J: Joiner<T, E>,
        C: CallsOf<'env, S, Result<T, E>, K>,
    {
        self.join_all(calls, (joiner, 0), results(), |_| None, |_count| {})
    }

    /// [`race`](crate::race) with these options.
    ///
    /// # Panics
    ///
    /// If there are no calls.
    #[track_caller]
    pub fn race<'env, S, T, C>(self, calls: C) -> Race<'env, C::Ready, T, K, M>
    where
        K: Borrows<'env>,
        M: Uncut,
        C: CallsOf<'env, S, T, K>,
    {
        let check = |count| at_least_one(count, "race");
        let joiner = (Winner::new(), 1);
        self.join_all(calls, joiner, values(), Winner::lack, check)
    }

    /// [`first_ok`](crate::first_ok) with these options.
    ///
    /// # Panics
    ///
    /// If there are no calls.
    #[track_caller]
    pub fn first_ok<'env, S, T, E, C>(self, calls: C) -> FirstOk<'env, C::Ready, T, E, K>
    where
        K: Borrows<'env>,
        C: CallsOf<'env, S, Result<T, E>, K>,
    {
        let joiner = (joiner::FirstOk::new(), 1);
        let check = |count| at_least_one(count, "first_ok");
        self.join_all(calls, joiner, results(), |_| None, check)
    }

    /// [`quorum`](crate::quorum) with these options.
    ///
    /// # Panics
    ///
    /// If there are fewer calls than values are needed.
    #[track_caller]
    pub fn quorum<'env, S, T, E, C>(
        self,
        needed: usize,
        calls: C,
    ) -> Quorum<'env, C::Ready, T, E, K>
    where
        K: Borrows<'env>,
        C: CallsOf<'env, S, Result<T, E>, K>,
    {
        let joiner = (joiner::Quorum::new(needed), needed);
        let check = |count| {
            if count < needed {
                too_few(needed, count);
            }
        };
        self.join_all(calls, joiner, results(), |_| None, check)
    }

    /// What all of them have in common: the calls, once their number is checked, and the scope behind them. The joiner comes with the
    /// number of values that it needs, see [`Terms`].
    #[track_caller]
    fn join_all<'env, S, C, J, O, T, E>(
        self,
        calls: C,
        (joiner, needed): (J, usize),
        reading: Reading<O, T, E>,
        lacks: Lacks<J>,
        check: impl FnOnce(usize),
    ) -> Joins<'env, C::Ready, J, O, T, E, K>
    where
        K: Borrows<'env>,
        J: Joiner<T, E>,
        C: CallsOf<'env, S, O, K>,
    {
        let location = Location::caller();
        let ready = calls.ready(Terms {
            needed,
            is_value: reading.is_value,
            collects_panics: self.collects_panics(),
            ways: reading.ways,
        });
        check(ready.count());
        let start = StartJoin::new(ready, joiner, reading.reads, lacks, location);
        ScopeFuture::new(Origin::new(self, location), start)
    }
}
