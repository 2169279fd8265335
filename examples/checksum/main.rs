//! `checksum DIR...`: prints what `sha256sum` prints for every regular file below, sorted by path, on any executor.
//!
//! - `walk`: the heart of it, a scope for each directory; read this first
//! - `disk`: what blocks: listing a directory, hashing a file
//! - `own`: an executor in a few lines, because any will do
//! - `args`: the command line
//! - `names`: file names as they are printed
//!
//! ```text
//! cargo run --release --example checksum -- --spawner tokio --progress src
//! ```

mod args;
mod disk;
mod names;
mod own;
mod walk;

use std::io::{self, BufWriter, ErrorKind, Write};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use ingather::spawner::{Embedded, Smol};

use args::{Args, Executor, USAGE};
use names::{escape, quote};
use own::Own;
use walk::{Line, Walk};

/// What a shell says of a program that was told by a signal that nobody reads on.
const BROKEN_PIPE: u8 = 128 + 13;

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args_os().skip(1)) {
        Ok(Some(args)) => args,
        Ok(None) => return exit(io::stdout().write_all(USAGE.as_bytes()).map(|()| true)),
        Err(error) => {
            complain(&format!("{error}\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    let bar = match args.progress {
        true => ProgressBar::new(0).with_style(style()),
        false => ProgressBar::hidden(),
    };
    let lines = walk(args, bar.clone());
    bar.finish_and_clear();
    match lines {
        Ok(lines) => exit(print(&lines)),
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Each executor as its users know it. What is run is the same.
fn walk(args: Args, bar: ProgressBar) -> Result<Vec<Line>, walk::Error> {
    let (walk, paths) = (Walk::new(args.limit, bar), args.paths);
    match args.executor {
        Executor::Default => ingather::block_on(walk.run(&Embedded, paths)),
        Executor::Smol => smol::block_on(walk.run(&Smol, paths)),
        Executor::Tokio => {
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(walk.run(runtime.handle(), paths))
        }
        Executor::Threads => {
            let pool = futures::executor::ThreadPool::new()?;
            futures::executor::block_on(walk.run(&pool, paths))
        }
        Executor::Own => {
            let own = Own::new(std::thread::available_parallelism()?);
            futures::executor::block_on(walk.run(&own, paths))
        }
    }
}

/// Prints the sums, and a complaint for each that there is not. Whether there were none of these.
fn print(lines: &[Line]) -> io::Result<bool> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut all_read = true;
    for Line { path, sum } in lines {
        match sum {
            Ok(sum) => {
                let (is_escaped, name) = escape(path.as_os_str());
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
            Err(error) => {
                all_read = false;
                complain(&format!("{}: {}", quote(path.as_os_str()), reason(error)));
            }
        }
    }
    out.flush()?;
    Ok(all_read)
}

fn exit(printed: io::Result<bool>) -> ExitCode {
    match printed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::from(BROKEN_PIPE),
        Err(error) => {
            complain(&format!("write error: {}", reason(&error)));
            ExitCode::FAILURE
        }
    }
}

/// The words of an error without its number, as other tools have them.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let number = error
        .raw_os_error()
        .map(|code| format!(" (os error {code})"));
    let words = number.and_then(|number| text.strip_suffix(&number));
    words.unwrap_or(&text).to_owned()
}

/// A line on standard error. If nobody is there to read it, so be it.
fn complain(what: &dyn std::fmt::Display) {
    let _ = writeln!(io::stderr(), "checksum: {what}");
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{wide_bar} {pos} of {len} files");
    style.expect("a template without faults")
}
