//! Background tasks: work that outlives the code that started it, and that nobody loses sight of.
//!
//! - `handle`: [`TaskRegistry`], which holds tasks until they are over
//! - `named`: starting one that has a name
//! - `shared`: what all handles and tasks of a registry share
//! - `groups`: its groups, one for each spawner that it has tasks on
//! - `ages`: when tasks were created, kept in little room
//! - `counts_here`: which registry counts where code runs
//! - `background`: what a task runs, and what becomes of it
//! - `task`: [`Task`], the handle of one task
//! - `error`: [`TaskError`] and [`TaskRefused`]
//! - `info`: [`TaskInfo`], one task as a registry tells of it
//! - `idle`, `drain`: waiting for a registry, and emptying it
//! - `create`: [`create_task`] and its relatives
//!
//! # Examples
//!
//! ```
//! use ingather::{TaskRegistry, block_on};
//!
//! block_on(async {
//!     let registry = TaskRegistry::new();
//!     let answer = registry.named("answer").create_task(async { 42 });
//!     assert_eq!(answer.await.ok(), Some(42));
//!     registry.wait_idle().await;
//!     assert!(registry.is_empty());
//! });
//! ```

mod ages;
mod background;
mod counts_here;
mod create;
mod drain;
mod error;
mod groups;
mod handle;
mod idle;
mod info;
mod named;
mod shared;
mod task;

pub use create::{create_named_task, create_task, try_create_task};
pub use drain::{Drain, Drained};
pub use error::{TaskError, TaskRefused};
pub use handle::TaskRegistry;
pub use idle::WaitIdle;
pub use info::{TaskInfo, TaskState};
pub use named::NamedTask;
pub use task::Task;
