//! What the crate says to people: `tracing` events, or standard error for what must not be lost.

use std::fmt::Display;

#[cfg(feature = "tracing")]
mod imp {
    use std::fmt::Display;

    pub(super) fn error(message: &dyn Display) {
        tracing::error!(target: "ingather", "{message}");
    }

    pub(super) fn warning(message: &dyn Display) {
        tracing::warn!(target: "ingather", "{message}");
    }
}

#[cfg(not(feature = "tracing"))]
mod imp {
    use std::fmt::Display;
    use std::io::Write;

    pub(super) fn error(message: &dyn Display) {
        // Standard error may be closed; there is no third place to go.
        let _ = writeln!(std::io::stderr(), "ingather: {message}");
    }

    pub(super) fn warning(_message: &dyn Display) {}
}

/// A failure that would be lost otherwise.
pub(crate) fn error(message: &dyn Display) {
    quietly(|| imp::error(message));
}

/// A likely mistake that loses nothing.
pub(crate) fn warning(message: &dyn Display) {
    quietly(|| imp::warning(message));
}

/// A subscriber that panics must not make a destructor panic that says something.
fn quietly(say: impl FnOnce()) {
    let _ = crate::panic::catch(say).map_err(std::mem::forget);
}
