//! An executor of our own, from well-behaved to lossy. What it does amiss is decided by a seed.
//!
//! 1. A job is in `tasks` until it is over or dropped; it is in the queue at most once, from a wake to the next poll.
//! 2. A job is polled and dropped under its own lock, and nothing else is locked meanwhile.
//! 3. Whoever marks a task as doomed drops its job, or the one that is polling it does afterwards.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::mem::take;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle};

use ingather::{Job, SpawnError, Spawner};

use super::boom;
use super::seeded::Rng;

/// How often it does what, in per cent. The first seven share one roll of the dice, so their sum is 100 at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mischief {
    /// A job is dropped and refused.
    pub(crate) refuse: u8,
    /// A job is refused, and run all the same.
    pub(crate) refuse_but_run: u8,
    /// `spawn` panics, and the job is dropped by the unwinding.
    pub(crate) panic: u8,
    /// `spawn` panics, and the job is run all the same.
    pub(crate) panic_but_run: u8,
    /// A job is taken and dropped at once.
    pub(crate) drop_at_once: u8,
    /// A job is taken and dropped instead of one of its first polls, the first among them.
    pub(crate) drop_halfway: u8,
    /// `spawn` polls the job before it returns.
    pub(crate) inline: u8,
    /// Another job than the first in the queue comes first.
    pub(crate) delay: u8,
    /// A job that suspends is polled again though nobody woke it.
    pub(crate) spurious: u8,
    /// A job is told that its turn is over.
    pub(crate) turn_over: u8,
    /// It knows on which threads it runs jobs.
    pub(crate) knows_itself: bool,
    /// But says something else.
    pub(crate) lie: u8,
}

/// What a simple executor is like.
pub(crate) const HONEST: Mischief = Mischief {
    refuse: 0,
    refuse_but_run: 0,
    panic: 0,
    panic_but_run: 0,
    drop_at_once: 0,
    drop_halfway: 0,
    inline: 0,
    delay: 0,
    spurious: 0,
    turn_over: 0,
    knows_itself: false,
    lie: 0,
};

/// Never loses a job, but delays, polls without need, and ends turns early.
pub(crate) const MILD: Mischief = Mischief {
    delay: 40,
    spurious: 20,
    turn_over: 20,
    knows_itself: true,
    ..HONEST
};

/// Does everything that a spawner can do.
pub(crate) const LOSSY: Mischief = Mischief {
    refuse: 10,
    refuse_but_run: 5,
    panic: 5,
    panic_but_run: 5,
    drop_at_once: 10,
    drop_halfway: 20,
    inline: 10,
    delay: 40,
    spurious: 20,
    turn_over: 20,
    knows_itself: true,
    lie: 5,
};

/// The spawner. Clones are the same executor; it runs until `shut_down`.
#[derive(Clone)]
pub(crate) struct Hostile(Arc<Pool>);

struct Pool {
    id: u64,
    parallelism: NonZeroUsize,
    mischief: Mischief,
    rng: Mutex<Rng>,
    state: Mutex<State>,
    changed: Condvar,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<Task>>,
    tasks: HashMap<u64, Arc<Task>>,
    spawned: usize,
    closed: bool,
}

struct Task {
    id: u64,
    job: Mutex<Option<Job>>,
    /// It is dropped instead of the poll that finds 0 here.
    polls_left: Mutex<Option<usize>>,
    queued: AtomicBool,
    doomed: AtomicBool,
    pool: Weak<Pool>,
}

thread_local! {
    /// The executor whose job this thread is polling.
    static RUNNING: Cell<u64> = const { Cell::new(0) };
}

impl Hostile {
    /// On so many threads, named `name-1` and so on.
    pub(crate) fn new(name: &str, threads: usize, mischief: Mischief, seed: u64) -> Self {
        let hostile = Self::without_threads(threads, mischief, seed);
        let start = |n| {
            let pool = Arc::clone(&hostile.0);
            let builder = thread::Builder::new().name(format!("{name}-{n}"));
            builder
                .spawn(move || pool.work())
                .expect("a thread can be started")
        };
        *hostile.0.threads.lock().unwrap() = (1..=threads).map(start).collect();
        hostile
    }

    pub(crate) fn without_threads(parallelism: usize, mischief: Mischief, seed: u64) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        Self(Arc::new(Pool {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            parallelism: NonZeroUsize::new(parallelism).expect("one at least"),
            mischief,
            rng: Mutex::new(Rng::new(seed)),
            state: Mutex::default(),
            changed: Condvar::new(),
            threads: Mutex::default(),
        }))
    }

    /// Polls one job on this thread, or drops it if that is its fate. `false` if none is ready.
    pub(crate) fn step(&self) -> bool {
        let task = self.0.next(&mut self.0.state.lock().unwrap());
        task.map(|task| self.0.run(&task)).is_some()
    }

    /// How many jobs it was given.
    pub(crate) fn spawned(&self) -> usize {
        self.0.state.lock().unwrap().spawned
    }

    /// How many of them are not over.
    pub(crate) fn jobs(&self) -> usize {
        self.0.state.lock().unwrap().tasks.len()
    }

    /// Drops all jobs, those that are being polled at the end of their poll, and refuses those to come.
    pub(crate) fn shut_down(&self) {
        let (queue, tasks) = {
            let mut state = self.0.state.lock().unwrap();
            state.closed = true;
            (take(&mut state.queue), take(&mut state.tasks))
        };
        self.0.changed.notify_all();
        drop(queue);
        for task in tasks.into_values() {
            task.doomed.store(true, Ordering::SeqCst);
            if let Ok(mut job) = task.job.try_lock() {
                drop_quietly(job.take());
            }
        }
    }

    /// Waits for its threads. After `shut_down`, and not from one of them.
    pub(crate) fn join(&self) {
        for thread in take(&mut *self.0.threads.lock().unwrap()) {
            thread.join().expect("a worker thread does not panic");
        }
    }
}

