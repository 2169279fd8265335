//! The course of a call and its end, on an engine that is played by hand: no server is needed.
//!
//! - `toy`: the engine
//! - `ends`: values, errors, and what is kept of them
//! - `cancels`: cancel, grace, kill
//! - `drops`: calls that are dropped, the reaper, `close` and `run`
//! - `hostile`: callers that forget, drop at any point, cancel twice and close twice
//! - `garbage`: an engine that loses answers, never answers, refuses, panics and makes things up
//! - `in_one`: an engine that takes work and tells its end in one question
//! - `tree`: jobs that call others
//! - `promises`: that the tests are there which hold what is promised
//! - `lost`: an engine that cannot be reached, and the lease

mod cancels;
mod drops;
mod ends;
mod garbage;
mod hostile;
mod in_one;
mod lost;
mod promises;
mod toy;
mod tree;
