//! A small server that speaks Redis's protocol, after the shape of tokio's mini-redis: on a scope, and with `--plain` on tokio alone.
//!
//! ```sh
//! cargo run --release --example port_mini_redis -- --port 6379
//! ```
//!
//! Then `redis-cli set greeting hello ex 10`, and Ctrl-C or SIGTERM. Both forms have a limit of connections, keep the error or panic
//! of a client from the others, and on a signal let each client finish the commands that it has sent.

mod client;
mod db;
mod resp;

use std::io;
use std::process::exit;
use std::sync::Arc;
use std::time::Duration;

use client::{Stop, serve};
use db::Db;
use ingather::program::Run;
use ingather::{GroupOptions, current_token, scope};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const CLIENTS: usize = 250;
const GRACE: Duration = Duration::from_secs(5);

/// On a scope: clients are its children, and it returns when the last of them is over.
async fn with_scope(listener: TcpListener, db: Arc<Db>) -> io::Result<u64> {
    scope(|tg| async move {
        let expiring = Arc::clone(&db);
        tg.child()
            .background()
            .spawn(async move { expiring.purge().await });
        let clients = GroupOptions::new().name("clients").limit(CLIENTS);
        let served = clients.scope(|tg| async move {
            while !tg.token().is_cancelled() {
                let Some(slot) = tg.child().supervised().slot().await else {
                    break;
                };
                // The token is cancelled by the signal.
                let accepted = tg.token().run_until_cancelled(accept(&listener)).await;
                let Ok(accepted) = accepted else { break };
                let (stream, db) = (accepted?, Arc::clone(&db));
                slot.try_spawn(async move { serve(stream, &db, &current_token()).await });
            }
            Ok::<_, io::Error>(tg)
        });
        Ok(served.await?.tally().total())
    })
    .await
}

/// On tokio alone, with a semaphore, a tracker and a token that is handed to each task.
async fn with_tokio(
    listener: TcpListener,
    db: Arc<Db>,
    stop: CancellationToken,
) -> io::Result<u64> {
    let expiring = Arc::clone(&db);
    let purge = tokio::spawn(async move { expiring.purge().await });
    let (slots, clients) = (Arc::new(Semaphore::new(CLIENTS)), TaskTracker::new());
    let mut count = 0;
    while !stop.is_cancelled() {
        let slot = Arc::clone(&slots).acquire_owned().await;
        let accepted = stop.run_until_cancelled(accept(&listener)).await;
        let Some(accepted) = accepted else { break };
        let (stream, db, stop) = (accepted?, Arc::clone(&db), stop.clone());
        clients.spawn(async move {
            let _slot = slot;
            if let Err(error) = serve(stream, &db, &stop).await {
                eprintln!("a client failed: {error}");
            }
        });
        count += 1;
    }
    clients.close();
    // Tasks that are not over by then go on until the runtime is dropped.
    let _ = timeout(GRACE, clients.wait()).await;
    purge.abort();
    Ok(count)
}

/// Accepts a connection. Errors are those of one connection or of a moment without file descriptors: it waits longer each time.
async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let mut pause = Duration::from_millis(1);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream.set_nodelay(true).map(|()| stream),
            Err(error) if pause > Duration::from_secs(1) => return Err(error),
            Err(_) => sleep(pause).await,
        }
        pause *= 2;
    }
}

impl Stop for ingather::CancelToken {
    async fn stopped(&self) {
        self.cancelled().await;
    }
}

impl Stop for CancellationToken {
    async fn stopped(&self) {
        self.cancelled().await;
    }
}

/// A token that the first SIGTERM or Ctrl-C cancels, on Unix.
fn stop_on_signal() -> io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    #[cfg(unix)]
    {
        use signal_hook::consts::{SIGINT, SIGTERM};
        let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
        let token = stop.clone();
        std::thread::spawn(move || signals.forever().next().map(|_| token.cancel()));
    }
    Ok(stop)
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let (port, plain) = arguments();
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on {}", listener.local_addr()?);
    let db = Arc::new(Db::default());
    let served = if plain {
        Some(with_tokio(listener, db, stop_on_signal()?).await)
    } else {
        let run = Run::builder().name("mini-redis").signals(true).grace(GRACE);
        run.run_async(with_scope(listener, db)).await.into_value()
    };
    match served {
        Some(served) => println!("{} clients served, stopped", served?),
        None => println!("clients were cut short"),
    }
    Ok(())
}

fn arguments() -> (u16, bool) {
    let (mut port, mut plain) = (0, false);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--plain" => plain = true,
            "--port" => {
                port = words
                    .next()
                    .and_then(|port| port.parse().ok())
                    .unwrap_or_else(usage)
            }
            _ => usage(),
        }
    }
    (port, plain)
}

fn usage<T>() -> T {
    eprintln!("usage: port_mini_redis [--port PORT] [--plain]");
    exit(2);
}
