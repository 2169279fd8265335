//! A crawler on tokio: 200 pages, 16 at a time, a time limit for each request, retries with backoff, progress, and Ctrl-C.
//!
//! Prints `200 pages, 9900 bytes, 20 requests made again`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use ingather::program::Run;
use ingather::{GroupError, GroupOptions, TimedOut, scope, timeout};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

const PAGES: u32 = 200;

#[derive(Debug)]
#[expect(dead_code, reason = "they are printed")]
enum Error {
    Io(io::Error),
    Late(TimedOut),
}

/// Asks for one page. An answer begins with its length.
async fn fetch(site: SocketAddr, page: u32) -> Result<u32, Error> {
    let request = async {
        let mut stream = TcpStream::connect(site).await?;
        stream.write_u32(page).await?;
        let length = stream.read_u32().await?;
        stream.read_exact(&mut vec![0; length as usize]).await?;
        Ok(length)
    };
    let answer = timeout(Duration::from_secs(10), request).await;
    answer.map_err(Error::Late)?.map_err(Error::Io)
}

/// Asks up to four times, and waits twice as long each time.
async fn fetch_again(site: SocketAddr, page: u32, again: &AtomicU32) -> Result<u32, Error> {
    let mut pause = Duration::from_millis(1);
    for _ in 0..3 {
        if let Ok(length) = fetch(site, page).await {
            return Ok(length);
        }
        again.fetch_add(1, Relaxed);
        sleep(pause).await;
        pause *= 2;
    }
    fetch(site, page).await
}

/// All pages; or everything that failed, when all requests are over.
async fn crawl(site: SocketAddr) -> Result<(Vec<u32>, u32), GroupError<Error>> {
    let counts = Arc::new((AtomicU32::new(0), AtomicU32::new(0)));
    let calls = (0..PAGES).map(|page| {
        let counts = Arc::clone(&counts);
        move || async move {
            let length = fetch_again(site, page, &counts.0).await?;
            eprint!("\r{} of {PAGES}", counts.1.fetch_add(1, Relaxed) + 1);
            Ok(length)
        }
    });
    let options = GroupOptions::new().name("crawl").limit(16);
    Ok((options.try_gather(calls).await?, counts.0.load(Relaxed)))
}

/// The site: the first request for each tenth page is cut off.
async fn site(listener: TcpListener) -> io::Result<()> {
    let mut seen = [false; PAGES as usize];
    loop {
        let (mut stream, _) = listener.accept().await?;
        let page = stream.read_u32().await?;
        if page % 10 != 0 || std::mem::replace(&mut seen[page as usize], true) {
            stream.write_u32(page % 100).await?;
            let bytes = &[b'x'; 100][..page as usize % 100];
            stream.write_all(bytes).await?;
        }
    }
}

#[tokio::main]
async fn main() {
    // On Ctrl-C everything in here is cancelled, and over before this goes on.
    let run = Run::builder().signals(true).grace(Duration::ZERO);
    let exit = run.run_async(scope(|tg| async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        tg.child().background().spawn(site(listener));
        crawl(address).await
    }));
    match exit.await.into_value() {
        Some(Ok((pages, again))) => {
            let (count, bytes) = (pages.len(), pages.iter().sum::<u32>());
            println!("{count} pages, {bytes} bytes, {again} requests made again");
        }
        Some(Err(error)) => eprintln!("{} requests failed: {:?}", error.len(), error.first()),
        None => eprintln!("stopped"),
    }
}
