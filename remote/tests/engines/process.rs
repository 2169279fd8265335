//! Processes that are always stopped, by their id.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

static ALL: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Killed when it is dropped.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        ALL.lock().unwrap().push(child.id());
        Self { child }
    }

    /// This program with other arguments, once it has printed a line that says so.
    pub(crate) fn start_self(args: &[&str]) -> (Self, String) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut process = Self::start(command.args(args).stdout(Stdio::piped()));
        let mut lines = BufReader::new(process.child.stdout.take().unwrap()).lines();
        let line = lines.next().and_then(Result::ok);
        let line = line.unwrap_or_else(|| panic!("{args:?} ended at once"));
        // So that it never waits for a reader.
        thread::spawn(move || lines.for_each(drop));
        (process, line)
    }

    /// With SIGKILL.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let id = self.child.id();
        ALL.lock().unwrap().retain(|other| *other != id);
    }

    /// With SIGTERM, and SIGKILL if it does not go.
    pub(crate) fn stop(&mut self) {
        let id = self.child.id().to_string();
        let _ = Command::new("kill").arg(id).status();
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(10) {
            if let Ok(Some(_)) = self.child.try_wait() {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.kill();
    }

    pub(crate) fn is_over(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn kill_all() {
    for id in ALL.lock().unwrap().iter() {
        let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
    }
}
