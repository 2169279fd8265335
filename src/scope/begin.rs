//! How the body of a scope begins: a closure, or something with a name.

use std::future::Future;

/// Makes the body of a scope from its handle. Every closure `FnOnce(handle) -> future` does.
#[expect(unnameable_types, reason = "it is seen in bounds that closures meet")]
pub trait Begin<H> {
    /// The body.
    type Body: Future;
    /// Makes it.
    fn begin(self, handle: H) -> Self::Body;
}

impl<B, H, F> Begin<H> for B
where
    B: FnOnce(H) -> F,
    F: Future,
{
    type Body = F;

    fn begin(self, handle: H) -> F {
        self(handle)
    }
}
