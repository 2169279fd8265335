//! A thread that looks for signals every now and then, where they cannot be waited for.

use std::io;
use std::thread;
use std::time::Duration;

use super::{came, last};

/// Starts it, for the life of the process.
pub(super) fn watch() -> io::Result<()> {
    let thread = thread::Builder::new().name("ingather-signals".into());
    thread.spawn(|| {
        loop {
            thread::park_timeout(Duration::from_millis(50));
            if let Some(signal) = last() {
                came(signal);
            }
        }
    })?;
    Ok(())
}
