//! What executors may do, and what the drivers of a group promise on each: batches, turns, depth, lost and refused jobs.
//!
//! Each test runs on every spawner, one module a subject:
//! - `support`: the spawners, the contracts, and what orders and records events
//! - `executors`: the rules of these names in `docs/semantics.md`
//! - `attacks`, `thread_attacks`: what a hostile child, owner or waker may try, and what those of a driver try on other threads
//! - `batches`, `batch_ends`, `batch_drivers`: what is not to be seen of the batches that drivers take, on spawners and by hand
//! - `abandoned`, `refusals`, `standstill`: spawners that refuse, lose or do not run jobs
//! - `parallel`: children that run at the same time
//! - `shutdowns`: executors that end before the group does
//! - `random_trees`, `random_world`: ten thousand random trees of groups in virtual time
//! - `lossy`: ten thousand runs over a spawner that loses jobs
//! - `turns`, `depth`: how long a turn is, and how deep scopes may lie in each other
//! - `stress`: several threads that spawn, wake, cancel and drop at random
//! - `put_off`: drivers beside others that are launched later

#[path = "../support/mod.rs"]
mod support;

mod abandoned;
mod attacks;
mod batch_drivers;
mod batch_ends;
mod batches;
mod depth;
mod executors;
mod lossy;
mod parallel;
mod put_off;
mod random_trees;
mod random_world;
mod refusals;
mod shutdowns;
mod standstill;
mod stress;
mod thread_attacks;
mod turns;
