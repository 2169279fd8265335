//! The start handshake: servers say where they listen before anybody connects, and one says why it cannot.
//!
//! Prints:
//!
//! ```text
//! asked one: hello from one
//! asked two: hello from two
//! three: the child failed before it had started: no port for three
//! four: the child was over before it had started: it has to call `started` on what it was given
//! one and two: cancelled, cancelled
//! ```

use std::net::{Ipv4Addr, SocketAddr};

use ingather::{Ready, StartError, block_on, try_scope};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Listens on any port that is free, says on which, and then greets whoever comes.
async fn serve(name: &'static str, ready: Ready<SocketAddr>) -> Result<(), Error> {
    if name == "three" {
        return Err("no port for three".into());
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    if name == "four" {
        return Ok(()); // and forgets to say so
    }
    ready.started(listener.local_addr()?)?;
    loop {
        let (mut client, _address) = listener.accept().await?;
        client
            .write_all(format!("hello from {name}").as_bytes())
            .await?;
    }
}

async fn ask(server: SocketAddr) -> Result<String, Error> {
    let mut answer = String::new();
    let mut stream = TcpStream::connect(server).await?;
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

fn main() -> Result<(), Error> {
    block_on(try_scope(|tg| async move {
        // Both begin at once; awaited, each gives its key and its address. No client comes too early.
        let one = tg.try_start(|ready| serve("one", ready));
        let two = tg.try_start(|ready| serve("two", ready));
        let (one, address) = one.await?;
        println!("asked one: {}", ask(address).await?);
        let (two, address) = two.await?;
        println!("asked two: {}", ask(address).await?);

        // Until it has started a child is its caller's: the group goes on, and so do the servers in it.
        let three = tg.try_start(|ready| serve("three", ready)).await;
        let three = three.expect_err("it has no port");
        println!("three: {three}");
        assert!(matches!(three, StartError::Failed(_)));
        let four = tg.try_start(|ready| serve("four", ready)).await;
        let four = four.expect_err("it does not say that it started");
        println!("four: {four}");
        assert!(matches!(four, StartError::NotStarted));

        // Servers never end by themselves.
        one.cancel();
        two.cancel();
        let end = |cancelled| {
            if cancelled {
                "cancelled"
            } else {
                "not cancelled"
            }
        };
        let [one, two] = [one.await, two.await].map(|end| end.unwrap_err().is_cancelled());
        println!("one and two: {}, {}", end(one), end(two));
        assert!(one && two);
        Ok::<_, Error>(())
    }))?;
    Ok(())
}
