//! What the handles and threads of a pool share: the queue, and how many threads are about what.
//!
//! 1. A thread is *busy* with work, *waits* in a blocking call of this crate on behalf of work, is *idle*, or is *starting*.
//! 2. Work is taken only while fewer are busy than the pool has threads. One that goes on after a wait is busy at once, so that for a
//!    while more may be busy than that; then nobody takes work.
//! 3. After each step under the lock that could let more work be done, `wants` says what has to be done about it: an idle thread
//!    is told, or another is started; nothing, while one looks for work by itself. One at a time is called: a thread that takes work
//!    calls the next, if there is more to do.
//! 4. Where no thread is busy, idle or starting and none can be started, all that is queued is refused. So nothing that is queued
//!    depends on a later call.
//! 5. Threads are started, work is run, refused and dropped, and wakers are called outside of the lock.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::process;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use super::work::{JobInfo, Why, Work};
use super::worker::{here, launch};
use crate::error::unhandled::wake_quietly;

/// How often a thread looks for work before it waits for notice of some: for about as long as it takes to wake a thread.
const LOOKS: usize = 32;

/// What a pool is told when it is made.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) name: Arc<str>,
    /// How many may be busy at first.
    pub(super) threads: usize,
    pub(super) idle_for: Duration,
    pub(super) start: Option<Start>,
}

/// Has the loop of a thread run somewhere.
pub(super) type Start = Arc<dyn Fn(Box<dyn FnOnce() + Send>) -> io::Result<()> + Send + Sync>;

pub(in crate::threads) struct Shared {
    pub(super) settings: Settings,
    /// The process that the threads are in.
    process: u32,
    /// What takes its place in a process that is forked from that one.
    forked: OnceLock<Arc<Shared>>,
    state: Mutex<State>,
    pub(super) work: Condvar,
}

pub(super) struct State {
    /// How many may be busy.
    pub(super) most: usize,
    pub(super) queue: VecDeque<Queued>,
    pub(super) busy: usize,
    pub(super) waiting: usize,
    pub(super) idle: usize,
    /// How many of those that are idle were told, and have not looked.
    pub(super) told: usize,
    /// Does one that is idle look for itself? It needs not be told.
    searches: bool,
    pub(super) starting: usize,
    pub(super) closed: bool,
    /// The number of the next thread.
    pub(super) next: u64,
    /// What each thread is at.
    pub(super) running: BTreeMap<u64, Arc<dyn Work>>,
    /// How much of the queue was sent by the work that a thread is at.
    sent_by: BTreeMap<u64, usize>,
    /// Who waits for the end of all threads.
    over: Vec<Waker>,
}

pub(super) struct Queued {
    work: Arc<dyn Work>,
    /// The thread of this pool that sent it.
    by: Option<u64>,
}

/// What has to be done for what is queued.
enum Want {
    Nothing,
    /// Tell an idle thread.
    Tell,
    /// Start a thread.
    Start,
}

impl State {
    fn new(most: usize) -> Self {
        Self {
            most,
            queue: VecDeque::new(),
            busy: 0,
            waiting: 0,
            idle: 0,
            told: 0,
            searches: false,
            starting: 0,
            closed: false,
            next: 0,
            running: BTreeMap::new(),
            sent_by: BTreeMap::new(),
            over: Vec::new(),
        }
    }

    /// How many threads there are.
    pub(super) fn threads(&self) -> usize {
        self.busy + self.waiting + self.idle + self.starting
    }

    /// Takes the first of the queue, if that may be done now. The thread that does is busy.
    pub(super) fn take(&mut self) -> Option<Arc<dyn Work>> {
        if !self.can_take() {
            return None;
        }
        let Queued { work, by } = self.queue.pop_front()?;
        self.forget_sender(by);
        self.busy += 1;
        Some(work)
    }

    fn forget_sender(&mut self, by: Option<u64>) {
        let Some(by) = by else { return };
        if let Some(count) = self.sent_by.get_mut(&by) {
            *count -= 1;
            if *count == 0 {
                self.sent_by.remove(&by);
            }
        }
    }

    /// Is work queued that a thread has sent itself?
    pub(super) fn has_sent(&self, thread: u64) -> bool {
        self.sent_by.contains_key(&thread)
    }

    /// Is there work that may be taken now?
    fn can_take(&self) -> bool {
        !self.queue.is_empty() && self.busy < self.most
    }

    fn wants(&self) -> Want {
        if !self.can_take() || self.told > 0 || self.searches {
            Want::Nothing
        } else if self.idle > 0 {
            Want::Tell
        } else if self.starting > 0 {
            Want::Nothing
        } else {
            Want::Start
        }
    }

    fn refuse_all(&mut self) -> VecDeque<Queued> {
        self.sent_by.clear();
        std::mem::take(&mut self.queue)
    }
}

