//! Happy Eyeballs (RFC 8305): connects to several addresses of one name, staggered, and keeps the first that answers.
//!
//! The next attempt begins when the one before it has failed, or has been under way for a while. `first_ok` takes the
//! first that succeeds, and when it returns the others are over, their sockets closed.
//!
//! Prints:
//!
//! ```text
//! attempt 0 begins
//! attempt 1 begins
//! attempt 1: connection refused
//! attempt 2 begins
//! the answer: hello
//! the server that said nothing saw the connection close
//! the server in reserve saw 0 connections
//! ```

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::channel::oneshot::{self, Receiver, Sender};
use ingather::clock::timeout;
use ingather::{block_on, first_ok, scope};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};

/// How long an attempt may be under way before the next one begins; RFC 8305 recommends a quarter of a second.
const STAGGER: Duration = Duration::from_millis(250);

/// Connects, and waits for the greeting: a server that accepts and says nothing is as bad as none.
async fn greet(address: SocketAddr) -> io::Result<(TcpStream, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let mut greeting = [0; 5];
    stream.read_exact(&mut greeting).await?;
    Ok((stream, String::from_utf8_lossy(&greeting).into_owned()))
}

/// Waits for its turn, and passes it on when it has failed or takes long. One that succeeds keeps it.
async fn attempt(
    n: usize,
    address: SocketAddr,
    turn: Receiver<()>,
    next: Sender<()>,
) -> io::Result<(TcpStream, String)> {
    if turn.await.is_err() {
        // The one before it has won.
        return pending().await;
    }
    println!("attempt {n} begins");
    let mut greeting = pin!(greet(address));
    match timeout(STAGGER, greeting.as_mut()).await {
        Ok(Err(error)) => {
            println!("attempt {n}: {}", error.kind());
            let _ = next.send(());
            Err(error)
        }
        Ok(answer) => answer,
        Err(_late) => {
            let _ = next.send(());
            greeting.await
        }
    }
}

/// The first of these addresses that answers.
async fn connect(addresses: Vec<SocketAddr>) -> io::Result<(TcpStream, String)> {
    let (first, mut turn) = oneshot::channel();
    let _ = first.send(());
    let calls = addresses.into_iter().enumerate().map(|(n, address)| {
        let (next, turn_of_next) = oneshot::channel();
        let turn = std::mem::replace(&mut turn, turn_of_next);
        move || attempt(n, address, turn, next)
    });
    // In the error is why each attempt failed; here it becomes one text.
    first_ok(calls)
        .await
        .map_err(|errors| io::Error::other(format!("{errors:#}")))
}

fn main() -> io::Result<()> {
    block_on(async {
        let silent = TcpListener::bind("127.0.0.1:0").await?;
        let closed = TcpListener::bind("127.0.0.1:0").await?;
        let greeting = TcpListener::bind("127.0.0.1:0").await?;
        let reserve = TcpListener::bind("127.0.0.1:0").await?;
        let addresses = [&silent, &closed, &greeting, &reserve].map(TcpListener::local_addr);
        let addresses: Vec<_> = addresses.into_iter().collect::<io::Result<_>>()?;
        drop(closed); // nobody listens there

        let in_reserve = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&in_reserve);
        let (answer, is_closed) = scope(|tg| async move {
            let sees_close = tg.spawn(async move {
                let (mut stream, _) = silent.accept().await?;
                stream.read(&mut [0]).await.map(|bytes| bytes == 0)
            });
            drop(tg.spawn(async move {
                let (mut stream, _) = greeting.accept().await?;
                stream.write_all(b"hello").await
            }));
            drop(tg.spawn(async move {
                while reserve.accept().await.is_ok() {
                    counts.fetch_add(1, Ordering::Relaxed);
                }
            }));
            let answer = connect(addresses).await;
            let is_closed = sees_close
                .await
                .expect("the server is not cancelled before");
            tg.cancel();
            (answer, is_closed)
        })
        .await;

        let (_stream, greeting) = answer?;
        println!("the answer: {greeting}");
        if is_closed? {
            println!("the server that said nothing saw the connection close");
        }
        let in_reserve = in_reserve.load(Ordering::Relaxed);
        println!("the server in reserve saw {in_reserve} connections");
        Ok(())
    })
}
