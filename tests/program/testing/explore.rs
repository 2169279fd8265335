//! `explore`: one test under many orders.

use std::collections::BTreeSet;
use std::future::pending;
use std::mem::forget;
use std::panic::catch_unwind;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ingather::clock::sleep;
use ingather::testing::{Explored, TestExecutor, Trace, explore, yield_now};
use ingather::{GatherGroup, gather, scope};

use super::{assert_has, panic_text};
use crate::support::watched;

/// A counter whose users look at it, do something else, and write: the classic lost update.
async fn lost_update() {
    let counter = Arc::new(Mutex::new(0));
    let add = || {
        let counter = Arc::clone(&counter);
        move || async move {
            yield_now().await;
            let seen = *counter.lock().unwrap();
            // As an `.await` on a cache or a database would.
            yield_now().await;
            *counter.lock().unwrap() = seen + 1;
        }
    };
    gather((add(), add())).await;
    assert_eq!(*counter.lock().unwrap(), 2, "an update was lost");
}

/// The seed in the text of a failure.
fn seed_in(text: &str) -> u64 {
    let after = text.split("\nseed ").nth(1).expect("the seed is told");
    let digits = after.split(' ').next().unwrap();
    digits.parse().expect("it is a number")
}

// Testing-14
#[test]
fn a_lost_update_is_found_and_found_again() {
    let text = panic_text(|| explore(0..1000, lost_update));
    assert_has(&text, &["an update was lost", "to run it again"]);
    let seed = seed_in(&text);
    let ways = [
        format!(
            "INGATHER_SEED={seed} cargo test testing::explore::a_lost_update_is_found_and_found_again\n"
        ),
        format!("TestExecutor::run({seed}, ..)"),
    ];
    assert_has(&text, &[&ways[0], &ways[1]]);
    for _ in 0..20 {
        let again = panic_text(|| TestExecutor::run(seed, lost_update()));
        assert_has(&again, &["an update was lost"]);
        assert_eq!(panic_text(|| explore(0..1000, lost_update)), text);
        assert_eq!(seed_in(&panic_text(|| explore([seed], lost_update))), seed);
    }
    // Some orders show it and some do not, and both ways of running one agree.
    let passes = |seed: &u64| catch_unwind(|| TestExecutor::run(*seed, lost_update())).is_ok();
    let explored = |seed: &u64| catch_unwind(|| explore([*seed], lost_update)).is_ok();
    let passed: Vec<_> = (0..100).filter(passes).collect();
    assert!((10..=90).contains(&passed.len()), "{passed:?}");
    assert_eq!(passed, (0..100).filter(explored).collect::<Vec<_>>());
}

// Testing-14
#[test]
fn deadlocks_and_leaks_are_failures() {
    let text = panic_text(|| explore(5..9, pending));
    assert_has(&text, &["deadlock", "seed 5 failed, after 0 that passed"]);
    let leak = || async {
        let group = GatherGroup::new();
        group.named("left").spawn(pending::<()>());
        forget(group);
    };
    assert_has(
        &panic_text(|| explore([3], leak)),
        &["leaks", "child `left`", "seed 3"],
    );
    let odd = || async {
        std::panic::panic_any(7_u8);
    };
    let text = panic_text(|| explore([8], odd));
    assert_has(&text, &["a payload that is not a text", "seed 8 failed"]);
}

// Testing-14
#[test]
fn ten_thousand_seeds_take_seconds() {
    watched(module_path!(), || {
        let orders = Mutex::new(BTreeSet::new());
        let explored = explore(0..10_000, || async {
            let trace = Trace::new();
            let log = trace.clone();
            scope(|tg| async move {
                for name in ["a", "b", "c"] {
                    let log = log.clone();
                    drop(tg.spawn(async move { log.log(name) }));
                }
                sleep(Duration::from_secs(1)).await;
            })
            .await;
            orders.lock().unwrap().insert(trace.take().concat());
        });
        assert_eq!(orders.lock().unwrap().len(), 6, "each order of three");
        assert_eq!(explored.runs, 10_000);
        assert_eq!(explored.elapsed, Duration::from_secs(10_000));
        let (seed, most) = explored.longest.expect("there was a run");
        assert!(seed < 10_000 && most * 10_000 >= explored.polls);
    });
}

// Testing-14
#[test]
fn each_seed_has_a_fresh_executor_and_none_is_no_failure() {
    let seen = Mutex::new(Vec::new());
    let explored = explore([4, 4, 9], || async {
        let current = ingather::spawner::current_spawner();
        seen.lock().unwrap().push(ingather::clock::now());
        assert!(ingather::Spawner::is_current(&current));
        sleep(Duration::from_secs(60)).await;
    });
    assert_eq!((explored.runs, seen.lock().unwrap().len()), (3, 3));
    assert_eq!(
        explore([], || async { panic!("not run") }),
        Explored::default()
    );
}

/// What this very test prints and says when it is run with the variable set.
fn in_a_process(seed: &str) -> (bool, String) {
    let test = "testing::explore::the_environment_chooses_a_seed";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("INGATHER_SEED", seed)
        .env("INGATHER_EXPLORES", "1")
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

// Testing-14
#[test]
fn the_environment_chooses_a_seed() {
    if std::env::var_os("INGATHER_EXPLORES").is_some() {
        let explored = explore(0..10, || async { println!("one run") });
        println!(
            "{} of seed {:?}",
            explored.runs,
            explored.longest.map(|(seed, _)| seed)
        );
        return;
    }
    let (passed, text) = in_a_process("42");
    assert!(passed, "{text}");
    assert_has(&text, &["1 of seed Some(42)"]);
    assert_eq!(text.matches("one run").count(), 1, "{text}");
    let (passed, text) = in_a_process("many");
    assert!(!passed, "{text}");
    assert_has(
        &text,
        &["INGATHER_SEED is \"many\": set it to the number of a seed"],
    );
}
