//! What all handles and tasks of a registry share.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

use super::background::{Background, Tended};
use super::error::TaskRefused;
use super::groups::Groups;
use super::task::Task;
use crate::error::unhandled::{self, Hook, drop_quietly};
use crate::error::{ChildInfo, Unhandled};
use crate::group::{GroupOptions, Label, OutputPolicy, child_here};
use crate::log;
use crate::panic::{Panic, catch};
use crate::spawner::SpawnerHandle;
use crate::std_or_loom::Lock;

/// The shared part of a registry. Its tasks hold it, so it lives as long as there is one.
pub(super) struct Shared {
    groups: Groups,
    hook: Lock<Option<Hook>>,
}

impl Shared {
    #[track_caller]
    pub(super) fn open(options: GroupOptions, location: &'static Location<'static>) -> Arc<Self> {
        Arc::new(Self {
            groups: Groups::open(options, location),
            hook: Lock::default(),
        })
    }

    pub(super) fn groups(&self) -> &Groups {
        &self.groups
    }

    /// The registry's own spawner.
    pub(super) fn spawner(&self) -> &SpawnerHandle {
        self.groups.first().spawner()
    }

    /// Starts a task on a spawner, `None` for the registry's own. One that is not taken is cancelled.
    pub(super) fn create<F, S>(
        self: &Arc<Self>,
        on: Option<&SpawnerHandle>,
        label: &Label,
        future: F,
    ) -> Task<S::Value, S::Error>
    where
        F: Future + Send + 'static,
        S: OutputPolicy<F::Output, Value: Send, Error: fmt::Display + Send> + 'static,
    {
        let future = Background::<F, S>::new(Arc::clone(self), future);
        let added = self.groups.try_add::<_, Tended>(on, label, future);
        Task::new(added.unwrap_or_else(|(future, reason)| {
            let first = self.groups.first();
            let key = first.refuse::<_, Tended>(label, future, reason.clone());
            log::warning(&format_args!(
                "a background task did not start, it was {reason}: {}",
                key.child()
            ));
            key
        }))
    }

    /// Starts a task on a spawner, or gives its future back.
    pub(super) fn create_or_return<F, S>(
        self: &Arc<Self>,
        on: Option<&SpawnerHandle>,
        label: &Label,
        future: F,
    ) -> Result<Task<S::Value, S::Error>, TaskRefused<F>>
    where
        F: Future + Send + 'static,
        S: OutputPolicy<F::Output, Value: Send, Error: fmt::Display + Send> + 'static,
    {
        let future = Background::<F, S>::new(Arc::clone(self), future);
        let added = self.groups.try_add::<_, Tended>(on, label, future);
        added
            .map(Task::new)
            .map_err(|(future, reason)| TaskRefused::new(future.into_future(), reason))
    }

    pub(super) fn set_hook(&self, hook: Hook) {
        let old = self.hook.lock().replace(hook);
        drop_quietly("the hook of a task registry", old);
    }

    /// Tells the hook of a failure that nobody observed. If there is none, or it panics, the hook of the process is told.
    pub(super) fn report(&self, lost: &Unhandled<'_>) {
        let hook = self.hook.lock().clone();
        match hook.map(|hook| catch(|| hook(lost))) {
            Some(Ok(())) => {}
            Some(Err(panic)) => {
                unhandled::report(lost);
                unhandled::report_panic("the hook of a task registry", panic);
            }
            None => unhandled::report(lost),
        }
    }

    /// The destructor of the task that is being polled or dropped here has panicked.
    pub(super) fn panicked_here(&self, panic: &Panic) {
        let child: Option<ChildInfo> = child_here();
        self.report(&Unhandled::of_panic(child.as_ref(), panic));
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        drop_quietly("the hook of a task registry", self.hook.get_mut().take());
    }
}
