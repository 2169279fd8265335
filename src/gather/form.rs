//! What the scopes behind gathers make of their bodies: the last step, in which the value is given to the caller.
//!
//! Until then it stays in what the body gave, which knows what to do with errors and panics in it that nobody takes.

use std::convert::Infallible;
use std::marker::PhantomData;

use super::in_order::Awaits;
use crate::error::GroupError;
use crate::group::{Failures, Kind, State, Whole};
use crate::scope::{Form, FormSealed};

/// Types alone: a form has no value.
pub(super) type Only<T> = PhantomData<fn() -> T>;

/// The form of a [`gather`](crate::gather()), whose calls cannot fail.
#[derive(Debug)]
pub struct Gathered<K, C = Whole>(PhantomData<fn() -> (K, C)>);

impl<K: Kind, C: State> FormSealed for Gathered<K, C> {
    type Kind = K;
    const DROPS_BODY: bool = C::MOVES_ON;
}

impl<W: Awaits, K: Kind, C: State> Form<W> for Gathered<K, C> {
    type Error = Infallible;
    type Value = W;
    type Output = C::Out<W::Output>;

    fn settle(calls: W) -> Result<W, Infallible> {
        Ok(calls)
    }

    fn whole(calls: W) -> Self::Output {
        C::whole(calls.give())
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn finish(calls: Option<W>, failures: Failures<'_, Infallible>) -> Self::Output {
        if let Some(calls) = calls {
            return C::whole(calls.give());
        }
        drop(failures.resume_body());
        C::cut().expect("a gather that is not cut short gives its values or panics")
    }
}

/// The form of a [`try_gather`](crate::try_gather), whose calls fail with an `E`.
#[derive(Debug)]
pub struct TryGathered<E, K, C = Whole>(Only<(E, K, C)>);

impl<E, K: Kind, C: State> FormSealed for TryGathered<E, K, C> {
    type Kind = K;
    const DROPS_BODY: bool = true;
}

impl<W: Awaits, E, K: Kind, C: State> Form<Option<W>> for TryGathered<E, K, C> {
    type Error = E;
    /// Nothing if a call has no output.
    type Value = Option<W>;
    type Output = Result<C::Out<W::Output>, GroupError<E>>;

    fn settle(calls: Option<W>) -> Result<Option<W>, E> {
        Ok(calls)
    }

    fn whole(calls: Option<W>) -> Self::Output {
        let calls = calls.expect("nothing failed, so none is missing");
        Ok(C::whole(calls.give()))
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn finish(calls: Option<Option<W>>, failures: Failures<'_, E>) -> Self::Output {
        // In the last step: what is not given is seen to by who keeps it.
        let calls = failures.into_output::<C, W>(calls.flatten())?;
        Ok(C::map(calls, W::give))
    }
}
