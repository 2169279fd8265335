//! An executor in a few lines: some threads, and a channel of the tasks that can go on.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::{iter, thread};

use ingather::spawner::SpawnError;
use ingather::{Job, Spawner};

#[derive(Clone)]
pub(crate) struct Own {
    ready: Sender<Arc<Task>>,
    threads: NonZeroUsize,
}

struct Task {
    job: Mutex<Option<Job>>, // gone when it is over
    ready: Sender<Arc<Task>>,
}

impl Own {
    pub(crate) fn new(threads: NonZeroUsize) -> Self {
        let (ready, tasks) = channel::<Arc<Task>>();
        let tasks = Arc::new(Mutex::new(tasks));
        for _ in 0..threads.get() {
            let tasks = Arc::clone(&tasks);
            let next = move || tasks.lock().unwrap().recv().ok();
            thread::spawn(|| iter::from_fn(next).for_each(Task::run));
        }
        Self { ready, threads }
    }
}

impl Spawner for Own {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        let (job, ready) = (Mutex::new(Some(job)), self.ready.clone());
        Arc::new(Task { job, ready }).wake();
        Ok(())
    }

    fn parallelism(&self) -> NonZeroUsize {
        self.threads
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        let _ = self.ready.clone().send(self); // an error: all threads are gone
    }
}

impl Task {
    fn run(self: Arc<Self>) {
        let waker = Waker::from(Arc::clone(&self));
        let poll = |job: &mut Job| job.as_mut().poll(&mut Context::from_waker(&waker));
        self.job.lock().unwrap().take_if(|job| poll(job).is_ready());
    }
}
