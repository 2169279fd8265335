//! Cancels: who is cancelled when, grace, shields and clean-ups, deadlines, tokens, and time.
//!
//! Each test runs on every spawner, one module a subject:
//! - `support`: the spawners, the contracts, and what orders and records events
//! - `cancelling`: the rules of these names in `docs/semantics.md`
//! - `grace`, `grace_ends`: the two stages of a cancel, who is told and who is dropped when
//! - `busy_cancels`, `one_child`, `group_tokens`, `cleanup`: cancels of one child and of a group by its token, and clean-up
//! - `shields`, `shield_ends`, `shields_beside`, `shield_crowds`: the rules of these names
//! - `deadlines`, `deadline_ends`, `cut_short`, `cut_errors`: deadlines, and what is cut short
//! - `cancel_now`: a second cancel that ends the grace
//! - `own_grace`, `own_grace_ends`, `own_grace_nested`: the grace that one child has for itself
//! - `reasons`: what a reason tells of whoever cancelled
//! - `holds`, `hold_forms`: what comes when what held off a drop ends
//! - `time`, `timeouts`: the rules of time
//! - `local_clocks`, `driven`: the clocks of local spawners, and those made of timers that one thread polls
//! - `tokens`, `token_callbacks`: cancel tokens, who is told of a cancel, and what those may do
//! - `token_trees`: trees of tokens at random, huge ones, and under several threads

#[path = "../support/mod.rs"]
mod support;

mod busy_cancels;
mod cancel_now;
mod cancelling;
mod cleanup;
mod cut_errors;
mod cut_short;
mod deadline_ends;
mod deadlines;
mod driven;
mod grace;
mod grace_ends;
mod group_tokens;
mod held_cleanups;
mod hold_forms;
mod holds;
mod local_clocks;
mod one_child;
mod own_grace;
mod own_grace_ends;
mod own_grace_nested;
mod reasons;
mod shield_crowds;
mod shield_ends;
mod shields;
mod shields_beside;
mod time;
mod timeouts;
mod token_callbacks;
mod token_trees;
mod tokens;
