//! ingather against its peers: the same work done by both in turn, on the same executor, one line a comparison.
//!
//! - `alloc`: the counting allocator
//! - `cost`: what a piece of work cost: time, allocations, bytes
//! - `executors`: where the work runs, for both sides of a row alike
//! - `child`: the futures that are spawned
//! - `report`: interleaved rounds, medians, and the table
//! - `works`: the works, one file a subject
//!
//! `cargo bench --bench peers -- [--quick] [--only WORK]`. How to read the table is in `docs/benchmarks.md`. Each work
//! checks its results, and nothing is asserted of a time: this fails if it is broken, never because it is slow.

#![expect(unreachable_pub, reason = "a program: nothing of it is public")]

mod alloc;
mod child;
mod cost;
mod executors;
mod report;
mod works;

use std::process::ExitCode;

use report::{Effort, Report};
use works::WORKS;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(why) => {
            eprintln!("{why}\nusage: cargo bench --bench peers -- [--quick] [--only WORK]");
            return ExitCode::from(2);
        }
    };
    let report = Report::new(args.effort);
    report.header();
    for (name, rows) in WORKS {
        if args.only.as_deref().is_none_or(|only| only == *name) {
            rows(&report);
        }
    }
    ExitCode::SUCCESS
}

/// What the command line asks for.
struct Args {
    effort: Effort,
    only: Option<String>,
}

impl Args {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self {
            effort: Effort::Full,
            only: None,
        };
        while let Some(arg) = args.next() {
            match arg.as_str() {
                // Cargo says it to every benchmark.
                "--bench" => {}
                "--quick" => parsed.effort = Effort::Quick,
                "--only" => parsed.only = Some(Self::work(args.next())?),
                _ => return Err(format!("`{arg}` is not understood")),
            }
        }
        Ok(parsed)
    }

    fn work(name: Option<String>) -> Result<String, String> {
        let known: Vec<_> = WORKS.iter().map(|(name, _)| *name).collect();
        match name {
            Some(name) if known.contains(&name.as_str()) => Ok(name),
            _ => Err(format!("--only takes one of: {}", known.join(", "))),
        }
    }
}
