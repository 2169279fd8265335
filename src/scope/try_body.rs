//! The body of a scope that can fail: it may give a `Result`, nothing, or never end.
//!
//! What it gives is made a `Result` by a function that is known where the scope is opened. A bound would have to be proved again
//! wherever the future of the scope has to be `Send`, and the compiler cannot do so for errors that borrow, `&'static str` among them.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::begin::Begin;
use super::form::Fallible;
use super::future::ScopeFuture;
use crate::group::{Kind, Scope, Shared, Whole};
use crate::shows::shows;

/// The future of a [`try_scope`](crate::try_scope).
pub type TryScopeFuture<'env, B, F, T, E, K = Shared, C = Whole> =
    ScopeFuture<'env, TryBegin<B, F, T, E>, Tried<F, T, E>, Fallible<K, C>>;

/// A closure that makes the body of a [`try_scope`](crate::try_scope).
pub struct TryBegin<B, F: Future, T, E> {
    body: B,
    into_result: fn(F::Output) -> Result<T, E>,
}

impl<B, F: Future, T, E> TryBegin<B, F, T, E> {
    pub(super) fn new(body: B) -> Self
    where
        F::Output: TryBody<E, Value = T>,
    {
        Self {
            body,
            into_result: TryBody::into_result,
        }
    }
}

impl<'env, K, B, F, T, E> Begin<'env, E, K> for TryBegin<B, F, T, E>
where
    K: Kind,
    B: FnOnce(Scope<'env, E, K>) -> F,
    F: Future,
{
    type Body = Tried<F, T, E>;

    fn begin(self, handle: Scope<'env, E, K>) -> Tried<F, T, E> {
        Tried {
            body: (self.body)(handle),
            into_result: self.into_result,
        }
    }
}

shows!([B, F: Future, T, E] TryBegin<B, F, T, E>, ..);

pin_project! {
    /// The body of a [`try_scope`](crate::try_scope), which gives a `Result`.
    pub struct Tried<F: Future, T, E> {
        #[pin]
        body: F,
        into_result: fn(F::Output) -> Result<T, E>,
    }
}

impl<F: Future, T, E> Future for Tried<F, T, E> {
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, E>> {
        let this = self.project();
        this.body.poll(cx).map(this.into_result)
    }
}

shows!([F: Future, T, E] Tried<F, T, E>, ..);

/// What the body of a [`try_scope`](crate::try_scope) may end with: a `Result`, nothing, or never.
///
/// The error type of the scope comes from its children, or from the body's own `Result`. Where neither says it, the compiler asks
/// for a type that no annotation of the body can give: write the handle's type then, `|tg: Scope|` for children that cannot fail, or
/// `|tg: Scope<'_, MyError>|`.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, try_scope};
///
/// let failed = block_on(try_scope(|tg| async move {
///     for line in ["1", "two"] {
///         tg.try_spawn(async move { line.parse::<u32>() });
///     } // no `Ok(())`
/// }));
/// assert_eq!(failed.unwrap_err().len(), 1);
/// ```
#[diagnostic::on_unimplemented(
    message = "the body of a `try_scope` gives a `Result<_, {E}>` or `()`, or never ends; this one gives `{Self}`",
    label = "write `Ok(…)` around the value of the body",
    note = "the error of the body is that of its children: `tg.require(result).await` takes in those of keys, starts and groups inside"
)]
pub trait TryBody<E> {
    /// What it gives if it does not fail.
    type Value;

    #[doc(hidden)]
    fn into_result(self) -> Result<Self::Value, E>;
}

impl<T, E> TryBody<E> for Result<T, E> {
    type Value = T;

    fn into_result(self) -> Self {
        self
    }
}

impl<E> TryBody<E> for () {
    type Value = ();

    fn into_result(self) -> Result<(), E> {
        Ok(())
    }
}

impl<E> TryBody<E> for Never {
    type Value = Self;

    fn into_result(self) -> Result<Self, E> {
        self
    }
}

/// `!`, by a name that stable Rust has for it: what a body gives that never ends.
///
/// # Examples
///
/// ```
/// use ingather::types::Never;
/// use ingather::{GroupError, block_on, try_scope};
///
/// async fn serve() -> Result<Never, GroupError<&'static str>> {
///     try_scope(|tg| async move {
///         loop {
///             let _ = tg.try_spawn(async { Err::<(), _>("the line is dead") }).await;
///         }
///     })
///     .await
/// }
/// assert_eq!(block_on(serve()).unwrap_err().len(), 1);
/// ```
pub type Never = <fn() -> ! as Gives>::Output;

#[doc(hidden)]
pub trait Gives {
    type Output;
}

impl<T> Gives for fn() -> T {
    type Output = T;
}
