//! Children that are not `Send`, and wakers of their driver that do what they should not: wherever they are called from, the
//! children are polled and dropped on their own thread.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, ThreadId};

use futures::executor::block_on;
use ingather::cancel::CancelKind;
use ingather::spawner::{LocalJob, SpawnError};
use ingather::{GatherGroup, GatherIncomplete, Job, Key, LocalSpawner, Spawner, local};

use crate::support::watched;

/// Keeps its jobs, on this thread.
#[derive(Clone, Default)]
struct Pool(Rc<RefCell<Vec<LocalJob>>>);

impl LocalSpawner for Pool {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        self.0.borrow_mut().push(job);
        Ok(())
    }
}

/// The waker of an executor for one thread, which says so.
struct OneThread(ThreadId);

impl OneThread {
    fn waker() -> Waker {
        Waker::from(Arc::new(Self(thread::current().id())))
    }
}

impl Wake for OneThread {
    fn wake(self: Arc<Self>) {
        if thread::current().id() != self.0 {
            crate::support::boom("this executor is for one thread");
        }
    }
}

/// Where something was dropped.
type DroppedOn = Arc<Mutex<Vec<ThreadId>>>;

/// Part of a future that is not `Send`.
struct Stays {
    shared: Rc<()>,
    dropped_on: DroppedOn,
}

impl Drop for Stays {
    fn drop(&mut self) {
        assert!(Rc::strong_count(&self.shared) > 0);
        self.dropped_on.lock().unwrap().push(thread::current().id());
    }
}

/// A local group with a child whose driver has parked, with a waker for this thread alone.
struct Parked {
    group: local::GatherGroup,
    key: Key<()>,
    jobs: Vec<LocalJob>,
    child: Waker,
    shared: Rc<()>,
    dropped_on: DroppedOn,
}

impl Parked {
    fn new(waker: &Waker) -> Self {
        let (pool, out) = (Pool::default(), Arc::<Mutex<Option<Waker>>>::default());
        let (shared, dropped_on) = (Rc::new(()), DroppedOn::default());
        let stays = Stays {
            shared: Rc::clone(&shared),
            dropped_on: Arc::clone(&dropped_on),
        };
        let group = local::on(&pool).group();
        let slot = Arc::clone(&out);
        let key = group.spawn(poll_fn(move |cx| {
            let _held = &stays;
            *slot.lock().unwrap() = Some(cx.waker().clone());
            Poll::Pending
        }));
        let mut jobs = pool.0.take();
        for job in &mut jobs {
            assert!(poll(job, waker).is_pending());
        }
        let child = out.lock().unwrap().take().unwrap();
        Self {
            group,
            key,
            jobs,
            child,
            shared,
            dropped_on,
        }
    }

    /// Wakes the child on another thread, where nothing of it is dropped.
    fn woken_elsewhere(waker: &Waker) -> Self {
        let parked = Self::new(waker);
        let child = parked.child.clone();
        let other = thread::spawn(move || child.wake());
        // A sanitizer sees who else counts.
        for _ in 0..1_000 {
            let _ = Rc::clone(&parked.shared);
        }
        other.join().unwrap();
        assert_eq!(parked.dropped_on.lock().unwrap().len(), 0);
        assert_eq!(parked.key.status(), Some(GatherIncomplete::Running));
        parked
    }

    fn is_dropped_here(&self) {
        let dropped_on = self.dropped_on.lock().unwrap();
        assert_eq!(*dropped_on, [thread::current().id()]);
        assert_eq!(Rc::strong_count(&self.shared), 1);
        let Some(GatherIncomplete::Cancelled(reason)) = self.key.status() else {
            panic!("{:?}", self.key);
        };
        assert_eq!(reason.kind(), CancelKind::Abandoned);
    }
}

fn poll(job: &mut LocalJob, waker: &Waker) -> Poll<()> {
    job.as_mut().poll(&mut Context::from_waker(waker))
}

