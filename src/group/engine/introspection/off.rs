//! Stands in where the feature `testing` is off: nobody asks.

use std::sync::Arc;
use std::task::Waker;

use crate::error::ChildInfo;
use crate::group::engine::core::Core;

#[inline]
pub(in crate::group) fn note(_core: &Arc<Core>) {}

#[inline]
pub(in crate::group) fn awaits(_waker: &Waker, _child: impl FnOnce() -> ChildInfo) {}

/// Nothing is noted.
pub(crate) struct Taking;

#[inline]
pub(crate) fn of_process() -> Taking {
    Taking
}

#[inline]
pub(crate) fn wants_groups() -> bool {
    false
}
