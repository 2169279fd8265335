//! Gather from [`GroupOptions`].

use std::convert::Infallible;
use std::panic::Location;

use super::body::{Gather, Start, TryGather, TryStart};
use super::calls::Calls;
use super::mode::{Settling, Trying, Values};
use crate::group::{Awaited, Borrows, GroupOptions, OnError, OnPanic, Origin, State, Uncut};
use crate::scope::ScopeFuture;

impl<K: Awaited, C: State> GroupOptions<K, C> {
    /// [`gather`](crate::gather()) with these options; a panic is resumed, whatever these say.
    #[track_caller]
    pub fn gather<'env, S, L>(self, calls: L) -> Gather<'env, L::Ready, L::Wait, K, C>
    where
        K: Borrows<'env>,
        C: Uncut,
        L: Calls<'env, S, Values, K, Error = Infallible>,
    {
        let location = Location::caller();
        let options = self.on_panic(OnPanic::Resume);
        ScopeFuture::new(
            Origin::new(options, location).needs_all().body_waits(),
            Start::new(calls, location),
        )
    }

    /// [`try_gather`](crate::try_gather) with these options.
    #[track_caller]
    pub fn try_gather<'env, S, L>(
        self,
        calls: L,
    ) -> TryGather<'env, L::Ready, L::Error, L::Wait, K, C>
    where
        K: Borrows<'env>,
        L: Calls<'env, S, Trying, K>,
    {
        let location = Location::caller();
        ScopeFuture::new(
            Origin::new(self, location).needs_all().body_waits(),
            TryStart(Start::new(calls, location)),
        )
    }

    /// [`gather_settled`](crate::gather_settled) with these options; errors and panics are outcomes, whatever these say.
    #[track_caller]
    pub fn gather_settled<'env, S, L>(self, calls: L) -> Gather<'env, L::Ready, L::Wait, K>
    where
        K: Borrows<'env>,
        L: Calls<'env, S, Settling, K, Error = Infallible>,
    {
        let location = Location::caller();
        let options = self.on_error(OnError::KeepGoing).on_panic(OnPanic::Collect);
        ScopeFuture::new(
            Origin::new(options, location).body_waits(),
            Start::new(calls, location),
        )
    }
}
