//! The behaviour of the crate from outside, each test on every spawner, one module a subject.
//!
//! - `support`: the spawners, the contracts, and what orders and records events
//! - `leaving`, `dropping`, `cancelling`, `executors`: the rules of these names in `docs/semantics.md`
//! - `grace`, `grace_ends`: the two stages of a cancel, who is told and who is dropped when
//! - `errors`, `error_text`: who is cancelled by an error, where each ends, and the group error as a value
//! - `panics`, `panics_of_leftovers`: panics of children and bodies, and in what the crate drops
//! - `results`, `retention`: what keys read, and that nothing is retained
//! - `children`, `supervised`: children in the background, and supervised ones
//! - `busy_cancels`, `one_child`, `group_tokens`, `cleanup`: cancels of one child and of a group by its token, and clean-up
//! - `shields`, `shield_ends`, `shields_beside`, `shield_crowds`: the rules of these names
//! - `deadlines`, `deadline_ends`, `cut_short`, `cut_errors`: deadlines, and what is cut short
//! - `cancel_now`: a second cancel that ends the grace
//! - `who_is_told`: the table of who is told what, cell by cell
//! - `reasons`: what a reason tells of whoever cancelled
//! - `holds`: what comes when what held off a drop ends
//! - `limits`, `limits_ends`, `limits_batches`, `limits_waits`, `gather`: the rules of these names
//! - `joiners`, `join_ends`, `joined_again`, `races`, `map_concurrent`, `map_ends`, `map_polls`: the rules of joining
//! - `gather_cuts`, `gather_lacks`, `gather_drops`, `map_cuts`: calls that are cut short, alone, or dropped half-way
//! - `time`, `timeouts`: the rules of time
//! - `faults`: panics with a text of their own, for the tests of errors and panics
//! - `attacks`, `thread_attacks`: what a hostile child, owner or waker may try, and what those of a driver try on other threads
//! - `batches`, `batch_ends`, `batch_drivers`: what is not to be seen of the batches that drivers take, on spawners and by hand
//! - `abandoned`, `refusals`, `standstill`: spawners that refuse, lose or do not run jobs
//! - `parallel`: children that run at the same time
//! - `shutdowns`: executors that end before the group does
//! - `starting`, `starting_from`, `starting_ends`: the handshake
//! - `inline`, `blocking` and what begins so: the rules of scopes whose children borrow
//! - `tokens`, `token_callbacks`: cancel tokens, who is told of a cancel, and what those may do
//! - `token_trees`: trees of tokens at random, huge ones, and under several threads
//! - `context`, `contexts`, `context_ends`: context variables and snapshots, what of them goes with children, and when
//! - `testing`: the test kit
//! - `random_trees`, `random_world`: ten thousand random trees of groups in virtual time
//! - `exit_stack`: what is done on the way out, and what cannot hold it up
//! - `runs`, `run_tasks`, `shutdown_callbacks`: how the program leaves
//! - `tasks`, `task_failures`: background tasks and their registries, and where their failures end
//! - `task_attacks`, `draining`: hostile tasks and spawners, and emptying a registry within a bound
//! - `lossy`: ten thousand runs over a spawner that loses jobs
//! - `threads_to`, `threads_pool`, `threads_pool_ends`, `threads_calls`: blocking work, its threads, and calling back
//! - `threads_limiter`, `threads_lock`, `threads_torture`: capacity limiters and fair locks
//! - `sync_event`, `sync_queue`, `sync_promise`, `sync_ends`: primitives with two faces, and hostile waiters of theirs
//! - `sync_torture`: many threads and tasks at random, on primitives and control servers
//! - `sync_many`, `sync_iters`: waiting for many handles, and streams for threads
//! - `bridge_control`, `bridge_service`: a thread that serves tasks, and one that works off items
//! - `turns`, `depth`: how long a turn is, and how deep scopes may lie in each other
//! - `stress`: several threads that spawn, wake, cancel and drop at random
//!
//! The unit tests of the spawners are beside their code.

mod abandoned;
mod attacks;
mod batch_drivers;
mod batch_ends;
mod batches;
mod blocking;
mod blocking_ends;
mod blocking_losses;
mod bridge_control;
mod bridge_service;
mod busy_cancels;
mod cancel_now;
mod cancelling;
mod children;
mod cleanup;
mod context;
mod context_ends;
mod contexts;
mod cut_errors;
mod cut_short;
mod deadline_ends;
mod deadlines;
mod depth;
mod draining;
mod dropping;
mod error_text;
mod errors;
mod executors;
mod exit_stack;
mod faults;
mod gather;
mod gather_cuts;
mod gather_drops;
mod gather_lacks;
mod grace;
mod grace_ends;
mod group_tokens;
mod holds;
mod inline;
mod inline_ends;
mod inline_groups;
mod join_ends;
mod joined_again;
mod joiners;
mod leaving;
mod limits;
mod limits_batches;
mod limits_ends;
mod limits_waits;
mod lossy;
mod map_concurrent;
mod map_cuts;
mod map_ends;
mod map_polls;
mod one_child;
mod panics;
mod panics_of_leftovers;
mod parallel;
mod put_off;
mod races;
mod random_trees;
mod random_world;
mod reasons;
mod refusals;
mod results;
mod retention;
mod run_tasks;
mod runs;
mod shield_crowds;
mod shield_ends;
mod shields;
mod shields_beside;
mod shutdown_callbacks;
mod shutdowns;
mod standstill;
mod starting;
mod starting_ends;
mod starting_from;
mod stress;
mod supervised;
mod support;
mod sync_ends;
mod sync_event;
mod sync_iters;
mod sync_many;
mod sync_promise;
mod sync_queue;
mod sync_torture;
mod task_attacks;
mod task_failures;
mod tasks;
mod testing;
mod thread_attacks;
mod threads_calls;
mod threads_limiter;
mod threads_lock;
mod threads_pool;
mod threads_pool_ends;
mod threads_to;
mod threads_torture;
mod time;
mod timeouts;
mod token_callbacks;
mod token_trees;
mod tokens;
mod turns;
mod who_is_told;
