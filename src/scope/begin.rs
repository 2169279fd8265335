//! How the body of a scope begins: a closure, or something with a name.

use std::future::Future;
use std::task::Context;

use crate::group::{Kind, Origin, Owner, Scope};

/// Makes the body of a scope from its handle. Every closure `FnOnce(handle) -> future` does.
#[expect(unnameable_types, reason = "it is seen in bounds that closures meet")]
pub trait Begin<'env, E, K: Kind> {
    /// The body.
    type Body: Future;
    /// Makes it.
    fn begin(self, handle: Scope<'env, E, K>) -> Self::Body;
    /// Does what the body would do, without a group, for as long as that goes. Once it has begun with that it has the origin.
    #[doc(hidden)]
    #[expect(private_interfaces, reason = "it is seen in bounds that closures meet")]
    fn poll_in_place(
        &mut self,
        _origin: &mut Option<Origin<K>>,
        _cx: &mut Context<'_>,
    ) -> InPlace<'env, E, K, <Self::Body as Future>::Output, Self::Body> {
        InPlace::Never
    }
}

/// How far it went without a group.
pub(crate) enum InPlace<'env, E, K: Kind, O, B> {
    /// The group is to be opened, and the body begins with it.
    Never,
    /// It is pending.
    Pending,
    /// The body would have given this, and nobody is left.
    Over(O),
    /// The group was opened, and this is its body. `true`: the turn is over.
    Opened(Owner<'env, E, K>, B, bool),
}

impl<'env, E, K, B, F> Begin<'env, E, K> for B
where
    K: Kind,
    B: FnOnce(Scope<'env, E, K>) -> F,
    F: Future,
{
    type Body = F;

    fn begin(self, handle: Scope<'env, E, K>) -> F {
        self(handle)
    }
}
