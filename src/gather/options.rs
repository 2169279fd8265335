//! Gather from [`GroupOptions`].

use std::future::Future;
use std::panic::Location;

use super::calls::Calls;
use super::mode::{Settling, Trying, Values};
use crate::error::GroupError;
use crate::group::{GroupOptions, OnError, OnPanic};

impl GroupOptions {
    /// [`gather`](crate::gather()) with these options.
    #[track_caller]
    pub fn gather<S, C>(self, calls: C) -> impl Future<Output = C::Output>
    where
        C: Calls<S, Values>,
    {
        let location = Location::caller();
        self.scope_at(location, move |tg| calls.start(&tg, location))
    }

    /// [`try_gather`](crate::try_gather) with these options.
    #[track_caller]
    pub fn try_gather<S, C, E>(
        self,
        calls: C,
    ) -> impl Future<Output = Result<C::Output, GroupError<E>>>
    where
        C: Calls<S, Trying<E>>,
    {
        let location = Location::caller();
        self.try_scope_at(location, move |tg| {
            let calls = calls.start(&tg, location);
            async move { Ok(calls.await) }
        })
    }

    /// [`gather_settled`](crate::gather_settled) with these options; errors and panics are outcomes, whatever these say.
    #[track_caller]
    pub fn gather_settled<S, C>(self, calls: C) -> impl Future<Output = C::Output>
    where
        C: Calls<S, Settling>,
    {
        let location = Location::caller();
        self.on_error(OnError::KeepGoing)
            .on_panic(OnPanic::Collect)
            .scope_at(location, move |tg| calls.start(&tg, location))
    }
}
