//! Which of several ready things goes first, and whether others get a turn in between.
//!
//! - `fixed`: first come first served, always
//! - `decided`: the same, except on a thread where a test executor decides
//! - `in_a_row`: how often in a row the others got none
//!
//! Asked under the locks of groups: nothing of the user's runs here.

#[cfg(feature = "testing")]
mod decided;
#[cfg(not(feature = "testing"))]
mod fixed;
mod in_a_row;

#[cfg(feature = "testing")]
pub(crate) use decided::{
    Decides, Order, decide, draw, gives_way, is_decided, is_first_come, keeps, pick, untimed,
};
#[cfg(not(feature = "testing"))]
pub(crate) use fixed::{gives_way, is_decided, is_first_come, keeps, pick};
pub(crate) use in_a_row::leaves_at_once;
