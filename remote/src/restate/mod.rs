//! Restate as an engine.
//!
//! Results by id, retries, the cancel of a call tree, kill and the list of what is live are Restate's own. What is added is the
//! [`Keeper`], a virtual object with one key a scope that ends the children of scopes whose owner is lost; a worker binds it beside its
//! services.
//!
//! - [`Restate`]: the engine, for owners: the ingress client of Restate's SDK, and three calls of its admin API
//! - [`Keeper`]: for workers
//! - `Tls`, with the feature `restate-tls`: which servers are trusted, where addresses begin with `https://`
//! - [`Jobs`]: what a handler of Restate's SDK needs to run a job with the token, deadline and context of its call
//!
//! # In a handler
//!
//! Restate replays a handler, and what its context gives must be awaited in the order that was recorded. ingather's scopes and
//! combinators poll in an order of their own, so they belong inside of `ctx.run`, where nothing is replayed, and never around
//! futures of the context:
//!
//! ```no_run
//! use ingather_remote::JobError;
//! use ingather_remote::restate::{Jobs, Keeper};
//! use restate_sdk::prelude::*;
//!
//! struct Numbers(Jobs);
//!
//! #[restate_sdk::service]
//! impl Numbers {
//!     #[handler]
//!     async fn double(&self, ctx: Context<'_>, Json(n): Json<u32>) -> HandlerResult<Json<u32>> {
//!         let job = self.0.job(ctx.invocation_id(), ctx.headers());
//!         Ok(ctx.run(|| job.run(move || async move { Ok::<_, JobError>(2 * n) })).await?)
//!     }
//! }
//!
//! # async fn bind() -> Result<(), Box<dyn std::error::Error>> {
//! let admin = "http://127.0.0.1:9070";
//! let endpoint = Endpoint::builder()
//!     .bind(Numbers(Jobs::new(admin)?))
//!     .bind(Keeper::new(admin)?)
//!     .build();
//! # Ok(())
//! # }
//! ```

mod admin;
mod engine;
mod http;
mod jobs;
mod keeper;
#[cfg(not(feature = "restate-tls"))]
mod plain;
#[cfg(feature = "restate-tls")]
mod tls;

#[cfg(not(feature = "restate-tls"))]
use plain as connect;
#[cfg(feature = "restate-tls")]
use tls as connect;

pub use engine::Restate;
pub use jobs::{Job, Jobs};
pub use keeper::Keeper;
#[cfg(feature = "restate-tls")]
pub use tls::Tls;
