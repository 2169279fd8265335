//! `graceful_shutdown [smol|tokio]`: a server that stops: it finishes what it is at, within a grace, and writes its journal.
//!
//! - `server`: the server; read this first
//! - `journal`: what it writes in the end, behind a shield
//! - `clients`: those who are connected when it stops
//! - `net`: what both ask of a network, and the two networks
//!
//! Prints, after the second that the grace takes:
//!
//! ```text
//! idle: closed after its line
//! busy: closed after its line
//! stuck: cut off in its line
//! late: connection refused
//! journal: lines: 0, cut off
//! journal: lines: 1, closed between two lines
//! journal: lines: 1, closed between two lines
//! journal: lines: 1, left by the client
//! ```

mod clients;
mod journal;
mod net;
mod server;

use std::net::SocketAddr;

use ingather::spawner::Smol;
use ingather::{CancelToken, Spawner, on};

use clients::play;
use net::{Net, SmolNet, TokioNet};
use server::serve;

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Error> {
    let executor = std::env::args().nth(1);
    let lines = match executor.as_deref() {
        None | Some("smol") => smol::block_on(run::<SmolNet, _>(&Smol)),
        Some("tokio") => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()?;
            runtime.block_on(run::<TokioNet, _>(runtime.handle()))
        }
        Some(other) => Err(format!("no executor `{other}`: say smol or tokio").into()),
    }?;
    lines.iter().for_each(|line| println!("{line}"));
    assert_eq!(lines[2], "stuck: cut off in its line");
    assert_eq!(lines[4], "journal: lines: 0, cut off");
    Ok(())
}

/// Server and clients, whatever they run on.
async fn run<N: Net, S: Spawner + Clone + 'static>(spawner: &S) -> Result<Vec<String>, Error> {
    let lines = on(spawner).try_scope(|tg| async move {
        let stop = CancelToken::new();
        let token = stop.clone();
        // Goes on when the server listens, and knows where.
        let (server, address) = tg.try_start(|ready| serve::<N>(token, ready)).await?;
        let mut lines = Vec::from(play::<N>(address, stop).await?);
        let journal = server.await?;
        lines.extend(journal.iter().map(|entry| format!("journal: {entry}")));
        Ok::<_, Error>(lines)
    });
    Ok(lines.await?)
}
