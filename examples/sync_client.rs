//! A blocking client over an async one: the connection is shared, and lives on a runner with a tokio runtime.
//!
//! Threads call `Client::ask` like any function; so does async code, which is not told that the client is sync. When the client is
//! dropped the connection is closed and the thread has ended.
//!
//! Prints:
//!
//! ```text
//! one thread: HELLO
//! eight threads: 8 answers, each to its own question
//! in async code: FROM A TASK
//! no answer in time
//! the client is closed: runner `client` was closed, with tasks cancelled
//! ```

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use ingather::bridge::{AsyncRunner, ShutdownReport};
use ingather::sync::{Promise, Queue, promise};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};

/// A question, and where the answer goes.
type Question = (String, Promise<String>);

/// A client of a server that answers lines with lines.
struct Client {
    questions: Queue<Question>,
    runner: AsyncRunner,
}

impl Client {
    fn connect(server: SocketAddr) -> io::Result<Self> {
        let runner = AsyncRunner::builder().name("client").tokio().start()?;
        let questions = Queue::bounded(16);
        let connected = runner.run(tokio::net::TcpStream::connect(server));
        let stream = connected.expect("the runner has just begun")?;
        // All questions go over one connection, one after the other.
        drop(runner.try_create_task(serve(stream, questions.clone())));
        Ok(Self { questions, runner })
    }

    /// Asks, and blocks the thread until the answer is there; `None` if it does not come in time.
    fn ask(&self, question: &str, limit: Duration) -> Option<String> {
        let (promise, mut promised) = promise();
        let question = (question.to_owned(), promise);
        self.questions.put_timeout(question, limit).ok()?;
        promised.wait_timeout(limit)?.ok()
    }

    fn close(self) -> ShutdownReport {
        self.runner.close(Duration::from_millis(10))
    }
}

async fn serve(stream: tokio::net::TcpStream, questions: Queue<Question>) -> io::Result<()> {
    let (reads, mut writes) = stream.into_split();
    let mut lines = tokio::io::BufReader::new(reads).lines();
    while let Ok((question, answer)) = questions.get().await {
        writes.write_all(question.as_bytes()).await?;
        writes.write_all(b"\n").await?;
        let Some(line) = lines.next_line().await? else {
            break;
        };
        // Whoever asked may have given up.
        let _ = answer.set(line);
    }
    Ok(())
}

/// Answers in capitals, and to `silence` not at all.
fn server() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        let mut answers: TcpStream = stream.try_clone()?;
        for line in BufReader::new(stream).lines() {
            let line = line?;
            if line != "silence" {
                writeln!(answers, "{}", line.to_uppercase())?;
            }
        }
        io::Result::Ok(())
    });
    Ok(address)
}

fn main() -> io::Result<()> {
    const LIMIT: Duration = Duration::from_secs(10);
    let client = Client::connect(server()?)?;
    println!(
        "one thread: {}",
        client.ask("hello", LIMIT).unwrap_or_default()
    );

    let answers: usize = thread::scope(|threads| {
        let ask = |n: u32| {
            let client = &client;
            threads.spawn(move || {
                client.ask(&format!("number {n}"), LIMIT) == Some(format!("NUMBER {n}"))
            })
        };
        let threads: Vec<_> = (0..8).map(ask).collect();
        let right = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or(false));
        right.filter(|is_right| *is_right).count()
    });
    println!("eight threads: {answers} answers, each to its own question");

    // On a runtime with one thread, which the call blocks: what it waits for lives elsewhere.
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let answer = runtime.block_on(async { client.ask("from a task", LIMIT) });
    println!("in async code: {}", answer.unwrap_or_default());

    if client.ask("silence", Duration::from_millis(20)).is_none() {
        println!("no answer in time");
    }
    let report = client.close().to_string();
    println!(
        "the client is closed: {}",
        report.lines().next().unwrap_or_default()
    );
    Ok(())
}
