//! The deadline and the grace of a group: what only some have, made when it is needed.
//!
//! 1. The lock is never held together with the group's own, nor while a clock is asked or an alarm is set or dropped.
//! 2. An alarm that rings looks again before it cancels: the deadline may have been moved meanwhile.

use std::panic::Location;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::core::Core;
use crate::clock::{Alarm, Clock, ClockHandle, Deadline, current_clock};
use crate::error::unhandled::report_panic;
use crate::panic::catch;
use crate::spawner::{Spawner, SpawnerHandle};
use crate::std_or_loom::Lock;
use crate::token::{CallbackGuard, CancelKind, CancelReason, CancelToken};

/// Time settings of a group: grace, deadline, and the token whose cancel it follows.
#[derive(Clone, Default)]
pub(crate) struct TimeOptions {
    /// What to go by, if the group's spawner is not to be asked.
    pub(crate) clock: Option<ClockHandle>,
    pub(crate) grace: Duration,
    pub(crate) until: Until,
    /// Nobody is to be told that the deadline passed.
    pub(crate) silent: bool,
    pub(crate) follows: Option<CancelToken>,
    pub(crate) location: Option<&'static Location<'static>>,
}

/// A deadline that may begin with the group.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Until {
    #[default]
    Never,
    At(Deadline),
    After(Duration),
}

/// The deadline and the grace of an open group.
pub(in crate::group) struct Timing {
    clock: ClockHandle,
    grace: Duration,
    silent: bool,
    alarms: Lock<Alarms>,
}

struct Alarms {
    deadline: Deadline,
    set_at: Option<&'static Location<'static>>,
    deadline_alarm: Option<Alarm>,
    grace_alarm: Option<Alarm>,
    /// What cancels the group with the token that it follows.
    follows: Option<[CallbackGuard; 2]>,
    /// The group is over: no alarm is kept.
    stopped: bool,
}

impl Timing {
    /// # Panics
    ///
    /// If there is no clock.
    #[track_caller]
    pub(in crate::group) fn new(
        time_options: TimeOptions,
        spawner: Option<&SpawnerHandle>,
    ) -> Self {
        let clock = time_options.clock;
        let clock = clock.or_else(|| spawner.and_then(Spawner::clock));
        Self {
            clock: clock.unwrap_or_else(current_clock),
            grace: time_options.grace,
            silent: time_options.silent,
            alarms: Lock::new(Alarms {
                deadline: Deadline::NEVER,
                set_at: time_options.location,
                deadline_alarm: None,
                grace_alarm: None,
                follows: None,
                stopped: false,
            }),
        }
    }

    /// Sets one of the alarms, and drops what was there; drops both once the group is over.
    fn keep<T>(&self, slot: impl FnOnce(&mut Alarms) -> &mut Option<T>, new: Option<T>) {
        let old = {
            let mut alarms = self.alarms.lock();
            if alarms.stopped {
                (new, None)
            } else {
                (std::mem::replace(slot(&mut alarms), new), None::<T>)
            }
        };
        drop(old);
    }

    /// When the deadline is, and where it was set.
    fn deadline(&self) -> (Deadline, Option<&'static Location<'static>>) {
        let alarms = self.alarms.lock();
        (alarms.deadline, alarms.set_at)
    }

    /// Why the deadline cancels the group, if it is over.
    fn overdue(&self) -> Option<CancelReason> {
        let (deadline, set_at) = self.deadline();
        let at = deadline.instant()?;
        let now = match catch(|| self.clock.now()) {
            Ok(now) => now,
            Err(panic) => {
                report_panic("a clock", panic);
                return None;
            }
        };
        (at <= now).then(|| match set_at {
            Some(location) => CancelReason::from_here(CancelKind::Deadline, location),
            None => CancelReason::new(CancelKind::Deadline),
        })
    }
}

impl Core {
    /// Sets what the group was told before it was opened.
    pub(in crate::group) fn set_times(self: &Arc<Self>, time_options: TimeOptions) {
        let (until, follows) = (time_options.until, time_options.follows.clone());
        let timing = self.timing_or(time_options);
        let deadline = match until {
            Until::Never => Deadline::NEVER,
            Until::At(deadline) => deadline,
            Until::After(time) => Deadline::after_on(&timing.clock, time),
        };
        self.set_deadline(deadline, None);
        if let Some(token) = follows {
            let told = |cancels: fn(&Arc<Self>, CancelReason)| {
                let core = Arc::downgrade(self);
                move |reason: &CancelReason| {
                    if let Some(core) = core.upgrade() {
                        cancels(&core, reason.inherited());
                    }
                }
            };
            let turned = token.on_cancel(told(Self::cancel));
            let now = token.on_cancel_now(told(Self::cancel_now));
            timing.keep(|alarms| &mut alarms.follows, Some([turned, now]));
        }
    }

