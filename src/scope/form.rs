//! What differs between a scope that cannot fail and one that can.

use std::convert::Infallible;
use std::marker::PhantomData;

use super::Tried;
use crate::group::{Failures, Kind, Shared};

/// The form of a scope whose body gives a value.
#[derive(Debug)]
pub struct Value<K = Shared>(PhantomData<fn() -> K>);

/// The form of a scope whose body gives a value or an error.
#[derive(Debug)]
pub struct Fallible<K = Shared>(PhantomData<fn() -> K>);

/// What a scope makes of the output `O` of its body: [`Value`] or [`Fallible`].
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
        /// Is the body dropped when the group is cancelled? One that has to give a value is not.
        const DROPS_BODY: bool;
    }
}

impl<K: Kind> sealed::Sealed for Value<K> {
    type Kind = K;
    const DROPS_BODY: bool = false;
}

impl<O, K: Kind> Form<O> for Value<K> {
    type Error = Infallible;
    type Value = O;
    type Output = O;

    fn settle(output: O) -> Result<O, Infallible> {
        Ok(output)
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn finish(value: Option<O>, failures: Failures<'_, Infallible>) -> O {
        // What was collected and is not the body's has no place in a bare value: it goes to the unhandled hook.
        value.unwrap_or_else(|| failures.resume_body())
    }
}

impl<K: Kind> sealed::Sealed for Fallible<K> {
    type Kind = K;
    const DROPS_BODY: bool = true;
}

impl<T, E, K: Kind> Form<Result<T, E>> for Fallible<K> {
    type Error = E;
    type Value = T;
    type Output = Tried<T, E>;

    fn settle(output: Result<T, E>) -> Result<T, E> {
        output
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn finish(value: Option<T>, failures: Failures<'_, E>) -> Tried<T, E> {
        failures.into_result(value)
    }
}
