//! NATS JetStream as an engine.
//!
//! JetStream delivers work at least once, and knows neither results nor a cancel. Both are state here, in four streams that the first
//! owner or worker creates:
//!
//! | stream | subject | holds |
//! |---|---|---|
//! | `ingather-jobs` | `ingather.job.SERVICE.HANDLER.SCOPE.NUMBER` | work until it is over; a queue, one consumer for each job |
//! | `ingather-ends` | `ingather.end.SCOPE.NUMBER` | how far it is: running at a worker, waiting to be tried again, or over, and how |
//! | `ingather-wishes` | `ingather.wish.SCOPE.NUMBER` | that it is to end |
//! | `ingather-leases` | `ingather.lease.SCOPE` | that the owner of a scope is alive |
//!
//! The state of work is only ever replaced by whoever has seen its last version, so there is one end, whatever is delivered twice: a
//! worker that lost its work to another cannot write one.
//!
//! - `Nats`: the engine, for owners
//! - `Worker`: runs jobs, for workers; each worker also ends the scopes whose lease has run out

mod ends;
mod engine;
mod feed;
mod keeper;
mod orders;
mod piece;
mod places;
mod shift;
mod state;
mod store;
mod wishes;
mod worker;

pub use engine::Nats;
pub use worker::Worker;
