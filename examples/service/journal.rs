//! What became of each job: kept in memory, written by and by, and complete when the journal is closed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The journal. Its writes are short, so they are made where they come up.
pub(crate) struct Journal {
    state: Mutex<State>,
    file: Mutex<File>,
}

#[derive(Default)]
struct State {
    last_id: u64,
    /// Jobs that were accepted and are not done.
    open: BTreeMap<u64, String>,
    /// Lines that are not written yet.
    lines: String,
}

impl Journal {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            state: Mutex::default(),
            file: Mutex::new(File::create(path)?),
        })
    }

    /// From now on the job is in the journal, whatever happens to it.
    pub(crate) fn accept(&self, job: &str) -> u64 {
        let mut state = lock(&self.state);
        state.last_id += 1;
        let id = state.last_id;
        state.open.insert(id, job.to_owned());
        id
    }

    /// The job was not accepted after all.
    pub(crate) fn refuse(&self, id: u64) {
        lock(&self.state).open.remove(&id);
    }

    pub(crate) fn done(&self, id: u64, result: u64) {
        let mut state = lock(&self.state);
        if let Some(job) = state.open.remove(&id) {
            let _ = writeln!(state.lines, "done {id} {job} = {result}");
        }
    }

    /// Writes what there is to be written.
    pub(crate) fn flush(&self) -> io::Result<()> {
        // In this order, so that lines come into the file in theirs.
        let mut file = lock(&self.file);
        let lines = std::mem::take(&mut lock(&self.state).lines);
        file.write_all(lines.as_bytes())
    }

    /// Writes what is left, with the jobs that nobody will do any more.
    pub(crate) fn close(&self) -> io::Result<()> {
        {
            let mut state = lock(&self.state);
            for (id, job) in std::mem::take(&mut state.open) {
                let _ = writeln!(state.lines, "left {id} {job}");
            }
        }
        self.flush()?;
        lock(&self.file).sync_all()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
