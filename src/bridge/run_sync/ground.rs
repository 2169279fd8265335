//! What stands around a future that is polled on a thread which is blocked for it: spawner, timers and sockets.

use std::collections::BTreeSet;
use std::panic::Location;
use std::sync::{Mutex, PoisonError};

use super::error::Blocks;
use crate::blocked::call_within;
use crate::log;
use crate::spawner::{
    Attends, EnterGuard, OwnGround, Spawner, SpawnerHandle, enter, hide_local, stops,
};

/// What stands around the future.
pub(super) struct Ground {
    /// Its context is entered around each poll. `None`: the embedded default, which has none.
    spawner: Option<SpawnerHandle>,
    /// This thread is the only one of a runtime, which the call blocks.
    pub(super) blocks: Option<Blocks>,
    /// Keep it current, and the clocks of local spawners out of the way, which may be blocked with this thread.
    _entered: [Option<EnterGuard>; 2],
    _own: Option<OwnGround>,
    _attends: Option<Attends>,
}

impl Ground {
    /// Finds what stands around a call here, where `named` is current. `Err`: the call blocks the only thread of a runtime, and must not if it is `strict`.
    pub(super) fn find(
        on: Option<SpawnerHandle>,
        named: Option<SpawnerHandle>,
        strict: bool,
        location: &'static Location<'static>,
    ) -> Result<Self, Blocks> {
        let Some(runtime) = stops(named.as_ref()) else {
            return Ok(Self::shared(on, named));
        };
        let blocks = Blocks {
            call: "run_sync",
            location,
            runtime,
        };
        if strict {
            return Err(blocks);
        }
        warn_once(&blocks);
        let on = on.filter(Spawner::may_block);
        let (own, spawner) = OwnGround::enter(on).unzip();
        Ok(Self {
            spawner,
            blocks: Some(blocks),
            _entered: [None, None],
            _own: own,
            _attends: None,
        })
    }

    /// That of a thread on which nothing is current.
    pub(super) fn plain() -> Self {
        Self::shared(None, None)
    }

    /// Nothing that is current here is blocked.
    fn shared(on: Option<SpawnerHandle>, named: Option<SpawnerHandle>) -> Self {
        let entered = [hide_local(), on.as_ref().map(enter)];
        let spawner = on.or(named);
        let attends = spawner.is_none().then(Attends::begin);
        Self {
            spawner,
            blocks: None,
            _entered: entered,
            _own: None,
            _attends: attends,
        }
    }

    /// Calls `f` with the executor's context around it.
    pub(super) fn inside<R>(&self, f: impl FnOnce() -> R) -> R {
        match &self.spawner {
            Some(spawner) => call_within(f, |f| spawner.inside(f)),
            None => f(),
        }
    }
}

/// Warns of a call, once for each place.
fn warn_once(blocks: &Blocks) {
    static SAID: Mutex<BTreeSet<(&str, u32, u32)>> = Mutex::new(BTreeSet::new());
    let place = blocks.location;
    let place = (place.file(), place.line(), place.column());
    let is_first = SAID
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(place);
    if is_first {
        log::warning(blocks);
    }
}
