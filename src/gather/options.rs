//! Gather from [`GroupOptions`].

use std::convert::Infallible;
use std::future::{Future, pending};
use std::panic::Location;

use super::calls::Calls;
use super::mode::{Settling, Trying, Values};
use crate::error::GroupError;
use crate::group::{
    GroupOptions, Inline, InlineLocal, InlineScope, InlineScopeLocal, Kind, OnError, OnPanic, Scope,
};
use crate::scope::{Fallible, Value};

impl GroupOptions {
    /// [`gather`](crate::gather()) with these options; a panic is resumed, whatever these say.
    #[track_caller]
    pub fn gather<S, C>(self, calls: C) -> impl Future<Output = C::Output>
    where
        C: Calls<'static, S, Values, Error = Infallible>,
    {
        let location = Location::caller();
        self.on_panic(OnPanic::Resume)
            .scope_at(location, move |tg| whole(calls.start(&tg, location)))
    }

    /// [`try_gather`](crate::try_gather) with these options.
    #[track_caller]
    pub fn try_gather<S, C>(
        self,
        calls: C,
    ) -> impl Future<Output = Result<C::Output, GroupError<C::Error>>>
    where
        C: Calls<'static, S, Trying>,
    {
        let location = Location::caller();
        self.try_scope_at(location, move |tg| {
            let calls = calls.start(&tg, location);
            whole_or_cancel(tg, calls)
        })
    }

    /// [`gather_settled`](crate::gather_settled) with these options; errors and panics are outcomes, whatever these say.
    #[track_caller]
    pub fn gather_settled<S, C>(self, calls: C) -> impl Future<Output = C::Output>
    where
        C: Calls<'static, S, Settling, Error = Infallible>,
    {
        let location = Location::caller();
        self.on_error(OnError::KeepGoing)
            .on_panic(OnPanic::Collect)
            .scope_at(location, move |tg| whole(calls.start(&tg, location)))
    }

    /// [`inline_gather`](crate::inline_gather) with these options; [`on`](Self::on) has no meaning for it, and a panic is
    /// resumed, whatever these say.
    #[track_caller]
    pub fn inline_gather<'env, S, C>(
        self,
        calls: C,
    ) -> impl Future<Output = C::Output> + use<'env, S, C>
    where
        C: Calls<'env, S, Values, Inline, Error = Infallible>,
    {
        let location = Location::caller();
        self.on_panic(OnPanic::Resume)
            .inline_at::<_, _, Value<Inline>>(location, move |tg: InlineScope<'env>| {
                whole(calls.start(&tg, location))
            })
    }

    /// [`try_inline_gather`](crate::try_inline_gather) with these options; [`on`](Self::on) has no meaning for it.
    #[track_caller]
    pub fn try_inline_gather<'env, S, C>(
        self,
        calls: C,
    ) -> impl Future<Output = Result<C::Output, GroupError<C::Error>>> + use<'env, S, C>
    where
        C: Calls<'env, S, Trying, Inline>,
    {
        let location = Location::caller();
        self.inline_at::<_, _, Fallible<Inline>>(
            location,
            move |tg: InlineScope<'env, C::Error>| {
                let calls = calls.start(&tg, location);
                whole_or_cancel(tg, calls)
            },
        )
    }

    /// [`inline_gather_local`](crate::inline_gather_local) with these options; [`on`](Self::on) has no meaning for it, and a
    /// panic is resumed, whatever these say.
    #[track_caller]
    pub fn inline_gather_local<'env, S, C>(
        self,
        calls: C,
    ) -> impl Future<Output = C::Output> + use<'env, S, C>
    where
        C: Calls<'env, S, Values, InlineLocal, Error = Infallible>,
    {
        let location = Location::caller();
        self.on_panic(OnPanic::Resume)
            .inline_at::<_, _, Value<InlineLocal>>(location, move |tg: InlineScopeLocal<'env>| {
                whole(calls.start(&tg, location))
            })
    }

    /// [`try_inline_gather_local`](crate::try_inline_gather_local) with these options; [`on`](Self::on) has no meaning for
    /// it.
    #[track_caller]
    pub fn try_inline_gather_local<'env, S, C>(
        self,
        calls: C,
    ) -> impl Future<Output = Result<C::Output, GroupError<C::Error>>> + use<'env, S, C>
    where
        C: Calls<'env, S, Trying, InlineLocal>,
    {
        let location = Location::caller();
        let body = move |tg: InlineScopeLocal<'env, C::Error>| {
            let calls = calls.start(&tg, location);
            whole_or_cancel(tg, calls)
        };
        self.inline_at::<_, _, Fallible<InlineLocal>>(location, body)
    }
}

/// The outputs of all calls. If one is missing it has panicked, and the scope, which resumes panics, drops this.
async fn whole<T>(calls: impl Future<Output = Option<T>>) -> T {
    match calls.await {
        Some(outputs) => outputs,
        None => pending().await,
    }
}

/// The outputs of all calls. If one is missing the group has failed: this ends it without a value.
async fn whole_or_cancel<T, E, K: Kind>(
    tg: Scope<'_, E, K>,
    calls: impl Future<Output = Option<T>>,
) -> Result<T, E> {
    match calls.await {
        Some(outputs) => Ok(outputs),
        None => {
            // All calls are over, so that this cancels nothing but the body, which has nothing to give.
            tg.cancel();
            pending().await
        }
    }
}
