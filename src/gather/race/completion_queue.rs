//! What children tell their owner: what each gave, in the order in which they ended.

use std::collections::VecDeque;
use std::fmt;
use std::task::Waker;

use crate::error::ChildInfo;
use crate::error::unhandled::report_child_panic;
use crate::gather::site::Site;
use crate::panic::Panic;
use crate::std_or_loom::Lock;
use crate::token::CancelReason;

/// How one call came to its end.
pub(crate) enum End<O> {
    /// It gave this.
    Gave(O),
    /// It panicked, and its group collects panics.
    Panicked(Panic),
    /// It was cancelled, for this reason. One that was refused does not know the group's.
    Cancelled(Option<CancelReason>),
    /// It failed, which is the group's.
    Failed,
    /// It panicked, which is the group's, and the group is about to hear of it.
    Panics,
}

/// What one call says when it is over, its future dropped.
pub(crate) struct CallEnd<O> {
    pub(crate) index: usize,
    pub(crate) end: End<O>,
}

/// The queue into which all children of a group put their ends, and which their owner empties.
///
/// An end is one push; its room is reused for the next batch, so that nothing is allocated for each. What is never
/// fetched is lost, and goes to `Ways::lose`.
pub(in crate::gather) struct CompletionQueue<O> {
    state: Lock<State<O>>,
    site: Site,
    tells_panics: bool,
    ways: Ways<O>,
}

/// What is done with what a call gave.
pub(in crate::gather) struct Ways<O> {
    /// Takes an error that hands on the cancel of its call for that cancel. Called in the call.
    pub(in crate::gather) sift: fn(O) -> Result<O, CancelReason>,
    /// Drops, quietly, what nobody can receive.
    pub(in crate::gather) lose: fn(O, &ChildInfo),
}

impl<O> Clone for Ways<O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O> Copy for Ways<O> {}

struct State<O> {
    ends: VecDeque<CallEnd<O>>,
    waker: Option<Waker>,
}

impl<O> CompletionQueue<O> {
    /// The owner is notified of panics if the group collects them.
    pub(in crate::gather) fn new(site: Site, tells_panics: bool, ways: Ways<O>) -> Self {
        let state = State {
            ends: VecDeque::new(),
            waker: None,
        };
        Self {
            state: Lock::new(state),
            site,
            tells_panics,
            ways,
        }
    }

    pub(in crate::gather) fn site(&self) -> Site {
        self.site
    }

    /// Is the owner notified of panics, rather than the group?
    pub(in crate::gather) fn tells_panics(&self) -> bool {
        self.tells_panics
    }

    /// Tells what a call gave. Called in the call.
    pub(in crate::gather) fn send_output(&self, index: usize, output: O) {
        let end = match (self.ways.sift)(output) {
            Ok(output) => End::Gave(output),
            Err(reason) => End::Cancelled(Some(reason)),
        };
        self.send(index, end);
    }

    pub(in crate::gather) fn send(&self, index: usize, end: End<O>) {
        let waker = {
            let mut state = self.state.lock();
            state.ends.push_back(CallEnd { index, end });
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Swaps all ends that are there for an empty `batch`. `false`: there are none.
    pub(in crate::gather) fn look(&self, batch: &mut VecDeque<CallEnd<O>>) -> bool {
        let ends = &mut self.state.lock().ends;
        std::mem::swap(ends, batch);
        !batch.is_empty()
    }

    /// Swaps all ends that are there for an empty `batch`. `false`: there are none, and `waker` is called for the next.
    pub(in crate::gather) fn fetch(&self, batch: &mut VecDeque<CallEnd<O>>, waker: &Waker) -> bool {
        let waker = waker.clone();
        let old = {
            let mut state = self.state.lock();
            if !state.ends.is_empty() {
                std::mem::swap(&mut state.ends, batch);
                return true;
            }
            state.waker.replace(waker)
        };
        drop(old);
        false
    }

    /// Drops an end that nobody can receive.
    pub(in crate::gather) fn lose(&self, call_end: CallEnd<O>) {
        match call_end.end {
            End::Gave(output) => (self.ways.lose)(output, &self.site.child(call_end.index)),
            End::Panicked(panic) => report_child_panic(&self.site.child(call_end.index), &panic),
            End::Cancelled(_) | End::Failed | End::Panics => {}
        }
    }
}

impl<O> Drop for CompletionQueue<O> {
    fn drop(&mut self) {
        let ends = std::mem::take(&mut self.state.lock().ends);
        for call_end in ends {
            self.lose(call_end);
        }
    }
}

impl<O> fmt::Debug for CompletionQueue<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("CompletionQueue");
        out.field("site", &self.site);
        if let Some(state) = self.state.try_lock() {
            out.field("ends", &state.ends.len());
        }
        out.finish_non_exhaustive()
    }
}
