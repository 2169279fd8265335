//! Threads and tasks together: blocking work, primitives with two faces, and the bridge.
//!
//! Each test runs on every spawner, one module a subject:
//! - `support`: the spawners, the contracts, and what orders and records events
//! - `threads_to`, `threads_pool`, `threads_pool_ends`, `threads_calls`: blocking work, its threads, and calling back
//! - `threads_limiter`, `threads_lock`, `threads_torture`: capacity limiters and fair locks
//! - `sync_event`, `sync_queue`, `sync_promise`, `sync_ends`: primitives with two faces, and hostile waiters of theirs
//! - `sync_torture`: many threads and tasks at random, on primitives and control servers
//! - `sync_many`, `sync_iters`: waiting for many handles, and streams for threads
//! - `blocked`: children that block their thread for each other
//! - `bridge_cells`: `run_sync` from each place, with each kind of future
//! - `bridge_run_sync`, `bridge_runner`, `bridge_runner_ends`, `bridge_torture`: options of it, whom it blocks, runners, and all at random
//! - `bridge_waits`: whom a thread waits for, a pool of one that is busy, and closures for a thread that waits
//! - `bridge_control`, `bridge_service`: a thread that serves tasks, and one that works off items

#[path = "../support/mod.rs"]
mod support;

mod blocked;
mod bridge_cells;
mod bridge_control;
mod bridge_run_sync;
mod bridge_runner;
mod bridge_runner_ends;
mod bridge_service;
mod bridge_torture;
mod bridge_waits;
mod sync_ends;
mod sync_event;
mod sync_iters;
mod sync_many;
mod sync_promise;
mod sync_queue;
mod sync_torture;
mod threads_calls;
mod threads_limiter;
mod threads_lock;
mod threads_pool;
mod threads_pool_ends;
mod threads_to;
mod threads_torture;
