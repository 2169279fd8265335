//! What items come in: anything that iterates, or a stream.

use futures::Stream;
use futures::stream::{self, Iter};

/// Items for [`map_concurrent`](crate::map_concurrent) and its relatives: an iterator or a [`Stream`].
///
/// `S` tells the two apart and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither an iterator nor a stream",
    label = "no items",
    note = "give something that iterates, such as a range or a `Vec`, or a `Stream`"
)]
pub trait Items<S>: sealed::Items<S> {}
impl<S, I: sealed::Items<S>> Items<S> for I {}

pub(crate) mod sealed {
    use super::*;

    /// How items are made a stream.
    #[expect(unnameable_types, reason = "the trait is sealed")]
    pub trait Items<S> {
        /// One of them.
        type Item;
        /// All of them.
        type Source: Stream<Item = Self::Item>;
        #[doc(hidden)]
        fn into_source(self) -> Self::Source;
    }
}

/// Whatever iterates.
#[derive(Debug)]
#[expect(unnameable_types, reason = "it is always inferred")]
pub struct Iterated(std::convert::Infallible);

/// A stream.
#[derive(Debug)]
#[expect(unnameable_types, reason = "it is always inferred")]
pub struct Streamed(std::convert::Infallible);

impl<I: IntoIterator> sealed::Items<Iterated> for I {
    type Item = I::Item;
    type Source = Iter<I::IntoIter>;

    fn into_source(self) -> Self::Source {
        stream::iter(self)
    }
}

impl<T: Stream> sealed::Items<Streamed> for T {
    type Item = T::Item;
    type Source = T;

    fn into_source(self) -> T {
        self
    }
}
