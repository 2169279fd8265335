//! Running a future on this thread, with the embedded default as its current spawner.

use std::future::{self, Future};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use async_executor::StaticExecutor;

use super::spare::Serves;
use super::{EXECUTOR, Presence};
use crate::blocked::{park, with_groups_told};
use crate::park::{Parker, park_until_ready};

/// Runs a future to its end on this thread, with the embedded default as its current spawner.
///
/// The way from `main` and from a test into async code. The future stays on this thread and need not be [`Send`].
/// While it has nothing to do, the thread runs jobs of the embedded default, one more worker as long as it waits.
/// Whichever spawner was current before is so again afterwards, also after a panic.
///
/// Calls can be nested, and a job may call it; it then runs other jobs in the place of the one that waits, which goes
/// on only when they return. So do not wait like that for something that another waiting job has yet to do: an
/// `.await` has no such trouble.
///
/// A future that needs its own runtime around it, such as one with tokio's timers, wants that runtime's `block_on`.
///
/// # Panics
///
/// If the future panics, with what it panics with. If the environment variable `INGATHER_THREADS` is set to something
/// other than a number from 1 up and the future uses the embedded default.
///
/// # Examples
///
/// ```
/// use ingather::{Spawner, block_on, current_spawner};
/// use futures::channel::oneshot;
///
/// let sum = block_on(async {
///     let (sender, receiver) = oneshot::channel();
///     current_spawner().spawn(Box::pin(async move { sender.send(20).unwrap() }))?;
///     Ok::<_, Box<dyn std::error::Error>>(receiver.await? + 22)
/// });
/// assert_eq!(sum.unwrap(), 42);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    let _presence = Presence::new();
    // Pinned below the guard, so that the future is dropped while its spawner is still current.
    let future = pin!(future);
    drive(&EXECUTOR, future)
}

/// Runs the jobs of an executor on this thread, for ever.
pub(super) fn serve(executor: &StaticExecutor) {
    park_until_ready(executor.run(future::pending::<()>()));
}

/// Runs a future to its end on this thread, and the jobs of an executor while it has nothing to do.
///
/// Not by the executor's own `run`: that stays among those who wait for jobs while it polls the future, so that a job
/// which the future spawns may be announced to this very thread, which is busy with the future, and to nobody else.
pub(super) fn drive<F: Future>(executor: &StaticExecutor, future: F) -> F::Output {
    let parker = Parker::new();
    let woken = Arc::new(Woken {
        flag: AtomicBool::new(true),
        parker: Arc::clone(&parker),
    });
    let (own, jobs) = (
        Waker::from(Arc::clone(&woken)),
        Waker::from(Arc::clone(&parker)),
    );
    let mut future = pin!(future);
    let serve_until_ready = || loop {
        // Acquire: what the waker did before is seen by this poll.
        if woken.flag.swap(false, Ordering::Acquire) {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&own)) {
                return output;
            }
        }
        let mut tick = pin!(executor.tick());
        if tick
            .as_mut()
            .poll(&mut Context::from_waker(&jobs))
            .is_pending()
        {
            // It needs nobody to stand in for it.
            let _serves = Serves::set(false);
            park(&parker);
        }
        // The tick goes here, before the future is polled again, and passes on whatever was announced to it.
    };
    with_groups_told(serve_until_ready)
}

/// Says that the future of one `drive` was woken, as distinct from its thread.
struct Woken {
    flag: AtomicBool,
    parker: Arc<Parker>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release: see `drive`. The thread is told in any case, since it may have looked just before.
        self.flag.store(true, Ordering::Release);
        self.parker.wake_by_ref();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::sync::mpsc;
    use std::thread;

    #[test]
    fn a_token_left_behind_causes_no_poll() {
        let polls = Cell::new(0);
        let (ask, asked) = mpsc::channel::<Waker>();
        let waking = thread::spawn(move || asked.recv().unwrap().wake());
        park_until_ready(poll_fn(|cx| {
            polls.set(polls.get() + 1);
            if polls.get() == 2 {
                return Poll::Ready(());
            }
            thread::current().unpark();
            ask.send(cx.waker().clone()).unwrap();
            Poll::Pending
        }));
        assert_eq!(polls.get(), 2);
        waking.join().unwrap();
    }

    #[test]
    fn a_nested_call_does_not_take_the_notice_of_the_outer_one() {
        let polls = Cell::new(0);
        park_until_ready(poll_fn(|cx| {
            polls.set(polls.get() + 1);
            if polls.get() == 2 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            // Parks, and so takes the thread's token, before its own notice comes.
            let mut woken = false;
            park_until_ready(poll_fn(|cx| {
                if woken {
                    return Poll::Ready(());
                }
                woken = true;
                let waker = cx.waker().clone();
                thread::spawn(move || waker.wake());
                Poll::Pending
            }));
            Poll::Pending
        }));
        assert_eq!(polls.get(), 2);
    }

    #[test]
    fn many_notices_before_a_poll_are_one() {
        let polls = Cell::new(0);
        park_until_ready(poll_fn(|cx| {
            polls.set(polls.get() + 1);
            if polls.get() == 2 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            let waker = cx.waker().clone();
            waker.wake();
            Poll::Pending
        }));
        assert_eq!(polls.get(), 2);
    }

    #[test]
    fn a_waker_outlives_the_call() {
        let waker = park_until_ready(poll_fn(|cx| Poll::Ready(cx.waker().clone())));
        waker.wake_by_ref();
        thread::spawn(move || waker.wake()).join().unwrap();
    }

    #[test]
    fn the_waiting_thread_runs_jobs() {
        static EXECUTOR: StaticExecutor = StaticExecutor::new();

        let task = EXECUTOR.spawn(async { thread::current().id() });
        // Nobody else runs this executor, so that the job is run here or never.
        assert_eq!(drive(&EXECUTOR, task), thread::current().id());
    }
}
