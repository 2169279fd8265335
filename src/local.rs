//! Scopes, groups and calls whose children need not be [`Send`], on a local spawner.
//!
//! # Examples
//!
//! ```
//! use std::{cell::Cell, rc::Rc};
//! use async_executor::LocalExecutor;
//! use ingather::{block_on, local};
//!
//! let executor = Rc::new(LocalExecutor::new());
//! let sum = Rc::new(Cell::new(0));
//! block_on(executor.run(local::on(&executor).scope(|tg| {
//!     let sum = Rc::clone(&sum);
//!     async move {
//!         for n in 1..=4 {
//!             let sum = Rc::clone(&sum);
//!             tg.spawn(async move { sum.set(sum.get() + n) });
//!         }
//!     }
//! })));
//! assert_eq!(sum.get(), 10);
//! ```

use std::convert::Infallible;

use crate::group::{self, GroupOptions, Local};
use crate::spawner::LocalSpawner;

/// The handle on a group whose children need not be [`Send`]; see [`local::on`](on).
pub type Scope<'env, E = Infallible> = group::Scope<'env, E, Local>;

/// A group whose children need not be [`Send`]; they run on a [`LocalSpawner`], on this thread.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
/// use async_executor::LocalExecutor;
/// use ingather::{block_on, local};
///
/// let executor = Rc::new(LocalExecutor::new());
/// let group: local::GatherGroup = local::on(&executor).group();
/// let shared = Rc::new(20);
/// let key = group.spawn({
///     let shared = Rc::clone(&shared);
///     async move { *shared + 1 }
/// });
/// block_on(executor.run(group.join()));
/// assert_eq!(group.get_result(&key), Ok(&21));
/// ```
pub type GatherGroup<E = Infallible> = group::GatherGroup<E, Local>;

/// The options of a group on a local spawner.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
///
/// use async_executor::LocalExecutor;
/// use ingather::{block_on, local};
///
/// let executor = Rc::new(LocalExecutor::new());
/// let names = local::on(&executor).limit(1).scope(|tg| async move {
///     let shared = Rc::new("a name");
///     let key = tg.spawn({ let shared = Rc::clone(&shared); async move { shared.len() } });
///     (key.await, shared.len())
/// });
/// assert_eq!(block_on(executor.run(names)), (Ok(6), 6));
/// ```
pub fn on<S: LocalSpawner + Clone + 'static>(spawner: &S) -> GroupOptions<Local> {
    GroupOptions::new().local(spawner)
}
