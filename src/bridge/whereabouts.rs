//! `Whereabouts`: where code runs, in words.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::runner::runner_here;
use crate::blocked::{take_notes, tell_watch_by};
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
/// use ingather::tasks::create_named_task;
/// use ingather::block_on;
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
    waits_for: Vec<String>,
}

/// Where the threads are that wait, by the number of the wait.
static WAITING: Mutex<BTreeMap<u64, Whereabouts>> = Mutex::new(BTreeMap::new());

fn waiting() -> MutexGuard<'static, BTreeMap<u64, Whereabouts>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits, and is seen to.
fn in_sight(wait: &mut dyn FnMut()) {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    struct Seen(u64);
    impl Drop for Seen {
        fn drop(&mut self) {
            waiting().remove(&self.0);
        }
    }
    let here = Whereabouts::current().waiting_for(&take_notes());
    let seen = Seen(NEXT.fetch_add(1, Ordering::Relaxed));
    waiting().insert(seen.0, here);
    wait();
}

impl Whereabouts {
    /// Keeps in mind, from now on, where each thread is that waits in a blocking call of this crate, for
    /// [`of_waiting_threads`](Self::of_waiting_threads).
    ///
    /// For tests, watchdogs and a debugging build: each such wait costs some microseconds then. Not for a program that forks, whose
    /// child may find the list locked.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::thread;
    ///
    /// use ingather::bridge::Whereabouts;
    /// use ingather::threads::FairLock;
    ///
    /// static LOCK: FairLock<u32> = FairLock::new(0);
    ///
    /// Whereabouts::watch_threads();
    /// let guard = LOCK.lock_blocking();
    /// let waits = thread::Builder::new().name("second".into());
    /// let waits = waits.spawn(|| drop(LOCK.lock_blocking())).unwrap();
    /// let seen = loop {
    ///     if let [seen] = &Whereabouts::of_waiting_threads()[..] {
    ///         break seen.to_string();
    ///     }
    /// };
    /// assert!(seen.contains("on thread `second`"), "{seen}");
    /// assert!(seen.contains("waits for a lock"), "{seen}");
    /// drop(guard);
    /// waits.join().unwrap();
    /// ```
    pub fn watch_threads() {
        tell_watch_by(in_sight);
    }

    /// Those of each thread that waits right now in a blocking call of this crate, of the waits that began after
    /// [`watch_threads`](Self::watch_threads) was called; the longest first.
    pub fn of_waiting_threads() -> Vec<Self> {
        waiting().values().cloned().collect()
    }

    /// The same, with what the code waits for.
    pub(in crate::bridge) fn waiting_for(mut self, waits_for: &[String]) -> Self {
        self.waits_for = waits_for.to_vec();
        self
    }

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
            waits_for: Vec::new(),
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

    /// What it waits for, in words, as far as that says so: each [`FairLock`](crate::threads::FairLock), with who holds it.
    pub fn waits_for(&self) -> &[String] {
        &self.waits_for
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
        for what in &self.waits_for {
            write!(f, ", where it waits for {what}")?;
        }
        Ok(())
    }
}
