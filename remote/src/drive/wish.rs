//! How far the end of a piece of work has been asked for.

use std::future::poll_fn;
use std::sync::Mutex;
use std::task::{Poll, Waker};

/// In this order; none is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Nobody asked.
    Runs,
    /// The token has turned.
    Cancel,
    /// The grace is over.
    Kill,
}

/// Set by whoever owns the call, and awaited by its course.
pub(crate) struct Wish(Mutex<(Stage, Option<Waker>)>);

impl Wish {
    pub(crate) fn new() -> Self {
        Self(Mutex::new((Stage::Runs, None)))
    }

    pub(crate) fn stage(&self) -> Stage {
        self.lock().0
    }

    pub(crate) fn raise(&self, stage: Stage) {
        let waker = {
            let mut state = self.lock();
            if state.0 >= stage {
                return;
            }
            state.0 = stage;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits until it is this far. One waits at a time.
    pub(crate) async fn reached(&self, stage: Stage) {
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.0 >= stage {
                return Poll::Ready(());
            }
            match &mut state.1 {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            Poll::Pending
        })
        .await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Stage, Option<Waker>)> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
