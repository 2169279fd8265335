//! What handles, wakers and the run loop of one executor share: its jobs, which of them are ready, and who holds its clock.
//!
//! 1. A job has an entry from its spawn until it is over or dropped. The main future of `block_on` has one too.
//! 2. An entry is in `ready` exactly if it is `queued`: from a wake to the next poll.
//! 3. A job is out of its entry while it is polled or dropped. If the entry is gone by then the job goes too.
//! 4. A thread that holds the clock first wakes, then releases it: the loop that sees no hold sees all that was woken.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Wake, Waker};
use std::thread::{self, ThreadId};
use std::time::Instant;

use super::locals;
use super::timers::Timers;
use crate::clock::ClockHandle;
use crate::error::unhandled::wake_quietly;
use crate::order::{self, Order};
use crate::panic::{Panic, catch};
use crate::park::Parker;
use crate::spawner::{Job, LocalJob, SpawnError};
use crate::std_or_loom::Lock;

pub(super) struct Shared {
    pub(super) id: u64,
    /// The seed, of an executor that has one.
    pub(super) seed: Option<u64>,
    pub(super) timers: Arc<Timers>,
    pub(super) clock: ClockHandle,
    pub(super) state: Lock<State>,
}

pub(super) struct State {
    pub(super) order: Order,
    pub(super) settings: Settings,
    /// The thread of the local jobs: the one that made the executor, or ran it last.
    pub(super) home: ThreadId,
    /// The thread that runs it now.
    pub(super) runner: Option<ThreadId>,
    pub(super) parked: Option<Arc<Parker>>,
    closed: bool,
    ready: VecDeque<u64>,
    entries: BTreeMap<u64, Entry>,
    last_id: u64,
    spawned: usize,
    polls: u64,
    /// Polls since the clock moved last.
    pub(super) polls_here: u64,
    /// The entry that was polled last.
    last_polled: u64,
    /// Who keeps the clock from jumping.
    holds: usize,
    /// The guards among them that have not been dropped.
    pub(super) guards: usize,
    /// The closures among them that are not over.
    pub(super) threads: usize,
}

#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub(super) step_limit: u64,
    pub(super) autojump: bool,
    pub(super) leak_check: bool,
    pub(super) gathers_in_place: bool,
    pub(super) parallelism: NonZeroUsize,
}

struct Entry {
    queued: bool,
    waker: Waker,
    kept: Kept,
}

/// Where the job is.
enum Kept {
    /// With `block_on`.
    Main,
    Here(Job),
    /// In the table of its thread.
    Local,
    /// It is being polled.
    Out,
}

/// What is ready.
pub(super) enum Ready {
    Main(Waker),
    Job(u64, Waker, Polled),
    Nothing,
    /// The limit of polls is reached.
    TooMany,
}

/// A job that is being polled.
pub(super) enum Polled {
    Here(Job),
    Local(LocalJob),
}

/// Where the loop finds itself when nothing is ready.
pub(super) enum Lull {
    /// Something is ready again.
    Over,
    /// A thread may yet wake something.
    Held,
    /// Nobody will, unless it is the clock.
    Quiet,
}

/// How much there is that ought to be over.
pub(super) struct Remains {
    pub(super) jobs: usize,
    pub(super) guards: usize,
    pub(super) threads: usize,
    pub(super) timers: usize,
}

