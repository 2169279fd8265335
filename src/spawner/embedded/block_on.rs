//! Running a future on this thread, with the embedded default as its current spawner.

use std::future::{self, Future};

use async_executor::StaticExecutor;

use super::Presence;
use crate::blocked;
use crate::park::park_until_ready;

/// Runs a future to its end on this thread, with the embedded default as its current spawner.
///
/// The way from `main` and from a test into async code. The future stays on this thread and need not be [`Send`].
/// The children of its scopes run on this thread as well, when it has nothing else to do, and on the threads of the embedded default.
/// Other jobs run on those threads alone: none of them can hold up the return of this call. Whichever spawner was current before
/// is so again afterwards, also after a panic.
///
/// Calls can be nested, and a job may call it: another thread stands in for the one that waits. In async code
/// [`run_sync`](crate::run_sync) has more to offer.
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
/// use ingather::spawner::current_spawner;
/// use ingather::{Spawner, block_on};
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
    blocked::park_until_ready(future)
}

/// Runs the jobs of an executor on this thread, for ever.
pub(super) fn serve(executor: &StaticExecutor) {
    park_until_ready(executor.run(future::pending::<()>()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::sync::mpsc;
    use std::task::{Poll, Waker};
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
}
