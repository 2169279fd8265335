//! The proof that this is a thread on which the children of a group may be polled and dropped.
//!
//! 1. Whatever polls a child or drops its future asks for an [`OnThread`] of the group.
//! 2. The children of a group whose home is not `Send` or not `Sync` need not be `Send`. Only a [`MembersOf`] with that
//!    home gives such a proof, or an [`Apart`]: both were made on the thread that opened the group and cannot leave it.
//! 3. The proof itself leaves no thread.
//! 4. The children of a group that says [`Roaming`] are `Send`, and what they borrow outlives them, on whichever thread they are dropped:
//!    every thread gives the proof.

use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr;
use std::sync::{Arc, Weak};

use super::failed::Members;
use super::upcalls::{Core, Group, Settings};
use crate::spawner::SpawnerHandle;

/// The proof that children of a group may be polled and dropped on this thread.
#[derive(Clone, Copy)]
pub(crate) struct OnThread<'a> {
    core: &'a Arc<Core>,
    stays: PhantomData<*const ()>,
}

impl<'a> OnThread<'a> {
    /// On whatever thread this is, if children of the group are at home on all (4).
    #[inline]
    pub(in crate::group) fn anywhere(core: &'a Arc<Core>) -> Option<Self> {
        Group::of(core).roams().then(|| Self::new(core))
    }

    #[inline]
    fn new(core: &'a Arc<Core>) -> Self {
        Self {
            core,
            stays: PhantomData,
        }
    }

    /// The group.
    #[inline]
    pub(in crate::group) fn core(self) -> &'a Arc<Core> {
        self.core
    }
}

/// Says of a group that its children are at home on every thread. They must not borrow anything that may be gone while
/// there are any: so not those of a scope that may be forgotten.
pub(in crate::group) struct Roaming<H>(PhantomData<H>);

impl<H: Send + Sync> Roaming<H> {
    pub(in crate::group) fn new() -> Self {
        Self(PhantomData)
    }
}

/// The members of a group whose handles hold a home `H`, and cannot leave their thread if it cannot.
pub(in crate::group) struct MembersOf<E, H> {
    members: Members<E>,
    home: PhantomData<H>,
}

impl<E, H> MembersOf<E, H> {
    pub(in crate::group) fn new(
        settings: Settings,
        spawner: Option<SpawnerHandle>,
        roaming: Option<Roaming<H>>,
    ) -> Self {
        Self {
            members: Members::new(settings, spawner, roaming.is_some()),
            home: PhantomData,
        }
    }

    /// The proof that this thread is the one on which the group was opened, or that it does not matter (2).
    #[inline]
    pub(in crate::group) fn on_thread(&self) -> OnThread<'_> {
        OnThread::new(self.members.core())
    }

    /// The same for somebody who does not keep the group.
    pub(in crate::group) fn apart(&self) -> Apart<H> {
        Apart {
            core: Arc::downgrade(self.members.core()),
            home: PhantomData,
        }
    }
}

impl<E, H> Deref for MembersOf<E, H> {
    type Target = Members<E>;

    #[inline]
    fn deref(&self) -> &Members<E> {
        &self.members
    }
}

impl<E, H> Clone for MembersOf<E, H> {
    fn clone(&self) -> Self {
        Self {
            members: self.members.clone(),
            home: PhantomData,
        }
    }
}

/// What a driver has of a group that it does not keep.
pub(in crate::group) struct Apart<H> {
    core: Weak<Core>,
    home: PhantomData<H>,
}

impl<H> Apart<H> {
    /// The proof for its group (2), which is this one.
    pub(in crate::group) fn on_thread<'a>(&self, core: &'a Arc<Core>) -> OnThread<'a> {
        assert!(
            ptr::eq(self.core.as_ptr(), Arc::as_ptr(core)),
            "a driver polls the children of its own group"
        );
        OnThread::new(core)
    }
}
