//! Polling a future on this thread, and waiting in between.

use std::future::Future;
use std::panic::Location;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::ground::Ground;
use crate::blocked::{is_watched, noting, noting_if_watched, while_blocked, with_notes};
use crate::bridge::Whereabouts;
use crate::log;
use crate::park::{Kept, Parker};
use crate::turn::unconstrained;

/// After so long without a wake it is said where the thread waits.
const QUIET: Duration = Duration::from_secs(1);

/// Polls again after so long without a wake, where a runtime keeps wakers until its only thread goes on; then after twice as long,
/// up to the most.
const AGAIN: Duration = Duration::from_millis(1);
const MOST: Duration = Duration::from_millis(64);

/// So often what has woken itself is polled again at once, before anybody is told that the thread is blocked. Not for ever: it may
/// go on so until somebody has done something who counts on this thread.
const AT_ONCE: usize = 16;

/// What is called before and after each wait.
pub(super) type AroundWait<'a> = (Box<dyn FnMut() + 'a>, Box<dyn FnMut() + 'a>);

/// A call that polls a future on its thread.
pub(super) struct Call<'a> {
    pub(super) ground: Ground,
    pub(super) until: Option<Instant>,
    pub(super) around_wait: Option<AroundWait<'a>>,
    pub(super) location: &'static Location<'static>,
}

/// Polls a future until it is ready, on a thread on which nothing is current: it is in no runtime, and so in none of its tasks.
pub(super) fn on_plain_thread<F: Future>(
    future: F,
    location: &'static Location<'static>,
) -> F::Output {
    let ground = Ground::plain();
    let mut future = pin!(future);
    let kept = Kept::take();
    let is_watched = is_watched();
    if !is_watched {
        let mut cx = Context::from_waker(&kept.waker);
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            kept.keep();
            return output;
        }
    }
    let call = Call {
        ground,
        until: None,
        around_wait: None,
        location,
    };
    let output = call.go_on(future, kept, !is_watched);
    output.expect("a call without a time limit has an output")
}

impl Call<'_> {
    /// Polls a future until it is ready, or drops it when the time is over.
    ///
    /// Outside of the budget of the task that this may be in: nobody would fill that up again.
    pub(super) fn run<F: Future>(self, future: F) -> Option<F::Output> {
        let future = pin!(unconstrained(future));
        self.go_on(future, Kept::take(), false)
    }

    /// The same for one that is pinned, and may have been polled once.
    fn go_on<F: Future>(
        self,
        mut future: Pin<&mut F>,
        kept: Kept,
        is_polled: bool,
    ) -> Option<F::Output> {
        let Self {
            ground,
            until,
            around_wait,
            location,
        } = self;
        let mut cx = Context::from_waker(&kept.waker);
        let mut poll = || ground.inside(|| future.as_mut().poll(&mut cx));
        let mut left = AT_ONCE;
        let mut is_polled = is_polled;
        let waits_for = loop {
            let (polled, waits_for) = match std::mem::take(&mut is_polled) {
                true => (Poll::Pending, Vec::new()),
                false => noting_if_watched(&mut poll),
            };
            if let Poll::Ready(output) = polled {
                kept.keep();
                return Some(output);
            }
            if left == 0 || !kept.parker.is_notified_soon() {
                break waits_for;
            }
            left -= 1;
            kept.parker.park();
        };
        let mut wait = Wait {
            until,
            again: ground.blocks.is_some().then_some(AGAIN),
            around_wait,
            blocks: ground.blocks.as_ref().map(|blocks| blocks.runtime.as_str()),
            quiet_since: Some(Instant::now()),
            is_to_be_said: false,
        };
        let wait_and_poll = || loop {
            // The poll at the last instant has what came then.
            let is_late = !wait.for_notice(&kept.parker);
            let polled = if wait.is_to_be_said() {
                let (polled, waits_for) = noting(&mut poll);
                say_quiet(location, wait.blocks, &waits_for);
                polled
            } else {
                poll()
            };
            match polled {
                Poll::Ready(output) => return Some(output),
                Poll::Pending if is_late => return None,
                Poll::Pending => {}
            }
        };
        let output = with_notes(waits_for, || while_blocked(wait_and_poll));
        kept.keep();
        output
    }
}

/// One call's waits.
struct Wait<'a> {
    until: Option<Instant>,
    again: Option<Duration>,
    around_wait: Option<AroundWait<'a>>,
    blocks: Option<&'a str>,
    /// Since when nobody has called the waker, unless that was said.
    quiet_since: Option<Instant>,
    /// Is it to be said now, with what the next poll finds?
    is_to_be_said: bool,
}

impl Wait<'_> {
    fn is_to_be_said(&mut self) -> bool {
        std::mem::take(&mut self.is_to_be_said)
    }

    /// Waits for a notice, or until the future is to be polled without one. `false`: the time is over.
    fn for_notice(&mut self, parker: &Arc<Parker>) -> bool {
        if parker.is_notified() {
            parker.park();
            return self.until.is_none_or(|until| Instant::now() < until);
        }
        let _released = self.around_wait.as_mut().map(|(release, reacquire)| {
            release();
            Released(reacquire)
        });
        loop {
            let now = Instant::now();
            let quiet = self.quiet_since.map(|since| since + QUIET);
            let again = self.again.map(|again| now + again);
            let end = [self.until, quiet, again].into_iter().flatten().min();
            let woken = match end {
                Some(end) => parker.park_until(end),
                None => {
                    parker.park();
                    true
                }
            };
            if woken {
                self.again = self.again.map(|_| AGAIN);
                self.quiet_since = self.quiet_since.map(|_| Instant::now());
                return true;
            }
            let now = Instant::now();
            if self.until.is_some_and(|until| until <= now) {
                return false;
            }
            if quiet.is_some_and(|quiet| quiet <= now) {
                self.quiet_since = None;
                self.is_to_be_said = true;
                return true;
            }
            if let Some(again) = &mut self.again {
                *again = (*again * 2).min(MOST);
                return true;
            }
        }
    }
}

/// Takes back what was released, also where the wait unwinds.
struct Released<'a, 'b>(&'a mut Box<dyn FnMut() + 'b>);

impl Drop for Released<'_, '_> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Says where a thread waits that nobody has woken for so long. Loudly where its own runtime may be what would do so.
fn say_quiet(location: &'static Location<'static>, blocks: Option<&str>, waits_for: &[String]) {
    let here = Whereabouts::current().waiting_for(waits_for);
    match blocks {
        Some(runtime) => log::error(&format_args!(
            "`run_sync` at {location} has waited for a second, and nothing has woken it. It blocks the only thread of {runtime}: if \
             the future waits for a task, a socket or a timer of that runtime, it waits for ever. Write `.await` there ({here})"
        )),
        None => log::warning(&format_args!(
            "`run_sync` at {location} has waited for a second, and nothing has woken it ({here})"
        )),
    }
}
