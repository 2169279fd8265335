//! Which registry counts where code runs: the one that was entered around it, or else the default one of its spawner.
//!
//! A default registry is held by its tasks and by the handles that were asked for, and by nothing here: a spawner that has no
//! task left is released.

use std::cell::Cell;
use std::panic::Location;
use std::sync::{Arc, OnceLock, Weak};

use super::handle::TaskRegistry;
use super::shared::Shared;
use crate::context::ContextVar;
use crate::group::GroupOptions;
use crate::spawner::{SpawnerHandle, current_spawner, is_entered, try_current_spawner};
use crate::std_or_loom::Lock;

/// The registry that was entered around the code that runs.
pub(super) static ENTERED: ContextVar<TaskRegistry> = ContextVar::named("ingather task registry");

thread_local! {
    /// The default registry that counted last on this thread. Most threads have to do with one.
    static LAST: Cell<Weak<Shared>> = const { Cell::new(Weak::new()) };
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
    let last = LAST.try_with(Cell::take).unwrap_or_default();
    let registry = last.upgrade();
    let usual = registry.filter(|registry| is_entered(registry.spawner()));
    // The usual case leaves the counts of the spawner alone, which all threads share.
    let (registry, last) = match usual {
        Some(registry) => (registry, last),
        None => {
            let spawner = current_spawner();
            let found = last.upgrade().filter(|last| last.is_on(&spawner));
            let registry = found.unwrap_or_else(|| find_or_open(spawner));
            let last = Arc::downgrade(&registry);
            (registry, last)
        }
    };
    let _ = LAST.try_with(|place| place.set(last));
    registry
}

/// The default registries of all spawners.
#[derive(Default)]
struct Known {
    list: Vec<Weak<Shared>>,
    /// How many were ever added.
    added: u64,
}

/// Looks among the default registries of all spawners.
#[track_caller]
fn find_or_open(spawner: SpawnerHandle) -> Arc<Shared> {
    static KNOWN: OnceLock<Lock<Known>> = OnceLock::new();
    let known = KNOWN.get_or_init(Lock::default);
    let location = Location::caller();
    let mut fresh = None;
    loop {
        let (list, added) = {
            let known = known.lock();
            (known.list.clone(), known.added)
        };
        // Not under the lock: one that was found may be dropped by us, with whatever its tasks held.
        let mut alive = list.iter().filter_map(Weak::upgrade);
        if let Some(registry) = alive.find(|registry| registry.is_on(&spawner)) {
            return registry;
        }
        let fresh =
            fresh.get_or_insert_with(|| Shared::open(GroupOptions::new().on(&spawner), location));
        let mut known = known.lock();
        if known.added == added {
            known.added += 1;
            known.list.retain(|other| other.strong_count() > 0);
            known.list.push(Arc::downgrade(fresh));
            return Arc::clone(fresh);
        }
    }
}