impl Shared {
    pub(super) fn new(order: Order, seed: Option<u64>) -> Arc<Self> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let timers = Timers::new();
        Arc::new(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            seed,
            clock: timers.clock(),
            timers,
            state: Lock::new(State {
                order,
                settings: Settings {
                    step_limit: 1_000_000,
                    autojump: true,
                    leak_check: true,
                    gathers_in_place: false,
                    parallelism: NonZeroUsize::MIN,
                },
                home: thread::current().id(),
                runner: None,
                parked: None,
                closed: false,
                ready: VecDeque::new(),
                entries: BTreeMap::new(),
                last_id: 0,
                spawned: 0,
                polls: 0,
                polls_here: 0,
                last_polled: 0,
                holds: 0,
                guards: 0,
                threads: 0,
            }),
        })
    }

    pub(super) fn settings(&self) -> Settings {
        self.state.lock().settings
    }

    pub(super) fn is_run_here(&self) -> bool {
        self.state.lock().runner == Some(thread::current().id())
    }

    pub(super) fn spawn(self: &Arc<Self>, job: Job) -> Result<(), SpawnError> {
        let mut state = self.state.lock();
        if state.closed {
            // Dropped with the lock released: it is the user's.
            drop(state);
            drop(job);
            return Err(SpawnError::shut_down());
        }
        state.spawned += 1;
        let id = self.admit(&mut state, Kept::Here(job));
        state.wakes(id).notify();
        Ok(())
    }

    pub(super) fn spawn_local(self: &Arc<Self>, job: LocalJob) -> Result<(), SpawnError> {
        let refusal = {
            let state = self.state.lock();
            if state.closed {
                Some(SpawnError::shut_down())
            } else if state.home != thread::current().id() {
                Some(SpawnError::new(
                    "a local job has to be spawned on the thread that made or runs the test executor",
                ))
            } else {
                None
            }
        };
        if let Some(refusal) = refusal {
            return Err(refusal);
        }
        let id = {
            let mut state = self.state.lock();
            state.spawned += 1;
            self.admit(&mut state, Kept::Local)
        };
        if locals::put(self.id, id, job).is_err() {
            self.over(id);
            return Err(SpawnError::new(
                "the thread is ending and keeps no local jobs any more",
            ));
        }
        let wake = self.state.lock().wakes(id);
        wake.notify();
        Ok(())
    }

    /// An entry for the main future, which is ready at once.
    pub(super) fn admit_main(self: &Arc<Self>) -> u64 {
        let mut state = self.state.lock();
        let id = self.admit(&mut state, Kept::Main);
        state.wakes(id).notify();
        id
    }

    fn admit(self: &Arc<Self>, state: &mut State, kept: Kept) -> u64 {
        state.last_id += 1;
        let id = state.last_id;
        let waker = Waker::from(Arc::new(Task {
            shared: Arc::clone(self),
            id,
        }));
        let entry = Entry {
            queued: false,
            waker,
            kept,
        };
        state.entries.insert(id, entry);
        id
    }

    /// The next to be polled.
    pub(super) fn next(&self) -> Ready {
        let mut state = self.state.lock();
        if state.ready.is_empty() {
            return Ready::Nothing;
        }
        if state.polls_here >= state.settings.step_limit {
            return Ready::TooMany;
        }
        let index = order::pick(state.ready.len());
        let Some(id) = state.ready.remove(index) else {
            return Ready::Nothing;
        };
        state.polls += 1;
        state.polls_here += 1;
        state.last_polled = id;
        let Some(entry) = state.entries.get_mut(&id) else {
            unreachable!("what is ready has an entry");
        };
        entry.queued = false;
        let waker = entry.waker.clone();
        match std::mem::replace(&mut entry.kept, Kept::Out) {
            Kept::Main => {
                entry.kept = Kept::Main;
                Ready::Main(waker)
            }
            Kept::Here(job) => Ready::Job(id, waker, Polled::Here(job)),
            Kept::Local | Kept::Out => {
                drop(state);
                match locals::take(self.id, id) {
                    Some(job) => Ready::Job(id, waker, Polled::Local(job)),
                    None => unreachable!("a local job is in the table of its thread"),
                }
            }
        }
    }

    /// A job goes back to its entry; or is given back, if it has none any more.
    pub(super) fn put_back(&self, id: u64, job: Polled) -> Option<Polled> {
        let mut state = self.state.lock();
        let Some(entry) = state.entries.get_mut(&id) else {
            return Some(job);
        };
        match job {
            Polled::Here(job) => entry.kept = Kept::Here(job),
            Polled::Local(job) => {
                entry.kept = Kept::Local;
                drop(state);
                if let Err(job) = locals::put(self.id, id, job) {
                    self.over(id);
                    return Some(Polled::Local(job));
                }
            }
        }
        None
    }

    /// A job or a main future is over, or about to be dropped.
    pub(super) fn over(&self, id: u64) {
        let entry = {
            let mut state = self.state.lock();
            let entry = state.entries.remove(&id);
            if entry.as_ref().is_some_and(|entry| entry.queued) {
                state.ready.retain(|ready| *ready != id);
            }
            entry
        };
        drop(entry);
    }

    /// When nothing is ready. `parker` is notified of what comes, if somebody may come.
    pub(super) fn lull(&self, parker: &Arc<Parker>) -> Lull {
        let mut state = self.state.lock();
        if !state.ready.is_empty() {
            Lull::Over
        } else if state.holds > 0 {
            state.parked = Some(Arc::clone(parker));
            Lull::Held
        } else {
            Lull::Quiet
        }
    }

    /// Moves the clock, and wakes all that are due.
    pub(super) fn move_clock(&self, to: Instant) {
        self.state.lock().polls_here = 0;
        for waker in self.timers.move_to(to) {
            wake_quietly(waker);
        }
    }

    /// Keeps the clock from jumping.
    pub(super) fn hold(&self, count: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        state.holds += 1;
        count(&mut state);
    }

    /// Releases the clock. After those who were to be woken have been (invariant 4).
    pub(super) fn let_go(&self, uncount: impl FnOnce(&mut State)) {
        let wake = {
            let mut state = self.state.lock();
            state.holds -= 1;
            uncount(&mut state);
            Notify(state.parked.take())
        };
        wake.notify();
    }

    /// Drops all jobs in the order of their spawns, on this thread, and refuses those to come. Gives the first panic.
    pub(super) fn shut_down(&self) -> Option<Panic> {
        let (entries, at_home) = {
            let mut state = self.state.lock();
            state.closed = true;
            let all = std::mem::take(&mut state.entries);
            let is_main = |entry: &Entry| matches!(entry.kept, Kept::Main);
            let (main, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
                all.into_iter().partition(|(_, entry)| is_main(entry));
            state.entries = main;
            let State { ready, entries, .. } = &mut *state;
            ready.retain(|id| entries.contains_key(id));
            (others, state.home == thread::current().id())
        };
        let mut first = None;
        for (id, entry) in entries {
            let local = (at_home && matches!(entry.kept, Kept::Local))
                .then(|| locals::take(self.id, id))
                .flatten();
            for dropped in [catch(|| drop(entry)), catch(|| drop(local))] {
                first = first.or(dropped.err());
            }
        }
        first
    }

    pub(super) fn remains(&self) -> Remains {
        let timers = self.timers.waiting();
        let state = self.state.lock();
        Remains {
            jobs: state.jobs(),
            guards: state.guards,
            threads: state.threads,
            timers,
        }
    }
}

