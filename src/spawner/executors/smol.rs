//! smol's global executor as a spawner.

use std::env;
use std::num::NonZeroUsize;
use std::sync::OnceLock;

use crate::spawner::{Job, SpawnError, Spawner};

/// The global executor of smol as a [`Spawner`], the one behind `smol::spawn`.
///
/// smol starts its threads with the first task: one, or as many as the environment variable `SMOL_THREADS` says. It
/// never refuses a job. Where `SMOL_THREADS` is 0 it has no threads, and a job waits for ever.
///
/// smol does not tell whether this thread is one of its own. In a smol task, name the spawner or
/// [`enter`](crate::spawner::enter) it.
///
/// It names no [clock](Spawner::clock): smol's timers are async-io's, and those are the system's clock of this crate.
///
/// # Examples
///
/// ```
/// use futures::channel::oneshot;
/// use ingather::Spawner;
/// use ingather::spawner::Smol;
///
/// let (sender, receiver) = oneshot::channel();
/// Smol.spawn(Box::pin(async move { sender.send(7).unwrap() }))?;
/// assert_eq!(smol::block_on(receiver), Ok(7));
/// # Ok::<(), ingather::spawner::SpawnError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[must_use = "a spawner runs nothing by itself: spawn on it, enter it or pass it on"]
pub struct Smol;

impl Spawner for Smol {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        smol::spawn(job).detach();
        Ok(())
    }

    fn parallelism(&self) -> NonZeroUsize {
        // smol reads the variable once; reading it again later could give something else.
        static THREADS: OnceLock<NonZeroUsize> = OnceLock::new();
        *THREADS.get_or_init(|| threads(env::var("SMOL_THREADS").ok().as_deref()))
    }
}

/// How many threads smol makes of the value of `SMOL_THREADS`: like smol, an `i32`, and one thread where it is none.
fn threads(value: Option<&str>) -> NonZeroUsize {
    value
        .and_then(|value| value.parse::<i32>().ok())
        .and_then(|threads| usize::try_from(threads).ok())
        .and_then(NonZeroUsize::new)
        .unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_is_read_as_smol_reads_it() {
        let rows = [
            (None, 1),
            (Some("3"), 3),
            (Some("x"), 1),
            (Some(""), 1),
            (Some("4294967296"), 1),
            // smol makes no thread of these; one is the least that a spawner can say.
            (Some("0"), 1),
            (Some("-2"), 1),
        ];
        for (value, expected) in rows {
            assert_eq!(threads(value).get(), expected, "{value:?}");
        }
    }
}
