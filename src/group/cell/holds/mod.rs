//! What holds off the drop of a child or body.
//!
//! - `shield_count`: how many shields do
//! - `own_grace`: the grace that one child has for itself

mod own_grace;
mod shield_count;

pub(in crate::group) use self::own_grace::{Begins, OwnGrace};
pub(in crate::group) use self::shield_count::{Shields, Stands};
