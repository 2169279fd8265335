//! What holds off a cancel, and how code asks about one.
//!
//! - `checkpoint`: what code learns of the scope that it runs in
//! - `cleanup`: [`shield`](shield()) and [`with_cleanup`]
//! - `holding`: holding off a drop for work that nothing can stop
//! - `shielded`: [`shield`](shield()) and [`with_cleanup`]

pub(in crate::group) mod checkpoint;
pub(in crate::group) mod cleanup;
pub(in crate::group) mod holding;
pub(in crate::group) mod shielded;
