//! Gather from [`GroupOptions`].

use std::convert::Infallible;
use std::panic::Location;

use super::body::{Gather, Start, TryGather, TryStart};
use super::calls::Calls;
use super::mode::{Settling, Trying, Values};
use crate::group::{
    GroupOptions, Inline, InlineLocal, OnError, OnPanic, Origin, Shared, State, Uncut,
};
use crate::scope::ScopeFuture;

impl<C: State> GroupOptions<Shared, C> {
    /// [`gather`](crate::gather()) with these options; a panic is resumed, whatever these say.
    #[track_caller]
    pub fn gather<S, L>(self, calls: L) -> Gather<'static, L::Ready, L::Wait, Shared, C>
    where
        C: Uncut,
        L: Calls<'static, S, Values, Error = Infallible>,
    {
        let location = Location::caller();
        let options = self.on_panic(OnPanic::Resume);
        ScopeFuture::new(
            Origin::shared(options, location).needs_all(),
            Start::new(calls, location),
        )
    }

    /// [`try_gather`](crate::try_gather) with these options.
    #[track_caller]
    pub fn try_gather<S, L>(
        self,
        calls: L,
    ) -> TryGather<'static, L::Ready, L::Error, L::Wait, Shared, C>
    where
        L: Calls<'static, S, Trying>,
    {
        let location = Location::caller();
        ScopeFuture::new(
            Origin::shared(self, location).needs_all(),
            TryStart(Start::new(calls, location)),
        )
    }

    /// [`gather_settled`](crate::gather_settled) with these options; errors and panics are outcomes, whatever these say.
    #[track_caller]
    pub fn gather_settled<S, L>(self, calls: L) -> Gather<'static, L::Ready, L::Wait, Shared>
    where
        L: Calls<'static, S, Settling, Error = Infallible>,
    {
        let location = Location::caller();
        let options = self.on_error(OnError::KeepGoing).on_panic(OnPanic::Collect);
        ScopeFuture::new(
            Origin::shared(options, location),
            Start::new(calls, location),
        )
    }

    /// [`inline_gather`](crate::inline_gather) with these options; [`on`](Self::on) has no meaning for it, and a panic is
    /// resumed, whatever these say.
    #[track_caller]
    pub fn inline_gather<'env, S, L>(self, calls: L) -> Gather<'env, L::Ready, L::Wait, Inline, C>
    where
        C: Uncut,
        L: Calls<'env, S, Values, Inline, Error = Infallible>,
    {
        let location = Location::caller();
        let options = self.on_panic(OnPanic::Resume);
        ScopeFuture::new(
            Origin::inline(options, location).needs_all(),
            Start::new(calls, location),
        )
    }

    /// [`try_inline_gather`](crate::try_inline_gather) with these options; [`on`](Self::on) has no meaning for it.
    #[track_caller]
    pub fn try_inline_gather<'env, S, L>(
        self,
        calls: L,
    ) -> TryGather<'env, L::Ready, L::Error, L::Wait, Inline, C>
    where
        L: Calls<'env, S, Trying, Inline>,
    {
        let location = Location::caller();
        ScopeFuture::new(
            Origin::inline(self, location).needs_all(),
            TryStart(Start::new(calls, location)),
        )
    }

    /// [`inline_gather_local`](crate::inline_gather_local) with these options; [`on`](Self::on) has no meaning for it, and a
    /// panic is resumed, whatever these say.
    #[track_caller]
    pub fn inline_gather_local<'env, S, L>(
        self,
        calls: L,
    ) -> Gather<'env, L::Ready, L::Wait, InlineLocal, C>
    where
        C: Uncut,
        L: Calls<'env, S, Values, InlineLocal, Error = Infallible>,
    {
        let location = Location::caller();
        let options = self.on_panic(OnPanic::Resume);
        ScopeFuture::new(
            Origin::inline(options, location).needs_all(),
            Start::new(calls, location),
        )
    }

    /// [`try_inline_gather_local`](crate::try_inline_gather_local) with these options; [`on`](Self::on) has no meaning for
    /// it.
    #[track_caller]
    pub fn try_inline_gather_local<'env, S, L>(
        self,
        calls: L,
    ) -> TryGather<'env, L::Ready, L::Error, L::Wait, InlineLocal, C>
    where
        L: Calls<'env, S, Trying, InlineLocal>,
    {
        let location = Location::caller();
        ScopeFuture::new(
            Origin::inline(self, location).needs_all(),
            TryStart(Start::new(calls, location)),
        )
    }
}
