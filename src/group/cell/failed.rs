//! The failure of a child, until somebody takes it.

use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;

use super::reference::CellRef;
use super::state::Ending;
use super::upcalls::{self, Core, Settings};
use crate::error::{ChildFailure, ChildInfo, Failure};
use crate::panic::Panic;
use crate::spawner::SpawnerHandle;

/// The right to take the failure out of a child that failed or panicked. Dropped with the failure still in it, it sends
/// it to the unhandled hook, so it must not be dropped under a lock.
pub(in crate::group) struct Failed {
    cell: CellRef,
    is_panic: bool,
}

impl Failed {
    /// Made once for each child, by the step that ends it, when the failure is in the stage.
    pub(super) fn of(cell: &CellRef, end: Ending) -> Option<Self> {
        matches!(end, Ending::Failed | Ending::Panicked).then(|| Self {
            cell: cell.clone(),
            is_panic: end == Ending::Panicked,
        })
    }

    pub(in crate::group) fn info(&self) -> ChildInfo {
        self.cell.info()
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        self.cell.header().core()
    }

    pub(in crate::group) fn is_panic(&self) -> bool {
        self.is_panic
    }

    /// Takes the panic out, if it is one.
    pub(in crate::group) fn into_panic(self) -> Option<Panic> {
        if !self.is_panic() {
            return None;
        }
        // SAFETY: the stage of a child that panicked is the failure's alone.
        unsafe { (self.cell.header().vtable.take_panic)(self.cell.raw()) }
    }
}

impl Drop for Failed {
    fn drop(&mut self) {
        // SAFETY: the stage of a child that failed is ours alone. It is empty if the failure was taken.
        unsafe { (self.cell.header().vtable.report)(self.cell.raw()) }
    }
}

/// The group of children that can all fail with an `E` and with nothing else.
///
/// Children come into being through `NewCell::publish`, which asks for one of these and for that error type; and the only way
/// to get one makes a new core. So each child of the core has `E` for its error type.
pub(in crate::group) struct Members<E> {
    core: Arc<Core>,
    error: PhantomData<fn(E) -> E>,
}

impl<E> Members<E> {
    pub(super) fn new(settings: Settings, spawner: Option<SpawnerHandle>, roams: bool) -> Self {
        Self {
            core: upcalls::open(settings, spawner, roams),
            error: PhantomData,
        }
    }

    pub(in crate::group) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Takes a failure of one of its children.
    ///
    /// # Panics
    ///
    /// If it is the failure of another group's child.
    pub(in crate::group) fn take(&self, failed: Failed) -> ChildFailure<E> {
        let header = failed.cell.header();
        assert!(
            ptr::eq(&**header.core(), &*self.core),
            "a failure goes to its own group"
        );
        let child = Some(failed.info()).filter(|child| !child.id().is_body());
        let failure = if failed.is_panic() {
            failed.into_panic().map(Failure::Panicked)
        } else {
            let mut error: Option<E> = None;
            // SAFETY: the child failed and is ours, so its error is an `E`; the stage is the failure's alone.
            unsafe { (header.vtable.take_error)(failed.cell.raw(), (&raw mut error).cast()) };
            error.map(Failure::Error)
        };
        ChildFailure {
            child,
            failure: failure.expect("a failure is taken once"),
        }
    }
}

impl<E> Clone for Members<E> {
    fn clone(&self) -> Self {
        Self {
            core: Arc::clone(&self.core),
            error: PhantomData,
        }
    }
}
