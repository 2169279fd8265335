//! What can be joined or raced: calls that all give the same type.

use std::convert::Infallible;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::completion_queue::CompletionQueue;
use super::completion_sender::CompletionSender;
use super::raced::Lane;
use crate::error::{OneByOne, Quiet};
use crate::gather::call_list::{self, CallList, Listed, Takes};
use crate::gather::calls::{Each, Tuple};
use crate::gather::in_place::{Hand, Lay};
use crate::gather::mode::Values;
use crate::gather::tuples::each_tuple;
use crate::group::{Accepts, Call, Key, Kind, Queued, Scope, Shared};

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
        #[expect(private_bounds, reason = "the trait is sealed")]
        type Ready: Lay<Laid: Lane<'env, O, K>>;
        /// Takes the callables out.
        #[doc(hidden)]
        fn ready(self) -> Self::Ready;
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
    tg: &'a Scope<'env, Infallible, K>,
    queue: &'a Arc<CompletionQueue<O>>,
    location: &'static Location<'static>,
    index: usize,
    sees: Sees<'a>,
}

/// Who sees each call that is started.
pub(super) enum Sees<'a> {
    /// It is notified of each before that.
    Told(&'a mut dyn FnMut(usize)),
    /// The calls were polled in place: one of them may be in hand, and their keys are kept.
    Resumed(&'a mut Hand, &'a mut Vec<Key<()>>),
}

impl<'a, 'env, O, K: Kind> Starting<'a, 'env, O, K> {
    pub(super) fn new(
        tg: &'a Scope<'env, Infallible, K>,
        queue: &'a Arc<CompletionQueue<O>>,
        location: &'static Location<'static>,
        sees: Sees<'a>,
    ) -> Self {
        Self {
            tg,
            queue,
            location,
            index: 0,
            sees,
        }
    }

    /// Starts the next call.
    pub(super) fn call<C, F>(&mut self, call: Call<C, F>)
    where
        C: FnOnce() -> F,
        F: Future<Output = O>,
        Call<C, F>: 'env,
        O: 'env,
        K: Accepts<CompletionSender<Call<C, F>, Values>> + Accepts<()>,
    {
        let (index, tg, location) = (self.index, self.tg, self.location);
        self.index += 1;
        let child = || CompletionSender::new(call, index, Arc::clone(self.queue));
        let id = match &mut self.sees {
            Sees::Told(starts) => {
                starts(index);
                tg.spawn_at::<Queued, _>(location, child()).id()
            }
            Sees::Resumed(hand, keys) => {
                let key = hand.start::<Values, _, _>(index, child(), tg, location);
                let id = key.id();
                keys.push(key);
                id
            }
        };
        debug_assert_eq!(id, self.queue.site().id(index));
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

    fn start(calls: OneByOne<C>, starting: &mut Starting<'_, 'env, O, K>) {
        for call in calls {
            starting.call(Call::new(call));
        }
    }
}

impl<'env, O, L, K> sealed::CallsOf<'env, Listed, O, K> for CallList<O, L>
where
    K: Kind,
    L: for<'a> call_list::Each<Starting<'a, 'env, O, K>>,
    L: Lay<Laid: Lane<'env, O, K>>,
{
    type Ready = L;

    fn ready(self) -> L {
        self.into_calls()
    }

    fn start(calls: L, starting: &mut Starting<'_, 'env, O, K>) {
        calls.visit(starting);
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
        self.call(Call::new(call));
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

            fn start(calls: Self::Ready, starting: &mut Starting<'_, 'env, O, K>) {
                $(starting.call(Call::new(calls.$at.give()));)+
            }
        }
    };
}

each_tuple!(tuple);
