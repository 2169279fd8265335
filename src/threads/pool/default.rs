//! The pool where none is named.

use std::sync::OnceLock;

use super::BlockingPool;

static DEFAULT: OnceLock<BlockingPool> = OnceLock::new();

/// The pool of [`to_thread`](crate::to_thread) and its relatives where none is named: the one that was
/// [set](set_default_pool), or else one of 250 threads called `ingather-blocking-0` and so on.
///
/// To change how many, call [`set_threads`](BlockingPool::set_threads) on it.
///
/// # Examples
///
/// ```
/// use ingather::threads::default_pool;
///
/// default_pool().set_threads(500);
/// ```
pub fn default_pool() -> &'static BlockingPool {
    DEFAULT.get_or_init(|| BlockingPool::builder().build())
}

/// Makes a pool the one where none is named, for the rest of the program. Call it early in `main`; libraries leave it to the
/// program.
///
/// # Errors
///
/// The pool, if there is a default pool already: one was set, or used.
///
/// # Examples
///
/// ```
/// use ingather::threads::{BlockingPool, set_default_pool};
///
/// let mine = BlockingPool::builder().name("mine").threads(20).build();
/// assert!(set_default_pool(mine).is_ok());
/// assert!(set_default_pool(BlockingPool::new(1)).is_err());
/// ```
pub fn set_default_pool(pool: BlockingPool) -> Result<(), BlockingPool> {
    DEFAULT.set(pool)
}