impl State {
    /// Puts a job among those that are ready. What it gives is to be called with the lock released, or where it is the
    /// lock's last use.
    fn wakes(&mut self, id: u64) -> Notify {
        match self.entries.get_mut(&id) {
            Some(entry) if !entry.queued => entry.queued = true,
            _ => return Notify(None),
        }
        self.ready.push_back(id);
        Notify(self.parked.take())
    }

    /// The jobs that are not over.
    pub(super) fn jobs(&self) -> usize {
        let is_job = |entry: &&Entry| !matches!(entry.kept, Kept::Main);
        self.entries.values().filter(is_job).count()
    }

    pub(super) fn has_local_jobs(&self) -> bool {
        let mut entries = self.entries.values();
        entries.any(|entry| matches!(entry.kept, Kept::Local))
    }

    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    pub(super) fn spawned(&self) -> usize {
        self.spawned
    }

    pub(super) fn polls(&self) -> u64 {
        self.polls
    }

    /// What was polled last, for people.
    pub(super) fn last_polled(&self) -> String {
        let id = self.last_polled;
        match self.entries.get(&id).map(|entry| &entry.kept) {
            Some(Kept::Main) => "the future of `block_on`".into(),
            Some(Kept::Local) => format!("local job {id}"),
            _ => format!("job {id}"),
        }
    }
}

/// The loop that waits, to be told that there is something for it.
#[must_use = "the loop waits to be told"]
struct Notify(Option<Arc<Parker>>);

impl Notify {
    fn notify(self) {
        if let Some(parker) = self.0 {
            parker.wake();
        }
    }
}

/// What a job's waker holds.
struct Task {
    shared: Arc<Shared>,
    id: u64,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let wake = self.shared.state.lock().wakes(self.id);
        wake.notify();
    }
}
