//! The runtime that this thread is in, as a spawner: one handle for all threads of one runtime, so that they are the same.
//!
//! Each thread keeps the handle of the runtime that it was in last, until it ends or is in another. A table finds it for the
//! threads that have none, and holds nothing: a runtime that nobody uses any more is gone with its threads.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Handle, Id};

use crate::spawner::SpawnerHandle;
use crate::spawner::handle::WeakHandle;

thread_local! {
    static LAST: RefCell<Option<(Id, SpawnerHandle)>> = const { RefCell::new(None) };
}

/// The handles of all runtimes that some thread keeps.
static KNOWN: Mutex<Vec<(Id, WeakHandle)>> = Mutex::new(Vec::new());

/// The runtime that this thread is in: whose tasks it runs, or whose handle was entered here.
pub(in crate::spawner) fn here() -> Option<SpawnerHandle> {
    let handle = Handle::try_current().ok()?;
    let id = handle.id();
    let kept = LAST.try_with(|last| {
        let last = last.borrow();
        let (_, spawner) = last.as_ref().filter(|(kept, _)| *kept == id)?;
        Some(spawner.clone())
    });
    if let Ok(Some(spawner)) = kept {
        return Some(spawner);
    }
    let spawner = of(id, handle);
    let mine = (id, spawner.clone());
    // Out of the borrow: the last handle of a runtime drops what is left of it. Where the thread is ending it keeps nothing.
    drop(LAST.try_with(|last| last.replace(Some(mine))));
    Some(spawner)
}

fn of(id: Id, handle: Handle) -> SpawnerHandle {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|(_, spawner)| spawner.is_alive());
    let found = known.iter().find(|(other, _)| *other == id);
    if let Some(spawner) = found.and_then(|(_, spawner)| spawner.upgrade()) {
        return spawner;
    }
    let spawner = SpawnerHandle::new(handle);
    known.push((id, spawner.downgrade()));
    spawner
}
