//! `Whereabouts`: where code runs, in words.

use std::fmt;
use std::thread;

use super::runner::runner_here;
use crate::error::ChildInfo;
use crate::group::standing;
use crate::spawner::{named_spawner, thread_serves};

/// Where code runs: on which thread, for which executor, on which runner, in which group and child.
///
/// Its display is what the errors and warnings of this module say, such as "on thread `ingather-1`, which runs jobs of the embedded
/// default, in child `fetch` spawned at src/main.rs:7:12 of a group opened at src/main.rs:5:9".
///
/// # Examples
///
/// ```
/// use ingather::bridge::Whereabouts;
/// use ingather::{create_named_task, block_on};
///
/// let task = create_named_task("fetch", async { Whereabouts::current().to_string() });
/// let text = block_on(task).unwrap();
/// assert!(text.contains("in child `fetch`"), "{text}");
/// ```
#[derive(Clone, Debug)]
pub struct Whereabouts {
    thread: Option<String>,
    serves: Option<String>,
    spawner: Option<String>,
    runner: Option<String>,
    child: Option<ChildInfo>,
    group: Option<String>,
}

impl Whereabouts {
    /// Those of the code that calls this.
    pub fn current() -> Self {
        let thread = thread::current();
        let (child, group) = standing();
        Self {
            thread: thread.name().map(str::to_owned),
            serves: thread_serves(),
            spawner: named_spawner().map(|spawner| format!("{spawner:?}")),
            runner: runner_here(),
            child,
            group,
        }
    }

    /// The name of the thread.
    pub fn thread(&self) -> Option<&str> {
        self.thread.as_deref()
    }

    /// The executor whose jobs run on this thread, in words, as far as it can be told.
    pub fn serves(&self) -> Option<&str> {
        self.serves.as_deref()
    }

    /// The spawner that was entered or set, in words. `None`: the embedded default is current, or none.
    pub fn spawner(&self) -> Option<&str> {
        self.spawner.as_deref()
    }

    /// The name of the [`AsyncRunner`](super::AsyncRunner) whose thread this is.
    pub fn runner(&self) -> Option<&str> {
        self.runner.as_deref()
    }

    /// The child that the code runs in, or the nearest around it.
    pub fn child(&self) -> Option<&ChildInfo> {
        self.child.as_ref()
    }

    /// The group that the code runs in, in words.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }
}

impl fmt::Display for Whereabouts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.thread {
            Some(name) => write!(f, "on thread `{name}`")?,
            None => f.write_str("on a thread without a name")?,
        }
        if let Some(runner) = &self.runner {
            write!(f, ", which is runner `{runner}`'s")?;
        } else if let Some(serves) = &self.serves {
            write!(f, ", which runs jobs of {serves}")?;
        }
        if let Some(spawner) = &self.spawner {
            write!(f, ", with {spawner} current")?;
        }
        if let Some(child) = &self.child {
            write!(f, ", in {child}")?;
        }
        if let Some(group) = &self.group {
            write!(f, " of {group}")?;
        }
        Ok(())
    }
}
