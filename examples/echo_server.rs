//! A server on tokio: it takes a slot before it accepts, has at most 100 clients, an error ends one client and no other, and stops in order.
//!
//! Prints `3 clients, 2 lines back, stopped`.

use std::io;
use std::time::Duration;

use ingather::{CancelToken, GroupOptions, Ready, current_token, try_scope};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Sends lines back until the client leaves, or until this is asked to stop: then after the line that it is at.
async fn echo(stream: TcpStream) -> io::Result<usize> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let mut count = 0;
    while let Ok(Some(line)) = current_token()
        .run_until_cancelled(lines.next_line())
        .await
        .unwrap_or(Ok(None))
    {
        writer.write_all(format!("{line}\n").as_bytes()).await?;
        count += 1;
    }
    Ok(count)
}

/// Serves until `stop` is cancelled: how many clients there were, and how many lines they got back.
async fn serve(
    stop: CancelToken,
    ready: Ready<std::net::SocketAddr>,
) -> io::Result<(usize, usize)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let _ = ready.started(listener.local_addr()?);
    let options = GroupOptions::new().name("clients").limit(100);
    let served = options
        .grace(Duration::from_secs(5))
        .scope(|tg| async move {
            let mut clients = Vec::new();
            while !stop.is_cancelled() {
                let Some(slot) = tg.slot().await else { break };
                let Ok(accepted) = stop.run_until_cancelled(listener.accept()).await else {
                    break;
                };
                // The error of one client is that client's alone.
                clients.push(slot.spawn(echo(accepted?.0)));
            }
            tg.cancel();
            let mut lines = 0;
            for client in &mut clients {
                lines += client.await.map_or(0, |served| served.unwrap_or(0));
            }
            Ok((clients.len(), lines))
        });
    served.await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (clients, lines) = try_scope(|tg| async move {
        let stop = CancelToken::new();
        let token = stop.clone();
        let (server, address) = tg.start(|ready| serve(token, ready)).await?;
        for text in ["", "one\n", "two\n"] {
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all(text.as_bytes()).await?;
            if !text.is_empty() {
                BufReader::new(stream).read_line(&mut String::new()).await?;
            }
        }
        stop.cancel();
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(server.await??)
    })
    .await?;
    println!("{clients} clients, {lines} lines back, stopped");
    Ok(())
}
