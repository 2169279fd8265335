//! The example `service`, killed by SIGTERM under load a hundred times: no accepted job is lost, and it always ends in time.
#![cfg(unix)]

#[path = "../examples/service/journal.rs"]
mod journal;
#[path = "../examples/service/server.rs"]
mod server;
#[path = "support/watchdog.rs"]
mod watchdog;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use server::Options;

const ROUNDS: u64 = 100;
const CLIENTS: u64 = 4;
/// Twice the grace, the budgets of the tasks and of the journal, and as much again and more for a machine that is busy.
const BOUND: Duration = Duration::from_secs(2 + 2 * 2 + 10);
const JOURNAL: &str = "INGATHER_SERVICE_JOURNAL";

/// The server, in a process of its own.
#[test]
fn child() {
    let Some(journal) = std::env::var_os(JOURNAL) else {
        return;
    };
    let options = Options {
        address: "127.0.0.1:0".to_owned(),
        journal: journal.into(),
    };
    let exit = server::serve(options, |address| println!("\nlistening on {address}"));
    let report = exit.report();
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.signal(), Some(15), "{report}");
    assert!(exit.into_value().expect("main had the time").is_ok());
}

// Shutdown-11, Shutdown-8, Shutdown-2
#[test]
fn no_accepted_job_is_lost() {
    let folder = std::env::temp_dir().join(format!("ingather-service-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let mut sum = Killed {
        accepted: 0,
        left: 0,
        took: Duration::ZERO,
    };
    for round in 0..ROUNDS {
        let path = folder.join(round.to_string());
        let killed = watchdog::watched(format!("round {round}"), || kill_under_load(&path, round));
        sum.accepted += killed.accepted;
        sum.left += killed.left;
        sum.took = sum.took.max(killed.took);
    }
    fs::remove_dir_all(&folder).unwrap();
    println!(
        "{} jobs in {ROUNDS} rounds, {} of them left undone, the slowest end after {:?}",
        sum.accepted, sum.left, sum.took
    );
    assert!(sum.accepted > 100, "there was no load");
}

/// What came of one round.
struct Killed {
    accepted: usize,
    /// How many jobs of the journal were not done.
    left: usize,
    took: Duration,
}

fn kill_under_load(path: &Path, round: u64) -> Killed {
    let (mut server, address) = start(path);
    let (tell, told) = channel();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (address, tell) = (address.clone(), tell.clone());
            thread::spawn(move || send(&address, client, &tell))
        })
        .collect();
    drop(tell);
    // After so many replies, a different number each time: the first ones and those under full load.
    let mut jobs = BTreeSet::new();
    for _ in 0..round * 7 % 300 {
        jobs.insert(told.recv().expect("it serves until it is killed"));
    }
    let killed = Instant::now();
    let kill = Command::new("kill")
        .arg("-TERM")
        .arg(server.id().to_string())
        .status();
    assert!(kill.unwrap().success());
    jobs.extend(told);
    for client in clients {
        client.join().unwrap();
    }
    let status = server.wait().unwrap();
    let took = killed.elapsed();
    assert!(status.success(), "round {round}: {status}");
    assert!(took < BOUND, "round {round}: {took:?}");

    let journal = fs::read_to_string(path).unwrap();
    let mut written = BTreeSet::new();
    let mut left = 0;
    for line in journal.lines() {
        let mut words = line.split(' ');
        let (Some(end), Some(id), Some(job)) = (words.next(), words.next(), words.next()) else {
            panic!("round {round}: {line:?}");
        };
        left += usize::from(end == "left");
        assert!(
            written.insert((id.parse::<u64>().unwrap(), job.to_owned())),
            "twice: {line}"
        );
    }
    let lost: Vec<_> = jobs.difference(&written).collect();
    assert!(
        lost.is_empty(),
        "round {round}: accepted and not in the journal: {lost:?}"
    );
    let accepted = jobs.len();
    Killed {
        accepted,
        left,
        took,
    }
}

/// A server that listens, and where.
fn start(journal: &Path) -> (Child, String) {
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env(JOURNAL, PathBuf::from(journal))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let address = loop {
        let line = lines.next().expect("it says where it listens").unwrap();
        if let Some(address) = line.strip_prefix("listening on ") {
            break address.to_owned();
        }
    };
    // Read to its end, or the pipe is closed before the harness has said how the test went.
    thread::spawn(move || lines.for_each(drop));
    (server, address)
}

/// Sends jobs as long as somebody answers, and tells of those that were accepted: number and text.
fn send(address: &str, client: u64, tell: &Sender<(u64, String)>) {
    let Ok(stream) = TcpStream::connect(address) else {
        return;
    };
    stream.set_nodelay(true).unwrap();
    let mut replies = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut requests = stream;
    for number in 0.. {
        let job = format!("job-{client}-{number}-of-many-letters");
        // The connection may be closed at any moment.
        if requests.write_all(format!("{job}\n").as_bytes()).is_err() {
            return;
        }
        let Some(Ok(reply)) = replies.next() else {
            return;
        };
        if let Some(id) = reply.strip_prefix("accepted ") {
            let id = id.parse().expect("a number");
            if tell.send((id, job)).is_err() {
                return;
            }
        }
    }
}
