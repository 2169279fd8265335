//! Which registry counts where code runs: the one that was entered around it, or else the default one of its spawner.
//!
//! A default registry is held by its tasks and by the handles that were asked for, and by nothing here: a spawner that has no
//! task left is released.

use std::cell::RefCell;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::handle::TaskRegistry;
use super::shared::Shared;
use crate::context::ContextVar;
use crate::group::GroupOptions;
use crate::spawner::{SpawnerHandle, WeakHandle, current_spawner, is_entered, try_current_spawner};

/// The registry that was entered around the code that runs.
pub(super) static ENTERED: ContextVar<TaskRegistry> = ContextVar::named("ingather task registry");

thread_local! {
    /// The default registry that counted last on this thread. Most threads have to do with one.
    static LAST: RefCell<Option<Known>> = const { RefCell::new(None) };
}

/// The default registry of a spawner, as long as a task or a handle holds it.
///
/// It is touched for its own spawner alone: a stranger that held it for a moment could be the last to drop it, with its spawner and
/// what its tasks held, in the wrong place and later than its owner may expect.
struct Known {
    spawner: WeakHandle,
    registry: Weak<Shared>,
}

impl Known {
    fn of(registry: &Arc<Shared>) -> Self {
        Self {
            spawner: registry.spawner().downgrade(),
            registry: Arc::downgrade(registry),
        }
    }
}

/// The registry, and the spawner for its task, `None` if that is the registry's own.
#[track_caller]
pub(super) fn counts_here() -> (Arc<Shared>, Option<SpawnerHandle>) {
    let entered = ENTERED.with(|entered| entered.map(|entered| Arc::clone(entered.shared())));
    if let Some(registry) = entered {
        return (registry, try_current_spawner());
    }
    (default_here(), None)
}

/// The default registry of the spawner that is current here.
///
/// # Panics
///
/// If there is no current spawner.
#[track_caller]
fn default_here() -> Arc<Shared> {
    // The usual case leaves the counts of the spawner alone, which all threads share.
    if let Some(registry) = last_if(is_entered) {
        return registry;
    }
    let spawner = current_spawner();
    let found = last_if(|last| last.is(&spawner));
    let registry = found.unwrap_or_else(|| find_or_open(spawner));
    let _ = LAST.try_with(|last| last.replace(Some(Known::of(&registry))));
    registry
}

/// The default registry that counted last on this thread, if it is there still and its spawner is the one looked for.
fn last_if(is_wanted: impl FnOnce(&WeakHandle) -> bool) -> Option<Arc<Shared>> {
    let last = LAST.try_with(|last| {
        let last = last.borrow();
        let last = last.as_ref().filter(|last| is_wanted(&last.spawner));
        last.and_then(|last| last.registry.upgrade())
    });
    last.ok().flatten()
}

/// The default registries of all spawners.
static KNOWN: Mutex<Vec<Known>> = Mutex::new(Vec::new());

fn known() -> MutexGuard<'static, Vec<Known>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks among the default registries of all spawners.
#[track_caller]
fn find_or_open(spawner: SpawnerHandle) -> Arc<Shared> {
    let find = |known: &[Known]| {
        let mut own = known.iter().filter(|known| known.spawner.is(&spawner));
        own.find_map(|known| known.registry.upgrade())
    };
    if let Some(registry) = find(&known()) {
        return registry;
    }
    // Not under the lock: a spawner is asked for what it is.
    let fresh = Shared::open(GroupOptions::new().on(&spawner), Location::caller());
    let mut known = known();
    let earlier = find(&known);
    if earlier.is_none() {
        known.retain(|other| other.registry.strong_count() > 0);
        known.push(Known::of(&fresh));
    }
    drop(known);
    // What another thread has opened meanwhile counts, and ours goes unused.
    earlier.unwrap_or(fresh)
}
