//! Futures that need tokio, polled by whatever executor a child runs on.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::runtime::Handle;

pin_project! {
    /// Enters the runtime around each poll, so that timers and sockets of the future are the runtime's.
    pub(crate) struct Within<F> {
        runtime: Handle,
        #[pin]
        future: F,
    }
}

pub(crate) fn within<F: Future>(runtime: &Handle, future: F) -> Within<F> {
    Within {
        runtime: runtime.clone(),
        future,
    }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.runtime.enter();
        this.future.poll(cx)
    }
}
