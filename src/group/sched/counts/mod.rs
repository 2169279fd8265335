//! Who counts as a child in a way of its own.
//!
//! - `companions`: children that are there for the sake of the others
//! - `stragglers`: groups that were dropped inside of this one while a child was in a poll

mod companions;
mod stragglers;

pub(super) use companions::Companion;
pub(in crate::group) use stragglers::Around;
