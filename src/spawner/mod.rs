//! What runs futures: the one-method trait, which spawner is current, and the adapters.
//!
//! - `traits`: [`Spawner`], [`LocalSpawner`] and the jobs they take; all that an executor has to know
//! - `forward`: references and smart pointers to a spawner are spawners
//! - `error`: [`SpawnError`], a job was not taken
//! - `handle`: [`SpawnerHandle`], any spawner with its type erased
//! - `blocking`: a thread that is blocked, and the executors that count on it
//! - `own_ground`: what code stands on that blocks the only thread of a runtime
//! - `crew`: which jobs are on their way to a spawner, and who waits to send one more
//! - `current`: the spawner of this thread, [`enter`] and [`current_spawner`]
//! - `global`: the spawner of this program, [`set_global_spawner`]
//! - `event_loop`: loops on threads of their own, which runners run on
//! - `from_fn`: a function as a spawner
//! - `from_spawn`: whatever has the traits of `futures::task` as a spawner
//! - `embedded`: the default that needs no set-up, [`Embedded`] and [`block_on`]
//! - `no_default`: stands in for `embedded` where the feature is off
//! - `executors`, `tokio`: the adapters; tokio's has a clock as well
//! - `no_tokio`: stands in for `tokio` where the feature is off
//! - `processors`: the guess for executors that cannot tell how many threads run them
//!
//! # Choosing a spawner
//!
//! | where the program runs | what to name as the spawner |
//! |---|---|
//! | nowhere yet | nothing: the embedded default is used |
//! | async-executor | `Arc<Executor<'static>>`, `&'static Executor<'static>` or `&'static StaticExecutor` |
//! | smol | `Smol`, its global executor |
//! | tokio | `tokio::runtime::Handle`; `Rc<tokio::task::LocalSet>` for what is not `Send` |
//! | `futures` | `futures::executor::ThreadPool`; [`FromSpawn`] for whatever has `futures::task::Spawn` |
//! | elsewhere | [`from_fn`], or an implementation of [`Spawner`] |
//!
//! # Examples
//!
//! ```
//! use ingather::spawner::{FromSpawn, SpawnError, from_fn};
//! use ingather::{block_on, on};
//!
//! // A pool of another crate's, and a function.
//! let pool = futures::executor::ThreadPool::new()?;
//! let threads = from_fn(|job| {
//!     std::thread::spawn(|| futures::executor::block_on(job));
//!     Ok(())
//! });
//! assert_eq!(block_on(on(&FromSpawn(pool)).gather((|| async { 1 }, || async { 2 }))), (1, 2));
//! assert_eq!(block_on(on(&threads).gather((|| async { 3 }, || async { 4 }))), (3, 4));
//! # Ok::<(), std::io::Error>(())
//! ```

mod error;
mod forward;
mod traits;

#[cfg(feature = "std")]
mod blocking;
#[cfg(feature = "std")]
mod crew;
#[cfg(feature = "std")]
mod current;
#[cfg(all(feature = "std", not(loom)))]
mod event_loop;
#[cfg(feature = "std")]
mod from_fn;
#[cfg(feature = "std")]
mod from_spawn;
#[cfg(feature = "std")]
mod global;
#[cfg(feature = "std")]
mod handle;
#[cfg(all(feature = "std", not(loom)))]
mod own_ground;

#[cfg(all(feature = "async-executor", not(loom)))]
mod embedded;
#[cfg(all(feature = "std", not(all(feature = "async-executor", not(loom)))))]
mod no_default;

#[cfg(feature = "std")]
mod executors;
#[cfg(all(feature = "std", not(all(feature = "tokio", not(loom)))))]
mod no_tokio;
#[cfg(any(
    all(feature = "async-executor", not(loom)),
    feature = "futures-executor"
))]
mod processors;
#[cfg(all(feature = "tokio", not(loom)))]
mod tokio;

pub use self::error::SpawnError;
pub use self::traits::{Job, LocalJob, LocalSpawner, Spawner};

#[cfg(feature = "std")]
pub(crate) use self::blocking::hand_over;
#[cfg(feature = "std")]
pub(crate) use self::crew::{Calls, Coming};
#[cfg(feature = "std")]
pub use self::current::{EnterGuard, current_spawner, enter, try_current_spawner};
#[cfg(feature = "std")]
pub(crate) use self::current::{
    arrive, clock_of_current, clock_of_runtime, enter_local, enter_running, hide_local, is_entered,
    lend, may_wait_for, named as named_spawner,
};
#[cfg(all(feature = "std", not(loom)))]
pub(crate) use self::event_loop::{EventLoop, LoopKind, LoopThread, local_here, loop_here};
#[cfg(feature = "std")]
pub use self::from_fn::{FromFn, LocalFromFn, from_fn, local_from_fn};
#[cfg(feature = "std")]
pub use self::from_spawn::FromSpawn;
#[cfg(feature = "std")]
pub use self::global::{GlobalSpawnerError, set_global_spawner};
#[cfg(feature = "std")]
pub use self::handle::SpawnerHandle;
#[cfg(feature = "std")]
pub(crate) use self::handle::WeakHandle;
#[cfg(all(feature = "std", not(loom)))]
use self::own_ground::instead_of_default;
#[cfg(all(feature = "std", not(loom)))]
pub(crate) use self::own_ground::{Attends, OwnGround, stops, thread_serves};

#[cfg(all(feature = "async-executor", not(loom)))]
pub use self::embedded::{Embedded, block_on};
#[cfg(all(feature = "smol", not(loom)))]
pub use self::executors::Smol;

#[cfg(all(feature = "async-executor", not(loom)))]
use self::embedded as default_spawner;
#[cfg(all(feature = "std", not(all(feature = "async-executor", not(loom)))))]
use self::no_default as default_spawner;
#[cfg(all(feature = "std", not(all(feature = "tokio", not(loom)))))]
use self::no_tokio as runtime;
#[cfg(all(feature = "tokio", not(loom)))]
use self::tokio as runtime;

/// No model has a fork in it.
#[cfg(all(feature = "std", loom))]
fn instead_of_default() -> Option<SpawnerHandle> {
    None
}
