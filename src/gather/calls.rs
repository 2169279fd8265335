//! What can be gathered: a `Vec`, an array or an iterator of callables, or a tuple of them.

use std::future::Future;
use std::panic::Location;
use std::task::{Context, Poll};

use super::in_order::{Awaits, InOrder, One};
use super::in_place::{self, Alike, InPlaceOf, Row, Starts};
use super::mode::{Ends, ModeOf, ValueOf};
use super::site::Site;
use super::tuples::each_tuple;
use crate::error::{OneByOne, Quiet};
use crate::group::{Block, Borrows, Call, Kind, Queued, Scope, Shared, Slot};

/// Calls that can be [gathered](crate::gather()) in the mode `M`.
///
/// Implemented for whatever iterates over callables `FnOnce() -> impl Future`, and for tuples of up to twelve callables.
/// `S` tells the two apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be gathered",
    label = "not a collection of callables",
    note = "gather takes a `Vec`, an array or an iterator of callables of one type, such as `vec![|| f(1), || f(2)]`, or a \
            tuple of callables, such as `(|| f(), || g())`; a callable gives a `Send` future of a `Send` value",
    note = "the calls of one `try_gather` fail with one error type: where two differ, let each call convert its own, as \
            `|| async {{ Ok::<_, Error>(f().await?) }}` does"
)]
pub trait Calls<'env, S, M, K: Kind = Shared>: sealed::Calls<'env, S, M, K> {}
impl<'env, S, M, K: Kind, C: sealed::Calls<'env, S, M, K>> Calls<'env, S, M, K> for C {}

pub(crate) mod sealed {
    use super::*;

    /// How calls are started and waited for.
    #[expect(unnameable_types, reason = "the trait is sealed")]
    pub trait Calls<'env, S, M, K: Kind> {
        /// What the calls fail with.
        type Error;
        /// What the gather gives: a `Vec` or a tuple.
        type Output;
        /// The callables, out of what they came in, which may be an iterator that no task could hold.
        type Ready;
        /// Waits until all are over.
        type Wait: Awaits<Output = Self::Output>;
        /// Takes the callables out.
        #[doc(hidden)]
        fn ready(self) -> Self::Ready;
        /// How the calls are polled without a group, if they can be.
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn in_place() -> InPlaceOf<'env, Self::Ready, Self::Error, Self::Wait, K>
        where
            K: Borrows<'env>,
        {
            None
        }
        /// Starts the calls in their order.
        #[doc(hidden)]
        fn start(
            ready: Self::Ready,
            tg: &Scope<'env, Self::Error, K>,
            location: &'static Location<'static>,
        ) -> Self::Wait;
    }
}

/// Whatever iterates.
#[derive(Debug)]
#[expect(unnameable_types, reason = "it is always inferred")]
pub struct Each(std::convert::Infallible);

impl<'env, I, C, F, M, K> sealed::Calls<'env, Each, M, K> for I
where
    I: IntoIterator<Item = C>,
    C: FnOnce() -> F,
    F: Future,
    K: Kind,
    M: ModeOf<'env, Call<C, F>, F::Output, K> + Ends<M::Value>,
{
    type Error = M::Error;
    type Output = Vec<M::Output>;
    type Ready = Row<OneByOne<C>, Alike<F::Output, OneByOne<C>, [Slot<C, F>]>, K>;
    type Wait = InOrder<M, M::Value>;

    fn ready(self) -> Self::Ready {
        Row::new(self.into_iter().collect())
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn in_place() -> InPlaceOf<'env, Self::Ready, M::Error, Self::Wait, K>
    where
        K: Borrows<'env>,
    {
        K::IN_PLACE.then_some(in_place::poll::<M, Alike<F::Output, OneByOne<C>, [Slot<C, F>]>, K>)
    }

    fn start(
        ready: Self::Ready,
        tg: &Scope<'env, M::Error, K>,
        location: &'static Location<'static>,
    ) -> Self::Wait {
        Starts::all(ready.into_calls(), tg, location)
    }
}

/// A tuple of `N` calls.
#[derive(Debug)]
#[expect(unnameable_types, reason = "it is always inferred")]
pub struct Tuple<const N: usize>(std::convert::Infallible);

/// The calls of a tuple.
#[expect(unnameable_types, reason = "it is seen in a sealed trait alone")]
#[derive(Debug)]
pub struct Together<T>(T);

impl<T> Together<T> {
    pub(super) fn of(calls: T) -> Self {
        Self(calls)
    }
}

macro_rules! tuple {
    ($n:literal: $($call:ident $future:ident $at:tt),+) => {
        impl<'env, M, K, E, $($call, $future),+> sealed::Calls<'env, Tuple<$n>, M, K> for ($($call,)+)
        where
            K: Kind,
            M: $(
                ModeOf<'env, Call<$call, $future>, $future::Output, K, Error = E> + Ends<ValueOf<M, $future>> +
            )+,
            $($call: FnOnce() -> $future, $future: Future,)+
        {
            type Error = E;
            type Output = ($(
                <M as Ends<ValueOf<M, $future>>>::Output,
            )+);
            type Ready = Row<($(Quiet<$call>,)+), Block<($(Slot<$call, $future>,)+)>, K>;
            type Wait = Together<($(
                One<M, ValueOf<M, $future>>,
            )+)>;

            fn ready(self) -> Self::Ready {
                Row::new(($(Quiet::new(self.$at),)+))
            }

            #[expect(private_interfaces, reason = "the trait is sealed")]
            fn in_place() -> InPlaceOf<'env, Self::Ready, E, Self::Wait, K>
            where
                K: Borrows<'env>,
            {
                K::IN_PLACE.then_some(in_place::poll::<M, Block<($(Slot<$call, $future>,)+)>, K>)
            }

            fn start(
                ready: Self::Ready,
                tg: &Scope<'env, E, K>,
                location: &'static Location<'static>,
            ) -> Self::Wait {
                let site = Site::of(tg, location);
                let ready = ready.into_calls();
                Together(($({
                    let call = Call::new(ready.$at.give());
                    One::new(M::start::<Queued>(tg, location, call), site, $at)
                },)+))
            }
        }

        impl<M, $($future),+> Awaits for Together<($(One<M, $future>,)+)>
        where
            M: $(Ends<$future> +)+,
        {
            type Output = ($(<M as Ends<$future>>::Output,)+);

            fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
                let calls = &mut self.0;
                let over = [$(calls.$at.poll(cx)),+];
                if over.contains(&false) {
                    return Poll::Pending;
                }
                Poll::Ready($(calls.$at.has_output())&&+)
            }

            fn give(mut self) -> Self::Output {
                ($(self.0.$at.take().expect("each call has given something"),)+)
            }
        }
    };
}

each_tuple!(tuple);
