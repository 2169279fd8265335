//! Stands in for `embedded` where the feature is off.

use std::io;
use std::num::NonZeroUsize;

use super::EventLoop;
use super::threads::LoopThread;
use crate::spawner::SpawnerHandle;

pub(super) fn start(
    _name: &str,
    _threads: NonZeroUsize,
    _make: impl FnOnce(SpawnerHandle) -> EventLoop,
) -> io::Result<(EventLoop, Vec<LoopThread>)> {
    Err(io::Error::other(
        "this needs the feature `async-executor` of ingather, or a spawner that is named",
    ))
}
