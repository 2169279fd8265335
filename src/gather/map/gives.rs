//! What a mapped stream gives: values, or values and errors.

use crate::error::GroupError;
use crate::gather::mode::{Trying, Values};

/// What a stream gives, by the mode of its calls.
#[expect(unnameable_types, reason = "it is a sealed trait")]
pub trait Gives<V, E> {
    /// What it gives.
    type Item;
    #[doc(hidden)]
    fn value(value: V) -> Self::Item;
    /// What it gives if something is missing; the error comes back if it can only give values.
    #[doc(hidden)]
    fn missing(error: GroupError<E>) -> Result<Self::Item, GroupError<E>>;
}

impl<V, E> Gives<V, E> for Values {
    type Item = V;

    fn value(value: V) -> V {
        value
    }

    fn missing(error: GroupError<E>) -> Result<V, GroupError<E>> {
        Err(error)
    }
}

impl<V, E> Gives<V, E> for Trying {
    type Item = Result<V, GroupError<E>>;

    fn value(value: V) -> Self::Item {
        Ok(value)
    }

    fn missing(error: GroupError<E>) -> Result<Self::Item, GroupError<E>> {
        Ok(Err(error))
    }
}
