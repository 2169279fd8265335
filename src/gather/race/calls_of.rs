//! What can be joined or raced: calls that all give the same type.

use std::convert::Infallible;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::completion_queue::CompletionQueue;
use super::completion_sender::CompletionSender;
use super::raced::{Enters, Entries, Terms};
use crate::error::{OneByOne, Quiet};
use crate::gather::call_list::{CallList, Listed};
use crate::gather::calls::{self, Tuple};
use crate::gather::each::{Each, Takes};
use crate::gather::in_place::{Children, Hand, Lay, Slots};
use crate::gather::mode::Values;
use crate::gather::tuples::each_tuple;
use crate::group::{Accepts, Call, Key, Kind, Queued, Scope, Shared, Slot};

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

    /// How calls are taken out.
    #[expect(unnameable_types, reason = "the trait is sealed")]
    pub trait CallsOf<'env, S, O, K: Kind> {
        /// The callables, out of what they came in, which may be an iterator that no task could hold.
        #[expect(private_bounds, reason = "the trait is sealed")]
        type Ready: Enters<'env, O, K>;
        /// Takes the callables out.
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn ready(self, terms: Terms<O>) -> Self::Ready;
    }
}

/// The calls of one group as they are started.
pub(super) struct Starting<'a, 'env, O, K: Kind> {
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
}

impl<'env, C, F, O, K> Takes<Call<C, F>> for Starting<'_, 'env, O, K>
where
    C: FnOnce() -> F,
    F: Future<Output = O>,
    Call<C, F>: 'env,
    O: 'env,
    K: Kind + Accepts<CompletionSender<Call<C, F>, Values>> + Accepts<()>,
{
    fn take(&mut self, call: Call<C, F>) {
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

impl<'env, I, C, F, O, K> sealed::CallsOf<'env, calls::Each, O, K> for I
where
    I: IntoIterator<Item = C>,
    C: FnOnce() -> F,
    F: Future<Output = O>,
    Call<C, F>: 'env,
    O: 'env,
    K: Kind + Accepts<CompletionSender<Call<C, F>, Values>> + Accepts<()>,
{
    type Ready = Entries<OneByOne<C>, [Slot<C, F>], O, K>;

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn ready(self, terms: Terms<O>) -> Self::Ready {
        terms.of(self.into_iter().collect())
    }
}

impl<'env, O, L, K> sealed::CallsOf<'env, Listed, O, K> for CallList<O, L>
where
    K: Kind,
    L: for<'a> Each<Starting<'a, 'env, O, K>>,
    L: Lay<Laid: Slots<O> + for<'a> Children<Starting<'a, 'env, O, K>>>,
{
    type Ready = Entries<L, L::Laid, O, K>;

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn ready(self, terms: Terms<O>) -> Self::Ready {
        terms.of(self.into_calls())
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
            type Ready = Entries<($(Quiet<$call>,)+), ($(Slot<$call, $future>,)+), O, K>;

            #[expect(private_interfaces, reason = "the trait is sealed")]
            fn ready(self, terms: Terms<O>) -> Self::Ready {
                terms.of(($(Quiet::new(self.$at),)+))
            }
        }
    };
}

each_tuple!(tuple);
