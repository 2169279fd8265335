//! The tree of cancel tokens: who tells whom, and who is freed when.
//!
//! Invariants:
//!
//! 1. A node holds its parent, and knows its children without holding them. So it is freed when its handles and all nodes
//!    below it are gone, and no cycle is made.
//! 2. A reason is set once, under the lock of its node, and read without it.
//! 3. A node that is not cancelled is in its parent's list until it is freed, or its parent is cancelled. Nothing is added to the
//!    lists of a cancelled node, so places in them are never given again. A child of a cancelled node is born cancelled,
//!    without a parent.
//! 4. Only `turn` holds two locks: that of the node at which it began, until all nodes below are cancelled, and in turn
//!    that of each node below. So threads wait for each other downwards only, and not in a circle.
//! 5. When the `turn` that gave a node its reason returns, everything below the node is cancelled. The thread that came first to a
//!    node further down had its lock until that was so, or was this one.
//! 6. Under a lock no waker is cloned, woken or dropped, no callback is called or dropped, and no node is released, whose
//!    end would take its parent's lock.
//! 7. The callbacks of a cancelled node are taken out one by one, by the `turn` that gave it its reason. Until its own
//!    turn comes each can be withdrawn, also by another callback.
//!    The owner of a node is told of it before that, if it has one by then: at least once, by the `turn` or by `set_owner`.
//! 8. A node that is being freed cannot be held any more and is left out by `turn`. What it still has are callbacks that
//!    were detached. It gives them to its parent, or calls them if its parent is cancelled by then.

use std::sync::{Arc, OnceLock, Weak};
use std::task::{Poll, Waker};

use super::places::Places;
use super::{CancelReason, Owner};
use crate::depth;
use crate::error::unhandled::{drop_quietly, report_panic, wake_quietly};
use crate::panic::catch;
use crate::std_or_loom::Lock;

/// What is called when a token is cancelled.
type Call = Box<dyn FnOnce(&CancelReason) + Send>;

/// One token: what its clones share.
pub(super) struct Node {
    reason: OnceLock<CancelReason>,
    lists: Lock<Lists>,
    parent: Option<Arc<Node>>,
    /// Its place among the children of its parent.
    place: usize,
    /// A node of a second tree, in which the end of a grace turns what this one turned in the first. Made for those who ask.
    now: OnceLock<Arc<Node>>,
}

#[derive(Default)]
struct Lists {
    /// What the token belongs to, until that is over.
    owner: Option<Arc<dyn Owner>>,
    children: Places<Weak<Node>>,
    wakers: Places<Waker>,
    callbacks: Places<Callback>,
}