impl Pool {
    fn chance(&self, per_cent: u8) -> bool {
        per_cent > 0 && self.rng.lock().unwrap().chance(per_cent)
    }

    fn work(self: Arc<Self>) {
        loop {
            let mut state = self.state.lock().unwrap();
            let task = loop {
                if state.closed {
                    return;
                }
                if let Some(task) = self.next(&mut state) {
                    break task;
                }
                state = self.changed.wait(state).unwrap();
            };
            drop(state);
            self.run(&task);
        }
    }

    fn next(&self, state: &mut State) -> Option<Arc<Task>> {
        let queue = &mut state.queue;
        if queue.len() > 1 && self.chance(self.mischief.delay) {
            let other = self.rng.lock().unwrap().below(queue.len());
            queue.swap(0, other);
        }
        queue.pop_front()
    }

    /// Polls a job, or drops it if that is its fate.
    fn run(self: &Arc<Self>, task: &Arc<Task>) {
        let waker = Waker::from(Arc::clone(task));
        let mut cx = Context::from_waker(&waker);
        task.queued.store(false, Ordering::SeqCst);
        let mut job = task.job.lock().unwrap();
        let Some(running) = job.as_mut() else {
            return;
        };
        let before = RUNNING.replace(self.id);
        let over = task.is_last_poll_over() || {
            let poll = catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(&mut cx)));
            !matches!(poll, Ok(Poll::Pending))
        };
        if over {
            drop_quietly(job.take());
        }
        RUNNING.set(before);
        drop(job);
        if over {
            let gone = self.state.lock().unwrap().tasks.remove(&task.id);
            drop(gone);
        } else if task.doomed.load(Ordering::SeqCst) {
            drop_quietly(task.job.lock().unwrap().take());
        } else if self.chance(self.mischief.spurious) {
            waker.wake();
        }
    }

    fn admit(self: &Arc<Self>, job: Job, polls_left: Option<usize>, queues: bool) -> Arc<Task> {
        let mut state = self.state.lock().unwrap();
        state.spawned += 1;
        let task = Arc::new(Task {
            id: u64::try_from(state.spawned).expect("it fits"),
            job: Mutex::new(Some(job)),
            polls_left: Mutex::new(polls_left),
            queued: AtomicBool::new(queues),
            doomed: AtomicBool::new(false),
            pool: Arc::downgrade(self),
        });
        state.tasks.insert(task.id, Arc::clone(&task));
        if queues {
            state.queue.push_back(Arc::clone(&task));
            self.changed.notify_one();
        }
        task
    }
}

impl Task {
    fn is_last_poll_over(&self) -> bool {
        match &mut *self.polls_left.lock().unwrap() {
            None => false,
            Some(0) => true,
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let Some(pool) = self.pool.upgrade() else {
            return;
        };
        if self.queued.swap(true, Ordering::SeqCst) {
            return;
        }
        let mut state = pool.state.lock().unwrap();
        if !state.closed {
            state.queue.push_back(self);
            pool.changed.notify_one();
        }
    }
}

impl Spawner for Hostile {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        let pool = &self.0;
        if pool.state.lock().unwrap().closed {
            return Err(SpawnError::shut_down());
        }
        let mischief = &pool.mischief;
        let (mut dice, polls) = {
            let mut rng = pool.rng.lock().unwrap();
            (rng.below(100), rng.below(5))
        };
        let mut falls_on = |per_cent: u8| {
            let falls = dice < usize::from(per_cent);
            dice = dice.wrapping_sub(usize::from(per_cent));
            falls
        };
        if falls_on(mischief.refuse) {
            Err(SpawnError::new("refused"))
        } else if falls_on(mischief.refuse_but_run) {
            pool.admit(job, None, true);
            Err(SpawnError::new("refused, and run"))
        } else if falls_on(mischief.panic) {
            boom("in spawn")
        } else if falls_on(mischief.panic_but_run) {
            pool.admit(job, None, true);
            boom("in spawn, and run")
        } else if falls_on(mischief.drop_at_once) {
            drop(job);
            Ok(())
        } else if falls_on(mischief.drop_halfway) {
            pool.admit(job, Some(polls), true);
            Ok(())
        } else if falls_on(mischief.inline) {
            let task = pool.admit(job, None, false);
            pool.run(&task);
            Ok(())
        } else {
            pool.admit(job, None, true);
            Ok(())
        }
    }

    fn parallelism(&self) -> NonZeroUsize {
        self.0.parallelism
    }

    fn is_current(&self) -> bool {
        let mischief = &self.0.mischief;
        let truth = mischief.knows_itself && RUNNING.get() == self.0.id;
        truth != self.0.chance(mischief.lie)
    }

    fn should_yield(&self) -> bool {
        self.0.chance(self.0.mischief.turn_over)
    }
}

fn drop_quietly(job: Option<Pin<Box<dyn Future<Output = ()> + Send>>>) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(job)));
}
