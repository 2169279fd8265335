//! What can be joined or raced: calls that all give the same type.

use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::completion_queue::CompletionQueue;
use super::completion_sender::CompletionSender;
use crate::error::{OneByOne, Quiet};
use crate::gather::call_list::{self, CallList, Listed, Takes};
use crate::gather::calls::{Each, Tuple};
use crate::gather::mode::Values;
use crate::gather::tuples::each_tuple;
use crate::group::{Accepts, Call, Kind, Queued, Scope, Shared};

/// Calls that all give an `O`, so that any of them can win; what [`race`](crate::race) and its relatives take.
///
/// Implemented for whatever iterates over callables `FnOnce() -> impl Future`, and for tuples of up to twelve callables whose
/// futures give the same type. `S` tells the two apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a collection of calls that all give `{O}`",
    label = "not calls of one output",
    note = "give a `Vec`, an array or an iterator of callables of one type, such as `vec![|| f(1), || f(2)]`, or a tuple of \
            callables whose futures give the same type; a callable gives a `Send` future of a `Send` value"
)]
pub trait CallsOf<'env, S, O, K: Kind = Shared>: sealed::CallsOf<'env, S, O, K> {}
impl<'env, S, O, K: Kind, C: sealed::CallsOf<'env, S, O, K>> CallsOf<'env, S, O, K> for C {}

pub(crate) mod sealed {
    use super::*;

    /// How calls are started.
    #[expect(unnameable_types, reason = "the trait is sealed")]
    pub trait CallsOf<'env, S, O, K: Kind> {
        /// The callables, out of what they came in, which may be an iterator that no task could hold.
        type Ready;
        /// Takes the callables out.
        #[doc(hidden)]
        fn ready(self) -> Self::Ready;
        /// How many they are.
        #[doc(hidden)]
        fn count(ready: &Self::Ready) -> usize;
        /// Starts them in their order.
        #[doc(hidden)]
        fn start(ready: Self::Ready, starting: &mut Starting<'_, 'env, O, K>);
    }
}

/// The calls of one group as they are started.
#[expect(unnameable_types, reason = "it is seen in a sealed trait alone")]
#[expect(
    missing_debug_implementations,
    reason = "it is seen in a sealed trait alone"
)]
pub struct Starting<'a, 'env, O, K: Kind> {
    pub(super) tg: &'a Scope<'env, std::convert::Infallible, K>,
    pub(super) queue: &'a Arc<CompletionQueue<O>>,
    pub(super) location: &'static Location<'static>,
    pub(super) index: usize,
    /// Is notified of each call before it is started.
    pub(super) starts: &'a mut dyn FnMut(usize),
}

impl<'env, O, K: Kind> Starting<'_, 'env, O, K> {
    fn call<C, F>(&mut self, call: C)
    where
        C: FnOnce() -> F,
        F: Future<Output = O>,
        Call<C, F>: 'env,
        O: 'env,
        K: Accepts<CompletionSender<Call<C, F>, Values>> + Accepts<()>,
    {
        let index = self.index;
        self.index += 1;
        (self.starts)(index);
        let child = CompletionSender::new(Call::new(call), index, Arc::clone(self.queue));
        let key = self.tg.spawn_at::<Queued, _>(self.location, child);
        debug_assert_eq!(key.id(), self.queue.site().id(index));
    }
}

impl<'env, I, C, F, O, K> sealed::CallsOf<'env, Each, O, K> for I
where
    I: IntoIterator<Item = C>,
    C: FnOnce() -> F,
    F: Future<Output = O>,
    Call<C, F>: 'env,
    O: 'env,
    K: Kind + Accepts<CompletionSender<Call<C, F>, Values>> + Accepts<()>,
{
    type Ready = OneByOne<C>;

    fn ready(self) -> OneByOne<C> {
        self.into_iter().collect()
    }

    fn count(ready: &OneByOne<C>) -> usize {
        ready.len()
    }

    fn start(ready: OneByOne<C>, starting: &mut Starting<'_, 'env, O, K>) {
        for call in ready {
            starting.call(call);
        }
    }
}

impl<'env, O, L, K> sealed::CallsOf<'env, Listed, O, K> for CallList<O, L>
where
    K: Kind,
    L: for<'a> call_list::Each<Starting<'a, 'env, O, K>>,
{
    type Ready = L;

    fn ready(self) -> L {
        self.into_calls()
    }

    fn count(_ready: &L) -> usize {
        <L as call_list::Each<Starting<'_, 'env, O, K>>>::COUNT
    }

    fn start(ready: L, starting: &mut Starting<'_, 'env, O, K>) {
        ready.visit(starting);
    }
}

impl<'env, C, F, O, K> Takes<C> for Starting<'_, 'env, O, K>
where
    C: FnOnce() -> F,
    F: Future<Output = O>,
    Call<C, F>: 'env,
    O: 'env,
    K: Kind + Accepts<CompletionSender<Call<C, F>, Values>> + Accepts<()>,
{
    fn take(&mut self, call: C) {
        self.call(call);
    }
}

macro_rules! tuple {
    ($n:literal: $($call:ident $future:ident $at:tt),+) => {
        impl<'env, O, K, $($call, $future),+> sealed::CallsOf<'env, Tuple<$n>, O, K> for ($($call,)+)
        where
            $($call: FnOnce() -> $future, $future: Future<Output = O>, Call<$call, $future>: 'env,)+
            O: 'env,
            K: Kind + Accepts<()> $(+ Accepts<CompletionSender<Call<$call, $future>, Values>>)+,
        {
            type Ready = ($(Quiet<$call>,)+);

            fn ready(self) -> Self::Ready {
                ($(Quiet::new(self.$at),)+)
            }

            fn count(_ready: &Self::Ready) -> usize {
                $n
            }

            fn start(ready: Self::Ready, starting: &mut Starting<'_, 'env, O, K>) {
                $(starting.call(ready.$at.give());)+
            }
        }
    };
}

each_tuple!(tuple);