struct Callback {
    call: Call,
    /// It comes from a node below that is gone, and reads what that would have read.
    inherited: bool,
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
            now: OnceLock::new(),
        }
    }

    pub(super) fn child(self: &Arc<Self>) -> Arc<Self> {
        let mut lists = self.lists.lock();
        if let Some(reason) = self.reason() {
            let born = Self::new(reason.inherited().into(), None, 0);
            drop(lists);
            // It has no parent that could tell it when the grace is to end.
            born.now.get_or_init(|| self.now().child());
            return Arc::new(born);
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

    /// Its node in the second tree. Those above it that have none get theirs before, one after the other.
    pub(super) fn now(self: &Arc<Self>) -> Arc<Self> {
        let mut path = vec![self];
        let mut above = None;
        while let Some(node) = path.last() {
            match (node.now.get(), &node.parent) {
                (Some(now), _) => {
                    above = Some(Arc::clone(now));
                    path.pop();
                    break;
                }
                (None, Some(parent)) => path.push(parent),
                (None, None) => break,
            }
        }
        for node in path.into_iter().rev() {
            let now = node
                .now
                .get_or_init(|| above.map_or_else(Self::root, |above| above.child()));
            above = Some(Arc::clone(now));
        }
        above.expect("it has one by now")
    }

    /// Cancels the node and all below it, tells those who watch them, and says whether it was the first to.
    pub(super) fn turn(self: &Arc<Self>, reason: CancelReason) -> bool {
        if self.reason().is_some() {
            return false;
        }
        let mut wakers = Vec::new();
        let mut cancelled: Vec<(Arc<Self>, Hearers)> = Vec::new();
        let hearers;
        {
            let mut below = Vec::new();
            let mut lists = self.lists.lock();
            if !self.set(&reason, &mut lists, &mut below, &mut wakers) {
                return false;
            }
            hearers = lists.hearers();
            let inherited = (!below.is_empty()).then(|| reason.inherited());
            while let (Some(node), Some(reason)) = (below.pop(), &inherited) {
                // Else it is being freed, which leaves nothing below it and its callbacks to itself (8).
                if let Some(node) = node.upgrade() {
                    let mut lists = node.lists.lock();
                    let first = node.set(reason, &mut lists, &mut below, &mut wakers);
                    let hearers = if first {
                        lists.hearers()
                    } else {
                        Hearers::default()
                    };
                    drop(lists);
                    // Held until no lock is (6).
                    cancelled.push((node, hearers));
                }
            }
        }
        for waker in wakers {
            wake_quietly(waker);
        }
        if hearers.any() || cancelled.iter().any(|(_, hearers)| hearers.any()) {
            let first = Arc::clone(self);
            // A callback may cancel a token whose callback cancels the next.
            depth::bounded(move || {
                first.call_back(hearers);
                for (node, hearers) in cancelled {
                    node.call_back(hearers);
                }
            });
        }
        true
    }

    /// Ends the grace of what follows the node, and tells its owner.
    pub(super) fn turn_now(self: &Arc<Self>, reason: CancelReason) {
        let owner = self.lists.lock().owner.clone();
        if let Some(owner) = owner {
            let reason = reason.clone();
            depth::bounded(move || tell(|| owner.turned_now(&reason)));
        }
        self.now().turn(reason);
    }

    /// Says what the token belongs to. If it is cancelled that is told so at once.
    pub(super) fn set_owner(&self, owner: &Arc<dyn Owner>) {
        let mut lists = self.lists.lock();
        lists.owner = Some(Arc::clone(owner));
        drop(lists);
        if let Some(reason) = self.reason() {
            tell(|| owner.turned(reason));
        }
    }

    /// What the token belongs to is over.
    pub(super) fn disown(&self) {
        let owner = self.lists.lock().owner.take();
        drop_quietly("the owner of a cancel token", owner);
    }

    /// Gives the node its reason if it has none. Under its lock.
    fn set(
        &self,
        reason: &CancelReason,
        lists: &mut Lists,
        below: &mut Vec<Weak<Self>>,
        wakers: &mut Vec<Waker>,
    ) -> bool {
        let first = self.reason.set(reason.clone()).is_ok();
        if first {
            below.extend(lists.children.take());
            wakers.extend(lists.wakers.take());
        }
        first
    }

    /// Tells the owner of a cancelled node, and calls its callbacks.
    fn call_back(&self, hearers: Hearers) {
        let Some(reason) = self.reason() else { return };
        if hearers.owner {
            let owner = self.lists.lock().owner.clone();
            if let Some(owner) = owner {
                tell(|| owner.turned(reason));
            }
        }
        for place in 0..hearers.callbacks {
            let callback = self.lists.lock().callbacks.remove(place);
            if let Some(callback) = callback {
                callback.call(reason);
            }
        }
    }

    /// Waits, in the place that is named or in a new one.
    pub(super) fn watch(&self, place: &mut Option<usize>, waker: &Waker) -> Poll<CancelReason> {
        if self.reason().is_none() && !self.lists.lock().wakers.is_watched(*place, waker) {
            let mut waker = Some(waker.clone());
            let mut lists = self.lists.lock();
            if self.reason().is_none() {
                waker = waker.and_then(|waker| lists.wakers.watch(place, waker));
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

    /// Waits no longer.
    pub(super) fn unwatch(&self, place: usize) {
        let waker = self.lists.lock().wakers.remove(place);
        drop_quietly("a waker", waker);
    }

    /// Has this called when the node is cancelled, or calls it if it is. Gives its place if it waits there.
    pub(super) fn add_callback(&self, call: Call) -> Option<usize> {
        self.keep_or_call(Callback {
            call,
            inherited: false,
        })
    }

    fn keep_or_call(&self, callback: Callback) -> Option<usize> {
        let mut lists = self.lists.lock();
        let Some(reason) = self.reason() else {
            return Some(lists.callbacks.insert(callback));
        };
        drop(lists);
        callback.call(reason);
        None
    }

    pub(super) fn withdraw(&self, place: usize) {
        let callback = self.lists.lock().callbacks.remove(place);
        drop_quietly("a callback of a cancel token", callback);
    }

    /// What a node that is being freed leaves to its parent, and the parent.
    fn bequest(&mut self) -> (Vec<Callback>, Option<Arc<Self>>) {
        let (wakers, callbacks) = {
            let mut lists = self.lists.lock();
            (lists.wakers.take(), lists.callbacks.take())
        };
        for waker in wakers {
            // Of a future that was forgotten.
            drop_quietly("a waker", waker);
        }
        let inherit = |callback| Callback {
            inherited: true,
            ..callback
        };
        (callbacks.map(inherit).collect(), self.parent.take())
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
        // Nobody is left who could cancel. A callback may hold the last of another token.
        if !callbacks.is_empty() {
            depth::bounded(move || {
                for callback in callbacks {
                    drop_quietly("a callback of a cancel token", callback);
                }
            });
        }
    }
}

impl Callback {
    /// Not under a lock.
    fn call(self, reason: &CancelReason) {
        if self.inherited {
            let reason = reason.inherited();
            tell(|| (self.call)(&reason));
        } else {
            tell(|| (self.call)(reason));
        }
    }
}

/// Who hears of the turn of a node.
#[derive(Clone, Copy, Default)]
struct Hearers {
    owner: bool,
    /// The callbacks in the places below.
    callbacks: usize,
}

impl Hearers {
    fn any(self) -> bool {
        self.owner || self.callbacks > 0
    }
}

impl Lists {
    fn hearers(&self) -> Hearers {
        Hearers {
            owner: self.owner.is_some(),
            callbacks: self.callbacks.end(),
        }
    }
}

/// Its panic stops nobody else.
fn tell(f: impl FnOnce()) {
    if let Err(panic) = catch(f) {
        report_panic("a callback of a cancel token", panic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many children, wakers and callbacks a node knows.
    fn known(node: &Node) -> [usize; 3] {
        let lists = &*node.lists.lock();
        [
            lists.children.len(),
            lists.wakers.len(),
            lists.callbacks.len(),
        ]
    }

    #[test]
    fn a_node_leaves_the_list_when_it_and_all_below_are_gone() {
        let root = Node::root();
        let child = root.child();
        let (one, two) = (child.child(), child.child());
        let freed = Arc::downgrade(&child);
        assert_eq!((known(&root), known(&child)), ([1, 0, 0], [2, 0, 0]));
        drop((child, one));
        assert_eq!(known(&root), [1, 0, 0]);
        drop(two);
        assert_eq!(known(&root), [0; 3]);
        assert!(freed.upgrade().is_none());
        assert_eq!(Arc::strong_count(&root), 1);
    }

    #[test]
    fn a_cancelled_node_knows_nobody() {
        let root = Node::root();
        let child = root.child();
        assert!(child.watch(&mut None, Waker::noop()).is_pending());
        child.add_callback(Box::new(|_| {}));
        root.add_callback(Box::new(|_| {}));
        assert_eq!((known(&root), known(&child)), ([1, 0, 1], [0, 1, 1]));
        assert!(root.turn(CancelReason::explicit()));
        let late = root.child();
        assert_eq!((known(&root), known(&child)), ([0; 3], [0; 3]));
        assert!(late.parent.is_none());
        assert_eq!(late.add_callback(Box::new(|_| {})), None);
        assert!(late.watch(&mut None, Waker::noop()).is_ready());
        assert_eq!(known(&late), [0; 3]);
    }

    #[test]
    fn a_waiter_has_one_waker() {
        let node = Node::root();
        let mut place = None;
        for _ in 0..3 {
            assert!(node.watch(&mut place, Waker::noop()).is_pending());
        }
        let other = futures::task::noop_waker();
        assert!(!other.will_wake(Waker::noop()));
        assert!(node.watch(&mut place, &other).is_pending());
        assert_eq!(known(&node), [0, 1, 0]);
        node.unwatch(place.unwrap());
        assert_eq!(known(&node), [0; 3]);
    }

    #[test]
    fn callbacks_of_a_freed_node_go_to_its_parent() {
        let root = Node::root();
        let child = root.child();
        let grandchild = child.child();
        grandchild.add_callback(Box::new(|_| {}));
        child.add_callback(Box::new(|_| {}));
        drop(child);
        assert_eq!(known(&root), [1, 0, 0]);
        drop(grandchild);
        assert_eq!(known(&root), [0, 0, 2]);
    }
}
