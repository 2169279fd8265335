//! `fleet_checksum nats|restate DIR...`: prints what `sha256sum` prints for every regular file below, hashed by three worker processes,
//! one of which is killed half-way.
//!
//! It starts the server of the engine on free loopback ports with a fresh folder, and three processes of its own as workers. The owner
//! walks the tree, has 64 files hashed at a time, and prints the sums in the order of the paths. When half of them are there it kills a
//! worker with SIGKILL: its work goes to the others, and the output is the same.
//!
//! ```text
//! cargo run -p ingather-remote --features nats,restate --example fleet_checksum -- nats src
//! ```
//!
//! - `fleet`: the workers as processes
//! - `server`: the server of an engine
//! - `worker`: what a worker does
//! - `disk`, `names`: of the example `checksum`, which does the same in one process

#[path = "../../../examples/checksum/disk.rs"]
mod disk;
mod fleet;
#[path = "../../../examples/checksum/names.rs"]
mod names;
mod server;
mod worker;

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use futures::StreamExt;
use ingather::map_concurrent;
use ingather_remote::nats::Nats;
use ingather_remote::restate::Restate;
use ingather_remote::{Remote, RemoteError};

use disk::{Entry, Sum};
use fleet::Fleet;
use server::Kind;
use worker::{Name, SUM};

const WORKERS: usize = 3;
const IN_FLIGHT: usize = 64;
const USAGE: &str = "usage: fleet_checksum nats|restate DIR...";

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let words: Vec<_> = args.iter().map(|arg| arg.to_str().unwrap_or("")).collect();
    let done = match &*words {
        ["--worker", kind, address, admin] => match Kind::named(kind) {
            Some(kind) => worker::work(kind, address, admin).map(|()| true),
            None => Err(USAGE.into()),
        },
        [kind, _, ..] => match Kind::named(kind) {
            Some(kind) => own(kind, args[1..].iter().map(PathBuf::from).collect()),
            None => Err(USAGE.into()),
        },
        _ => Err(USAGE.into()),
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

/// The owner. Whether all files could be read.
#[tokio::main]
async fn own(kind: Kind, roots: Vec<PathBuf>) -> Result<bool, Box<dyn Error>> {
    let mut fleet = Fleet::start(kind, WORKERS)?;
    let (paths, mut all_read) = walk(roots);
    let (address, admin) = fleet.server.addresses();
    let far = match kind {
        Kind::Nats => Remote::new(Nats::connect(&address).await?),
        Kind::Restate => Remote::new(Restate::at(&address, &admin)?),
    };

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
        "{} files by {WORKERS} workers on {}, one of them killed half-way",
        lines.len(),
        kind.name()
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
