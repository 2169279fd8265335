//! Emptying a registry within a bound.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::handle::TaskRegistry;
use super::idle::WaitIdle;
use super::info::TaskInfo;
use crate::clock::{ClockHandle, Deadline, Sleep, current_clock, sleep_until};
use crate::shows::shows;
use crate::token::{CancelKind, CancelReason};

/// How long a drain waits for those that were cancelled, beyond their grace.
const PATIENCE: Duration = Duration::from_secs(1);

/// The future of [`TaskRegistry::drain`].
///
/// Dropped before it is over, it leaves the registry closed and the tasks as they are.
#[must_use = "a registry is drained only if this is awaited"]
pub struct Drain {
    idle: WaitIdle,
    reason: CancelReason,
    patience: Duration,
    /// What it waits by; `None` if there is no deadline.
    clock: Option<(ClockHandle, Sleep)>,
    began: bool,
    /// What was left at the deadline.
    cancelled: Option<Vec<TaskInfo>>,
}

impl Drain {
    /// # Panics
    ///
    /// If there is no clock, unless the deadline is never.
    #[track_caller]
    pub(super) fn new(registry: TaskRegistry, deadline: Deadline) -> Self {
        let sleep = || (current_clock(), sleep_until(deadline));
        let location = Location::caller();
        Self {
            idle: WaitIdle::new(registry),
            reason: CancelReason::from_here(CancelKind::Deadline, location),
            patience: PATIENCE,
            clock: (!deadline.is_never()).then(sleep),
            began: false,
            cancelled: None,
        }
    }

    /// Cancels for this reason what is left at the deadline. Otherwise the deadline itself is the reason.
    pub fn reason(mut self, reason: CancelReason) -> Self {
        self.reason = reason;
        self
    }

    /// Waits so long for the tasks that were cancelled at the deadline: for their grace, their shields, and polls that they
    /// are in the middle of. One second unless this is said.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}

impl Future for Drain {
    type Output = Drained;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Drained> {
        let this = &mut *self;
        let registry = this.idle.registry().clone();
        if !std::mem::replace(&mut this.began, true) {
            registry.close();
        }
        loop {
            if Pin::new(&mut this.idle).poll(cx).is_ready() {
                return Poll::Ready(Drained::new(this.cancelled.take(), Vec::new(), 0));
            }
            let Some((clock, sleep)) = &mut this.clock else {
                return Poll::Pending;
            };
            ready!(Pin::new(&mut *sleep).poll(cx));
            if this.cancelled.is_some() {
                let stuck = registry.sweep();
                let left = registry.len();
                return Poll::Ready(Drained::new(this.cancelled.take(), stuck, left));
            }
            this.cancelled = Some(registry.snapshot());
            registry.cancel_all(this.reason.clone());
            let patience = registry.grace().saturating_add(this.patience);
            sleep.reset(Deadline::after_on(clock, patience));
        }
    }
}

shows!([] Drain, this => registry: this.idle.registry(), cancelled, ..);

/// How a [drain](TaskRegistry::drain) went: which tasks had to be cancelled, and which are stuck.
///
/// # Examples
///
/// ```
/// use std::future::pending;
/// use std::time::Duration;
///
/// use ingather::{Deadline, TaskRegistry, block_on};
///
/// block_on(async {
///     let registry = TaskRegistry::new();
///     let _task = registry.named("poll").create_task(pending::<()>());
///     let drained = registry.drain(Deadline::after(Duration::from_millis(1))).await;
///     let names: Vec<_> = drained.cancelled().iter().filter_map(|task| task.name()).collect();
///     assert_eq!(names, ["poll"]);
///     assert!(drained.stuck().is_empty()); // it could be cancelled
/// });
/// ```
#[derive(Clone, Debug)]
#[must_use = "it says which tasks were cut short, and which are stuck"]
pub struct Drained {
    cancelled: Vec<TaskInfo>,
    stuck: Vec<TaskInfo>,
    left: usize,
}

impl Drained {
    fn new(cancelled: Option<Vec<TaskInfo>>, stuck: Vec<TaskInfo>, left: usize) -> Self {
        Self {
            cancelled: cancelled.unwrap_or_default(),
            stuck,
            left,
        }
    }

    /// Did every task end by itself, in time?
    pub fn is_clean(&self) -> bool {
        self.cancelled.is_empty() && self.left == 0
    }

    /// The tasks that were not over at the deadline and were cancelled, as they were then.
    pub fn cancelled(&self) -> &[TaskInfo] {
        &self.cancelled
    }

    /// The tasks that were not over when patience was, as they were then: in a poll that does not return, or held by a
    /// [`shield`](crate::shield).
    pub fn stuck(&self) -> &[TaskInfo] {
        &self.stuck
    }

    /// How many tasks were not over. More than there are [stuck](Self::stuck) ones by those whose destructor does not
    /// return.
    pub fn left(&self) -> usize {
        self.left
    }
}

impl fmt::Display for Drained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cancelled = self.cancelled.len();
        write!(f, "{cancelled} tasks cancelled, {} stuck", self.left)?;
        self.stuck
            .iter()
            .try_for_each(|task| write!(f, "\n  stuck: {task}"))
    }
}
