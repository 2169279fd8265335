//! How many processors this program has: the guess for executors that cannot tell how many threads run them.

use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::thread;

/// The number of processors, asked once: on Linux the answer costs a walk through the control group's files.
pub(super) fn processors() -> NonZeroUsize {
    static PROCESSORS: OnceLock<NonZeroUsize> = OnceLock::new();
    *PROCESSORS.get_or_init(|| thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
}
