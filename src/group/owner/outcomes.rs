//! The children of a `JoinGroup` whose outcome has not been given out, and the future that gives the next.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::join::Completions;
use crate::error::{GatherIncomplete, KeyId, Outcome};
use crate::group::engine::kind::{Kind, Shared};
use crate::group::handle::key::Key;
use crate::shows::shows;
use crate::token::CancelReason;

/// Those whose outcome has not been given out.
pub(super) struct Children<T, E, Id> {
    pub(super) keys: HashMap<KeyId, (Id, Key<Outcome<T, E>>)>,
    pub(super) names: Names<Id>,
    /// Those that the group did not take.
    pub(super) refused: VecDeque<(Id, CancelReason)>,
}

/// Which child has a name.
pub(super) enum Names<Id> {
    /// Each has the number that the group gave it.
    Numbers(fn(&Id) -> KeyId),
    Given(HashMap<Id, KeyId>),
}

impl<T, E, Id: Eq + Hash + Clone> Children<T, E, Id> {
    pub(super) fn key(&self, name: &Id) -> Option<&Key<Outcome<T, E>>> {
        let id = match &self.names {
            Names::Numbers(number) => number(name),
            Names::Given(names) => *names.get(name)?,
        };
        self.keys.get(&id).map(|(_, key)| key)
    }

    /// The names, which are given from now on.
    pub(super) fn given(&mut self) -> &mut HashMap<Id, KeyId> {
        if let Names::Numbers(_) = self.names {
            let names = self.keys.iter().map(|(id, (name, _))| (name.clone(), *id));
            self.names = Names::Given(names.collect());
        }
        match &mut self.names {
            Names::Given(names) => names,
            Names::Numbers(_) => unreachable!("they are given by now"),
        }
    }

    /// Is one of this name among those that the group did not take?
    pub(super) fn is_refused(&self, name: &Id) -> bool {
        self.refused.iter().any(|(refused, _)| refused == name)
    }

    /// A child with this name is one of these.
    pub(super) fn enters(&mut self, id: KeyId, name: Id, key: Key<Outcome<T, E>>) {
        if let Names::Given(names) = &mut self.names {
            names.insert(name.clone(), id);
        }
        self.keys.insert(id, (name, key));
    }

    /// The child of this name is none of these any more.
    fn forget(&mut self, name: &Id) {
        if let Names::Given(names) = &mut self.names {
            names.remove(name);
        }
    }

    pub(super) fn next_refused(&mut self) -> Option<(Id, Outcome<T, E>)> {
        let (name, reason) = self.refused.pop_front()?;
        self.forget(&name);
        Some((name, Outcome::Cancelled(reason)))
    }

    /// What this child, which is over, has ended with. `None`: it was replaced.
    pub(super) fn take(&mut self, id: KeyId) -> Option<(Id, Outcome<T, E>)> {
        let (name, mut key) = self.keys.remove(&id)?;
        self.forget(&name);
        let outcome = match key.take() {
            Ok(outcome) => outcome,
            Err(GatherIncomplete::Cancelled(reason)) => Outcome::Cancelled(reason),
            Err(why) => unreachable!("the child is over, and its key is here: {why}"),
        };
        Some((name, outcome))
    }
}

/// The future of [`JoinGroup::next`](crate::JoinGroup::next) and [`JoinGroup::next_while_open`](crate::JoinGroup::next_while_open).
#[must_use = "an outcome is given out only if this is awaited"]
pub struct NextOutcome<'a, T, E, Id, K: Kind = Shared> {
    pub(super) completions: Completions<'a, Infallible, K>,
    pub(super) children: &'a mut Children<T, E, Id>,
}

impl<T, E, Id, K: Kind> Unpin for NextOutcome<'_, T, E, Id, K> {}

impl<T, E, Id: Eq + Hash + Clone, K: Kind> Future for NextOutcome<'_, T, E, Id, K> {
    type Output = Option<(Id, Outcome<T, E>)>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(refused) = this.children.next_refused() {
            return Poll::Ready(Some(refused));
        }
        loop {
            let Some(completion) = ready!(this.completions.poll_completion(cx)) else {
                return Poll::Ready(None);
            };
            // One that was replaced has no name any more.
            if let Some(given) = completion.id().and_then(|id| this.children.take(id)) {
                return Poll::Ready(Some(given));
            }
        }
    }
}

shows!([T, E, Id, K: Kind] NextOutcome<'_, T, E, Id, K>, this => (this.completions));
