//! `Trace`: what happened, in order.

use std::fmt::{self, Display, Write};
use std::sync::Arc;

use super::executor;
use crate::std_or_loom::Lock;

/// An ordered log of what happened in a test. Clones write to the same one.
///
/// The order of events is what a test of concurrent code is about: log at each step and assert the whole trace, instead of
/// a flag here and there.
///
/// # Examples
///
/// ```
/// use ingather::scope;
/// use ingather::testing::{TestExecutor, Trace};
///
/// let trace = Trace::new();
/// let log = trace.clone();
/// TestExecutor::new().block_on(scope(|tg| async move {
///     let in_child = log.clone();
///     tg.spawn(async move { in_child.log("child") });
///     log.log("body");
/// }));
/// trace.assert(["body", "child"]);
/// ```
#[derive(Clone, Default)]
pub struct Trace(Arc<Entries>);

struct Entries(Lock<Vec<String>>);

impl Default for Entries {
    fn default() -> Self {
        Self(Lock::new(Vec::new()))
    }
}

impl Trace {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes an entry.
    pub fn log(&self, entry: impl Display) {
        // Printed before the lock is taken, since that is code of the user's.
        let entry = entry.to_string();
        self.0.0.lock().push(entry);
    }

    /// Writes an entry with how far the clock of the [`TestExecutor`](super::TestExecutor) has come that runs here.
    ///
    /// # Panics
    ///
    /// If none runs on this thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ingather::testing::{TestExecutor, Trace};
    /// use ingather::clock::{Clock, current_clock};
    ///
    /// let trace = Trace::new();
    /// TestExecutor::new().block_on(async {
    ///     let clock = current_clock();
    ///     trace.log_at("before");
    ///     clock.timer(clock.now() + Duration::from_millis(1500)).await;
    ///     trace.log_at("after");
    /// });
    /// trace.assert(["0ns: before", "1.5s: after"]);
    /// ```
    #[track_caller]
    pub fn log_at(&self, entry: impl Display) {
        match executor::elapsed_here() {
            Some(elapsed) => self.log(format_args!("{elapsed:?}: {entry}")),
            None => panic!(
                "no test executor runs on this thread: use `log`, or log from one of its jobs"
            ),
        }
    }

    /// Writes an entry when what it gives is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::testing::Trace;
    ///
    /// let trace = Trace::new();
    /// {
    ///     let _guard = trace.at_drop("dropped");
    ///     trace.log("made");
    /// }
    /// trace.assert(["made", "dropped"]);
    /// ```
    pub fn at_drop(&self, entry: impl Display) -> AtDrop {
        AtDrop {
            trace: self.clone(),
            entry: entry.to_string(),
        }
    }

    /// The entries so far.
    #[must_use]
    pub fn entries(&self) -> Vec<String> {
        self.0.0.lock().clone()
    }

    /// The entries so far in alphabetical order: for traces whose order is left open.
    #[must_use]
    pub fn sorted(&self) -> Vec<String> {
        let mut entries = self.entries();
        entries.sort();
        entries
    }

    /// Takes the entries out.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.0.lock())
    }

    /// Asserts that these are the entries, in this order. They stay in the trace.
    ///
    /// # Panics
    ///
    /// If they are not, with both sides line by line.
    ///
    /// # Examples
    ///
    /// ```
    /// let trace = ingather::testing::Trace::new();
    /// trace.log(1);
    /// trace.log("two");
    /// trace.assert(["1", "two"]);
    /// ```
    #[track_caller]
    pub fn assert<I>(&self, expected: I)
    where
        I: IntoIterator<Item: Display>,
    {
        let expected: Vec<_> = expected.into_iter().map(|e| e.to_string()).collect();
        let entries = self.entries();
        if entries != expected {
            panic!("{}", difference(&expected, &entries));
        }
    }

    /// Asserts that there is no entry.
    ///
    /// # Panics
    ///
    /// If there is one.
    #[track_caller]
    pub fn assert_empty(&self) {
        self.assert([""; 0]);
    }
}

/// Both sides, with a mark where they part.
fn difference(expected: &[String], entries: &[String]) -> String {
    let width = expected.iter().map(|entry| entry.chars().count()).max();
    let width = width.unwrap_or(0).max("expected".len());
    let mut text = format!(
        "the trace is another one\n    {:width$}   {}",
        "expected", "was"
    );
    for at in 0..expected.len().max(entries.len()) {
        let (left, right) = (expected.get(at), entries.get(at));
        let mark = if left == right { ' ' } else { '>' };
        let side = |entry: Option<&String>| entry.map_or("-", String::as_str).to_owned();
        let _ = write!(text, "\n  {mark} {:width$} | {}", side(left), side(right));
    }
    text
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.0.try_lock() {
            Some(entries) => f.debug_tuple("Trace").field(&*entries).finish(),
            None => f.debug_struct("Trace").finish_non_exhaustive(),
        }
    }
}

/// Writes its entry when it is dropped; made by [`Trace::at_drop`].
#[derive(Debug)]
#[must_use = "the entry is written when this is dropped: keep it where the drop is to be seen"]
pub struct AtDrop {
    trace: Trace,
    entry: String,
}

impl Drop for AtDrop {
    fn drop(&mut self) {
        self.trace.log(&self.entry);
    }
}
