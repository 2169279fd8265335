//! Groups: children, keys and drivers, and the group that is owned as a value.
//!
//! - `cell`: one child in one cell; the only `unsafe` of groups
//! - `child`: what a child is made of
//! - `children`: the sweep over the children that are not over
//! - `slots`: the limit, and who waits for it
//! - `askers`: children that wait for a slot of their own group
//! - `loans`: children that run in the slot of one that awaits them
//! - `tickets`: what is kept for those who wait
//! - `drivers`: which driver jobs there are, and which is on its way
//! - `pace`: how long a turn is
//! - `ready`: the queue of children that want to be polled
//! - `refusals`: when a spawner that has refused a driver is asked again
//! - `few`: a list that needs no memory for the first
//! - `watchers`: who waits for something to happen to the group
//! - `batch`: children that a driver polls without the lock in between
//! - `lanes`: where children are put without the lock, while all drivers are busy
//! - `counter`: a count that is cheap on one thread
//! - `completions`: which children are over and have not been told of
//! - `sched`: all of the above under one lock, with the steps that it can take
//! - `after`: what a critical section leaves to be done
//! - `clockwork`: deadline and grace
//! - `shields`: what holds off a drop
//! - `place`: where code runs, and how places lie in each other
//! - `holding`: holding off a drop for work that nothing can stop
//! - `identity`: which task runs here
//! - `surroundings`: what cannot give its value ends what awaits it
//! - `threshold`: where the code of a child runs that may not have started
//! - `core`: what handles, children, drivers and wakers share
//! - `stages`: how a group is cancelled
//! - `body`: what a group knows of the body of its scope
//! - `launching`: how driver jobs come to the spawner, and what becomes of those that it loses
//! - `driver`: the job that polls children, and the loop that owners share with it
//! - `watch`: the place of one of them
//! - `wait`: waiting for a group on a thread
//! - `ground`: the two kinds of group, `Send` and local
//! - `handle`: [`Scope`], which starts children and reads results
//! - `start`: children that say when they are ready
//! - `checkpoint`: what code learns of the scope that it runs in
//! - `shield`, `cleanup`: [`shield`](shield()) and [`with_cleanup`]
//! - `key`: [`Key`]
//! - `failures`: what failed, until somebody has received it
//! - `owner`: whoever drops it ends the group
//! - `gather_group`: [`GatherGroup`], a group owned as a value
//! - `join`: its futures
//! - `unowned`: a group that nobody owns
//! - `census`: which groups and children there are, for test executors; `no_census` where nobody asks
//! - `crowd`: how often many drivers meet at the group's lock, counted; `crowd_ends`: what becomes of what is in the lanes
//! - `kept`: a spawner whose jobs tests poll by hand
//! - `models`: pieces of the engine under every interleaving, checked by loom
//! - `cut`: whether a group may be cut short from outside, as a type
//! - `policy`, `options`, `tally`: what a group may be told, and what it tells

mod after;
mod askers;
mod batch;
mod body;
mod cell;
#[cfg(feature = "testing")]
pub(crate) mod census;
mod checkpoint;
mod child;
mod children;
mod cleanup;
mod clockwork;
mod completions;
pub(crate) mod core;
mod counter;
#[cfg(all(test, not(loom)))]
mod crowd;
#[cfg(all(test, not(loom)))]
mod crowd_ends;
mod cut;
mod driver;
mod drivers;
mod failures;
mod few;
mod gather_group;
mod ground;
mod handle;
mod holding;
mod identity;
mod join;
#[cfg(test)]
mod kept;
mod key;
mod lanes;
mod launching;
mod loans;
#[cfg(all(test, loom))]
pub(crate) mod models;
#[cfg(not(feature = "testing"))]
mod no_census;
mod options;
mod owner;
mod pace;
pub(crate) mod place;
mod policy;
mod ready;
mod refusals;
mod sched;
mod shield;
mod shields;
mod slots;
mod stages;
mod start;
mod surroundings;
mod tally;
mod threshold;
mod tickets;
mod unowned;
mod wait;
mod watch;
mod watchers;

#[cfg(not(feature = "testing"))]
use no_census as census;

pub use cell::Ending;
pub(crate) use cell::Settle;
pub use checkpoint::{Checkpoint, cancel_reason, checkpoint, current_deadline, current_token};
pub(crate) use child::{Call, Fallible, Plain};
pub use cleanup::{WithCleanup, with_cleanup};
pub use completions::Completion;
pub use cut::{Cut, FailingStream, MovesOn, State, Uncut, UncutStream, Whole};
pub(crate) use driver::{Leaving, Turn};
pub(crate) use failures::{BodyFailure, Failures, Left};
pub use gather_group::{GatherGroup, LocalGatherGroup};
pub(crate) use ground::Borrows;
pub(crate) use ground::sealed::Sealed as KindSealed;
pub use ground::{Accepts, Blocking, Inline, InlineLocal, Kind, Local, Shared};
pub use handle::{
    BlockingScope, InlineScope, InlineScopeLocal, LocalScope, Named, Scope, SpawnWhenFree,
};
pub(crate) use holding::Holding;
pub(crate) use identity::task_here;
pub use join::{Completions, Join, Next, TryJoin};
pub use key::{Key, TakeError};
pub use options::GroupOptions;

pub(crate) use owner::{Origin, Owner};
pub(crate) use place::is_in_child_of;
pub use policy::{OnError, OnPanic};
pub use shield::{Shield, shield};
pub use start::{Ready, Start};
pub(crate) use surroundings::{Lack, Lacking};
pub use tally::Tally;
pub(crate) use unowned::{Glance, Label, Unowned, Waiting, child_here};
