//! Tables under the lock of a group that know no group.
//!
//! - `wait_list`: who waits for a slot, by tickets
//! - `batch`: children that a driver polls without the lock in between
//! - `completions`: which children are over and have not been given out
//! - `counter`: a count that is cheap on one thread
//! - `driver_jobs`: which driver jobs there are, and which is on its way
//! - `small_list`: a list that needs no memory for the first
//! - `wake_shards`: where children are put without the lock, while all drivers are busy
//! - `loans`: children that run in the slot of one that awaits them
//! - `ready`: the queue of children that want to be polled
//! - `concurrency_limit`: the limit, and who waits for it
//! - `watchers`: who waits for something to happen to the group

pub(in crate::group) mod batch;
pub(in crate::group) mod completions;
pub(in crate::group) mod concurrency_limit;
pub(in crate::group) mod counter;
pub(in crate::group) mod driver_jobs;
pub(in crate::group) mod loans;
pub(in crate::group) mod ready;
pub(in crate::group) mod small_list;
pub(in crate::group) mod wait_list;
pub(in crate::group) mod wake_shards;
pub(in crate::group) mod watchers;
