//! Something to be done once at an instant, whatever is polled or not.
//!
//! ```text
//!            wake                          timer ready, or panicked
//!   idle ───────────▶ polling ──────────────────────────────────────▶ over
//!    ▲                 │  ╰─ wake: once more                           ▲
//!    ╰─────────────────╯                                               │
//!       still pending            dropped, from idle or from polling ───╯
//! ```
//!
//! 1. The thread that makes it *polling* has the timer and the ring in hand, and is the only one that has.
//! 2. The thread that makes it *over* rings, or drops them; from *polling*, the one that has them in hand drops them.
//! 3. No lock is held while the timer is polled or dropped, or while it rings.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use super::{Clock, ClockHandle, Timer};
use crate::error::unhandled::{drop_quietly, report_panic};
use crate::panic::catch;
use crate::std_or_loom::Lock;

/// Calls a function once when a clock has come to an instant.
///
/// Dropped, it does not call it any more (a call that is under way may finish) and releases the clock.
#[must_use = "a dropped alarm does not ring"]
pub(crate) struct Alarm(Arc<Inner>);

struct Inner(Lock<State>);

enum State {
    Idle(Parts),
    Polling { again: bool },
    Over,
}

struct Parts {
    timer: Timer,
    ring: Box<dyn FnOnce() + Send>,
}

impl Alarm {
    /// Calls `ring` when the clock has come to `at`: inside this function if it has already, else wherever the clock
    /// wakes its timers. The timer is polled there as well. A panic of either is reported and goes no further.
    ///
    /// # Panics
    ///
    /// If the clock does when it is asked for the time or for a timer.
    #[track_caller]
    pub(crate) fn set(
        clock: &ClockHandle,
        at: Instant,
        ring: impl FnOnce() + Send + 'static,
    ) -> Self {
        Self::set_boxed(clock, at, Box::new(ring))
    }

    #[inline(never)]
    #[track_caller]
    fn set_boxed(clock: &ClockHandle, at: Instant, ring: Box<dyn FnOnce() + Send>) -> Self {
        if at <= clock.now() {
            run(ring);
            return Self::never();
        }
        let parts = Parts {
            timer: clock.timer(at),
            ring,
        };
        let inner = Arc::new(Inner(Lock::new(State::Polling { again: false })));
        inner.poll(parts);
        Self(inner)
    }
}

impl Alarm {
    /// An alarm that does not ring.
    pub(crate) fn never() -> Self {
        Self(Arc::new(Inner(Lock::new(State::Over))))
    }
}

impl Inner {
    /// With the state *polling*.
    fn poll(self: &Arc<Self>, mut parts: Parts) {
        let waker = Waker::from(Arc::clone(self));
        let ended = loop {
            let timer = parts.timer.as_mut();
            let poll = match catch(|| timer.poll(&mut Context::from_waker(&waker))) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
                Err(panic) => Poll::Ready(Err(panic)),
            };
            let mut state = self.0.lock();
            match (&mut *state, poll) {
                (State::Over, _) => {
                    drop(state);
                    drop_quietly("a timer", parts.timer);
                    drop_quietly("what an alarm was to do", parts.ring);
                    return;
                }
                (_, Poll::Ready(ended)) => {
                    *state = State::Over;
                    break ended;
                }
                (State::Polling { again }, Poll::Pending) if *again => *again = false,
                (_, Poll::Pending) => {
                    *state = State::Idle(parts);
                    return;
                }
            }
        };
        drop_quietly("a timer", parts.timer);
        match ended {
            Ok(()) => run(parts.ring),
            Err(panic) => {
                report_panic("a timer", panic);
                drop_quietly("what an alarm was to do", parts.ring);
            }
        }
    }
}

impl Wake for Inner {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.0.lock();
        match &mut *state {
            State::Over => {}
            State::Polling { again } => *again = true,
            State::Idle(_) => {
                let idle = mem::replace(&mut *state, State::Polling { again: false });
                drop(state);
                if let State::Idle(parts) = idle {
                    self.poll(parts);
                }
            }
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let state = mem::replace(&mut *self.0.0.lock(), State::Over);
        if let State::Idle(parts) = state {
            drop_quietly("a timer", parts.timer);
            drop_quietly("what an alarm was to do", parts.ring);
        }
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.0.try_lock();
        let state = state.as_deref().map(|state| match state {
            State::Idle(_) | State::Polling { .. } => "set",
            State::Over => "over",
        });
        f.debug_tuple("Alarm")
            .field(&state.unwrap_or("in use"))
            .finish()
    }
}

