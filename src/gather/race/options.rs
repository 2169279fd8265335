//! Joins and races from [`GroupOptions`].

use std::panic::Location;

use super::calls_of::CallsOf;
use super::completion_queue::Ways;
use super::join::{FirstOk, JoinWith, Quorum, Race, Reading, StartJoin};
use super::joiner::{self, Joiner, Winner, too_few};
use crate::error::Outcome;
use crate::gather::site::{lose_outcome, lose_value};
use crate::group::{GroupOptions, Inline, InlineLocal, Origin, Shared, State, Uncut, sift};
use crate::scope::ScopeFuture;

/// Calls that give values.
fn values<T>() -> Reading<T, T, std::convert::Infallible> {
    Reading {
        read: Outcome::Ok,
        ways: Ways {
            sift: Ok,
            lose: |value, _| lose_value(value),
        },
    }
}

/// Calls that give values or errors.
fn results<T, E>() -> Reading<Result<T, E>, T, E> {
    Reading {
        read: Outcome::from,
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

/// What the three kinds of join have in common: their calls, and the scope behind them.
macro_rules! start {
    ($self:ident, $origin:ident, $joiner:expr, $calls:ident, $reading:expr, $lacks:expr, |$count:ident| $check:expr) => {{
        let location = Location::caller();
        let ready = $calls.ready();
        let $count = C::count(&ready);
        $check;
        let start = StartJoin::new::<S, C>(
            ready,
            $joiner,
            $reading,
            $lacks,
            $self.collects_panics(),
            location,
        );
        ScopeFuture::new(Origin::$origin($self, location), start)
    }};
}

impl<M: State> GroupOptions<Shared, M> {
    /// [`join_with`](crate::join_with) with these options.
    #[track_caller]
    pub fn join_with<S, T, E, J, C>(
        self,
        joiner: J,
        calls: C,
    ) -> JoinWith<'static, C::Ready, J, T, E, Shared>
    where
        J: Joiner<T, E>,
        C: CallsOf<'static, S, Result<T, E>>,
    {
        start!(
            self,
            shared,
            joiner,
            calls,
            results(),
            |_| None,
            |_count| {}
        )
    }

    /// [`race`](crate::race) with these options.
    ///
    /// # Panics
    ///
    /// If there are no calls.
    #[track_caller]
    pub fn race<S, T, C>(self, calls: C) -> Race<'static, C::Ready, T, Shared, M>
    where
        M: Uncut,
        C: CallsOf<'static, S, T>,
    {
        start!(
            self,
            shared,
            Winner::new(),
            calls,
            values(),
            Winner::lack,
            |count| { at_least_one(count, "race") }
        )
    }

    /// [`first_ok`](crate::first_ok) with these options.
    ///
    /// # Panics
    ///
    /// If there are no calls.
    #[track_caller]
    pub fn first_ok<S, T, E, C>(self, calls: C) -> FirstOk<'static, C::Ready, T, E, Shared>
    where
        C: CallsOf<'static, S, Result<T, E>>,
    {
        let joiner = joiner::FirstOk::new();
        start!(self, shared, joiner, calls, results(), |_| None, |count| {
            at_least_one(count, "first_ok")
        })
    }

    /// [`quorum`](crate::quorum) with these options.
    ///
    /// # Panics
    ///
    /// If there are fewer calls than values are needed.
    #[track_caller]
    pub fn quorum<S, T, E, C>(
        self,
        needed: usize,
        calls: C,
    ) -> Quorum<'static, C::Ready, T, E, Shared>
    where
        C: CallsOf<'static, S, Result<T, E>>,
    {
        let joiner = joiner::Quorum::new(needed);
        start!(self, shared, joiner, calls, results(), |_| None, |count| {
            if count < needed {
                too_few(needed, count)
            }
        })
    }

    /// [`inline_join_with`](crate::inline_join_with) with these options; [`on`](Self::on) has no meaning for it.
    #[track_caller]
    pub fn inline_join_with<'env, S, T, E, J, C>(
        self,
        joiner: J,
        calls: C,
    ) -> JoinWith<'env, C::Ready, J, T, E, Inline>
    where
        J: Joiner<T, E>,
        C: CallsOf<'env, S, Result<T, E>, Inline>,
    {
        start!(
            self,
            inline,
            joiner,
            calls,
            results(),
            |_| None,
            |_count| {}
        )
    }

    /// [`inline_race`](crate::inline_race) with these options; [`on`](Self::on) has no meaning for it.
    ///
    /// # Panics
    ///
    /// If there are no calls.
    #[track_caller]
    pub fn inline_race<'env, S, T, C>(self, calls: C) -> Race<'env, C::Ready, T, Inline, M>
    where
        M: Uncut,
        C: CallsOf<'env, S, T, Inline>,
    {
        start!(
            self,
            inline,
            Winner::new(),
            calls,
            values(),
            Winner::lack,
            |count| { at_least_one(count, "race") }
        )
    }

    /// [`inline_first_ok`](crate::inline_first_ok) with these options; [`on`](Self::on) has no meaning for it.
    ///
    /// # Panics
    ///
    /// If there are no calls.
    #[track_caller]
    pub fn inline_first_ok<'env, S, T, E, C>(
        self,
        calls: C,
    ) -> FirstOk<'env, C::Ready, T, E, Inline>
    where
        C: CallsOf<'env, S, Result<T, E>, Inline>,
    {
        let joiner = joiner::FirstOk::new();
        start!(self, inline, joiner, calls, results(), |_| None, |count| {
            at_least_one(count, "first_ok")
        })
    }

    /// [`inline_quorum`](crate::inline_quorum) with these options; [`on`](Self::on) has no meaning for it.
    ///
    /// # Panics
    ///
    /// If there are fewer calls than values are needed.
    #[track_caller]
    pub fn inline_quorum<'env, S, T, E, C>(
        self,
        needed: usize,
        calls: C,
    ) -> Quorum<'env, C::Ready, T, E, Inline>
    where
        C: CallsOf<'env, S, Result<T, E>, Inline>,
    {
        let joiner = joiner::Quorum::new(needed);
        start!(self, inline, joiner, calls, results(), |_| None, |count| {
            if count < needed {
                too_few(needed, count)
            }
        })
    }

    /// [`inline_join_with_local`](crate::inline_join_with_local) with these options; [`on`](Self::on) has no meaning for it.
    #[track_caller]
    pub fn inline_join_with_local<'env, S, T, E, J, C>(
        self,
        joiner: J,
        calls: C,
    ) -> JoinWith<'env, C::Ready, J, T, E, InlineLocal>
    where
        J: Joiner<T, E>,
        C: CallsOf<'env, S, Result<T, E>, InlineLocal>,
    {
        start!(
            self,
            inline,
            joiner,
            calls,
            results(),
            |_| None,
            |_count| {}
        )
    }

    /// [`inline_race_local`](crate::inline_race_local) with these options; [`on`](Self::on) has no meaning for it.
    ///
    /// # Panics
    ///
    /// If there are no calls.
    #[track_caller]
    pub fn inline_race_local<'env, S, T, C>(
        self,
        calls: C,
    ) -> Race<'env, C::Ready, T, InlineLocal, M>
    where
        M: Uncut,
        C: CallsOf<'env, S, T, InlineLocal>,
    {
        start!(
            self,
            inline,
            Winner::new(),
            calls,
            values(),
            Winner::lack,
            |count| { at_least_one(count, "race") }
        )
    }

    /// [`inline_first_ok_local`](crate::inline_first_ok_local) with these options; [`on`](Self::on) has no meaning for it.
    ///
    /// # Panics
    ///
    /// If there are no calls.
    #[track_caller]
    pub fn inline_first_ok_local<'env, S, T, E, C>(
        self,
        calls: C,
    ) -> FirstOk<'env, C::Ready, T, E, InlineLocal>
    where
        C: CallsOf<'env, S, Result<T, E>, InlineLocal>,
    {
        let joiner = joiner::FirstOk::new();
        start!(self, inline, joiner, calls, results(), |_| None, |count| {
            at_least_one(count, "first_ok")
        })
    }

    /// [`inline_quorum_local`](crate::inline_quorum_local) with these options; [`on`](Self::on) has no meaning for it.
    ///
    /// # Panics
    ///
    /// If there are fewer calls than values are needed.
    #[track_caller]
    pub fn inline_quorum_local<'env, S, T, E, C>(
        self,
        needed: usize,
        calls: C,
    ) -> Quorum<'env, C::Ready, T, E, InlineLocal>
    where
        C: CallsOf<'env, S, Result<T, E>, InlineLocal>,
    {
        let joiner = joiner::Quorum::new(needed);
        start!(self, inline, joiner, calls, results(), |_| None, |count| {
            if count < needed {
                too_few(needed, count)
            }
        })
    }
}
