//! Executors as spawners, one file each.
//!
//! - `async_executor`: `Executor`, `StaticExecutor` and their local kin
//! - `smol`: its global executor
//! - `thread_pool`: that of `futures`

#[cfg(all(feature = "async-executor", not(loom)))]
mod async_executor;
#[cfg(all(feature = "smol", not(loom)))]
mod smol;
#[cfg(feature = "futures-executor")]
mod thread_pool;

#[cfg(all(feature = "smol", not(loom)))]
pub use self::smol::Smol;