// Executors-8
#[test]
fn a_driver_that_comes_after_all_drops_what_was_abandoned_elsewhere() {
    watched("thread_attacks", || {
        let waker = OneThread::waker();
        let mut parked = Parked::woken_elsewhere(&waker);
        assert!(poll(&mut parked.jobs[0], &waker).is_ready());
        parked.is_dropped_here();
    });
}

// Executors-8
#[test]
fn the_drop_of_a_job_drops_what_was_abandoned_elsewhere() {
    watched("thread_attacks", || {
        let mut parked = Parked::woken_elsewhere(&OneThread::waker());
        parked.jobs.clear();
        parked.is_dropped_here();
    });
}

// Executors-8, Dropping-1
#[test]
fn the_drop_of_a_group_drops_what_was_abandoned_elsewhere() {
    watched("thread_attacks", || {
        let parked = Parked::woken_elsewhere(&OneThread::waker());
        let Parked {
            group,
            shared,
            dropped_on,
            ..
        } = parked;
        drop(group);
        assert_eq!(*dropped_on.lock().unwrap(), [thread::current().id()]);
        assert_eq!(Rc::strong_count(&shared), 1);
    });
}

thread_local! {
    static JOBS: RefCell<Vec<LocalJob>> = const { RefCell::new(Vec::new()) };
}

/// A waker that drops all jobs of the thread on which it is called.
struct DropsJobs;

impl Wake for DropsJobs {
    fn wake(self: Arc<Self>) {
        let jobs = JOBS.with(RefCell::take);
        drop(jobs);
    }
}

// Executors-1, Executors-8
#[test]
fn a_waker_that_drops_its_local_job_finds_it_on_its_own_thread_alone() {
    watched("thread_attacks", || {
        let mut parked = Parked::new(&Waker::from(Arc::new(DropsJobs)));
        JOBS.set(parked.jobs.drain(..).collect());
        let child = parked.child.clone();
        thread::spawn(move || child.wake()).join().unwrap();
        assert_eq!(parked.dropped_on.lock().unwrap().len(), 0);
        let jobs = JOBS.with(RefCell::take);
        drop(jobs);
        parked.is_dropped_here();

        // And where it does find it, the children go with it.
        let mut parked = Parked::new(&Waker::from(Arc::new(DropsJobs)));
        JOBS.set(parked.jobs.drain(..).collect());
        parked.child.wake_by_ref();
        parked.is_dropped_here();
    });
}

/// Keeps its jobs where every thread finds them.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Vec<Job>>>);

impl Spawner for Shelf {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.0.lock().unwrap().push(job);
        Ok(())
    }
}

impl Wake for Shelf {
    fn wake(self: Arc<Self>) {
        let jobs = std::mem::take(&mut *self.0.lock().unwrap());
        drop(jobs);
    }
}

// Executors-1
#[test]
fn a_waker_that_drops_its_job_abandons_the_children() {
    watched("thread_attacks", || {
        let shelf = Shelf::default();
        let out = Arc::<Mutex<Option<Waker>>>::default();
        let group = GatherGroup::on(&shelf);
        let slot = Arc::clone(&out);
        let key = group.spawn(poll_fn(move |cx| -> Poll<()> {
            *slot.lock().unwrap() = Some(cx.waker().clone());
            Poll::Pending
        }));
        let waker = Waker::from(Arc::new(shelf.clone()));
        let mut job = shelf.0.lock().unwrap().pop().unwrap();
        assert!(
            Pin::new(&mut job)
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        shelf.0.lock().unwrap().push(job);
        let child = out.lock().unwrap().take().unwrap();
        thread::spawn(move || child.wake()).join().unwrap();
        let Err(GatherIncomplete::Cancelled(reason)) = block_on(key) else {
            panic!("the spawner has dropped the only job");
        };
        assert_eq!(reason.kind(), CancelKind::Abandoned);
        assert_eq!(block_on(group.join()).cancelled, 1);
    });
}
