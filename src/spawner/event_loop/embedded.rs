//! Loops of async-executor.

use std::io;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::{Arc, Weak};

use async_executor::{Executor, LocalExecutor};

use super::EventLoop;
use super::threads::{self, LoopThread};
use crate::panic::catch;
use crate::park::park_until_ready;
use crate::spawner::embedded::Contained;
use crate::spawner::{Job, SpawnError, Spawner, SpawnerHandle};

/// The number of a thread that stands in for another one, and is gone when that goes on: no local future begins there.
const STAND_IN: usize = 0;

/// The executor, whose jobs panic for themselves. It goes with its last thread, and with it the jobs that are left: nobody would poll
/// them any more.
struct Jobs(Weak<Executor<'static>>);

impl Spawner for Jobs {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        let executor = self.0.upgrade().ok_or_else(SpawnError::shut_down)?;
        Executor::spawn(&executor, Contained::anywhere(job)).detach();
        Ok(())
    }
}

pub(super) fn start(
    _name: &str,
    threads: NonZeroUsize,
    make: impl FnOnce(SpawnerHandle) -> EventLoop,
) -> io::Result<(EventLoop, Vec<LoopThread>)> {
    let executor = Arc::new(Executor::new());
    let known = Arc::downgrade(&executor);
    let event_loop = make(SpawnerHandle::new(Jobs(Weak::clone(&known))));
    let start_one = move |event_loop: &EventLoop, number| {
        let over = || io::Error::other("the threads of the loop have ended");
        start_thread(event_loop, number, known.upgrade().ok_or_else(over)?)
    };
    let all = (1..=threads.get()).map(|number| start_one(&event_loop, number));
    let all = all.collect::<io::Result<_>>()?;
    if threads > NonZeroUsize::MIN {
        let stand_in = move |event_loop: &EventLoop| start_one(event_loop, STAND_IN);
        let _ = event_loop.0.stand_in.set(Box::new(stand_in));
    }
    Ok((event_loop, all))
}

fn start_thread(
    event_loop: &EventLoop,
    number: usize,
    executor: Arc<Executor<'static>>,
) -> io::Result<LoopThread> {
    threads::start(event_loop, number, move |mut stopped, run_local_on| {
        let local: Rc<LocalExecutor<'static>> = Rc::new(LocalExecutor::new());
        let stays = number > STAND_IN;
        run_local_on(stays.then(|| Rc::<LocalExecutor<'static>>::clone(&local) as _));
        // What runs here is caught already; this is for what nobody foresaw.
        while catch(|| park_until_ready(local.run(executor.run(&mut stopped)))).is_err() {}
    })
}
