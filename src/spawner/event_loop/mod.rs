//! Event loops on threads of their own: what a runner runs on.
//!
//! - `threads`: the threads of a loop, and what is known of it on them
//! - `embedded`: loops of async-executor; `no_embedded` where the feature is off
//! - `runtime`: loops of tokio
//!
//! A loop is a spawner with an identity. It takes no more jobs once it was told to stop, and none in a process that was forked
//! from the one with its threads.

mod threads;

#[cfg(feature = "async-executor")]
mod embedded;
#[cfg(not(feature = "async-executor"))]
mod no_embedded;
#[cfg(feature = "tokio")]
mod runtime;

#[cfg(not(feature = "async-executor"))]
use no_embedded as embedded;

pub(crate) use threads::{LoopThread, local_here, loop_here};

use std::io;
use std::num::NonZeroUsize;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::{Job, SpawnError, Spawner, SpawnerHandle};
use crate::clock::ClockHandle;

/// What a loop is made of.
#[derive(Clone, Debug)]
pub(crate) enum LoopKind {
    /// Threads of its own that run an executor like the embedded default.
    Embedded,
    /// A tokio runtime of its own.
    #[cfg(feature = "tokio")]
    Runtime,
    /// Somebody else's spawner, with that one's threads.
    On(SpawnerHandle),
}

/// The spawner of a loop.
#[derive(Clone)]
pub(crate) struct EventLoop(Arc<Inner>);

struct Inner {
    id: u64,
    name: Arc<str>,
    process: u32,
    threads: Option<NonZeroUsize>,
    stopped: AtomicBool,
    spawner: SpawnerHandle,
    /// Starts a thread that stands in for one that is blocked. A loop of one thread has none: all is on that thread.
    stand_in: OnceLock<StandIn>,
}

type StandIn = Box<dyn Fn(&EventLoop) -> io::Result<LoopThread> + Send + Sync>;

impl EventLoop {
    /// Starts a loop on so many threads.
    pub(crate) fn start(
        kind: LoopKind,
        name: Arc<str>,
        threads: NonZeroUsize,
    ) -> io::Result<(Self, Vec<LoopThread>)> {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let id = LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let make = |spawner, threads| {
            Self(Arc::new(Inner {
                id,
                name: Arc::clone(&name),
                process: process::id(),
                threads,
                stopped: AtomicBool::new(false),
                spawner,
                stand_in: OnceLock::new(),
            }))
        };
        match kind {
            LoopKind::Embedded => {
                embedded::start(&name, threads, |spawner| make(spawner, Some(threads)))
            }
            #[cfg(feature = "tokio")]
            LoopKind::Runtime => {
                runtime::start(&name, threads, |spawner| make(spawner, Some(threads)))
            }
            LoopKind::On(spawner) => Ok((make(spawner, None), Vec::new())),
        }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    /// Takes no more jobs. Its threads are told apart from this.
    pub(crate) fn stop(&self) {
        self.0.stopped.store(true, Ordering::Release);
    }

    /// Did its threads stay behind in the process that this one was forked from?
    pub(crate) fn is_lost(&self) -> bool {
        self.0.process != process::id()
    }
}

impl Spawner for EventLoop {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        if self.is_lost() {
            return Err(SpawnError::new(format!(
                "runner `{}` was left behind in the process that this one was forked from; start another",
                self.0.name
            )));
        }
        if self.0.stopped.load(Ordering::Acquire) {
            return Err(SpawnError::shut_down());
        }
        self.0.spawner.spawn(job)
    }

    fn parallelism(&self) -> NonZeroUsize {
        match self.0.threads {
            Some(threads) => threads,
            None => self.0.spawner.parallelism(),
        }
    }

    fn is_current(&self) -> bool {
        match self.0.threads {
            Some(_) => threads::id_here() == Some(self.0.id) || self.0.spawner.is_current(),
            None => self.0.spawner.is_here(),
        }
    }

    fn should_yield(&self) -> bool {
        self.0.spawner.should_yield()
    }

    fn may_block(&self) -> bool {
        match self.0.threads {
            Some(threads) => !self.is_lost() && (threads.get() > 1 || !self.is_current()),
            None => !self.is_lost() && self.0.spawner.may_block(),
        }
    }

    fn while_blocked(&self, wait: &mut dyn FnMut()) {
        let stands_in = self.0.stand_in.get();
        match stands_in.filter(|_| threads::id_here() == Some(self.0.id)) {
            // Where no thread can be started the jobs wait for the others.
            Some(start) => threads::handed_over(|| start(self), wait),
            None => self.0.spawner.while_blocked(wait),
        }
    }

    fn inside(&self, f: &mut dyn FnMut()) {
        self.0.spawner.inside(f);
    }

    fn clock(&self) -> Option<ClockHandle> {
        self.0.spawner.clock()
    }
}
