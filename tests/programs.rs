//! Random programs, held against an oracle that knows the rules of `docs/semantics.md` and not the code.
//!
//! - `program`: what a program is
//! - `generate`, `print`, `shrink`: draws one from a seed, writes it as text, makes it smaller
//! - `face`, `face_forms`, `hook`: every call to the crate
//! - `home`: what is not `Send`, for scopes, groups and gathers of the local kinds
//! - `interpret`, `forms`: runs a program
//! - `witness`, `books`, `cuts`: what is polled and dropped, what is known of that, and by when a cancel drops it
//! - `oracle`, `accounts`: what must hold at each end, and when everything is over
//! - `process`: runs programs in processes of their own, and shrinks those that fail
//!
//! `ci/random.sh` goes on for an hour, on every spawner.

#[path = "programs/accounts.rs"]
mod accounts;
#[path = "programs/books.rs"]
mod books;
#[path = "programs/cuts.rs"]
mod cuts;
#[path = "programs/face.rs"]
mod face;
#[path = "programs/face_forms.rs"]
mod face_forms;
#[path = "programs/forms.rs"]
mod forms;
#[path = "programs/generate.rs"]
mod generate;
#[path = "programs/home.rs"]
mod home;
#[path = "programs/hook.rs"]
mod hook;
#[path = "programs/interpret.rs"]
mod interpret;
#[path = "programs/oracle.rs"]
mod oracle;
#[path = "programs/print.rs"]
mod print;
#[path = "programs/process.rs"]
mod process;
#[path = "programs/program.rs"]
mod program;
#[path = "programs/shrink.rs"]
mod shrink;
#[path = "support/mod.rs"]
mod support;
#[path = "programs/witness.rs"]
mod witness;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use process::{Case, Failure, On, PART, SPAWNERS};

/// How many seeds are run in each of two orders; `INGATHER_PROGRAMS` says otherwise.
const PROGRAMS: u64 = 2_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.trim().parse().ok()
}

// Leaving-1, Dropping-1, Errors-2, Errors-3, Panics-3, Panics-4, Results-1, Results-2, Cancelling-2, Cancelling-5, Shields-2,
// Cancelling-17, Deadlines-4, Children-2, Limits-2, Gather-1, Joining-6, Joining-7, Joining-8,
// Context-6, Testing-19, Executors-8
#[test]
fn random_programs_keep_the_rules() {
    let first = number("INGATHER_FIRST_PROGRAM").unwrap_or(0);
    let last = first + number("INGATHER_PROGRAMS").unwrap_or(PROGRAMS);
    let cases: Vec<_> = (first..last)
        .flat_map(|seed| (0..2).map(move |order| (seed, seed % 12 + 6 * order)))
        .map(|(seed, order)| Case {
            seed,
            on: On::Order(order),
            cuts: Vec::new(),
        })
        .collect();
    let failures: Vec<_> = std::thread::scope(|scope| {
        let batches: Vec<_> = cases
            .chunks(cases.len().div_ceil(2).max(1))
            .map(|half| {
                scope.spawn(|| {
                    half.chunks(250)
                        .flat_map(process::in_process)
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        batches
            .into_iter()
            .flat_map(|batch| batch.join().expect("it does not panic"))
            .collect()
    });
    report(&failures);
}

/// Shrinks one failure of each rule, and panics.
fn report(failures: &[Failure]) {
    if failures.is_empty() {
        return;
    }
    let mut by_rule: BTreeMap<&str, Vec<&Failure>> = BTreeMap::new();
    for failure in failures {
        by_rule.entry(failure.rules()[0]).or_default().push(failure);
    }
    for (rule, of_it) in &by_rule {
        let smallest = of_it
            .iter()
            .min_by_key(|failure| failure.case.program().to_string().len());
        let smallest = smallest.expect("each rule has one");
        println!("{} programs break {rule}:\n", of_it.len());
        println!("{}\n", process::told(&process::shrunk(smallest)));
    }
    panic!("{} of the programs break a rule", failures.len());
}

/// Runs what the environment says, in a process that may abort. Without it, nothing.
#[test]
fn one_process_of_programs() {
    if let Ok(cases) = std::env::var(PART) {
        process::part(&cases);
    }
}

/// What `ci/random.sh` runs: for so many seconds, each program in a process of its own.
#[test]
#[ignore = "takes as long as it is told; see ci/random.sh"]
fn random_programs_on_every_spawner() {
    let seconds = number("INGATHER_PROGRAM_SECONDS").unwrap_or(3600);
    let begin = Instant::now();
    let mut seed = number("INGATHER_FIRST_PROGRAM").unwrap_or(1_000_000);
    let mut failures = Vec::new();
    let mut run = 0;
    while begin.elapsed() < Duration::from_secs(seconds) && failures.len() < 20 {
        let orders = (0..4).map(|order| On::Order(seed.wrapping_mul(4) + order));
        let ons = orders.chain(SPAWNERS.map(On::Spawner));
        for on in ons {
            let case = Case {
                seed,
                on,
                cuts: Vec::new(),
            };
            failures.extend(process::in_process(&[case]));
            run += 1;
        }
        seed += 1;
    }
    println!("{run} runs, the last seed was {seed}");
    report(&failures);
}
