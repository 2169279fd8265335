//! The shared core that performs effects, and the driver that polls.
//!
//! - `blocked`: children that block their thread, of which their groups are told
//! - `body`: what a group knows of the body of its scope
//! - `child_cancel`: shields, tokens and cancels of one child
//! - `introspection`: which groups and children there are, for test executors
//! - `deadline`: deadline and grace
//! - `core`: what handles, children, drivers and wakers share
//! - `driver`: the job that polls children, how it comes to the spawner, and what becomes of one that is lost
//! - `driving`: the loop that drivers and owners share, and one poll of an owner
//! - `kind`: the kinds of group, and where their children run
//! - `perform`: performs the effects of a critical section
//! - `position`: where code runs, and how positions lie in each other
//! - `shields`: what a group does for the shields in its body
//! - `stages`: how a group is cancelled
//! - `stragglers`: who waits for the polls in progress of a group that was dropped
//! - `surroundings`: what cannot give its value ends what awaits it
//! - `told`: who was told why it is cancelled, and hands that on as its error

pub(in crate::group) mod blocked;
pub(in crate::group) mod body;
pub(in crate::group) mod child_cancel;
pub(crate) mod core;
pub(in crate::group) mod deadline;
pub(in crate::group) mod driver;
pub(in crate::group) mod driving;
pub(crate) mod introspection;
pub(in crate::group) mod kind;
pub(in crate::group) mod perform;
pub(crate) mod position;
pub(in crate::group) mod shields;
pub(in crate::group) mod stages;
pub(in crate::group) mod stragglers;
pub(in crate::group) mod surroundings;
pub(in crate::group) mod told;
