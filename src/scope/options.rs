//! Scopes from [`GroupOptions`].

use std::future::Future;
use std::panic::Location;

use super::form::{Fallible, Form, OrCut, Value};
use super::future::ScopeFuture;
use crate::group::{
    Cut, GroupOptions, Inline, InlineLocal, InlineScope, InlineScopeLocal, Kind, Local, LocalScope,
    Origin, Scope, Shared, State, Uncut,
};
use crate::spawner::LocalSpawner;

impl<C: State> GroupOptions<Shared, C> {
    /// Opens a [`scope`](crate::scope) with these options.
    #[track_caller]
    pub fn scope<B, F>(self, body: B) -> ScopeFuture<'static, B, F, Value<Shared, C>>
    where
        C: Uncut,
        B: FnOnce(Scope<'static>) -> F,
        F: Future,
    {
        ScopeFuture::new(Origin::shared(self, Location::caller()), body)
    }

    /// Opens a [`try_scope`](crate::try_scope) with these options.
    #[track_caller]
    pub fn try_scope<B, F, T, E>(self, body: B) -> ScopeFuture<'static, B, F, Fallible<Shared, C>>
    where
        B: FnOnce(Scope<'static, E>) -> F,
        F: Future<Output = Result<T, E>>,
    {
        ScopeFuture::new(Origin::shared(self, Location::caller()), body)
    }

    /// Opens a [`local_scope_on`](crate::local_scope_on) with these options; [`on`](Self::on) has no meaning for it.
    #[track_caller]
    pub fn local_scope_on<S, B, F>(
        self,
        spawner: &S,
        body: B,
    ) -> ScopeFuture<'static, B, F, Value<Local, C>>
    where
        C: Uncut,
        S: LocalSpawner + Clone + 'static,
        B: FnOnce(LocalScope<'static>) -> F,
        F: Future,
    {
        ScopeFuture::new(Origin::local(self, Location::caller(), spawner), body)
    }

    /// Opens a [`try_local_scope_on`](crate::try_local_scope_on) with these options; [`on`](Self::on) has no meaning for it.
    #[track_caller]
    pub fn try_local_scope_on<S, B, F, T, E>(
        self,
        spawner: &S,
        body: B,
    ) -> ScopeFuture<'static, B, F, Fallible<Local, C>>
    where
        S: LocalSpawner + Clone + 'static,
        B: FnOnce(LocalScope<'static, E>) -> F,
        F: Future<Output = Result<T, E>>,
    {
        ScopeFuture::new(Origin::local(self, Location::caller(), spawner), body)
    }

    /// Opens an [`inline_scope`](crate::inline_scope) with these options; [`on`](Self::on) has no meaning for it.
    #[track_caller]
    pub fn inline_scope<'env, B, F>(self, body: B) -> ScopeFuture<'env, B, F, Value<Inline, C>>
    where
        C: Uncut,
        B: FnOnce(InlineScope<'env>) -> F,
        F: Future,
    {
        self.inline_at(Location::caller(), body)
    }

    /// Opens a [`try_inline_scope`](crate::try_inline_scope) with these options; [`on`](Self::on) has no meaning for it.
    #[track_caller]
    pub fn try_inline_scope<'env, B, F, T, E>(
        self,
        body: B,
    ) -> ScopeFuture<'env, B, F, Fallible<Inline, C>>
    where
        B: FnOnce(InlineScope<'env, E>) -> F,
        F: Future<Output = Result<T, E>>,
    {
        self.inline_at(Location::caller(), body)
    }

    /// Opens an [`inline_scope_local`](crate::inline_scope_local) with these options; [`on`](Self::on) has no meaning for
    /// it.
    #[track_caller]
    pub fn inline_scope_local<'env, B, F>(
        self,
        body: B,
    ) -> ScopeFuture<'env, B, F, Value<InlineLocal, C>>
    where
        C: Uncut,
        B: FnOnce(InlineScopeLocal<'env>) -> F,
        F: Future,
    {
        self.inline_at(Location::caller(), body)
    }

    /// Opens a [`try_inline_scope_local`](crate::try_inline_scope_local) with these options; [`on`](Self::on) has no
    /// meaning for it.
    #[track_caller]
    pub fn try_inline_scope_local<'env, B, F, T, E>(
        self,
        body: B,
    ) -> ScopeFuture<'env, B, F, Fallible<InlineLocal, C>>
    where
        B: FnOnce(InlineScopeLocal<'env, E>) -> F,
        F: Future<Output = Result<T, E>>,
    {
        self.inline_at(Location::caller(), body)
    }

    fn inline_at<'env, B, F, M>(
        self,
        location: &'static Location<'static>,
        body: B,
    ) -> ScopeFuture<'env, B, F, M>
    where
        F: Future,
        M: Form<F::Output>,
        M::Kind: Kind<Origin = ()>,
    {
        ScopeFuture::new(Origin::inline(self, location), body)
    }
}

/// Scopes that cannot fail, and can be cut short.
impl GroupOptions<Shared, Cut> {
    /// Opens a [`scope`](crate::scope) whose body and children cannot fail, and which can be cut short.
    ///
    /// The body is dropped when the group is cancelled, as that of a [`try_scope`](crate::try_scope) is.
    ///
    /// # Errors
    ///
    /// If the group was cancelled before the body gave its value, by whatever it was; and if its deadline cut children
    /// short, as for a `try_scope`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ingather::{GroupOptions, block_on};
    ///
    /// let options = GroupOptions::new().timeout(Duration::from_millis(1));
    /// let late = block_on(options.scope_or_cut(|_tg| std::future::pending::<u32>()));
    /// assert!(late.unwrap_err().is_timeout());
    /// ```
    #[track_caller]
    pub fn scope_or_cut<B, F>(self, body: B) -> ScopeFuture<'static, B, F, OrCut>
    where
        B: FnOnce(Scope<'static>) -> F,
        F: Future,
    {
        ScopeFuture::new(Origin::shared(self, Location::caller()), body)
    }

    /// [`scope_or_cut`](Self::scope_or_cut) for a [`local_scope_on`](crate::local_scope_on); [`on`](Self::on) has no meaning for
    /// it.
    #[track_caller]
    pub fn local_scope_or_cut_on<S, B, F>(
        self,
        spawner: &S,
        body: B,
    ) -> ScopeFuture<'static, B, F, OrCut<Local>>
    where
        S: LocalSpawner + Clone + 'static,
        B: FnOnce(LocalScope<'static>) -> F,
        F: Future,
    {
        ScopeFuture::new(Origin::local(self, Location::caller(), spawner), body)
    }

    /// [`scope_or_cut`](Self::scope_or_cut) for an [`inline_scope`](crate::inline_scope); [`on`](Self::on) has no meaning for it.
    #[track_caller]
    pub fn inline_scope_or_cut<'env, B, F>(self, body: B) -> ScopeFuture<'env, B, F, OrCut<Inline>>
    where
        B: FnOnce(InlineScope<'env>) -> F,
        F: Future,
    {
        self.inline_at(Location::caller(), body)
    }

    /// [`scope_or_cut`](Self::scope_or_cut) for an [`inline_scope_local`](crate::inline_scope_local); [`on`](Self::on) has no
    /// meaning for it.
    #[track_caller]
    pub fn inline_scope_local_or_cut<'env, B, F>(
        self,
        body: B,
    ) -> ScopeFuture<'env, B, F, OrCut<InlineLocal>>
    where
        B: FnOnce(InlineScopeLocal<'env>) -> F,
        F: Future,
    {
        self.inline_at(Location::caller(), body)
    }
}
