//! What can be joined or raced: calls that all give the same type.

use std::convert::Infallible;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::completion_queue::CompletionQueue;
use super::completion_sender::CompletionSender;
use super::raced::{Contest, Lane, Raced, Racing, Terms, Won};
use crate::error::{OneByOne, Quiet};
use crate::gather::call_list::{self, CallList, Listed, Takes};
use crate::gather::calls::{Each, Tuple};
use crate::gather::in_place::{self, Hand, InPlaceOf, Lay, Row};
use crate::gather::mode::Values;
use crate::gather::tuples::each_tuple;
use crate::group::{Accepts, Borrows, Call, Key, Kind, PolledChild, Queued, Scope, Shared};

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
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn ready(self, terms: Terms<O>) -> Self::Ready;
        /// How many they are.
        #[doc(hidden)]
        fn count(ready: &Self::Ready) -> usize;
        /// Starts them in their order.
        #[doc(hidden)]
        fn start(ready: Self::Ready, starting: &mut Starting<'_, 'env, O, K>);
        /// How they are polled without a group, if they can be.
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn in_place() -> RacesInPlace<'env, Self::Ready, O, K>
        where
            K: Borrows<'env>;
    }
}

/// Callables and what decides between them, until they are polled in place or started.
type Entries<R, O, K> = Row<Contest<R, O>, Raced<R, O>, K>;

/// How the calls of a race are polled in place, if they are.
pub(super) type RacesInPlace<'env, R, O, K> =
    InPlaceOf<'env, R, Infallible, (Arc<CompletionQueue<O>>, usize), K, Won<O>>;

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
enum Sees<'a> {
    /// It is notified of each before that.
    Told(&'a mut dyn FnMut(usize)),
    /// The calls were polled in place, and their keys are kept.
    Resumed(Hand, Vec<Key<()>>),
}

impl<'a, 'env, O, K: Kind> Starting<'a, 'env, O, K> {
    pub(super) fn new(
        tg: &'a Scope<'env, Infallible, K>,
        queue: &'a Arc<CompletionQueue<O>>,
        location: &'static Location<'static>,
        starts: &'a mut dyn FnMut(usize),
    ) -> Self {
        Self {
            tg,
            queue,
            location,
            index: 0,
            sees: Sees::Told(starts),
        }
    }

    /// The same for calls that were polled in place, and one of which may be in hand.
    pub(in crate::gather) fn resumed(
        tg: &'a Scope<'env, Infallible, K>,
        queue: &'a Arc<CompletionQueue<O>>,
        location: &'static Location<'static>,
        hand: Hand,
    ) -> Self {
        Self {
            tg,
            queue,
            location,
            index: 0,
            sees: Sees::Resumed(hand, Vec::new()),
        }
    }

    /// How many there were.
    pub(super) fn count(&self) -> usize {
        self.index
    }

    /// The keys of all, and the child in hand.
    pub(in crate::gather) fn into_parts(self) -> (Vec<Key<()>>, Option<PolledChild>) {
        match self.sees {
            Sees::Told(_) => (Vec::new(), None),
            Sees::Resumed(hand, keys) => (keys, hand.into_child()),
        }
    }

    /// Starts the next call.
    pub(in crate::gather) fn call<C, F>(&mut self, call: Call<C, F>)
    where
        C: FnOnce() -> F,
        F: Future<Output = O>,
        Call<C, F>: 'env,
        O: 'env,
        K: Accepts<CompletionSender<Call<C, F>, Values>> + Accepts<()>,
    {
        let (index, tg, location) = (self.index, self.tg, self.location);
        self.index += 1;
        if let Sees::Told(starts) = &mut self.sees {
            starts(index);
        }
        let child = CompletionSender::new(call, index, Arc::clone(self.queue));
        let key = match &mut self.sees {
            Sees::Told(_) => tg.spawn_at::<Queued, _>(location, child),
            Sees::Resumed(hand, _) => hand.start::<Values, _, _>(index, child, tg, location),
        };
        debug_assert_eq!(key.id(), self.queue.site().id(index));
        if let Sees::Resumed(_, keys) = &mut self.sees {
            keys.push(key);
        }
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
    type Ready = Entries<OneByOne<C>, O, K>;

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn ready(self, terms: Terms<O>) -> Self::Ready {
        Contest::row(self.into_iter().collect(), terms)
    }

    fn count(ready: &Self::Ready) -> usize {
        ready.calls().count()
    }

    fn start(ready: Self::Ready, starting: &mut Starting<'_, 'env, O, K>) {
        for call in ready.into_calls().into_calls() {
            starting.call(Call::new(call));
        }
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn in_place() -> RacesInPlace<'env, Self::Ready, O, K>
    where
        K: Borrows<'env>,
    {
        races_in_place()
    }
}

impl<'env, O, L, K> sealed::CallsOf<'env, Listed, O, K> for CallList<O, L>
where
    K: Kind,
    L: for<'a> call_list::Each<Starting<'a, 'env, O, K>>,
    L: Lay<Laid: Lane<'env, O, K>>,
{
    type Ready = Entries<L, O, K>;

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn ready(self, terms: Terms<O>) -> Self::Ready {
        Contest::row(self.into_calls(), terms)
    }

    fn count(ready: &Self::Ready) -> usize {
        ready.calls().count()
    }

    fn start(ready: Self::Ready, starting: &mut Starting<'_, 'env, O, K>) {
        ready.into_calls().into_calls().visit(starting);
    }

    #[expect(private_interfaces, reason = "the trait is sealed")]
    fn in_place() -> RacesInPlace<'env, Self::Ready, O, K>
    where
        K: Borrows<'env>,
    {
        races_in_place()
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
            type Ready = Entries<($(Quiet<$call>,)+), O, K>;

            #[expect(private_interfaces, reason = "the trait is sealed")]
            fn ready(self, terms: Terms<O>) -> Self::Ready {
                Contest::row(($(Quiet::new(self.$at),)+), terms)
            }

            fn count(ready: &Self::Ready) -> usize {
                ready.calls().count()
            }

            fn start(ready: Self::Ready, starting: &mut Starting<'_, 'env, O, K>) {
                let calls = ready.into_calls().into_calls();
                $(starting.call(Call::new(calls.$at.give()));)+
            }

            #[expect(private_interfaces, reason = "the trait is sealed")]
            fn in_place() -> RacesInPlace<'env, Self::Ready, O, K>
            where
                K: Borrows<'env>,
            {
                races_in_place()
            }
        }
    };
}

each_tuple!(tuple);

fn races_in_place<'env, R, O, K>() -> RacesInPlace<'env, Entries<R, O, K>, O, K>
where
    R: Lay<Laid: Lane<'env, O, K>>,
    K: Borrows<'env>,
{
    K::IN_PLACE.then_some(in_place::poll::<Racing, Raced<R, O>, K>)
}
