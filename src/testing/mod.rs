//! Tools for testing concurrent code: an executor whose order a seed decides and whose clock jumps, and what goes with it.
//!
//! - `executor`: [`TestExecutor`], deterministic and with virtual time
//! - `explore`: [`explore`](explore()), one test under many orders
//! - `trace`: [`Trace`], what happened, in order
//! - `counting_waker`: [`CountingWaker`], how often somebody was woken
//! - `by_hand`: [`ByHand`], a future that is polled by hand
//! - `assertions`: [`assert_pending!`](crate::assert_pending) and [`assert_ready!`](crate::assert_ready)
//! - `yields`: [`yield_now`] and [`yields`](yields()), suspending on purpose
//! - `contract`: [`spawner_contract`], what a spawner has to do
//! - `local_contract`: [`local_spawner_contract`], what a local spawner has to do
//! - `hostile`: [`HostileSpawner`], from well-behaved to lossy
//!
//! # Examples
//!
//! ```
//! use std::time::Duration;
//!
//! use ingather::clock::{now, sleep};
//! use ingather::testing::TestExecutor;
//!
//! let executor = TestExecutor::new();
//! executor.block_on(async {
//!     let begin = now();
//!     sleep(Duration::from_secs(3600)).await; // takes no time
//!     assert_eq!(now() - begin, Duration::from_secs(3600));
//! });
//! ```

mod assertions;
mod by_hand;
mod contract;
mod counting_waker;
mod executor;
mod explore;
mod hostile;
mod local_contract;
mod trace;
mod yields;

pub use by_hand::ByHand;
pub use contract::spawner_contract;
pub use counting_waker::CountingWaker;
pub use executor::{BlockingWork, ClockHold, TestExecutor};
pub use explore::{Explored, explore};
pub use hostile::{HostileSpawner, Mischief};
pub use local_contract::local_spawner_contract;
pub use trace::{AtDrop, Trace};
pub use yields::{Yields, yield_now, yields};
