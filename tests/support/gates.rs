//! Events that are opened by hand, for tasks to await and for threads to block on.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ingather::testing::yield_now;
use tokio::runtime::Handle;

use super::AtDrop;

/// How long a thread waits for what comes for certain, and at once if the machine is idle.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Shut until it is opened, once and for good. Clones are the same gate.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    opened: Condvar,
}

#[derive(Default)]
struct State {
    open: bool,
    last_id: u64,
    waiting: BTreeMap<u64, Waker>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Opens it when what comes back is dropped.
    pub(crate) fn opens_at_drop(&self) -> AtDrop<impl FnOnce() + use<>> {
        let gate = self.clone();
        AtDrop(Some(move || gate.open()))
    }

    pub(crate) fn open(&self) {
        let waiting = {
            let mut state = self.0.state.lock().unwrap();
            state.open = true;
            std::mem::take(&mut state.waiting)
        };
        self.0.opened.notify_all();
        waiting.into_values().for_each(Waker::wake);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.0.state.lock().unwrap().open
    }

    /// How many tasks wait.
    pub(crate) fn waiting(&self) -> usize {
        self.0.state.lock().unwrap().waiting.len()
    }

    /// Waits as a task.
    pub(crate) fn wait(&self) -> Wait {
        Wait {
            gate: self.clone(),
            id: 0,
        }
    }

    /// Waits as a thread.
    pub(crate) fn block(&self) {
        let state = self.0.state.lock().unwrap();
        drop(
            self.0
                .opened
                .wait_while(state, |state| !state.open)
                .unwrap(),
        );
    }

    /// Waits as a thread, but not for ever: whether it was opened.
    ///
    /// A worker of tokio's that finds another one looking for work goes to sleep without a look of its own. A job that comes
    /// just then stays in the queue until the next one comes: so here now and then is one. The second pushes the first out
    /// of the worker's slot, into the queue.
    pub(crate) fn block_for(&self, limit: Duration) -> bool {
        const SLICE: Duration = Duration::from_millis(100);
        let mut left = limit;
        while !self.blocked_for(left.min(SLICE)) {
            left = left.saturating_sub(SLICE);
            if left.is_zero() {
                return false;
            }
            if let Ok(runtime) = Handle::try_current() {
                drop([runtime.spawn(async {}), runtime.spawn(async {})]);
            }
        }
        true
    }

    fn blocked_for(&self, limit: Duration) -> bool {
        let state = self.0.state.lock().unwrap();
        let opened = &self.0.opened;
        let (state, _) = opened
            .wait_timeout_while(state, limit, |state| !state.open)
            .unwrap();
        state.open
    }
}

/// The future of `Gate::wait`.
pub(crate) struct Wait {
    gate: Gate,
    id: u64,
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut state = this.gate.0.state.lock().unwrap();
        if state.open {
            return Poll::Ready(());
        }
        if this.id == 0 {
            state.last_id += 1;
            this.id = state.last_id;
        }
        let old = state.waiting.insert(this.id, cx.waker().clone());
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let old = self.gate.0.state.lock().unwrap().waiting.remove(&self.id);
        drop(old);
    }
}

/// A future that gives way until `what` is true.
pub(crate) async fn until(mut what: impl FnMut() -> bool) {
    while !what() {
        yield_now().await;
    }
}
