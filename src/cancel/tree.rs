//! The tree of cancel tokens: who tells whom, and who is freed when.
//!
//! Invariants:
//!
//! 1. A node holds its parent, and knows its children without holding them. So it is freed when its handles and all nodes
//!    below it are gone, and no cycle is made.
//! 2. A reason is set once, under the lock of its node, and read without it.
//! 3. A node that is not cancelled is in its parent's list until it is freed. The lists of a cancelled node are empty for
//!    good, so places in them are never given again. A child of a cancelled node is born cancelled, without a parent.
//! 4. Only `turn` holds two locks: that of the node at which it began, until all nodes below are cancelled, and in turn
//!    that of each node below. So threads wait for each other downwards only, and not in a circle.
//! 5. When the `turn` that gave a node its reason returns, everything below the node is cancelled. Whoever came first to a
//!    node further down had its lock until that was so, or was this one.
//! 6. Under a lock no waker is cloned, woken or dropped, no callback is called or dropped, and no node is let go of, whose
//!    end would take its parent's lock. [`After`] carries all of that out.
//! 7. A node that is being freed cannot be held any more and is left out by `turn`. What it still has are callbacks that
//!    were detached. It gives them to its parent, or calls them if its parent is cancelled by then.

use std::mem::take;
use std::sync::{Arc, OnceLock, Weak};
use std::task::{Poll, Waker};

use super::CancelReason;
use super::places::Places;
use crate::error::unhandled::{drop_quietly, report_panic, wake_quietly};
use crate::panic::catch;
use crate::sync::Lock;

/// What is called when a token is cancelled.
type Call = Box<dyn FnOnce(&CancelReason) + Send>;

/// One token: what its clones share.
pub(super) struct Node {
    reason: OnceLock<CancelReason>,
    lists: Lock<Lists>,
    parent: Option<Arc<Node>>,
    /// Its place among the children of its parent.
    place: usize,
}

#[derive(Default)]
struct Lists {
    children: Places<Weak<Node>>,
    watchers: Places<Watcher>,
}

/// Who is to be told, once.
enum Watcher {
    Waker(Waker),
    Callback(Callback),
}

struct Callback {
    call: Call,
    /// It comes from a node below that is gone, and reads what that would have read.
    inherited: bool,
}

/// What is to be done once no lock is held.
#[derive(Default)]
struct After {
    wakers: Vec<Waker>,
    callbacks: Vec<(Callback, CancelReason)>,
    /// Held until the locks are released.
    nodes: Vec<Arc<Node>>,
}

impl Node {
    pub(super) fn root() -> Arc<Self> {
        Arc::new(Self::new(OnceLock::new(), None, 0))
    }

    fn new(reason: OnceLock<CancelReason>, parent: Option<Arc<Self>>, place: usize) -> Self {
        Self {
            reason,
            lists: Lock::new(Lists::default()),
            parent,
            place,
        }
    }

    pub(super) fn child(self: &Arc<Self>) -> Arc<Self> {
        let mut lists = self.lists.lock();
        if let Some(reason) = self.reason() {
            return Arc::new(Self::new(reason.inherited().into(), None, 0));
        }
        let place = lists.children.next();
        let child = Self::new(OnceLock::new(), Some(Arc::clone(self)), place);
        let child = Arc::new(child);
        lists.children.insert(Arc::downgrade(&child));
        child
    }

    pub(super) fn reason(&self) -> Option<&CancelReason> {
        self.reason.get()
    }

    /// Cancels the node and all below it, tells those who watch them, and says whether it was the first to.
    pub(super) fn turn(&self, reason: CancelReason) -> bool {
        if self.reason().is_some() {
            return false;
        }
        let mut after = After::default();
        {
            let mut below = Vec::new();
            let mut lists = self.lists.lock();
            let Some(reason) = self.set(reason, &mut lists, &mut below, &mut after) else {
                return false;
            };
            let inherited = (!below.is_empty()).then(|| reason.inherited());
            while let (Some(node), Some(reason)) = (below.pop(), &inherited) {
                // Else it is being freed, which leaves nothing below it and its callbacks to itself (7).
                if let Some(node) = node.upgrade() {
                    let mut lists = node.lists.lock();
                    node.set(reason.clone(), &mut lists, &mut below, &mut after);
                    drop(lists);
                    after.nodes.push(node);
                }
            }
        }
        after.run();
        true
    }

