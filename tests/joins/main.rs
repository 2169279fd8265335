//! Many calls at once: gathers, races, quorums, joiners and mapped streams.
//!
//! Each test runs on every spawner, one module a subject:
//! - `support`: the spawners, the contracts, and what orders and records events
//! - `gather`: the rules of these names
//! - `in_place`, `in_place_alike`: inline gathers whose calls are polled where they lie
//! - `in_place_driven`: gathers on spawners that run one job at a time, whose calls are polled once where they lie
//! - `optional`, `optional_others`: calls that are cancelled when all others are over
//! - `races_in_place`, `races_in_place_alike`: inline races, and those on spawners that run one job at a time
//! - `joiners`, `join_ends`, `races`, `map_concurrent`, `map_ends`, `map_polls`: the rules of joining
//! - `join_group`: a group that gives each outcome with its name
//! - `panic_ends`: calls that panic, in groups with some grace
//! - `gather_cuts`, `gather_lacks`, `gather_drops`, `map_cuts`: calls that are cut short, alone, or dropped half-way

#[path = "../support/mod.rs"]
mod support;

mod gather;
mod gather_cuts;
mod gather_drops;
mod gather_lacks;
mod in_place;
mod in_place_alike;
mod in_place_driven;
mod join_ends;
mod join_group;
mod joiners;
mod map_concurrent;
mod map_cuts;
mod map_ends;
mod map_polls;
mod optional;
mod optional_others;
mod panic_ends;
mod races;
mod races_in_place;
mod races_in_place_alike;
