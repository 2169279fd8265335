//! The course of a call and its end, on an engine that is played by hand: no server is needed.
//!
//! - `toy`: the engine
//! - `ends`: values, errors, and what is kept of them
//! - `cancels`: cancel, grace, kill
//! - `drops`: calls that are dropped, the reaper, `close` and `run`
//! - `lost`: an engine that cannot be reached, and the lease

mod cancels;
mod drops;
mod ends;
mod lost;
mod toy;
