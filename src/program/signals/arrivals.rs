//! A thread that waits for signals.

use std::io;
use std::thread;

use signal_hook::iterator::Signals;

use super::{SIGNALS, came};

/// Starts it, for the life of the process.
pub(super) fn watch() -> io::Result<()> {
    let mut signals = Signals::new(SIGNALS)?;
    let thread = thread::Builder::new().name("ingather-signals".into());
    thread.spawn(move || signals.forever().for_each(came))?;
    Ok(())
}
