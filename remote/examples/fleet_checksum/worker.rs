//! The whole of a worker's process, on either engine.

use std::error::Error;
use std::ffi::OsString;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use ingather::to_thread;
use ingather_remote::nats::Worker;
use ingather_remote::restate::{Jobs, Keeper};
use ingather_remote::{Job, JobError};
use restate_sdk::http_server::HttpServer;
use restate_sdk::prelude::*;

use crate::disk::{self, Sum};
use crate::server::Kind;

/// A path as it is on disk, which need not be Unicode.
pub(crate) type Name = Vec<u8>;

pub(crate) static SUM: Job<Name, Sum> = Job::new("Files/sum");

/// A worker that was not heard of for so long has lost its work to the others.
const SILENCE: Duration = Duration::from_secs(1);

#[tokio::main]
pub(crate) async fn work(kind: Kind, address: &str, admin: &str) -> Result<(), Box<dyn Error>> {
    match kind {
        Kind::Nats => on_nats(address).await,
        Kind::Restate => on_restate(admin).await,
    }
}

async fn sum(name: Name) -> Result<Sum, JobError> {
    let path = PathBuf::from(OsString::from_vec(name));
    let sum = to_thread(move || disk::sum(&path)).await;
    sum.map_err(|error| JobError::fatal(500, error.to_string()))
}

async fn on_nats(address: &str) -> Result<(), Box<dyn Error>> {
    let worker = Worker::new(async_nats::connect(address).await?)
        .limit(8)
        .silence(SILENCE)
        .on_ready(|| println!("ready"))
        .on(&SUM, |name, _work| sum(name));
    Ok(worker.run().await?)
}

struct Files(Jobs);

#[restate_sdk::service]
impl Files {
    #[handler]
    async fn sum(&self, ctx: Context<'_>, Json(name): Json<Name>) -> HandlerResult<Json<Sum>> {
        let job = self.0.job(ctx.invocation_id(), ctx.headers());
        Ok(ctx.run(|| job.run(move || sum(name))).await?)
    }
}

/// The socket that all workers listen on comes as the standard input.
async fn on_restate(admin: &str) -> Result<(), Box<dyn Error>> {
    let socket = TcpListener::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    socket.set_nonblocking(true)?;
    let socket = tokio::net::TcpListener::from_std(socket)?;
    let endpoint = Endpoint::builder()
        .bind(Files(Jobs::new(admin)?))
        .bind(Keeper::new(admin)?)
        .build();
    println!("ready");
    HttpServer::new(endpoint).serve(socket).await;
    Ok(())
}
