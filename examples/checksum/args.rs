//! The command line.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

pub(crate) const USAGE: &str = "\
Usage: checksum [--spawner default|smol|tokio|threads|own] [--limit N] [--progress] DIR...
Print the SHA-256 of every regular file below each DIR as sha256sum does, sorted by path.

  --spawner NAME  the executor that it all runs on; the embedded default if not given
  --limit N       read at most N files at a time; as many as there are processors if not given
  --progress      draw a bar on standard error
  --help          print this

Links below a DIR are not followed. A DIR may be a file. Exit status: 0, or 1 if something
could not be read or written, or 2 if the command line is wrong.
";

/// More threads than this do not read faster, and each has a file open.
const MOST: NonZeroUsize = NonZeroUsize::new(256).unwrap();

#[derive(Clone, Copy)]
pub(crate) enum Executor {
    Default,
    Smol,
    Tokio,
    Threads,
    Own,
}

pub(crate) struct Args {
    pub(crate) executor: Executor,
    pub(crate) limit: NonZeroUsize,
    pub(crate) progress: bool,
    pub(crate) paths: Vec<PathBuf>,
}

impl Args {
    /// `None` if help was asked for. The error says what is wrong.
    pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Option<Self>, String> {
        let mut parsed = Self {
            executor: Executor::Default,
            limit: available_parallelism().unwrap_or(NonZeroUsize::MIN),
            progress: false,
            paths: Vec::new(),
        };
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            if !arg.as_encoded_bytes().starts_with(b"-") || arg == "-" {
                parsed.paths.push(arg.into());
                continue;
            }
            let arg = arg.to_string_lossy();
            let (option, attached) = match arg.split_once('=') {
                Some((option, value)) => (option, Some(value.to_owned())),
                None => (&*arg, None),
            };
            let has_value = attached.is_some();
            let mut value = || {
                let next = || {
                    args.next()
                        .map(|value| value.to_string_lossy().into_owned())
                };
                attached
                    .clone()
                    .or_else(next)
                    .ok_or_else(|| format!("{option} needs a value"))
            };
            match option {
                "--spawner" => parsed.executor = executor(&value()?)?,
                "--limit" => parsed.limit = limit(&value()?)?,
                _ if has_value => return Err(format!("unknown option {arg}")),
                "--progress" => parsed.progress = true,
                "--help" => return Ok(None),
                "--" => parsed.paths.extend(args.by_ref().map(PathBuf::from)),
                _ => return Err(format!("unknown option {arg}")),
            }
        }
        if parsed.paths.is_empty() {
            return Err("no DIR is given".into());
        }
        Ok(Some(parsed))
    }
}

fn executor(name: &str) -> Result<Executor, String> {
    Ok(match name {
        "default" => Executor::Default,
        "smol" => Executor::Smol,
        "tokio" => Executor::Tokio,
        "threads" => Executor::Threads,
        "own" => Executor::Own,
        _ => return Err(format!("unknown spawner {name}")),
    })
}

fn limit(text: &str) -> Result<NonZeroUsize, String> {
    let limit = text.parse::<NonZeroUsize>();
    let limit = limit.map_err(|_| format!("the limit is a number from 1 up, not {text}"))?;
    Ok(limit.min(MOST))
}