impl Shared {
    pub(super) fn new(settings: Settings) -> Arc<Self> {
        let most = settings.threads;
        Arc::new(Self {
            settings,
            process: process::id(),
            forked: OnceLock::new(),
            state: Mutex::new(State::new(most)),
            work: Condvar::new(),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn try_state(&self) -> Option<MutexGuard<'_, State>> {
        self.state.try_lock().ok()
    }

    /// What this process has of it. The threads of the process that it was forked from are not here, and what they held
    /// then, the lock perhaps, is held for ever.
    pub(super) fn in_this_process(self: &Arc<Self>) -> &Arc<Self> {
        let mut shared = self;
        while shared.process != process::id() {
            shared = shared
                .forked
                .get_or_init(|| Self::new(self.settings.clone()));
        }
        shared
    }

    /// Queues work, or says why not.
    pub(in crate::threads) fn submit(self: &Arc<Self>, work: Arc<dyn Work>) -> Result<(), Why> {
        let by = here(self);
        let mut state = self.state();
        if state.closed {
            drop(state);
            drop(work);
            return Err(Why::Closed);
        }
        state.queue.push_back(Queued { work, by });
        if let Some(by) = by {
            *state.sent_by.entry(by).or_default() += 1;
        }
        self.call(state);
        Ok(())
    }

    /// Calls a thread, if one is wanted for what is queued.
    pub(super) fn call(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        match state.wants() {
            Want::Nothing => {}
            Want::Tell => {
                state.told += 1;
                drop(state);
                self.work.notify_one();
            }
            Want::Start => {
                state.starting += 1;
                let number = state.next;
                state.next += 1;
                drop(state);
                if let Err(error) = launch(self, number) {
                    self.cannot_start(error);
                }
            }
        }
    }

    /// Has an idle thread wait for work: whether none came for as long as the pool says.
    pub(super) fn rest<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
    ) -> (MutexGuard<'a, State>, bool) {
        state.idle += 1;
        if !state.searches {
            state = self.search(state);
            if state.can_take() || state.closed {
                state.idle -= 1;
                return (state, false);
            }
        }
        let woken = self.work.wait_timeout(state, self.settings.idle_for);
        let (mut state, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
        // A thread that wakes looks, also one that was not told.
        state.told = state.told.saturating_sub(1);
        state.idle -= 1;
        (state, timeout.timed_out())
    }

    /// Has an idle thread look for work for a while, and lets others run between two looks. Who sends work one after the other
    /// sends the next soon: a thread that looks then takes it sooner than one that must be woken, and nobody has to wake it.
    fn search<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.searches = true;
        for _ in 0..LOOKS {
            if state.can_take() || state.closed {
                break;
            }
            drop(state);
            thread::yield_now();
            state = self.state();
        }
        // Under the lock under which it has looked last: what is queued from here on is told to somebody.
        state.searches = false;
        state
    }

    /// A thread that was starting is not. Where there is no other, what is queued is refused.
    pub(super) fn cannot_start(&self, error: io::Error) {
        let refused = {
            let mut state = self.state();
            state.starting -= 1;
            if state.busy + state.idle + state.starting > 0 {
                return self.tell_if_over(state);
            }
            let refused = state.refuse_all();
            self.tell_if_over(state);
            refused
        };
        let why = Why::NoThread(Arc::new(error));
        for queued in refused {
            queued.work.refuse(why.clone());
        }
    }

    /// Changes how many may be busy.
    pub(super) fn set_most(self: &Arc<Self>, most: usize) {
        let mut state = self.state();
        state.most = most;
        self.call(state);
    }

    /// Takes no more work; with `gives_back` what is queued is refused.
    pub(super) fn close(&self, gives_back: bool) {
        let refused = {
            let mut state = self.state();
            state.closed = true;
            let refused = gives_back.then(|| state.refuse_all());
            self.tell_if_over(state);
            refused
        };
        self.work.notify_all();
        for queued in refused.into_iter().flatten() {
            queued.work.refuse(Why::Closed);
        }
    }

    /// Tells those who wait for the end, if it has come.
    pub(super) fn tell_if_over(&self, mut state: MutexGuard<'_, State>) {
        let is_over = state.closed && state.threads() == 0;
        let wakers = if is_over {
            std::mem::take(&mut state.over)
        } else {
            Vec::new()
        };
        drop(state);
        for waker in wakers {
            wake_quietly(waker);
        }
    }

    /// Has it come? If not the waker is told.
    pub(super) fn is_over(&self, waker: &Waker) -> bool {
        let waker = waker.clone();
        let mut state = self.state();
        let is_over = state.closed && state.threads() == 0;
        if !is_over {
            state.over.retain(|other| !other.will_wake(&waker));
            state.over.push(waker);
        }
        is_over
    }

    pub(super) fn running(&self) -> Vec<JobInfo> {
        let running: Vec<_> = self.state().running.values().cloned().collect();
        running.iter().map(|work| work.info()).collect()
    }
}