fn run(ring: impl FnOnce()) {
    if let Err(panic) = catch(ring) {
        report_panic("an alarm", panic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::{Future, poll_fn};
    use std::panic::resume_unwind;
    use std::pin::Pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, mpsc};
    use std::thread;
    use std::time::Duration;

    /// Whose timers do what a test says at each poll.
    #[derive(Clone)]
    struct Scripted(Arc<Script>);

    type OfPoll = dyn Fn(usize, &Waker) -> Poll<()> + Send + Sync;

    struct Script {
        now: Instant,
        poll: Box<OfPoll>,
        polls: AtomicUsize,
        waker: Mutex<Option<Waker>>,
        timers: Arc<()>,
    }

    impl Scripted {
        /// Of each poll the script is told the number, from 1 on.
        fn new(poll: impl Fn(usize, &Waker) -> Poll<()> + Send + Sync + 'static) -> Self {
            Self(Arc::new(Script {
                now: Instant::now(),
                poll: Box::new(poll),
                polls: AtomicUsize::new(0),
                waker: Mutex::new(None),
                timers: Arc::new(()),
            }))
        }

        fn later(&self) -> Instant {
            self.0.now + Duration::from_secs(1)
        }

        fn wake(&self) {
            let waker = self.0.waker.lock().unwrap().clone();
            waker.expect("a timer was polled").wake();
        }

        fn polls(&self) -> usize {
            self.0.polls.load(Ordering::SeqCst)
        }

        fn timers(&self) -> usize {
            Arc::strong_count(&self.0.timers) - 1
        }

        /// An alarm a second from now, and how often it has rung.
        fn alarm(&self) -> (Alarm, Arc<AtomicUsize>) {
            let rung = Arc::new(AtomicUsize::new(0));
            let ring = Arc::clone(&rung);
            let clock = ClockHandle::new(self.clone());
            let alarm = Alarm::set(&clock, self.later(), move || {
                ring.fetch_add(1, Ordering::SeqCst);
            });
            (alarm, rung)
        }
    }

    impl Clock for Scripted {
        fn now(&self) -> Instant {
            self.0.now
        }

        fn timer(&self, _at: Instant) -> Timer {
            let (script, held) = (Arc::clone(&self.0), Arc::clone(&self.0.timers));
            Box::pin(poll_fn(move |cx| {
                let _held = &held;
                script.waker.lock().unwrap().replace(cx.waker().clone());
                let number = script.polls.fetch_add(1, Ordering::SeqCst) + 1;
                (script.poll)(number, cx.waker())
            }))
        }
    }

    fn pending_until(ready: usize) -> Scripted {
        Scripted::new(move |number, _| {
            if number < ready {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })
    }

    fn times(rung: &Arc<AtomicUsize>) -> usize {
        rung.load(Ordering::SeqCst)
    }

    #[test]
    fn it_rings_once_when_the_timer_is_ready() {
        let clock = pending_until(3);
        let (alarm, rung) = clock.alarm();
        assert_eq!((clock.polls(), times(&rung)), (1, 0));
        assert_eq!(format!("{alarm:?}"), "Alarm(\"set\")");
        clock.wake();
        assert_eq!((clock.polls(), times(&rung)), (2, 0), "woken for nothing");
        clock.wake();
        assert_eq!((clock.polls(), times(&rung)), (3, 1));
        assert_eq!(clock.timers(), 0);
        assert_eq!(format!("{alarm:?}"), "Alarm(\"over\")");
        clock.wake();
        assert_eq!((clock.polls(), times(&rung)), (3, 1));
    }

    #[test]
    fn it_rings_inside_set_when_the_instant_is_past_and_asks_for_no_timer() {
        let clock = pending_until(1);
        let rung = Arc::new(AtomicUsize::new(0));
        for at in [clock.0.now, clock.0.now - Duration::from_millis(1)] {
            let ring = Arc::clone(&rung);
            let handle = ClockHandle::new(clock.clone());
            let _alarm = Alarm::set(&handle, at, move || {
                ring.fetch_add(1, Ordering::SeqCst);
            });
        }
        assert_eq!((times(&rung), clock.polls()), (2, 0));
    }

    #[test]
    fn it_rings_inside_set_when_the_timer_is_ready_at_once() {
        let (_alarm, rung) = pending_until(1).alarm();
        assert_eq!(times(&rung), 1);
    }

    #[test]
    fn dropped_it_lets_go_of_the_clock_and_does_not_ring() {
        let clock = pending_until(2);
        let (alarm, rung) = clock.alarm();
        assert_eq!(clock.timers(), 1);
        drop(alarm);
        assert_eq!(clock.timers(), 0);
        clock.wake();
        assert_eq!((clock.polls(), times(&rung)), (1, 0));
        assert_eq!(Arc::strong_count(&rung), 1, "what it was to do is kept");
    }

    #[test]
    fn a_wake_during_the_poll_is_not_lost() {
        let clock = Scripted::new(|number, waker| match number {
            1 => {
                waker.wake_by_ref();
                waker.wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(()),
        });
        let (_alarm, rung) = clock.alarm();
        assert_eq!((clock.polls(), times(&rung)), (2, 1));
    }

    #[test]
    fn dropped_during_a_poll_elsewhere_it_does_not_ring() {
        let (tell, told) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let gone = Mutex::new(gone);
        let clock = Scripted::new(move |number, _| {
            if number == 1 {
                return Poll::Pending;
            }
            tell.send(()).unwrap();
            gone.lock().unwrap().recv().unwrap();
            Poll::Ready(())
        });
        let (alarm, rung) = clock.alarm();
        let waking = clock.clone();
        let thread = thread::spawn(move || waking.wake());
        told.recv().unwrap();
        drop(alarm);
        assert_eq!(clock.timers(), 1, "that of the poll in progress");
        go.send(()).unwrap();
        thread.join().unwrap();
        assert_eq!((clock.timers(), times(&rung)), (0, 0));
        assert_eq!(Arc::strong_count(&rung), 1);
    }

    /// A place for an alarm that somebody else drops.
    type Place = Arc<Mutex<Option<Alarm>>>;

    #[test]
    fn it_may_be_dropped_by_its_own_timer_and_by_its_own_ring() {
        let place = Place::default();
        let in_poll = Arc::clone(&place);
        let clock = Scripted::new(move |number, _| {
            if number == 2 {
                let alarm = in_poll.lock().unwrap().take();
                drop(alarm);
            }
            Poll::Pending
        });
        let (alarm, rung) = clock.alarm();
        place.lock().unwrap().replace(alarm);
        clock.wake();
        assert_eq!((clock.timers(), times(&rung)), (0, 0));

        let clock = pending_until(2);
        let in_ring = Arc::clone(&place);
        let (tell, told) = mpsc::channel();
        let handle = ClockHandle::new(clock.clone());
        let alarm = Alarm::set(&handle, clock.later(), move || {
            let alarm = in_ring.lock().unwrap().take();
            tell.send(alarm.is_some()).unwrap();
        });
        place.lock().unwrap().replace(alarm);
        clock.wake();
        assert_eq!(told.recv(), Ok(true));
    }

    #[test]
    fn a_timer_that_panics_rings_nothing_and_harms_nobody() {
        for panics_at in [1, 2] {
            let clock = Scripted::new(move |number, _| {
                if number == panics_at {
                    resume_unwind(Box::new("a timer"));
                }
                Poll::Pending
            });
            let (_alarm, rung) = clock.alarm();
            if panics_at == 2 {
                clock.wake();
            }
            assert_eq!((clock.polls(), times(&rung)), (panics_at, 0));
            assert_eq!(clock.timers(), 0);
            clock.wake();
            assert_eq!(clock.polls(), panics_at, "polled again after its panic");
        }
    }

    #[test]
    fn a_ring_that_panics_harms_nobody() {
        let clock = pending_until(2);
        let handle = ClockHandle::new(clock.clone());
        let _later = Alarm::set(&handle, clock.later(), || resume_unwind(Box::new("later")));
        clock.wake();
        assert_eq!((clock.polls(), clock.timers()), (2, 0));
        let _now = Alarm::set(&handle, clock.0.now, || resume_unwind(Box::new("now")));
    }

    #[test]
    fn a_timer_that_panics_in_its_drop_does_not_keep_it_from_ringing() {
        struct Panicking(bool);
        impl Future for Panicking {
            type Output = ();
            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
                if mem::replace(&mut self.0, true) {
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
        impl Drop for Panicking {
            fn drop(&mut self) {
                resume_unwind(Box::new("in the drop of a timer"));
            }
        }
        struct Hostile(Instant);
        impl Clock for Hostile {
            fn now(&self) -> Instant {
                self.0
            }
            fn timer(&self, _at: Instant) -> Timer {
                Box::pin(Panicking(false))
            }
        }
        let now = Instant::now();
        let (tell, told) = mpsc::channel();
        let clock = ClockHandle::new(Hostile(now));
        let _alarm = Alarm::set(&clock, now + Duration::from_secs(1), move || {
            tell.send("rung").unwrap();
        });
        assert_eq!(told.try_recv(), Ok("rung"));
    }

    #[test]
    fn the_clock_of_the_system_rings_it_whoever_is_polled_or_not() {
        let clock = crate::clock::current_clock();
        let (tell, told) = mpsc::channel();
        let at = clock.now() + Duration::from_millis(2);
        let by = clock.clone();
        let _alarm = Alarm::set(&clock, at, move || tell.send(by.now()).unwrap());
        assert!(told.recv_timeout(Duration::from_secs(10)).unwrap() >= at);
    }

    #[test]
    fn of_wakes_from_many_threads_one_rings() {
        for _ in 0..200 {
            let clock = pending_until(4);
            let (_alarm, rung) = clock.alarm();
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| clock.wake());
                }
            });
            // Wakes that came during one poll count as one.
            for _ in 0..4 {
                clock.wake();
            }
            assert_eq!((clock.polls(), times(&rung), clock.timers()), (4, 1, 0));
        }
    }
}
