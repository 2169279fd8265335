//! Calls that are polled where they lie, and are children only when somebody asks for that.
//!
//! - `slot`: the memory of such calls, and the future of a child that stays there
//! - `unmade`: who makes the position of code that has none as yet

mod slot;
mod unmade;

pub(crate) use slot::{Block, Keeps, Moved, OnlyMut, Polled, Slot};
pub(crate) use unmade::Makes;
pub(in crate::group) use unmade::{Frame, Restores, asked, frames, lend, none_lent};
