//! Tests of the engine alone.
//!
//! - `contention`: how often many drivers meet at the group's lock, counted
//! - `contention_ends`: what becomes of what is in the shards
//! - `manual_spawner`: a spawner whose jobs tests poll by hand
//! - `models`: pieces of the engine under every interleaving, checked by loom

#[cfg(all(test, not(loom)))]
pub(in crate::group) mod contention;
#[cfg(all(test, not(loom)))]
pub(in crate::group) mod contention_ends;
#[cfg(test)]
pub(in crate::group) mod manual_spawner;
#[cfg(all(test, loom))]
pub(crate) mod models;
