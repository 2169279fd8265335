//! Ctrl-C and SIGTERM under every spawner: the first leaves in order, the second at once. Each in a process of its own.
#![cfg(unix)]

#[path = "support/watchdog.rs"]
mod watchdog;

use std::future::pending;
use std::io::{BufRead, BufReader, Lines};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use futures::executor::{ThreadPool, block_on};
use ingather::program::{Exit, Run};
use ingather::spawner::{Embedded, Smol, SpawnerHandle, from_fn};
use ingather::{create_task, current_token, on_shutdown};
use tokio::runtime::Builder;

const PART: &str = "INGATHER_SIGNALS_PART";
/// The grace of a main that ends by itself, however busy the machine is, and of one that is to be dropped.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);
const SPAWNERS: [&str; 6] = ["embedded", "smol", "tokio one", "tokio many", "pool", "own"];

/// Says a line to the parent. Lines of the harness are told apart by the mark.
fn say(line: &str) {
    println!("\n> {line}");
}

/// What a process does: `spawner/part`.
#[test]
fn child() {
    let Ok(part) = std::env::var(PART) else {
        return;
    };
    let (spawner, part) = part.split_once('/').unwrap();
    match part {
        "polite" => {
            let exit = run(spawner, LONG, async {
                on_shutdown(|| async { say("callback") }).unwrap().detach();
                create_task(async {
                    let reason = current_token().cancelled().await;
                    say(&format!("task {:?}", reason.kind()));
                });
                say("ready");
                let reason = current_token().cancelled().await;
                say(&format!("main {:?} {:?}", reason.kind(), reason.message()));
            });
            say(&format!(
                "signal {:?} {}",
                exit.report().signal(),
                exit.report().is_clean()
            ));
            // Nobody listens any more.
            say("idle");
            loop {
                thread::park();
            }
        }
        "deaf" => {
            let exit = run(spawner, LONG, async {
                on_shutdown(|| async { say("callback") }).unwrap().detach();
                say("ready");
                current_token().cancelled().await;
                say("asked");
                loop {
                    thread::park();
                }
            });
            drop(exit);
            say("left");
        }
        "late" => {
            // A run that begins when one that was asked to leave has not left yet is asked at once.
            let exit = run(spawner, LONG, async {
                on_shutdown(|| async {
                    let inner = Run::builder().signals(true).run_async(async {
                        let reason = current_token().cancelled().await;
                        say(&format!("late {:?}", reason.message()));
                    });
                    assert_eq!(inner.await.report().signal(), Some(15));
                })
                .unwrap()
                .detach();
                say("ready");
                current_token().cancelled().await;
            });
            assert!(exit.report().is_clean(), "{}", exit.report());
            // A new run after that listens anew.
            let exit = run(spawner, LONG, async {
                say("again");
                current_token().cancelled().await;
            });
            say(&format!("signal {:?}", exit.report().signal()));
        }
        "dropped" => {
            let exit = run(spawner, SHORT, async {
                say("ready");
                pending::<()>().await;
            });
            say(&format!("{:?}", exit.report().kind()));
            let code = std::process::Termination::report(exit);
            let same = format!("{code:?}") == format!("{:?}", std::process::ExitCode::from(143));
            say(&format!("code {same}"));
        }
        _ => unreachable!("{part}"),
    }
}

fn run<F: Future>(spawner: &str, grace: Duration, main: F) -> Exit<F::Output> {
    let listens = Run::builder().signals(true).grace(grace);
    let own = |runtime: tokio::runtime::Runtime, main| {
        let run = Run::builder().signals(true).on(runtime.handle());
        let run = run.grace(grace);
        runtime.block_on(run.run_async(main))
    };
    match spawner {
        "embedded" => listens.run(main),
        "smol" => smol::block_on(listens.on(&Smol).run_async(main)),
        "tokio one" => own(
            Builder::new_current_thread().enable_time().build().unwrap(),
            main,
        ),
        "tokio many" => own(
            Builder::new_multi_thread()
                .worker_threads(2)
                .enable_time()
                .build()
                .unwrap(),
            main,
        ),
        "pool" => listens.on(&ThreadPool::new().unwrap()).run(main),
        "own" => {
            let threads = from_fn(|job| {
                thread::spawn(|| block_on(job));
                Ok(())
            });
            listens.on(&SpawnerHandle::new(threads)).run(main)
        }
        _ => listens.on(&Embedded).run(main),
    }
}

/// A process that plays a part.
struct Player {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Player {
    fn start(spawner: &str, part: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--nocapture", "--test-threads=1"])
            .env(PART, format!("{spawner}/{part}"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn kill(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// What it says next; `None` at its end.
    fn hear(&mut self) -> Option<String> {
        self.lines
            .by_ref()
            .find_map(|line| Some(line.unwrap().strip_prefix("> ")?.to_owned()))
    }

    #[track_caller]
    fn says(&mut self, expected: &str) {
        assert_eq!(self.hear().as_deref(), Some(expected));
    }
}

// Shutdown-11
#[test]
fn the_first_signal_leaves_in_order() {
    for (spawner, (signal, number, name)) in SPAWNERS.iter().flat_map(|spawner| {
        [("-INT", 2, "SIGINT"), ("-TERM", 15, "SIGTERM")].map(|signal| (spawner, signal))
    }) {
        watchdog::watched(format!("{signal} on {spawner}"), || {
            let mut player = Player::start(spawner, "polite");
            player.says("ready");
            player.kill(signal);
            player.says(&format!("main Shutdown Some({name:?})"));
            player.says("task Shutdown");
            player.says("callback");
            player.says(&format!("signal Some({number}) true"));
            player.says("idle");
            // Where no run listens, signals do what they always do.
            player.kill(signal);
            assert_eq!(player.child.wait().unwrap().signal(), Some(number));
        });
    }
}

// Shutdown-11
#[test]
fn the_second_signal_leaves_at_once() {
    for spawner in SPAWNERS {
        for (first, second, code) in [
            ("-TERM", "-TERM", 143),
            ("-INT", "-TERM", 143),
            ("-TERM", "-INT", 130),
        ] {
            watchdog::watched(format!("{first} and {second} on {spawner}"), || {
                let mut player = Player::start(spawner, "deaf");
                player.says("ready");
                player.kill(first);
                player.says("asked");
                player.kill(second);
                assert_eq!(player.child.wait().unwrap().code(), Some(code));
                assert_eq!(player.hear(), None, "no callback is called");
            });
        }
    }
}

// Shutdown-11
#[test]
fn runs_that_begin_later_listen_too() {
    watchdog::watched("late", || {
        let mut player = Player::start("embedded", "late");
        player.says("ready");
        player.kill("-TERM");
        player.says("late Some(\"SIGTERM\")");
        player.says("again");
        player.kill("-INT");
        player.says("signal Some(2)");
        assert!(player.child.wait().unwrap().success());
    });
}

// Shutdown-11
#[test]
fn a_main_that_was_dropped_gives_the_code_of_the_signal() {
    watchdog::watched("dropped", || {
        let mut player = Player::start("embedded", "dropped");
        player.says("ready");
        player.kill("-TERM");
        player.says("Cancelled");
        player.says("code true");
        assert!(player.child.wait().unwrap().success());
    });
}
