//! The server: it echoes each piece as it comes, and stops in two stages.

use std::time::Duration;

use futures::channel::mpsc::{UnboundedSender, unbounded};
use ingather::{CancelToken, GroupOptions, Ready, current_token};

use super::journal::keep;
use super::net::Net;
use super::{Error, SocketAddr};

/// So long a connection may take for the line that it is at.
const GRACE: Duration = Duration::from_secs(1);

/// Serves until `stop` is cancelled, and then as long as the grace allows. Gives the entries of its journal.
pub(crate) async fn serve<N: Net>(
    stop: CancelToken,
    ready: Ready<SocketAddr>,
) -> Result<Vec<String>, Error> {
    let (listener, address) = N::listen().await?;
    ready.started(address)?; // who started us goes on

    let group = GroupOptions::new().name("server").grace(GRACE).group();
    let (entries, journal) = unbounded();
    let journal = group.named("journal").spawn(keep(journal));

    let reason = loop {
        match stop.run_until_cancelled(N::accept(&listener)).await {
            // The error or panic of one connection is no matter of the others. Nobody keeps the key, so it is logged.
            Ok(Ok(stream)) => drop(
                group
                    .child()
                    .supervised()
                    .try_spawn(echo::<N>(stream, entries.clone())),
            ),
            Ok(Err(error)) => return Err(error.into()),
            Err(reason) => break reason,
        }
    };
    drop(listener); // from now on nobody can connect
    drop(entries); // the journal ends with the last connection
    group.cancel_with(reason); // the token of each connection turns; who is there after the grace is dropped
    group.join().await;
    Ok(group.take_result(journal)?)
}

/// One connection: lines come and go back, piece by piece.
async fn echo<N: Net>(
    mut stream: N::Stream,
    journal: UnboundedSender<String>,
) -> Result<(), Error> {
    // Nobody handed it in: it is the token of the child that this is.
    let stop = current_token();
    let mut session = Session::new(journal);
    let mut buffer = [0; 1024];
    loop {
        let reading = N::read(&mut stream, &mut buffer);
        let read = if session.is_in_a_line {
            reading.await?
        } else {
            match stop.run_until_cancelled(reading).await {
                Ok(read) => read?,
                Err(_reason) => {
                    session.ends("closed between two lines");
                    return Ok(());
                }
            }
        };
        let piece = &buffer[..read];
        let Some(last) = piece.last() else {
            session.ends("left by the client");
            return Ok(());
        };
        N::write(&mut stream, piece).await?;
        session.lines += piece.iter().filter(|&&byte| byte == b'\n').count();
        session.is_in_a_line = *last != b'\n';
    }
}

/// What the journal is told of a connection; also of one that is dropped half-way.
struct Session {
    lines: usize,
    is_in_a_line: bool,
    end: &'static str,
    journal: UnboundedSender<String>,
}

impl Session {
    fn new(journal: UnboundedSender<String>) -> Self {
        Self {
            lines: 0,
            is_in_a_line: false,
            end: "cut off",
            journal,
        }
    }

    fn ends(&mut self, end: &'static str) {
        self.end = end;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let entry = format!("lines: {}, {}", self.lines, self.end);
        // The journal is there as long as a session is; if it panicked, there is nobody to tell.
        let _ = self.journal.unbounded_send(entry);
    }
}
