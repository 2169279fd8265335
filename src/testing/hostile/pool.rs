//! The queue, the threads and the jobs of a hostile spawner.
//!
//! 1. A job is in `tasks` until it is over or dropped; it is in the queue at most once, from a wake to the next poll.
//! 2. A job is polled and dropped under its own lock, and nothing else is locked meanwhile.
//! 3. The thread that marks a task as doomed drops its job, or the one that is polling it does afterwards.
//! 4. A thread is in `idle` exactly while it is parked or about to be; the one that takes it out wakes it.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::mem::take;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle};

use super::Mischief;
use crate::order;
use crate::panic::catch;
use crate::park::Parker;
use crate::spawner::Job;
use crate::std_or_loom::Lock;

pub(super) struct Pool {
    id: u64,
    pub(super) parallelism: NonZeroUsize,
    pub(super) mischief: Mischief,
    dice: Lock<u64>,
    state: Lock<State>,
    threads: Lock<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<Task>>,
    tasks: HashMap<u64, Arc<Task>>,
    idle: Vec<Arc<Parker>>,
    spawned: usize,
    closed: bool,
}

pub(super) struct Task {
    id: u64,
    job: Lock<Option<Job>>,
    /// It is dropped instead of the poll that finds 0 here.
    polls_left: Lock<Option<usize>>,
    queued: AtomicBool,
    doomed: AtomicBool,
    pool: Weak<Pool>,
}

thread_local! {
    /// The executor whose job this thread is polling.
    static RUNNING: Cell<u64> = const { Cell::new(0) };
}

impl Pool {
    pub(super) fn new(parallelism: NonZeroUsize, mischief: Mischief, seed: u64) -> Arc<Self> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        Arc::new(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            parallelism,
            mischief,
            dice: Lock::new(seed),
            state: Lock::new(State::default()),
            threads: Lock::new(Vec::new()),
        })
    }

    #[track_caller]
    pub(super) fn start(self: &Arc<Self>, name: &str, threads: usize) {
        for n in 1..=threads {
            let pool = Arc::clone(self);
            let builder = thread::Builder::new().name(format!("{name}-{n}"));
            match builder.spawn(move || pool.work()) {
                Ok(thread) => self.threads.lock().push(thread),
                Err(error) => {
                    self.shut_down();
                    panic!("a thread of the spawner could not be started: {error}");
                }
            }
        }
    }

    fn below(&self, end: usize) -> usize {
        order::draw(&mut self.dice.lock(), end)
    }

    pub(super) fn chance(&self, per_cent: u8) -> bool {
        per_cent > 0 && self.below(100) < usize::from(per_cent)
    }

    /// What decides about a job: a throw of 100, and how many polls it has if they are numbered.
    pub(super) fn roll(&self) -> (usize, usize) {
        let mut dice = self.dice.lock();
        (order::draw(&mut dice, 100), order::draw(&mut dice, 5))
    }

    pub(super) fn runs_here(&self) -> bool {
        RUNNING.get() == self.id
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    pub(super) fn spawned(&self) -> usize {
        self.state.lock().spawned
    }

    pub(super) fn jobs(&self) -> usize {
        self.state.lock().tasks.len()
    }

    pub(super) fn step(self: &Arc<Self>) -> bool {
        let task = self.next(&mut self.state.lock());
        task.map(|task| self.run(&task)).is_some()
    }

    pub(super) fn shut_down(&self) {
        let (queue, tasks, idle) = {
            let mut state = self.state.lock();
            state.closed = true;
            let State {
                queue, tasks, idle, ..
            } = &mut *state;
            (take(queue), take(tasks), take(idle))
        };
        idle.into_iter().for_each(Wake::wake);
        drop(queue);
        for task in tasks.into_values() {
            task.doomed.store(true, Ordering::SeqCst);
            if let Some(mut job) = task.job.try_lock() {
                drop_quietly(job.take());
            }
        }
    }

    /// `false`: this is one of the threads.
    pub(super) fn join(&self) -> bool {
        let threads = take(&mut *self.threads.lock());
        let here = thread::current().id();
        if threads.iter().any(|thread| thread.thread().id() == here) {
            self.threads.lock().extend(threads);
            return false;
        }
        for thread in threads {
            if thread.join().is_err() {
                unreachable!("what may panic in a worker thread is caught");
            }
        }
        true
    }

    fn work(self: Arc<Self>) {
        let parker = Parker::new();
        loop {
            let task = {
                let mut state = self.state.lock();
                if state.closed {
                    return;
                }
                let task = self.next(&mut state);
                if task.is_none() {
                    state.idle.push(Arc::clone(&parker));
                }
                task
            };
            match task {
                Some(task) => self.run(&task),
                None => parker.park(),
            }
        }
    }

    fn next(&self, state: &mut State) -> Option<Arc<Task>> {
        let queue = &mut state.queue;
        if queue.len() > 1 && self.chance(self.mischief.delay) {
            let other = self.below(queue.len());
            queue.swap(0, other);
        }
        queue.pop_front()
    }

    /// Polls a job, or drops it if that is its fate.
    pub(super) fn run(self: &Arc<Self>, task: &Arc<Task>) {
        let waker = Waker::from(Arc::clone(task));
        let mut cx = Context::from_waker(&waker);
        task.queued.store(false, Ordering::SeqCst);
        let mut job = task.job.lock();
        let Some(running) = job.as_mut() else {
            return;
        };
        let before = RUNNING.replace(self.id);
        // What the seed decides must not depend on the time.
        let untimed = order::untimed();
        let over = task.is_last_poll_over() || {
            let poll = catch(|| running.as_mut().poll(&mut cx));
            !matches!(poll, Ok(Poll::Pending))
        };
        if over {
            drop_quietly(job.take());
        }
        drop(untimed);
        RUNNING.set(before);
        drop(job);
        if over {
            let gone = self.state.lock().tasks.remove(&task.id);
            drop(gone);
        } else if task.doomed.load(Ordering::SeqCst) {
            drop_quietly(task.job.lock().take());
        } else if self.chance(self.mischief.spurious) {
            waker.wake();
        }
    }

    pub(super) fn admit(
        self: &Arc<Self>,
        job: Job,
        polls_left: Option<usize>,
        queues: bool,
    ) -> Arc<Task> {
        let mut state = self.state.lock();
        state.spawned += 1;
        let task = Arc::new(Task {
            id: state.spawned as u64,
            job: Lock::new(Some(job)),
            polls_left: Lock::new(polls_left),
            queued: AtomicBool::new(queues),
            doomed: AtomicBool::new(false),
            pool: Arc::downgrade(self),
        });
        state.tasks.insert(task.id, Arc::clone(&task));
        let idle = queues.then(|| state.enqueue(Arc::clone(&task))).flatten();
        drop(state);
        if let Some(idle) = idle {
            idle.wake();
        }
        task
    }
}

impl State {
    /// Gives the thread that is to be woken, with the lock released.
    #[must_use]
    fn enqueue(&mut self, task: Arc<Task>) -> Option<Arc<Parker>> {
        self.queue.push_back(task);
        self.idle.pop()
    }
}

impl Task {
    fn is_last_poll_over(&self) -> bool {
        match &mut *self.polls_left.lock() {
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
        let mut state = pool.state.lock();
        if state.closed {
            return;
        }
        let idle = state.enqueue(self);
        drop(state);
        if let Some(idle) = idle {
            idle.wake();
        }
    }
}

/// Executors do not mind, and neither does this one.
fn drop_quietly(job: Option<Job>) {
    let _ = catch(|| drop(job));
}
