//! The end of a runner: nothing more is taken, what is there has until the deadline, and is cancelled then.

use std::mem;
use std::panic::Location;
use std::time::{Duration, Instant};

use futures::future::join_all;

use super::{AsyncRunner, ShutdownReport};
use crate::blocked::park_until_ready_or;
use crate::log;
use crate::spawner::{LoopThread, Spawner};
use crate::token::{CancelKind, CancelReason};

/// How long those are waited for that were cancelled, and the threads, which have nothing left to do.
const PATIENCE: Duration = Duration::from_secs(1);

impl AsyncRunner {
    /// Ends the runner: takes nothing more, waits so long for the tasks that are there, cancels those that are left, waits
    /// for them a second more, and stops the threads.
    ///
    /// It returns then, whatever the tasks do: one that blocks its thread for ever is named in the report, and left behind with the
    /// thread. The limit goes by the system's clock. On the loop's own thread nothing is waited for: the tasks are cancelled, and the threads end
    /// when these are over. Of a runner that was closed before there is nothing to tell.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ingather::bridge::{AsyncRunner, ShutdownKind};
    ///
    /// let runner = AsyncRunner::start()?;
    /// let task = runner.create_task(std::future::pending::<()>());
    /// let report = runner.close(Duration::from_millis(5));
    /// assert_eq!(report.kind(), ShutdownKind::Cancelled);
    /// assert_eq!(report.cancelled()[0].id(), task.id());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn close(&self, limit: Duration) -> ShutdownReport {
        self.close_within(limit, Location::caller())
    }

    /// Closes it with no time to spare, unless that was done.
    #[track_caller]
    pub(super) fn close_at_drop(&mut self) {
        if self.threads.lock().is_none() {
            return;
        }
        let report = self.close_within(Duration::ZERO, Location::caller());
        if !report.stuck.is_empty() || !report.stuck_threads.is_empty() {
            log::warning(&report);
        }
        report
            .failures
            .into_iter()
            .for_each(crate::program::unheard);
    }

    fn close_within(
        &self,
        limit: Duration,
        location: &'static Location<'static>,
    ) -> ShutdownReport {
        let mut report = ShutdownReport::new(self.name());
        let Some(threads) = self.threads.lock().take() else {
            return report;
        };
        if self.event_loop.is_lost() {
            // What it held is in the other process.
            self.registry.close();
            mem::forget(threads);
            return report;
        }
        // First, so that no failure after the close is told to somebody else.
        self.heard.begin();
        self.registry.close();
        // What no clock comes to is no limit.
        let until = Instant::now().checked_add(limit);
        if self.is_current() {
            report.cancelled = self.cancel(location);
            report.failures = self.heard.end();
            let (idle, event_loop) = (self.registry.wait_idle(), self.event_loop.clone());
            // By the last of what the threads do. Where nothing is left it is the last that is there.
            let ends = async move {
                idle.await;
                event_loop.stop();
                drop(threads);
            };
            if self.event_loop.spawn(Box::pin(ends)).is_err() {
                self.event_loop.stop();
            }
            return report;
        }
        if !self.is_idle_by(until) {
            report.cancelled = self.cancel(location);
            if !self.is_idle_by(Instant::now().checked_add(PATIENCE)) {
                report.stuck = self.registry.sweep();
            }
        }
        self.event_loop.stop();
        report.stuck_threads = stop(threads);
        report.failures = self.heard.end();
        report
    }

    /// Cancels the tasks that are there.
    fn cancel(&self, location: &'static Location<'static>) -> Vec<crate::tasks::TaskInfo> {
        let left = self.registry.snapshot();
        let reason = CancelReason::from_here(CancelKind::Shutdown, location);
        self.registry.cancel_all(reason);
        left
    }

    /// Waits until no task is left, but not beyond an instant. `None`: as long as it takes.
    fn is_idle_by(&self, until: Option<Instant>) -> bool {
        park_until_ready_or(self.registry.wait_idle(), until).is_some()
    }
}

/// Stops threads, and gives the names of those that do not end.
fn stop(threads: Vec<LoopThread>) -> Vec<String> {
    let mut joins = Vec::new();
    let mut ends = Vec::new();
    for thread in threads {
        drop(thread.stop);
        ends.push(thread.ended);
        joins.push(thread.thread);
    }
    let _ = park_until_ready_or(join_all(&mut ends), Instant::now().checked_add(PATIENCE));
    let mut stuck = Vec::new();
    for (join, mut ended) in joins.into_iter().zip(ends) {
        // It is resolved, or gone, by the last that the thread does.
        match ended.try_recv() {
            Ok(None) => stuck.extend(join.thread().name().map(str::to_owned)),
            Ok(Some(())) | Err(_) => drop(join.join()),
        }
    }
    stuck
}
