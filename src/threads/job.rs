//! A closure between its caller and its thread.
//!
//! ```text
//! queued --1--> running --2--> over --3--> gone
//!   |  \           \                        ^
//!   |   \--4--> refused --3-----------------|
//!   \--------5------\--5--> (2 goes to gone)-
//! ```
//!
//! 1. `run`: a thread takes it. 2. `run`: it has ended. 3. `poll`: the caller has what became of it. 4. `refuse`. 5. `withdraw`,
//!    `take_back`: the caller does not wait any more. One that is queued is gone then, and never runs; of one that is running the value is dropped.

use std::io;
use std::mem::replace;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::from_thread::serving;
use super::pool::{JobInfo, Why, Work};
use super::stop::Stop;
use crate::context::ContextSnapshot;
use crate::error::unhandled::{drop_quietly, report_panic, wake_quietly};
use crate::group::engine::position::Position;
use crate::limiter::{CapacityLimiter, Permit};
use crate::panic::{Panic, catch};
use crate::spawner::{SpawnerHandle, enter, try_current_spawner};

/// A closure, from the call that sends it to a thread to what became of it.
pub(super) struct Job<F, T> {
    stage: Mutex<Stage<F, T>>,
    stop: Stop,
    info: JobInfo,
    /// Where the caller runs, for calls back.
    spawner: Option<SpawnerHandle>,
    /// Of which it has a permit by itself.
    limiter: Option<CapacityLimiter>,
}

enum Stage<F, T> {
    Queued(Queued<F>, Option<Waker>),
    Running {
        waker: Option<Waker>,
        is_wanted: bool,
        /// What it holds from when nobody waits any more until it is over.
        permit: Option<Permit>,
    },
    Over(Result<T, Panic>),
    Refused(F, Why),
    Gone,
}

struct Queued<F> {
    call: F,
    context: ContextSnapshot,
    permit: Option<Permit>,
}

/// What became of a job.
pub(super) enum End<F, T> {
    Over(Result<T, Panic>),
    Refused(F, Why),
}

impl<F, T> Job<F, T> {
    /// A closure that is called with what is set here.
    pub(super) fn new(
        call: F,
        name: Option<Arc<str>>,
        location: &'static Location<'static>,
        permit: Option<Permit>,
    ) -> Arc<Self> {
        let context = ContextSnapshot::current();
        let limiter = permit.as_ref().map(Permit::limiter);
        let queued = Queued {
            call,
            context,
            permit,
        };
        Arc::new(Self {
            stage: Mutex::new(Stage::Queued(queued, None)),
            stop: Stop::default(),
            info: JobInfo::new(name, location),
            spawner: try_current_spawner(),
            limiter,
        })
    }

    fn stage(&self) -> MutexGuard<'_, Stage<F, T>> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn info(&self) -> &JobInfo {
        &self.info
    }

    /// Somebody waits for it in this place.
    pub(super) fn follow(&self, caller: Position) {
        self.stop.follow(caller);
    }

    /// What became of it, once.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<End<F, T>> {
        let fresh = cx.waker().clone();
        let old = {
            let mut stage = self.stage();
            match &mut *stage {
                Stage::Queued(_, waker) | Stage::Running { waker, .. } => waker.replace(fresh),
                Stage::Over(_) | Stage::Refused(..) => {
                    let end = match replace(&mut *stage, Stage::Gone) {
                        Stage::Over(result) => End::Over(result),
                        Stage::Refused(call, why) => End::Refused(call, why),
                        _ => unreachable!("it was one of the two"),
                    };
                    drop(stage);
                    drop_quietly("a waker", fresh);
                    return Poll::Ready(end);
                }
                Stage::Gone => {
                    drop(stage);
                    panic!("a closure's future was polled after it was ready");
                }
            }
        };
        drop_quietly("a waker", old);
        Poll::Pending
    }

    /// Was it refused by now?
    pub(super) fn refusal(&self) -> Option<(F, Why)> {
        let mut stage = self.stage();
        if !matches!(&*stage, Stage::Refused(..)) {
            return None;
        }
        match replace(&mut *stage, Stage::Gone) {
            Stage::Refused(call, why) => Some((call, why)),
            _ => None,
        }
    }

    /// The closure, if it has not begun: then this does not run.
    pub(super) fn take_back(&self) -> Option<F> {
        let mut stage = self.stage();
        match replace(&mut *stage, Stage::Gone) {
            Stage::Queued(queued, waker) => {
                drop(stage);
                drop_quietly(
                    "what a closure was to be called with",
                    (queued.context, queued.permit, waker),
                );
                Some(queued.call)
            }
            other => {
                *stage = other;
                None
            }
        }
    }

    /// Nobody waits any more.
    pub(super) fn withdraw(&self) {
        if let Some(call) = self.take_back() {
            return drop_quietly("a closure that was cancelled in its queue", call);
        }
        // Asked for outside of the lock, and before the one who waits is over and gives back its own.
        let limiter = self.stop.limiter();
        let limiter = limiter.filter(|limiter| !self.has_one_of(limiter));
        let old = {
            let mut stage = self.stage();
            match &mut *stage {
                Stage::Running {
                    waker,
                    is_wanted,
                    permit,
                } => {
                    *is_wanted = false;
                    *permit = limiter.map(|limiter| limiter.take_over());
                    let waker = waker.take();
                    drop(stage);
                    self.stop.abandon();
                    drop_quietly("a waker", waker);
                    return;
                }
                other => replace(other, Stage::Gone),
            }
        };
        match old {
            Stage::Over(Err(panic)) => report_panic("a closure that nobody waited for", panic),
            old => drop_quietly("what a closure gave", old),
        }
    }

    /// Does it hold a permit of this limiter by itself?
    fn has_one_of(&self, limiter: &CapacityLimiter) -> bool {
        let own = self.limiter.as_ref();
        own.is_some_and(|own| own.is_same(limiter))
    }

    fn settle(&self, end: Stage<F, T>) {
        let mut end = end;
        let (waker, permit) = {
            let mut stage = self.stage();
            match &mut *stage {
                Stage::Running {
                    waker,
                    is_wanted: true,
                    ..
                } => {
                    let waker = waker.take();
                    std::mem::swap(&mut *stage, &mut end);
                    (waker, None)
                }
                other => match replace(other, Stage::Gone) {
                    Stage::Running { permit, .. } => (None, permit),
                    _ => (None, None),
                },
            }
        };
        // Somebody is woken by that.
        drop(permit);
        // What it was before, or what nobody wants.
        match end {
            Stage::Over(Err(panic)) => report_panic("a closure that nobody waited for", panic),
            end => drop_quietly("what a closure gave", end),
        }
        waker.map(wake_quietly);
    }
}

