//! Control inversion: a thread that serves tasks.
//!
//! - `server`: [`ControlServer`], which takes requests where it suits its thread
//! - `client`: [`Client`] and the future of a request
//! - `reply`: [`Reply`], how a request is answered
//! - `error`: why there is no reply

mod client;
mod error;
mod reply;
mod server;

pub use client::{Client, Request};
pub use error::RequestError;
pub use reply::Reply;
pub use server::ControlServer;