    /// Gives the node its reason if it has none, and empties its lists. Under its lock.
    fn set(
        &self,
        reason: CancelReason,
        lists: &mut Lists,
        below: &mut Vec<Weak<Self>>,
        after: &mut After,
    ) -> Option<&CancelReason> {
        if self.reason().is_some() {
            return None;
        }
        let reason = self.reason.get_or_init(|| reason);
        below.extend(lists.children.take());
        for watcher in lists.watchers.take() {
            match watcher {
                Watcher::Waker(waker) => after.wakers.push(waker),
                Watcher::Callback(call) => after.callbacks.push((call, reason.clone())),
            }
        }
        Some(reason)
    }

    /// Waits, in the place that is named or in a new one.
    pub(super) fn watch(&self, place: &mut Option<usize>, waker: &Waker) -> Poll<CancelReason> {
        if self.reason().is_none() && !place.is_some_and(|place| self.is_watched(place, waker)) {
            let mut waker = Some(Watcher::Waker(waker.clone()));
            let mut lists = self.lists.lock();
            if self.reason().is_none() {
                match place.and_then(|place| lists.watchers.get_mut(place)) {
                    Some(old) => {
                        waker = waker.map(|waker| std::mem::replace(old, waker));
                    }
                    None => *place = waker.take().map(|waker| lists.watchers.insert(waker)),
                }
            }
            drop(lists);
            drop_quietly("a waker", waker);
        }
        match self.reason() {
            Some(reason) => {
                *place = None;
                Poll::Ready(reason.clone())
            }
            None => Poll::Pending,
        }
    }

    /// Is this the very waker that waits there?
    fn is_watched(&self, place: usize, waker: &Waker) -> bool {
        let mut lists = self.lists.lock();
        matches!(lists.watchers.get_mut(place), Some(Watcher::Waker(old)) if old.will_wake(waker))
    }

    /// Has this called when the node is cancelled, or calls it if it is. Gives its place if it waits there.
    pub(super) fn add_callback(&self, call: Call) -> Option<usize> {
        let callback = Callback {
            call,
            inherited: false,
        };
        self.keep_or_call(callback)
    }

    fn keep_or_call(&self, callback: Callback) -> Option<usize> {
        let mut lists = self.lists.lock();
        let Some(reason) = self.reason() else {
            return Some(lists.watchers.insert(Watcher::Callback(callback)));
        };
        drop(lists);
        callback.call(reason);
        None
    }

    /// Waits no longer, or withdraws a callback.
    pub(super) fn unwatch(&self, place: usize) {
        let watcher = self.lists.lock().watchers.remove(place);
        drop_quietly("what waited for a cancel token", watcher);
    }

    /// What a node that is being freed leaves to its parent: itself to be taken off the list, and callbacks.
    fn bequest(&mut self) -> (Vec<Callback>, Option<Arc<Self>>) {
        let left = self.lists.lock().watchers.take();
        let mut callbacks = Vec::new();
        for watcher in left {
            match watcher {
                Watcher::Callback(callback) => callbacks.push(Callback {
                    inherited: true,
                    ..callback
                }),
                // Of a future that was forgotten.
                Watcher::Waker(waker) => drop_quietly("a waker", waker),
            }
        }
        (callbacks, self.parent.take())
    }
}

impl Drop for Node {
    /// Frees the node, and those above it that were there for it alone, one after the other.
    fn drop(&mut self) {
        let mut place = self.place;
        let (mut callbacks, mut parent) = self.bequest();
        while let Some(node) = parent {
            let gone = node.lists.lock().children.remove(place);
            drop(gone);
            for callback in callbacks {
                node.keep_or_call(callback);
            }
            match Arc::into_inner(node) {
                Some(mut node) => {
                    place = node.place;
                    (callbacks, parent) = node.bequest();
                }
                None => return,
            }
        }
        // Nobody is left who could cancel.
        for callback in callbacks {
            drop_quietly("a callback of a cancel token", callback);
        }
    }
}

impl Callback {
    /// Not under a lock.
    fn call(self, reason: &CancelReason) {
        let called = if self.inherited {
            let reason = reason.inherited();
            catch(|| (self.call)(&reason))
        } else {
            catch(|| (self.call)(reason))
        };
        if let Err(panic) = called {
            report_panic("a callback of a cancel token", panic);
        }
    }
}

impl After {
    fn run(mut self) {
        for waker in take(&mut self.wakers) {
            wake_quietly(waker);
        }
        for (callback, reason) in take(&mut self.callbacks) {
            callback.call(&reason);
        }
    }
}
