//! Where tokio is off no runtime says anything of turns.

use std::future::Future;
use std::task::Waker;
use std::time::Instant;

pub(super) fn is_budget_spent() -> bool {
    false
}

pub(super) fn now() -> Instant {
    Instant::now()
}

pub(super) fn yields(waker: &Waker) {
    waker.wake_by_ref();
}

pub(super) fn begins(_: Option<&Waker>) -> bool {
    true
}

#[inline]
pub(crate) fn keeps() -> bool {
    false
}

pub(crate) fn awaits(_: &Waker) {}

pub(crate) struct Kept;

pub(crate) fn keep() -> Kept {
    Kept
}

pub(crate) fn unconstrained<F: Future>(future: F) -> F {
    future
}

pub(super) struct Taken;

impl Taken {
    pub(super) fn used(self) {}
}

pub(super) fn take() -> Option<Taken> {
    Some(Taken)
}
