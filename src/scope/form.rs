//! What differs between a scope that cannot fail and one that can.

use std::convert::Infallible;
use std::marker::PhantomData;

use crate::error::{CutShort, GroupError};
use crate::group::{Failures, Kind, Shared, State, Whole};

/// The form of a [`scope`](crate::scope()), whose body gives a value.
#[derive(Debug)]
pub struct Value<K = Shared, C = Whole>(PhantomData<fn() -> (K, C)>);

/// The form of a [`try_scope`](crate::try_scope), whose body gives a value or an error.
#[derive(Debug)]
pub struct Fallible<K = Shared, C = Whole>(PhantomData<fn() -> (K, C)>);

/// The form of a [`scope_or_cut`](crate::GroupOptions::scope_or_cut), whose body gives a value, and which can be cut short.
#[derive(Debug)]
pub struct OrCut<K = Shared>(PhantomData<fn() -> K>);

/// What a [scope](crate::scope()) makes of the output `O` of its body: [`Value`], [`Fallible`] or [`OrCut`].
pub trait Form<O>: sealed::Sealed {
    /// What children fail with.
    type Error;
    /// What the body gives if it does not fail.
    #[doc(hidden)]
    type Value;
    /// What the scope gives.
    type Output;
    #[doc(hidden)]
    fn settle(output: O) -> Result<Self::Value, Self::Error>;
    /// The output of a scope whose body gave `value` and in which nothing failed.
    #[doc(hidden)]
    fn whole(value: Self::Value) -> Self::Output;
    /// The output of a scope whose body gave `value`, or was dropped.
    #[doc(hidden)]
    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn finish(value: Option<Self::Value>, failures: Failures<'_, Self::Error>) -> Self::Output;
}

pub(crate) mod sealed {
    use crate::group::Kind;

    /// What does not depend on the body's output.
    #[expect(unnameable_types, reason = "the trait is sealed")]
    pub trait Sealed {
        /// Whether children have to be `Send`.
        type Kind: Kind;
        /// Is the body dropped when the group is cancelled? One without which there is no output is not.
        const DROPS_BODY: bool;
    }
}

impl<K: Kind, C: State> sealed::Sealed for Value<K, C> {
    type Kind = K;
    const DROPS_BODY: bool = C::MOVES_ON;
}

impl<O, K: Kind, C: State> Form<O> for Value<K, C> {
    type Error = Infallible;
    type Value = O;
    type Output = C::Out<O>;

    fn settle(output: O) -> Result<O, Infallible> {
        Ok(output)
    }

    fn whole(value: O) -> C::Out<O> {
        C::whole(value)
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn finish(value: Option<O>, failures: Failures<'_, Infallible>) -> C::Out<O> {
        // What was collected and is not the body's has no position in a bare value: it goes to the unhandled hook.
        if let Some(value) = value {
            return C::whole(value);
        }
        drop(failures.resume_body());
        C::cut().expect("a body that is not cut short gives a value or panics")
    }
}

impl<K: Kind> sealed::Sealed for OrCut<K> {
    type Kind = K;
    const DROPS_BODY: bool = true;
}

impl<O, K: Kind> Form<O> for OrCut<K> {
    type Error = Infallible;
    type Value = O;
    type Output = Result<O, CutShort>;

    fn settle(output: O) -> Result<O, Infallible> {
        Ok(output)
    }

    fn whole(value: O) -> Self::Output {
        Ok(value)
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn finish(value: Option<O>, failures: Failures<'_, Infallible>) -> Self::Output {
        failures.resume_body().into_value_or_cut(value)
    }
}

impl<K: Kind, C: State> sealed::Sealed for Fallible<K, C> {
    type Kind = K;
    const DROPS_BODY: bool = true;
}

impl<T, E, K: Kind, C: State> Form<Result<T, E>> for Fallible<K, C> {
    type Error = E;
    type Value = T;
    type Output = Result<C::Out<T>, GroupError<E>>;

    fn settle(output: Result<T, E>) -> Result<T, E> {
        output
    }

    fn whole(value: T) -> Self::Output {
        Ok(C::whole(value))
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn finish(value: Option<T>, failures: Failures<'_, E>) -> Self::Output {
        failures.into_output::<C, T>(value)
    }
}
