//! Ground under code that blocks its thread: what is blocked with it, and what it stands on then.

use std::cell::Cell;
use std::process;
use std::sync::{Mutex, PoisonError};

use super::blocking::{is_on_own_ground, set_on_own_ground};
use super::{
    EnterGuard, Spawner, SpawnerHandle, current, default_spawner, enter, loop_here, runtime,
};

/// The executor whose jobs this thread runs, in words, as far as it can be told.
pub(crate) fn thread_serves() -> Option<String> {
    runtime::serves()
        .or_else(|| default_spawner::serves().then(|| "the embedded default".to_owned()))
        .or_else(|| current::running().map(|spawner| format!("{spawner:?}")))
}

/// The runtime, in words, that makes no progress while this thread is blocked. `spawner` is the one that is named here.
pub(crate) fn stops(spawner: Option<&SpawnerHandle>) -> Option<String> {
    if is_on_own_ground() {
        return None;
    }
    runtime::only_thread().or_else(|| {
        let spawner = spawner.filter(|spawner| !spawner.may_block())?;
        Some(match loop_here() {
            Some(name) => format!("runner `{name}`"),
            None => format!("{spawner:?}"),
        })
    })
}

thread_local! {
    /// How many `Attends` there are on this thread.
    static ATTENDING: Cell<usize> = const { Cell::new(0) };
}

/// This thread sees to the children of scopes in code that it polls itself, until this is dropped: where they would run on the
/// embedded default.
pub(crate) struct Attends {
    _presence: default_spawner::Presence,
}

impl Attends {
    pub(crate) fn begin() -> Self {
        ATTENDING.with(|attending| attending.set(attending.get() + 1));
        Self {
            _presence: default_spawner::attend(),
        }
    }
}

impl Drop for Attends {
    fn drop(&mut self) {
        ATTENDING.with(|attending| attending.set(attending.get() - 1));
    }
}

/// What is current instead of the embedded default in code that this thread attends to, where the threads of the default stayed
/// behind in the process that this one was forked from. Found out when it is asked for: that takes a call of the system.
pub(super) fn instead_of_default() -> Option<SpawnerHandle> {
    let attends = ATTENDING.try_with(Cell::get).unwrap_or(0) > 0;
    if attends && default_spawner::is_lost() {
        own()
    } else {
        None
    }
}

/// Ground of the crate's own under code whose runtime is blocked by it: a spawner with threads, timers and sockets that are not.
pub(crate) struct OwnGround {
    before: bool,
    _current: EnterGuard,
}

impl OwnGround {
    /// Makes a spawner current whose threads are not blocked: the one that is given, or the crate's own. `None`: there is none,
    /// and none can be started.
    pub(crate) fn enter(spawner: Option<SpawnerHandle>) -> Option<(Self, SpawnerHandle)> {
        let spawner = spawner.or_else(own)?;
        let guard = Self {
            before: set_on_own_ground(true),
            _current: enter(&spawner),
        };
        Some((guard, spawner))
    }
}

impl Drop for OwnGround {
    fn drop(&mut self) {
        set_on_own_ground(self.before);
    }
}

/// The crate's own ground: started once a process. What a forked process inherits is never dropped.
fn own() -> Option<SpawnerHandle> {
    static OWN: Mutex<Option<(u32, SpawnerHandle)>> = Mutex::new(None);
    let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    let process = process::id();
    if let Some((starter, spawner)) = &*own {
        if *starter == process {
            return Some(spawner.clone());
        }
    }
    let spawner = runtime::start_own().or_else(start_default)?;
    std::mem::forget(own.replace((process, spawner.clone())));
    Some(spawner)
}

fn start_default() -> Option<SpawnerHandle> {
    if default_spawner::is_lost() {
        return None;
    }
    default_spawner::default_handle()
}
