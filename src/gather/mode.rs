//! What each call of a gather gives: its value, its value or error, or its outcome.

use std::convert::Infallible;
use std::future::Future;
use std::panic::Location;

use super::site::{lose_outcome, lose_value};
use crate::error::{ChildInfo, GatherIncomplete, Outcome};
use crate::group::{Accepts, Kind, Queued, Scope, Shared, TakesIn};

/// The mode of [`gather`](crate::gather()): each call gives its value.
#[derive(Debug)]
pub struct Values(Infallible);

/// The mode of [`try_gather`](crate::try_gather): each call gives a value or fails.
#[derive(Debug)]
pub struct Trying(Infallible);

/// The mode of [`gather_settled`](crate::gather_settled): each call gives its outcome.
#[derive(Debug)]
pub struct Settling(Infallible);

/// What a mode makes of what a call gives: an `O`.
#[expect(unnameable_types, reason = "it is a sealed trait")]
pub trait Of<O> {
    /// What the gather fails with. It is no part of the mode, so that a lifetime in it is seen in one place only.
    type Error;
    /// What the child's key gives.
    type Value;
    /// Is this a value, so that nobody has to know of the end of the call?
    fn is_value(_output: &O) -> bool {
        true
    }
    /// What the key of a call that gave this value would give.
    fn value_of(output: O) -> Result<Self::Value, GatherIncomplete>;
}

/// What the key of a call with the future `F` gives.
pub(super) type ValueOf<M, F> = <M as Of<<F as Future>::Output>>::Value;

/// What a mode makes of a call with the future `F`, which gives an `O`.
#[expect(unnameable_types, reason = "it is a sealed trait")]
pub trait ModeOf<'env, F: Future<Output = O>, O, K: Kind = Shared>: Of<O> {
    #[expect(private_bounds, private_interfaces, reason = "the trait is sealed")]
    fn start<A: TakesIn>(
        tg: &Scope<'env, Self::Error, K>,
        location: &'static Location<'static>,
        future: F,
    ) -> A::Taken<Self::Value>;
    /// The same where nobody wants the key.
    fn send(tg: &Scope<'env, Self::Error, K>, location: &'static Location<'static>, future: F) {
        drop(Self::start::<Queued>(tg, location, future));
    }
}

/// What a mode makes of the end of a child whose value is a `V`.
///
/// Apart from [`ModeOf`], so that what waits for the children has a type in which no lifetime of theirs is left.
#[expect(unnameable_types, reason = "it is a sealed trait")]
pub trait Ends<V> {
    /// What the caller gets of the call.
    type Output;
    /// `None` if the call gave nothing.
    fn settle(result: Result<V, GatherIncomplete>) -> Option<Self::Output>;
    /// Drops, quietly, what a call gave and nobody can receive.
    fn lose(output: Self::Output, child: impl FnOnce() -> ChildInfo);
}

impl<O> Of<O> for Values {
    type Error = Infallible;
    type Value = O;

    fn value_of(output: O) -> Result<O, GatherIncomplete> {
        Ok(output)
    }
}

impl<T, E> Of<Result<T, E>> for Trying {
    type Error = E;
    type Value = T;

    fn is_value(output: &Result<T, E>) -> bool {
        output.is_ok()
    }

    fn value_of(output: Result<T, E>) -> Result<T, GatherIncomplete> {
        output.map_err(|_| GatherIncomplete::Failed)
    }
}

impl<T, E> Of<Result<T, E>> for Settling {
    type Error = Infallible;
    type Value = Outcome<T, E>;

    fn is_value(output: &Result<T, E>) -> bool {
        output.is_ok()
    }

    fn value_of(output: Result<T, E>) -> Result<Outcome<T, E>, GatherIncomplete> {
        Ok(output.map_or_else(Outcome::Err, Outcome::Ok))
    }
}

impl<'env, F, O, K> ModeOf<'env, F, O, K> for Values
where
    F: Future<Output = O> + 'env,
    O: 'env,
    K: Accepts<F> + Accepts<O>,
{
    #[expect(private_bounds, private_interfaces, reason = "the trait is sealed")]
    fn start<A: TakesIn>(
        tg: &Scope<'env, Infallible, K>,
        location: &'static Location<'static>,
        future: F,
    ) -> A::Taken<O> {
        tg.spawn_at::<A, F>(location, future)
    }

    fn send(tg: &Scope<'env, Infallible, K>, location: &'static Location<'static>, future: F) {
        tg.send_at(location, future);
    }
}

impl<'env, F, T, E, K> ModeOf<'env, F, Result<T, E>, K> for Trying
where
    F: Future<Output = Result<T, E>> + 'env,
    T: 'env,
    E: 'env,
    K: Accepts<F> + Accepts<Result<T, E>>,
{
    #[expect(private_bounds, private_interfaces, reason = "the trait is sealed")]
    fn start<A: TakesIn>(
        tg: &Scope<'env, E, K>,
        location: &'static Location<'static>,
        future: F,
    ) -> A::Taken<T> {
        tg.try_spawn_at::<A, F, T>(location, future)
    }

    fn send(tg: &Scope<'env, E, K>, location: &'static Location<'static>, future: F) {
        tg.try_send_at(location, future);
    }
}

impl<'env, F, T, E, K> ModeOf<'env, F, Result<T, E>, K> for Settling
where
    F: Future<Output = Result<T, E>> + 'env,
    T: 'env,
    E: 'env,
    K: Accepts<F> + Accepts<Result<T, E>>,
{
    #[expect(private_bounds, private_interfaces, reason = "the trait is sealed")]
    fn start<A: TakesIn>(
        tg: &Scope<'env, Infallible, K>,
        location: &'static Location<'static>,
        future: F,
    ) -> A::Taken<Outcome<T, E>> {
        tg.supervise_at::<A, F, T, E>(location, future)
    }
}

impl<V> Ends<V> for Values {
    type Output = V;

    fn settle(result: Result<V, GatherIncomplete>) -> Option<V> {
        result.ok()
    }

    fn lose(value: V, _child: impl FnOnce() -> ChildInfo) {
        lose_value(value);
    }
}

impl<V> Ends<V> for Trying {
    type Output = V;

    fn settle(result: Result<V, GatherIncomplete>) -> Option<V> {
        result.ok()
    }

    fn lose(value: V, _child: impl FnOnce() -> ChildInfo) {
        lose_value(value);
    }
}

impl<T, E> Ends<Outcome<T, E>> for Settling {
    type Output = Outcome<T, E>;

    fn settle(result: Result<Outcome<T, E>, GatherIncomplete>) -> Option<Outcome<T, E>> {
        match result {
            Ok(outcome) => Some(outcome),
            Err(GatherIncomplete::Cancelled(reason)) => Some(Outcome::Cancelled(reason)),
            Err(_) => {
                unreachable!("a settled call does not fail or panic, and its key is not read twice")
            }
        }
    }

    fn lose(outcome: Outcome<T, E>, child: impl FnOnce() -> ChildInfo) {
        lose_outcome(outcome, &child());
    }
}
