//! `fleet_checksum DIR...`: prints what `sha256sum` prints for every regular file below, hashed by three worker processes, one of which
//! is killed half-way.
//!
//! It starts a `nats-server` on a free loopback port with a fresh folder, and three processes of its own as workers. The owner walks
//! the tree, has 64 files hashed at a time, and prints the sums in the order of the paths. When half of them are there it kills a worker
//! with SIGKILL: its work goes to the others, and the output is the same.
//!
//! ```text
//! cargo run -p ingather-remote --features nats --example fleet_checksum -- src
//! ```
//!
//! - `fleet`: the server and the workers as processes
//! - `disk`, `names`: of the example `checksum`, which does the same in one process

#[path = "../../../examples/checksum/disk.rs"]
mod disk;
mod fleet;
#[path = "../../../examples/checksum/names.rs"]
mod names;

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use futures::StreamExt;
use ingather::{map_concurrent, to_thread};
use ingather_remote::nats::{Nats, Worker};
use ingather_remote::{Job, JobError, Remote, RemoteError};

use disk::{Entry, Sum};
use fleet::Fleet;

/// A path as it is on disk, which need not be Unicode.
type Name = Vec<u8>;

static SUM: Job<Name, Sum> = Job::new("Files/sum");

const WORKERS: usize = 3;
const IN_FLIGHT: usize = 64;
/// A worker that was not heard of for so long has lost its work to the others.
const SILENCE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let done = match &*args {
        [] => Err("usage: fleet_checksum DIR...".into()),
        [word, address] if word == "--worker" => work(&address.to_string_lossy()),
        paths => own(paths.iter().map(PathBuf::from).collect()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("fleet_checksum: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The whole of a worker's process.
#[tokio::main]
async fn work(address: &str) -> Result<bool, Box<dyn Error>> {
    let client = async_nats::connect(address).await?;
    let worker = Worker::new(client)
        .limit(8)
        .silence(SILENCE)
        .on_ready(|| println!("ready"))
        .on(&SUM, |name, _work| async move {
            let path = PathBuf::from(OsString::from_vec(name));
            let sum = to_thread(move || disk::sum(&path)).await;
            sum.map_err(|error| JobError::fatal(500, error.to_string()))
        });
    worker.run().await?;
    Ok(true)
}

/// The owner. Whether all files could be read.
#[tokio::main]
async fn own(roots: Vec<PathBuf>) -> Result<bool, Box<dyn Error>> {
    let mut fleet = Fleet::start(WORKERS)?;
    let (paths, mut all_read) = walk(roots);
    let far = Remote::new(Nats::connect(fleet.address()).await?);

    let names: Vec<Name> = paths
        .iter()
        .map(|path| path.as_os_str().as_bytes().to_vec())
        .collect();
    let there = far.clone();
    let mut sums = map_concurrent(names, IN_FLIGHT, move |name| there.call(&SUM, name));
    let mut lines = Vec::new();
    for path in &paths {
        if lines.len() == paths.len() / 2 {
            fleet.kill_one();
        }
        let sum = sums.next().await.ok_or("a sum is missing")?;
        all_read &= sum.is_ok();
        lines.push((path, sum));
    }
    drop(sums);
    far.close().await?;
    print(&lines)?;
    eprintln!(
        "{} files by {WORKERS} workers, one of them killed half-way",
        lines.len()
    );
    Ok(all_read)
}

/// All regular files below, sorted by path.
fn walk(roots: Vec<PathBuf>) -> (Vec<PathBuf>, bool) {
    let mut todo: Vec<_> = roots.into_iter().map(disk::named).collect();
    let (mut files, mut all_read) = (Vec::new(), true);
    while let Some(entry) = todo.pop() {
        match entry {
            Entry::File(path) => files.push(path),
            Entry::Directory(path) => todo.extend(disk::list(&path)),
            Entry::Closed(path, error) => {
                all_read = false;
                complain(&path, &error);
            }
        }
    }
    files.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    (files, all_read)
}

fn print(lines: &[(&PathBuf, Result<Sum, RemoteError>)]) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for (path, sum) in lines {
        let sum = match sum {
            Ok(sum) => sum,
            Err(error) => {
                complain(path, error);
                continue;
            }
        };
        let (is_escaped, name) = names::escape(path.as_os_str());
        if is_escaped {
            out.write_all(b"\\")?;
        }
        for byte in sum {
            write!(out, "{byte:02x}")?;
        }
        out.write_all(b"  ")?;
        out.write_all(&name)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn complain(path: &Path, error: &dyn Error) {
    eprintln!(
        "fleet_checksum: {}: {error}",
        names::quote(path.as_os_str())
    );
}