    /// The deadline of the group itself.
    pub(crate) fn own_deadline(&self) -> Deadline {
        self.timing()
            .map_or(Deadline::NEVER, |timing| timing.deadline().0)
    }

    /// Does nobody have to be told that the deadline passed?
    pub(in crate::group) fn is_silent(&self) -> bool {
        self.timing().is_some_and(|timing| timing.silent)
    }

    /// Moves the deadline.
    #[track_caller]
    pub(crate) fn set_deadline(
        self: &Arc<Self>,
        deadline: Deadline,
        set_at: Option<&'static Location<'static>>,
    ) {
        let timing = self.timing_or(TimeOptions::default());
        {
            let mut alarms = timing.alarms.lock();
            alarms.deadline = deadline;
            alarms.set_at = set_at.or(alarms.set_at);
        }
        let mut deadline = deadline;
        loop {
            let alarm = deadline.instant().map(|at| {
                let core = Arc::downgrade(self);
                Alarm::set(&timing.clock, at, move || ring(&core))
            });
            timing.keep(|alarms| &mut alarms.deadline_alarm, alarm);
            // A thread that moved it meanwhile may have lost the alarm to us.
            let (last, _) = timing.deadline();
            if last == deadline {
                return;
            }
            deadline = last;
        }
    }

    /// What counts as the cause of a cancel that is asked for now: the deadline, if that came first.
    pub(in crate::group) fn first_cause(&self, reason: CancelReason) -> CancelReason {
        self.overdue().unwrap_or(reason)
    }

    /// The deadline as a cause, if it is over.
    pub(in crate::group) fn overdue(&self) -> Option<CancelReason> {
        self.timing().and_then(Timing::overdue)
    }

    /// How much time a cancel leaves the children.
    pub(in crate::group) fn grace(&self) -> Duration {
        self.timing().map_or(Duration::ZERO, |timing| timing.grace)
    }

    /// Sees to it that there is a clock: this one, if it is given and there was none.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub(in crate::group) fn needs_clock(&self, clock: Option<ClockHandle>) {
        self.timing_or(TimeOptions {
            clock,
            ..TimeOptions::default()
        });
    }

    /// Something to be done when this grace is over, if it is one. There is none under a clock that panics.
    pub(in crate::group) fn grace_alarm(
        &self,
        grace: Duration,
        ring: impl FnOnce() + Send + 'static,
    ) -> Option<Alarm> {
        let timing = self.timing()?;
        if grace.is_zero() {
            return None;
        }
        let alarm = catch(|| {
            let at = Deadline::after_on(&timing.clock, grace).instant();
            at.map_or_else(Alarm::never, |at| Alarm::set(&timing.clock, at, ring))
        });
        match alarm {
            Ok(alarm) => Some(alarm),
            Err(panic) => {
                report_panic("a clock", panic);
                None
            }
        }
    }

    /// The children have their grace from now on.
    pub(in crate::group) fn begin_grace(self: &Arc<Self>) {
        let core = Arc::downgrade(self);
        let alarm = self.grace_alarm(self.grace(), move || {
            if let Some(core) = core.upgrade() {
                core.end_grace();
            }
        });
        match (self.timing(), alarm) {
            (Some(timing), Some(alarm)) => {
                timing.keep(|alarms| &mut alarms.grace_alarm, Some(alarm));
            }
            // Nobody will say when it is over.
            (Some(timing), None) if !timing.grace.is_zero() => self.end_grace(),
            _ => {}
        }
    }

    /// The group is over: nothing is to ring any more.
    pub(in crate::group) fn stop_clock(&self) {
        let Some(timing) = self.timing() else {
            return;
        };
        let taken = {
            let mut alarms = timing.alarms.lock();
            alarms.stopped = true;
            let set = (alarms.deadline_alarm.take(), alarms.grace_alarm.take());
            (set, alarms.follows.take())
        };
        drop(taken);
    }
}

fn ring(core: &Weak<Core>) {
    if let Some(core) = core.upgrade() {
        if let Some(overdue) = core.overdue() {
            core.cancel(overdue);
        }
    }
}
