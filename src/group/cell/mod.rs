//! One child in one cell: state word, waker, and the future or what became of it. All `unsafe` of groups is here.
//!
//! - `state`: the bits of the state word, and the numbered rules (S1) to (S6) that this folder cites
//! - `block`: the memory in which the cells of a group lie
//! - `header`: the part that every reference sees, and the table of functions that know the types
//! - `extras`: what only some children have
//! - `stage`: the typed part, and how a cell is made
//! - `reference`: counted references: what they say of a child, who claims it for a drop, and who wakes it
//! - `run`: one poll of a child, and its end
//! - `live_list`: the list of live children, linked through their cells
//! - `holds`: what holds off a drop
//! - `thread`: the proof that this is a thread on which children may be polled and dropped
//! - `value_ref`: the reference behind a key, which alone reads the value
//! - `failed`: the right to take a failure, which alone reads errors and panics
//! - `in_place`: calls that are polled where they lie before they are children
//! - `upcalls`: the one door upwards: what a cell asks of its group
//! - `waker`: the reference behind a waker
//!
//! A cell is reached through counted references: the live list's, the queue's (while the child is in the queue or being
//! polled), the key's, and one for each waker.
//!
//! What the stage holds belongs to one side once the child is over:
//! - a value, or the reason of a cancel: to the key, while there is one, from `OVER` on;
//! - an error or a panic: to the group, which takes it when it is left, from `Failed::of` on, a step before `OVER`.
//!
//! So nothing of the user's is left in the cell when the last reference goes: that one may be a waker's, on any
//! thread and at any time, also after the things that a future borrowed are gone. The context of a child goes before its
//! end is published, its token and alarm right afterwards, and the waker in the slot with the key or by the step that sets
//! `OVER`.

#![expect(
    unsafe_code,
    reason = "the child cell is what the crate's safe interface stands on"
)]

mod block;
mod extras;
mod failed;
mod header;
mod holds;
mod in_place;
mod live_list;
mod reference;
mod run;
mod stage;
mod state;
mod thread;
mod upcalls;
mod value_ref;
mod waker;

pub(super) use block::Blocks;
pub(super) use failed::{Failed, Members};
pub(in crate::group) use holds::{Begins, Shields, Stands};
pub(crate) use in_place::{Block, Keeps, Slot};
pub(super) use in_place::{Frame, Restores, asked, frames, lend, none_lent};
pub(crate) use in_place::{Makes, Moved, OnlyMut, Polled};
pub(super) use live_list::LiveList;
pub(crate) use reference::CellRef;
pub(super) use reference::{Claimed, Claiming, Parting};
pub(super) use run::{Finished, InHand, Ran, RanInBatch};
pub(crate) use stage::OutputPolicy;
pub(super) use stage::{CellOptions, NewCell};
pub use state::Ending;
pub(super) use thread::{Apart, MembersOf, OnThread, Roaming};
pub(crate) use upcalls::inside_body;
pub(super) use value_ref::ValueRef;
