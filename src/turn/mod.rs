//! The turn of the task that is being polled on this thread: whether it is over, and how it is given up.
//!
//! - `tokio`: what tokio's scheduler says of its tasks, and how it has one wait for its timers and sockets
//! - `no_tokio`: stands in for it where the feature is off

#[cfg(not(all(feature = "tokio", not(loom))))]
mod no_tokio;
#[cfg(all(feature = "tokio", not(loom)))]
mod tokio;

#[cfg(not(all(feature = "tokio", not(loom))))]
use no_tokio as runtime;
#[cfg(all(feature = "tokio", not(loom)))]
use tokio as runtime;

#[cfg(all(feature = "tokio", not(loom)))]
pub(crate) use runtime::{
    begins, comes, has_thieves, index_of_worker, is_budget_spent, offer, poll_within,
};

pub(crate) use runtime::{awaits, keep, keeps, unconstrained};

use std::cell::Cell;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::order;
use crate::panic::catch;
use crate::std_or_loom::{IS_MODEL, per_thread};

/// What the current spawner says of the turn.
static SPAWNER: OnceLock<fn() -> bool> = OnceLock::new();

/// Says how to ask the current spawner whether the turn is over. Once there is one.
pub(crate) fn provide(is_over: fn() -> bool) {
    let _ = SPAWNER.set(is_over);
}

/// Is the turn over, by the runtime or by the current spawner?
#[inline]
pub(crate) fn is_over() -> bool {
    runtime::is_budget_spent() || spawner_says_so()
}

fn spawner_says_so() -> bool {
    SPAWNER.get().is_some_and(|ask| catch(ask).unwrap_or(true))
}

/// The time by which turns are measured. None where what happens must not depend on it.
pub(crate) fn now() -> Option<Instant> {
    (!IS_MODEL && !order::is_decided()).then(runtime::now)
}

/// Calls the waker of a task that gives up its turn and returns, when others have had theirs. Where that is a task of tokio's,
/// the runtime looks at its timers and sockets before.
pub(crate) fn yields(waker: &Waker) {
    runtime::yields(waker);
}

/// The owner of a group is about to poll children on this thread: drivers that have given way go to other workers, where the
/// runtime keeps them on this one.
#[inline]
pub(crate) fn owner_begins() {
    runtime::begins(None);
}

/// A part of the turn that was taken. Unless it is [used](Self::used) it is given back.
#[must_use = "it is given back unless it is used"]
pub(crate) struct Unit {
    taken: Option<runtime::Taken>,
}

impl Unit {
    /// Something came of it.
    #[inline]
    pub(crate) fn used(self) {
        if let Some(taken) = self.taken {
            taken.used();
        }
    }
}

per_thread! {
    // How many parts were taken on this thread, and whether the last was refused.
    static ASKED: Cell<(u8, bool)> = const { Cell::new((0, false)) };
}

/// One in so many asks the spawner as well.
const ASKS_SPAWNER: u8 = 8;

/// Stands for the count where nothing is refused.
const UNBOUNDED: u8 = u8::MAX;

/// While this is alive nothing on this thread is refused, whatever the runtime and the spawner say of the task that is being
/// polled: what is polled by hand is no part of its turn.
#[cfg(feature = "testing")]
#[must_use = "it counts only while this is alive"]
pub(crate) struct Unbounded {
    earlier: (u8, bool),
    not_send: std::marker::PhantomData<*mut ()>,
}

#[cfg(feature = "testing")]
impl Unbounded {
    pub(crate) fn begin() -> Self {
        let asked = ASKED.try_with(|asked| asked.replace((UNBOUNDED, false)));
        Self {
            earlier: asked.unwrap_or((0, false)),
            not_send: std::marker::PhantomData,
        }
    }
}

#[cfg(feature = "testing")]
impl Drop for Unbounded {
    fn drop(&mut self) {
        let _ = ASKED.try_with(|asked| asked.set(self.earlier));
    }
}

/// Was the last that asked for a part of the turn on this thread refused? Then what it waits for may be there.
pub(crate) fn was_refused() -> bool {
    ASKED.try_with(|asked| asked.get().1).unwrap_or(false)
}

/// Takes a part of the turn, for what may be ready for ever in a row. Where the turn is over it is not ready, and is woken
/// when others have had theirs.
///
/// It does not refuse twice in a row: where somebody polls in a loop of its own within a turn that is over, and does not
/// return, there is no other turn to wait for.
#[inline]
pub(crate) fn take(cx: &Context<'_>) -> Poll<Unit> {
    let (count, was_refused) = ASKED.try_with(Cell::get).unwrap_or((0, true));
    if count == UNBOUNDED {
        return Poll::Ready(Unit { taken: None });
    }
    let count = (count + 1) % ASKS_SPAWNER;
    let taken = if was_refused || count != 0 || !spawner_says_so() {
        runtime::take()
    } else {
        None
    };
    let refused = taken.is_none() && !was_refused;
    let _ = ASKED.try_with(|asked| asked.set((count, refused)));
    if refused {
        yields(cx.waker());
        return Poll::Pending;
    }
    Poll::Ready(Unit { taken })
}

/// Takes a part of the turn for several that are ready, each of which is so once: keys.
#[inline]
pub(crate) fn take_some(cx: &Context<'_>) -> Poll<()> {
    match ASKED.try_with(Cell::get) {
        Ok((count, _)) if count != UNBOUNDED && (count + 1) % ASKS_SPAWNER != 0 => {
            let _ = ASKED.try_with(|asked| asked.set((count + 1, false)));
            Poll::Ready(())
        }
        _ => take(cx).map(Unit::used),
    }
}
