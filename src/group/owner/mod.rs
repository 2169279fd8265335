//! Who ends a group: scopes, values, nobody.
//!
//! - `cut`: whether a group may be cut short from outside, as a type
//! - `failures`: what failed, until somebody has received it
//! - `gather_group`: [`GatherGroup`], a group owned as a value
//! - `join_group`: [`JoinGroup`](crate::JoinGroup), which gives what its children end with as they end
//! - `outcomes`: the children whose outcome it has not given out
//! - `guard`: ends the group when it is dropped
//! - `join`: its futures
//! - `options`: what a group may be told, and what it tells
//! - `detached`: a group that nobody owns
//! - `blocking_wait`: waiting for a group on a thread
//! - `companion`: a child that ends when only its like are left
//! - `watch`: the registration of somebody who watches a group

pub(in crate::group) mod blocking_wait;
pub(in crate::group) mod companion;
pub(in crate::group) mod cut;
pub(in crate::group) mod detached;
pub(in crate::group) mod failures;
pub(in crate::group) mod gather_group;
pub(in crate::group) mod guard;
pub(in crate::group) mod join;
pub(in crate::group) mod join_group;
pub(in crate::group) mod options;
pub(in crate::group) mod outcomes;
pub(in crate::group) mod watch;
