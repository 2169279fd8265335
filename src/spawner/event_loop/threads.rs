//! The threads of a loop, and what is known of it on them.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use futures::channel::oneshot::{self, Receiver, Sender};

use super::EventLoop;
use crate::spawner::{LocalSpawner, SpawnerHandle, enter_running};

thread_local! {
    static ID: Cell<Option<u64>> = const { Cell::new(None) };
    /// This thread is blocked, and another one stands in for it.
    static HANDED_OVER: Cell<bool> = const { Cell::new(false) };
    static HERE: RefCell<Option<Here>> = const { RefCell::new(None) };
}

struct Here {
    name: Arc<str>,
    /// Runs what cannot go to another thread.
    local: Option<Rc<dyn LocalSpawner>>,
}

/// The loop whose thread this is.
pub(super) fn id_here() -> Option<u64> {
    ID.try_with(Cell::get).ok().flatten()
}

/// The name of the loop whose thread this is.
pub(crate) fn loop_here() -> Option<Arc<str>> {
    let name = |here: &RefCell<Option<Here>>| Some(Arc::clone(&here.borrow().as_ref()?.name));
    HERE.try_with(name).ok().flatten()
}

/// What runs futures on this thread that cannot go to another, if it is a loop's.
pub(crate) fn local_here() -> Option<Rc<dyn LocalSpawner>> {
    let local = |here: &RefCell<Option<Here>>| here.borrow().as_ref()?.local.clone();
    HERE.try_with(local).ok().flatten()
}

/// Calls `wait`, which blocks this thread, with another thread in its place meanwhile.
pub(super) fn handed_over(start: impl FnOnce() -> io::Result<LoopThread>, wait: &mut dyn FnMut()) {
    /// This thread is counted on again.
    struct Back;

    impl Drop for Back {
        fn drop(&mut self) {
            let _ = HANDED_OVER.try_with(|handed_over| handed_over.set(false));
        }
    }

    if HANDED_OVER.try_with(|handed_over| handed_over.replace(true)) != Ok(false) {
        return wait();
    }
    let _back = Back;
    // It ends with the job that it has by then.
    let _stop = start().ok().map(|thread| thread.stop);
    wait();
}

/// One thread of a loop.
pub(crate) struct LoopThread {
    /// Dropped, it is told to stop.
    pub(crate) stop: Sender<()>,
    /// Resolved at its end.
    pub(crate) ended: Receiver<()>,
    pub(crate) thread: JoinHandle<()>,
}

/// Starts a thread of a loop: `work` makes what runs local futures, if there is one, and then runs jobs until the receiver says so.
#[cfg_attr(
    not(any(feature = "async-executor", feature = "tokio")),
    expect(dead_code, reason = "there are no loops")
)]
pub(super) fn start<W>(event_loop: &EventLoop, number: usize, work: W) -> io::Result<LoopThread>
where
    W: FnOnce(Receiver<()>, &dyn Fn(Option<Rc<dyn LocalSpawner>>)) + Send + 'static,
{
    let (stop, stopped) = oneshot::channel();
    let (end, ended) = oneshot::channel::<()>();
    let event_loop = event_loop.clone();
    let name = format!("{}-{number}", event_loop.name());
    let thread = thread::Builder::new().name(name).spawn(move || {
        let _end = end;
        ID.set(Some(event_loop.0.id));
        let name = Arc::clone(event_loop.name());
        let spawner = SpawnerHandle::new(event_loop);
        let _current = enter_running(&spawner);
        work(stopped, &|local| {
            let name = Arc::clone(&name);
            HERE.set(Some(Here { name, local }));
        });
        HERE.set(None);
    })?;
    Ok(LoopThread {
        stop,
        ended,
        thread,
    })
}
