//! Mapping from [`GroupOptions`].

use std::future::Future;
use std::panic::Location;

use super::{Items, MapConcurrent, MapStream, TryMapConcurrent};
use crate::group::{FailingStream, GroupOptions, OnPanic, Shared, State, UncutStream};

impl<C: State> GroupOptions<Shared, C> {
    /// [`map_concurrent`](crate::map_concurrent) with these options; a panic is resumed, whatever these say.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    #[track_caller]
    pub fn map_concurrent<S, I, F, Fut>(
        self,
        items: I,
        limit: usize,
        f: F,
    ) -> MapConcurrent<I::Source, F, Fut::Output>
    where
        C: UncutStream,
        I: Items<S>,
        F: FnMut(I::Item) -> Fut,
        Fut: Future + Send + 'static,
        Fut::Output: Send + 'static,
    {
        let options = self.on_panic(OnPanic::Resume).into_state();
        MapStream::new(options, Location::caller(), items.into_source(), limit, f)
    }

    /// [`try_map_concurrent`](crate::try_map_concurrent) with these options; a panic is resumed, whatever these say.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    #[track_caller]
    pub fn try_map_concurrent<S, I, F, Fut, T, E>(
        self,
        items: I,
        limit: usize,
        f: F,
    ) -> TryMapConcurrent<I::Source, F, T, E>
    where
        C: FailingStream,
        I: Items<S>,
        F: FnMut(I::Item) -> Fut,
        Fut: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let options = self.on_panic(OnPanic::Resume).into_state();
        MapStream::new(options, Location::caller(), items.into_source(), limit, f)
    }
}
