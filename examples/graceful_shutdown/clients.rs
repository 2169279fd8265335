//! The clients: what each is at when the shutdown begins, and how it ends.

use std::io;

use ingather::{CancelReason, CancelToken, gather};

use super::net::Net;
use super::{Error, SocketAddr};

/// Begins the shutdown while connections are at different things, and tells how each of them ended.
pub(crate) async fn play<N: Net>(
    server: SocketAddr,
    stop: CancelToken,
) -> Result<[String; 4], Error> {
    let mut done = Client::<N>::connect(server).await?;
    done.says("I am first and go\n").await?;
    drop(done);

    let mut idle = Client::<N>::connect(server).await?;
    idle.says("a line\n").await?;
    // What has come back was seen by the server: these two are in the middle of a line.
    let mut busy = Client::<N>::connect(server).await?;
    busy.says("half of a line ").await?;
    let mut stuck = Client::<N>::connect(server).await?;
    stuck.says("all that ever comes").await?;

    // In a real program a signal does this.
    stop.cancel_with(CancelReason::shutdown());

    let (idle, busy, stuck) = gather((
        async move || idle.waits().await,
        async move || {
            busy.says("and the rest\n").await?;
            busy.waits().await
        },
        async move || stuck.waits().await,
    ))
    .await;
    let late = match Client::<N>::connect(server).await {
        Ok(_client) => "connected".to_owned(),
        Err(error) => error.kind().to_string(),
    };
    Ok([
        format!("idle: {}", idle?),
        format!("busy: {}", busy?),
        format!("stuck: {}", stuck?),
        format!("late: {late}"),
    ])
}

struct Client<N: Net> {
    stream: N::Stream,
    line: String,
}

impl<N: Net> Client<N> {
    async fn connect(to: SocketAddr) -> io::Result<Self> {
        let stream = N::connect(to).await?;
        let line = String::new();
        Ok(Self { stream, line })
    }

    /// Says something and waits until all of it has come back.
    async fn says(&mut self, text: &str) -> io::Result<()> {
        N::write(&mut self.stream, text.as_bytes()).await?;
        let mut echo = vec![0; text.len()];
        let mut at = 0;
        while at < echo.len() {
            match N::read(&mut self.stream, &mut echo[at..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => at += read,
            }
        }
        assert_eq!(echo, text.as_bytes());
        self.line.push_str(text);
        Ok(())
    }

    /// Waits for the end of the connection.
    async fn waits(mut self) -> io::Result<&'static str> {
        let read = N::read(&mut self.stream, &mut [0]).await?;
        assert_eq!(read, 0, "nothing comes that was not said");
        let whole = self.line.ends_with('\n');
        Ok(if whole {
            "closed after its line"
        } else {
            "cut off in its line"
        })
    }
}
