//! The timers of a tokio runtime as a clock.

use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::coop;
use tokio::time::{self, Sleep};

use crate::clock::{Clock, Timer};

/// The clock of one runtime, paused or not.
pub(super) struct TokioClock(pub(super) Handle);

impl Clock for TokioClock {
    fn now(&self) -> Instant {
        // Inside, it is the runtime's own time, which `tokio::time::pause` stops.
        let _inside = self.0.enter();
        time::Instant::now().into_std()
    }

    fn timer(&self, at: Instant) -> Timer {
        let _inside = self.0.enter();
        let at = time::Instant::from_std(at);
        let now = time::Instant::now();
        // Unconstrained: what has spent the budget of its task is what a timeout has to end.
        if at.saturating_duration_since(now) <= FURTHEST {
            Box::pin(coop::unconstrained(time::sleep_until(at)))
        } else {
            let first = time::sleep_until(now + FURTHEST);
            Box::pin(coop::unconstrained(in_steps(first, at)))
        }
    }
}

/// No timer of tokio's is set for longer. Its wheel goes round in 2.2 years, and until 1.54 whatever was further away could hold off
/// those that were due 12 days and more after it was set.
const FURTHEST: Duration = Duration::from_secs(365 * 24 * 3600);

async fn in_steps(first: Sleep, at: time::Instant) {
    let mut sleep = pin!(first);
    loop {
        sleep.as_mut().await;
        let reached = sleep.deadline();
        if reached >= at {
            return;
        }
        let next = reached
            .checked_add(FURTHEST)
            .map_or(at, |next| next.min(at));
        sleep.as_mut().reset(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Deadline, sleep, timeout};
    use crate::spawner::Spawner;
    use futures::executor::block_on;
    use std::future::{pending, poll_fn};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::task::Poll;
    use std::time::Duration;
    use tokio::runtime::{Builder, Runtime};

    const HOUR: Duration = Duration::from_secs(3600);

    fn paused() -> Runtime {
        let mut builder = Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    }

    #[test]
    fn a_paused_runtime_has_its_own_time() {
        let runtime = paused();
        let clock = runtime.handle().clock().unwrap();
        let before = clock.now();
        runtime.block_on(async {
            // With nothing else to do, the runtime winds its clock to the next timer.
            clock.timer(before + HOUR).await;
            assert_eq!(clock.now(), before + HOUR);
        });
        assert_eq!(clock.now(), before + HOUR, "outside of the runtime");
    }

    #[test]
    fn what_waits_where_the_handle_is_current_goes_by_its_clock() {
        let runtime = paused();
        let _current = crate::spawner::enter(runtime.handle());
        let deadline = Deadline::after(2 * HOUR);
        runtime.block_on(sleep(HOUR));
        assert_eq!(deadline.remaining(), Some(HOUR));
        let late = runtime.block_on(timeout(2 * HOUR, deadline.timeout(pending::<()>())));
        assert_eq!(late.unwrap().unwrap_err().deadline(), deadline);
        assert!(deadline.is_over());
    }

    #[test]
    fn a_timer_can_be_awaited_outside_of_the_runtime() {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_time().build().unwrap();
        let clock = runtime.handle().clock().unwrap();
        let end = clock.now() + Duration::from_millis(2);
        block_on(clock.timer(end));
        assert!(clock.now() >= end);
        block_on(clock.timer(end - HOUR));
    }

    #[test]
    fn a_spent_budget_does_not_hold_off_a_timeout() {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let _current = crate::spawner::enter(runtime.handle());
        // Wakes itself for ever, or so long that the test fails, and leaves nothing of the budget to what is polled
        // after it.
        let started = Instant::now();
        let greedy = poll_fn(|cx| {
            if started.elapsed() > Duration::from_secs(10) {
                return Poll::Ready(());
            }
            while let Poll::Ready(proceed) = coop::poll_proceed(cx) {
                proceed.made_progress();
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        });
        let timed = timeout(Duration::from_millis(2), greedy);
        assert!(runtime.block_on(timed).is_err());
    }

    #[test]
    fn far_instants_are_only_far() {
        let runtime = paused();
        let clock = runtime.handle().clock().unwrap();
        let far = clock
            .now()
            .checked_add(Duration::from_secs(1 << 40))
            .unwrap();
        runtime.block_on(async {
            let mut timer = clock.timer(far);
            let poll = poll_fn(|cx| Poll::Ready(timer.as_mut().poll(cx))).await;
            assert!(poll.is_pending());
        });
    }

    #[test]
    fn a_far_timer_holds_off_no_near_one() {
        let runtime = paused();
        let clock = runtime.handle().clock().unwrap();
        let begin = clock.now();
        let day = 24 * HOUR;
        // As far as tokio's wheel goes round, and a little further.
        let far = begin + 796 * day;
        let near = begin + 13 * day;
        runtime.block_on(async {
            let mut far_timer = clock.timer(far);
            let poll = poll_fn(|cx| Poll::Ready(far_timer.as_mut().poll(cx))).await;
            assert!(poll.is_pending());
            clock.timer(near).await;
            assert_eq!(clock.now(), near);
            far_timer.await;
            assert_eq!(clock.now(), far);
        });
    }

    #[test]
    fn without_its_timers_a_runtime_tells_the_time_and_panics_at_a_timer() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let clock = runtime.handle().clock().unwrap();
        let now = clock.now();
        let made = catch_unwind(AssertUnwindSafe(|| drop(clock.timer(now + HOUR))));
        assert!(made.is_err());
    }
}
