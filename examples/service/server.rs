//! The server: connections are children of a scope, jobs are background tasks, the journal is closed on the way out.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ingather::clock::sleep;
use ingather::program::{Exit, OnShutdown, Run};
use ingather::tasks::create_named_task;
use ingather::{CancelReason, TaskRegistry, checkpoint, current_token, scope};
use smol::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use smol::net::{TcpListener, TcpStream};
use smol::stream::StreamExt;

use super::journal::Journal;

/// What the server is told.
pub(crate) struct Options {
    pub(crate) address: String,
    pub(crate) journal: PathBuf,
}

/// Serves until Ctrl-C or SIGTERM, then leaves in order.
///
/// It takes no longer than twice the grace and three budgets: for the tasks, the journal, and some to spare.
pub(crate) fn serve(options: Options, listening: impl FnOnce(SocketAddr)) -> Exit<io::Result<()>> {
    let run = Run::builder()
        .name("service")
        .signals(true)
        .grace(Duration::from_secs(1))
        .budget(Duration::from_secs(2));
    run.run(async move {
        let journal = Arc::new(Journal::create(&options.journal)?);
        let closes = Arc::clone(&journal);
        let close = OnShutdown::new().named("journal");
        let close = close.register(|| async move { closes.close() });
        close.map_err(io::Error::other)?.detach();
        create_named_task("flusher", flush_by_and_by(Arc::clone(&journal)));

        let listener = TcpListener::bind(options.address).await?;
        listening(listener.local_addr()?);
        let count = accept(listener, journal).await;
        println!("{count} connections");
        Ok(())
    })
}

/// Takes connections until the token turns, and lets those that are there end.
async fn accept(listener: TcpListener, journal: Arc<Journal>) -> u64 {
    scope(|tg| async move {
        let token = current_token();
        let mut count = 0;
        while !token.is_cancelled() {
            match token.run_until_cancelled(listener.accept()).await {
                Ok(Ok((stream, peer))) => {
                    count += 1;
                    let journal = Arc::clone(&journal);
                    tg.spawn(async move {
                        if let Err(error) = converse(stream, journal).await {
                            eprintln!("{peer}: {error}");
                        }
                    });
                }
                // One connection that could not be accepted.
                Ok(Err(error)) => eprintln!("{error}"),
                Err(_) => break,
            }
        }
        count
    })
    .await
}

/// Answers each line of one connection with `accepted` and the number of its job, or with `refused`.
async fn converse(stream: TcpStream, journal: Arc<Journal>) -> io::Result<()> {
    let token = current_token();
    let mut replies = stream.clone();
    let mut lines = BufReader::new(stream).lines();
    while !token.is_cancelled() {
        let Ok(Some(line)) = token.run_until_cancelled(lines.next()).await else {
            break;
        };
        let reply = match take(&journal, line?) {
            Some(id) => format!("accepted {id}\n"),
            None => "refused\n".to_owned(),
        };
        replies.write_all(reply.as_bytes()).await?;
    }
    Ok(())
}

/// Takes a job, unless the program is leaving.
fn take(journal: &Arc<Journal>, job: String) -> Option<u64> {
    let id = journal.accept(&job);
    let writes = Arc::clone(journal);
    let task = async move {
        if let Ok(result) = work(&job).await {
            writes.done(id, result);
        }
    };
    match TaskRegistry::current().create_task_or_return(task) {
        // Nobody waits for it but the program, when it leaves.
        Ok(_task) => Some(id),
        Err(_refused) => {
            journal.refuse(id);
            None
        }
    }
}

/// The work: a sum over the text, with a pause after each letter.
async fn work(job: &str) -> Result<u64, CancelReason> {
    let mut sum = 0_u64;
    for byte in job.bytes() {
        checkpoint().await?;
        sum = sum.wrapping_mul(31).wrapping_add(u64::from(byte));
    }
    Ok(sum)
}

/// So that little is lost if the machine fails.
async fn flush_by_and_by(journal: Arc<Journal>) {
    let token = current_token();
    while token
        .run_until_cancelled(sleep(Duration::from_millis(20)))
        .await
        .is_ok()
    {
        if let Err(error) = journal.flush() {
            eprintln!("journal: {error}");
        }
    }
}
