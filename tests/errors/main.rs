//! Errors and panics: whom they cancel, where each ends, and what the group error says.
//!
//! Each test runs on every spawner, one module a subject:
//! - `support`: the spawners, the contracts, and what orders and records events
//! - `errors`, `error_text`: who is cancelled by an error, where each ends, and the group error as a value
//! - `panics`, `panics_of_leftovers`: panics of children and bodies, and in what the crate drops
//! - `blocked_and_cut_off`: what reaches code that is to be dropped and blocks its thread
//! - `handed_on`: cancels that are handed on with `?`
//! - `require`: values that are required, and are not there
//! - `joined_again`: the rules of joining

#[path = "../support/mod.rs"]
mod support;

mod blocked_and_cut_off;
mod error_text;
mod errors;
mod handed_on;
mod joined_again;
mod panics;
mod panics_of_leftovers;
mod require;
