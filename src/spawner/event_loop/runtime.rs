//! Loops of tokio: with one thread a current-thread runtime, with more a multi-thread one.

use std::io;
use std::num::NonZeroUsize;
use std::rc::Rc;

use tokio::runtime::Builder;
use tokio::task::LocalSet;

use super::EventLoop;
use super::threads::{self, LoopThread};
use crate::panic::catch;
use crate::spawner::SpawnerHandle;

pub(super) fn start(
    name: &str,
    threads: NonZeroUsize,
    make: impl FnOnce(SpawnerHandle) -> EventLoop,
) -> io::Result<(EventLoop, Vec<LoopThread>)> {
    let is_one = threads == NonZeroUsize::MIN;
    let mut builder = if is_one {
        Builder::new_current_thread()
    } else {
        Builder::new_multi_thread()
    };
    let runtime = builder
        .enable_all()
        .worker_threads(threads.get())
        .thread_name(name)
        .build()?;
    let event_loop = make(SpawnerHandle::new(runtime.handle().clone()));
    // With several threads this one waits for the stop, and runs the local futures.
    let thread = threads::start(&event_loop, 1, move |mut stopped, run_local_on| {
        let local = Rc::new(LocalSet::new());
        run_local_on(Some(Rc::<LocalSet>::clone(&local)));
        while catch(|| local.block_on(&runtime, &mut stopped)).is_err() {}
        drop(local);
        // Not by its drop: that would wait for blocking work.
        runtime.shutdown_background();
    })?;
    Ok((event_loop, vec![thread]))
}
