//! `Contained`: a job whose panics go no further.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::handle;
use crate::panic;
use crate::spawner::{Job, enter_running};

/// Runs a job and catches what it panics with, in its polls and when it is dropped.
///
/// The panic hook has reported the panic by then, and nobody waits for a job's value, so that the payload is dropped.
/// Without this, a destructor that panics would end the process: `async-task` aborts in its place.
pub(in crate::spawner) struct Contained {
    job: Option<Job>,
    /// Is it one of the embedded default's?
    is_own: bool,
}

impl Contained {
    pub(super) fn new(job: Job) -> Self {
        let job = Some(job);
        Self { job, is_own: true }
    }

    /// The same for the job of another executor, which is polled where that is current.
    pub(in crate::spawner) fn anywhere(job: Job) -> Self {
        let job = Some(job);
        Self { job, is_own: false }
    }

    fn drop_job(&mut self) {
        let job = self.job.take();
        // Caught and dropped, as in `poll`.
        let _ = panic::catch(|| drop(job));
    }
}

impl Future for Contained {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Free of charge where it is current already, as it is unless some code on this thread holds a guard for too
        // long.
        let _current = self.is_own.then(|| enter_running(handle()));
        let Some(job) = &mut self.job else {
            return Poll::Ready(());
        };
        match panic::catch(|| job.as_mut().poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            // Over or broken: either way it is not polled again, and whatever the panic left half done goes with it.
            Ok(Poll::Ready(())) | Err(_) => {
                self.drop_job();
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Contained {
    fn drop(&mut self) {
        self.drop_job();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::panic_any;
    use std::task::Waker;

    /// Panics when it is dropped, unless the thread panics already.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic_any(Bomb);
            }
        }
    }

    fn poll_once(job: impl Future<Output = ()> + Send + 'static) -> Poll<()> {
        let mut job = Contained::new(Box::pin(job));
        Pin::new(&mut job).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_panic_in_a_poll_ends_the_job() {
        assert_eq!(poll_once(async { panic!("on purpose") }), Poll::Ready(()));
    }

    #[test]
    fn a_payload_that_panics_is_contained() {
        assert_eq!(poll_once(async { panic_any(Bomb) }), Poll::Ready(()));
    }

    #[test]
    fn a_destructor_that_panics_is_contained() {
        let bomb = Bomb;
        let pending = poll_once(async move {
            let _bomb = bomb;
            std::future::pending::<()>().await;
        });
        assert_eq!(pending, Poll::Pending);
    }
}
