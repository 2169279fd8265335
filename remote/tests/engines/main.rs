//! The scenarios on the real engines: servers on free loopback ports with fresh folders, workers and owners as processes that are
//! killed. It has a harness of its own, so that servers are stopped at the end, and so that workers can be this program.
//!
//! - `server`: starts, restarts and stops a server
//! - `process`: workers and owners as processes
//! - `jobs`: the jobs of the workers
//! - `worker`: what a worker's process does
//! - `owner`: what an owner's process does
//! - `fleet`: a server and its workers, for a scenario
//! - `scenarios`: what is tried on each engine
//! - `hostile`: more that goes wrong
//! - `trees`: jobs that call other jobs
//! - `tls`: Restate behind a proxy that ends TLS

mod fleet;
mod hostile;
mod jobs;
mod owner;
mod process;
mod scenarios;
mod server;
mod tls;
mod trees;
mod worker;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use fleet::Fleet;
use scenarios::{OF_RESTATE, SCENARIOS};
use server::Kind;

/// A scenario that takes longer hangs.
const LIMIT: Duration = Duration::from_secs(180);

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    match &*args {
        ["worker", kind, address, admin, rest] => {
            worker::main(Kind::named(kind), address, admin, rest)
        }
        ["owner", kind, address, admin, rest] => {
            owner::main(Kind::named(kind), address, admin, rest)
        }
        _ => {
            let filters: Vec<_> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
            return run(|name| filters.is_empty() || filters.iter().any(|f| name.contains(**f)));
        }
    }
    ExitCode::SUCCESS
}

fn run(is_wanted: impl Fn(&str) -> bool + Sync) -> ExitCode {
    let begin = Instant::now();
    // Both engines at once: most of a scenario is waiting.
    let counts = thread::scope(|threads| {
        let is_wanted = &is_wanted;
        let runs = Kind::ALL.map(|kind| threads.spawn(move || run_on(kind, is_wanted)));
        runs.map(|run| run.join().unwrap_or([0, 1, 0]))
    });
    let sum = |at: usize| counts.iter().map(|count| count[at]).sum::<usize>();
    let [passed, failed, skipped] = [0, 1, 2].map(sum);
    let in_ci = std::env::var_os("CI").is_some();
    let is_ok = failed == 0 && !(in_ci && skipped > 0);
    println!(
        "\ntest result: {}. {passed} passed; {failed} failed; {skipped} ignored; 0 measured; 0 filtered out; finished in {:.2}s\n",
        if is_ok { "ok" } else { "FAILED" },
        begin.elapsed().as_secs_f32()
    );
    match is_ok {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// How many passed, failed and were skipped.
fn run_on(kind: Kind, is_wanted: &impl Fn(&str) -> bool) -> [usize; 3] {
    let name = |scenario: &str| format!("{}::{scenario}", kind.name());
    let own = match kind {
        Kind::Nats => &[],
        Kind::Restate => OF_RESTATE,
    };
    let all = SCENARIOS.iter().chain(own);
    let wanted = all.filter(|(scenario, _)| is_wanted(&name(scenario)));
    let wanted: Vec<_> = wanted.collect();
    if wanted.is_empty() {
        return [0; 3];
    }
    let mut fleet = match Fleet::start(kind) {
        Ok(fleet) => fleet,
        Err(reason) => {
            println!(
                "{} scenarios of {}: skipped, {reason}",
                wanted.len(),
                kind.name()
            );
            return [0, 0, wanted.len()];
        }
    };
    let mut failed = 0;
    for (scenario, run) in &wanted {
        let name = name(scenario);
        let watchdog = watch(&name);
        let begin = Instant::now();
        let end = catch_unwind(AssertUnwindSafe(|| {
            run(&mut fleet);
            fleet.assert_nothing_is_left();
        }));
        drop(watchdog);
        let time = begin.elapsed().as_secs_f32();
        match end {
            Ok(()) => println!("test {name} ... ok ({time:.1} s)"),
            Err(_) => {
                failed += 1;
                println!("test {name} ... FAILED ({time:.1} s)");
                fleet.print_logs();
                fleet.start_afresh();
            }
        }
    }
    [wanted.len() - failed, failed, 0]
}

/// Ends the program, with all its processes, if it is not dropped in time.
fn watch(name: &str) -> std::sync::mpsc::Sender<()> {
    let (sender, receiver) = channel();
    let name = name.to_owned();
    thread::spawn(move || {
        if receiver.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
            println!("test {name} hung for {} s", LIMIT.as_secs());
            process::kill_all();
            std::process::exit(1);
        }
    });
    sender
}
