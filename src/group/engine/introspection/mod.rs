//! Which groups and children there are, for test executors.
//!
//! - `on`: where somebody may ask
//! - `off`: where the feature `testing` is off, and nobody asks

#[cfg(not(feature = "testing"))]
mod off;
#[cfg(feature = "testing")]
mod on;

#[cfg(not(feature = "testing"))]
pub(in crate::group) use off::{awaits, note};
#[cfg(not(feature = "testing"))]
pub(crate) use off::{of_process, wants_groups};
#[cfg(feature = "testing")]
pub(crate) use on::{GroupReport, Taking, of_process, take, wants_groups};
#[cfg(feature = "testing")]
pub(in crate::group) use on::{awaits, note};