impl<F, T> Work for Job<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn run(self: Arc<Self>) {
        let Queued {
            call,
            context,
            permit,
        } = {
            let mut stage = self.stage();
            let taken = replace(&mut *stage, Stage::Gone);
            match taken {
                Stage::Queued(queued, waker) => {
                    *stage = Stage::Running {
                        waker,
                        is_wanted: true,
                        permit: None,
                    };
                    queued
                }
                other => {
                    *stage = other;
                    return;
                }
            }
        };
        let result = catch(|| {
            context.run(|| {
                let _spawner = self.spawner.as_ref().map(enter);
                serving(self.clone(), call)
            })
        });
        drop_quietly("a context", context);
        // It has really ended. The sender that waits for it finds the slot free.
        drop(permit);
        self.settle(Stage::Over(result));
    }

    fn refuse(&self, why: Why) {
        let mut stage = self.stage();
        let (refused, waker) = match replace(&mut *stage, Stage::Gone) {
            Stage::Queued(
                Queued {
                    call,
                    context,
                    permit,
                },
                waker,
            ) => {
                *stage = Stage::Refused(call, why);
                ((context, permit), waker)
            }
            other => {
                *stage = other;
                return;
            }
        };
        drop(stage);
        drop_quietly("a context", refused);
        waker.map(wake_quietly);
    }

    fn info(&self) -> JobInfo {
        self.info.clone()
    }

    fn stop(&self) -> Option<&Stop> {
        Some(&self.stop)
    }

    fn spawner(&self) -> Option<&SpawnerHandle> {
        self.spawner.as_ref()
    }
}

/// Why a pool did not take a closure, and the closure.
///
/// From [`BlockingPool::exec`](super::BlockingPool::exec), and from [`ToThread::or_refused`](super::ToThread::or_refused). The closure has
/// not been called; dropping this drops it.
///
/// # Examples
///
/// ```
/// use ingather::threads::BlockingPool;
///
/// let pool = BlockingPool::new(1);
/// pool.close();
/// let refused = pool.exec(|| 7).unwrap_err();
/// assert!(refused.is_closed());
/// let call = refused.into_call();
/// assert_eq!(call(), 7);
/// ```
pub struct Refused<F> {
    call: F,
    why: Why,
}

impl<F> Refused<F> {
    pub(super) fn new(call: F, why: Why) -> Self {
        Self { call, why }
    }

    pub(super) fn why(&self) -> Why {
        self.why.clone()
    }

    /// The closure.
    pub fn into_call(self) -> F {
        self.call
    }

    /// Was the pool closed?
    pub fn is_closed(&self) -> bool {
        matches!(self.why, Why::Closed)
    }

    /// What the system said, if the pool has no thread and could not start one.
    pub fn thread_error(&self) -> Option<&io::Error> {
        match &self.why {
            Why::NoThread(error) => Some(error),
            Why::Closed => None,
        }
    }
}

impl<F> std::fmt::Debug for Refused<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refused")
            .field("why", &self.why)
            .finish_non_exhaustive()
    }
}

impl<F> std::fmt::Display for Refused<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.why {
            Why::Closed => f.write_str(
                "the closure was not called, since its pool is closed: use another pool, or call it here",
            ),
            Why::NoThread(error) => write!(
                f,
                "the closure was not called, since its pool has no thread and cannot start one ({error}): \
                 make room for a thread and try again, or call it here"
            ),
        }
    }
}

impl<F> std::error::Error for Refused<F> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.why {
            Why::NoThread(error) => Some(&**error),
            Why::Closed => None,
        }
    }
}
