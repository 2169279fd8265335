//! Scopes and groups: what holds when one is left or dropped, what keys read, limits, the handshake of `start`, and scopes
//! whose children borrow.
//!
//! Each test runs on every spawner, one module a subject:
//! - `support`: the spawners, the contracts, and what orders and records events
//! - `leaving`, `leaving_turns`, `dropping`: the rules of these names in `docs/semantics.md`
//! - `stragglers`: groups that are dropped inside of another while a child is in a poll
//! - `results`, `retention`: what keys read, and that nothing is retained
//! - `children`, `supervised`: children in the background, and supervised ones
//! - `child_options`: what one child differs in, alone and together
//! - `who_is_told`: the table of who is told what, cell by cell
//! - `limits`, `limits_ends`, `limits_batches`, `limits_waits`: the rules of these names
//! - `limits_slots`, `limits_shared`: slots that are taken first, and limits that groups share
//! - `starting`, `starting_from`, `starting_ends`: the handshake
//! - `inline`, `blocking`: the rules of scopes whose children borrow

#[path = "../support/mod.rs"]
mod support;

mod blocking;
mod blocking_ends;
mod blocking_losses;
mod child_options;
mod children;
mod dropping;
mod inline;
mod inline_ends;
mod inline_groups;
mod leaving;
mod leaving_turns;
mod limits;
mod limits_batches;
mod limits_ends;
mod limits_shared;
mod limits_slots;
mod limits_waits;
mod results;
mod retention;
mod starting;
mod starting_ends;
mod starting_from;
mod stragglers;
mod supervised;
mod who_is_told;
