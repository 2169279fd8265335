//! Tests of the engine alone.
//!
//! - `crowd`: how often many drivers meet at the group's lock, counted
//! - `crowd_ends`: what becomes of what is in the shards
//! - `kept`: a spawner whose jobs tests poll by hand
//! - `models`: pieces of the engine under every interleaving, checked by loom

#[cfg(all(test, not(loom)))]
pub(in crate::group) mod crowd;
#[cfg(all(test, not(loom)))]
pub(in crate::group) mod crowd_ends;
#[cfg(test)]
pub(in crate::group) mod kept;
#[cfg(all(test, loom))]
pub(crate) mod models;
