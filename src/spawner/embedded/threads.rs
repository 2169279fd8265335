//! The worker threads of the embedded default: how many, and starting them.

use std::env;
use std::ffi::OsStr;
use std::future::pending;
use std::io;
use std::num::NonZeroUsize;
use std::process;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use super::spare::Serves;
use super::{EXECUTOR, Presence};
use crate::panic;
use crate::park::park_until_ready;
use crate::spawner::SpawnError;
use crate::spawner::processors::processors;

const VARIABLE: &str = "INGATHER_THREADS";

/// The process that has started the threads. One that is forked from it has none of them.
static STARTED: OnceLock<u32> = OnceLock::new();

/// How many threads there shall be; asks the environment on the first call.
///
/// # Panics
///
/// If `INGATHER_THREADS` is set to something other than a number from 1 up; on each call until it is repaired.
#[track_caller]
pub(super) fn count() -> NonZeroUsize {
    static COUNT: OnceLock<NonZeroUsize> = OnceLock::new();
    // Not `get_or_init`, which would have the panic point at its closure and not at the caller.
    match COUNT.get() {
        Some(count) => *count,
        None => {
            let count = match env::var_os(VARIABLE) {
                None => processors(),
                Some(value) => match parse(&value) {
                    Ok(count) => count,
                    Err(text) => panic!("{text}"),
                },
            };
            *COUNT.get_or_init(|| count)
        }
    }
}

/// Reads the value of `INGATHER_THREADS`.
fn parse(value: &OsStr) -> Result<NonZeroUsize, String> {
    value
        .to_str()
        .and_then(|value| value.parse().ok())
        .ok_or_else(|| {
            format!(
                "{VARIABLE} is set to {value:?}, which is not a number of threads: \
                 set it to a whole number from 1 up, or leave it unset for one thread per core"
            )
        })
}

/// Sees to it that there are threads.
///
/// # Errors
///
/// The system cannot start even one. The next call tries again.
pub(super) fn start() -> Result<(), SpawnError> {
    static STARTING: Mutex<()> = Mutex::new(());

    if STARTED.get().is_some() {
        return Ok(());
    }
    let count = count();
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if STARTED.get().is_none() {
        start_some(count, start_one)?;
        STARTED.get_or_init(process::id);
    }
    Ok(())
}

/// Did the threads stay behind, in the process that this one was forked from?
pub(super) fn are_lost() -> bool {
    STARTED
        .get()
        .is_some_and(|starter| *starter != process::id())
}

/// Starts up to `count` threads, each by its name, and is content with one.
fn start_some(
    count: NonZeroUsize,
    start_one: impl Fn(String) -> io::Result<()>,
) -> Result<(), SpawnError> {
    for number in 1..=count.get() {
        let name = format!("ingather-{number}");
        match start_one(name) {
            Ok(()) => {}
            // Later ones would fail in the same way, and those that run do the work.
            Err(_) if number > 1 => break,
            Err(error) => {
                return Err(SpawnError::new(format!(
                    "cannot start a thread for the embedded default ({error}); \
                     use another spawner, or make room for a thread and spawn again"
                )));
            }
        }
    }
    Ok(())
}

fn start_one(name: String) -> io::Result<()> {
    thread::Builder::new().name(name).spawn(work).map(drop)
}

/// What a worker thread does, to the end of the program.
fn work() {
    let _presence = Presence::new();
    let _serves = Serves::set(true);
    loop {
        // Jobs are contained, so that nothing panics here that we know of. Should something, the executor puts back
        // what this thread had taken from its queue, and the thread begins anew.
        let _ = panic::catch(|| park_until_ready(EXECUTOR.run(pending::<()>())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn whole_numbers_from_one_up_are_read() {
        for (value, count) in [("1", 1), ("2", 2), ("64", 64), ("007", 7)] {
            assert_eq!(parse(OsStr::new(value)).unwrap().get(), count);
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_value() {
        for value in [
            "0",
            "",
            "x",
            "-1",
            "1.5",
            " 1",
            "1 ",
            "99999999999999999999999",
        ] {
            let text = parse(OsStr::new(value)).unwrap_err();
            assert!(
                text.contains(&format!("INGATHER_THREADS is set to {value:?}")),
                "{text}"
            );
            assert!(
                text.contains("set it to a whole number from 1 up"),
                "{text}"
            );
        }
    }

    #[cfg(unix)]
    #[test]
    fn bytes_that_are_not_text_are_refused_with_their_value() {
        use std::ffi::OsString;
        use std::os::unix::ffi::OsStringExt;

        let text = parse(&OsString::from_vec(vec![b'4', 0xff])).unwrap_err();
        assert!(text.contains(r#""4\xFF""#), "{text}");
    }

    #[test]
    fn threads_are_named_by_number() {
        let names = RefCell::new(Vec::new());
        let two = NonZeroUsize::new(2).unwrap();
        start_some(two, |name| {
            names.borrow_mut().push(name);
            Ok(())
        })
        .unwrap();
        assert_eq!(*names.borrow(), ["ingather-1", "ingather-2"]);
    }

    #[test]
    fn fewer_threads_will_do_but_none_is_an_error() {
        let four = NonZeroUsize::new(4).unwrap();
        let grant = |granted: usize| {
            let started = RefCell::new(0);
            start_some(four, |_| {
                if *started.borrow() == granted {
                    return Err(io::Error::other("no room"));
                }
                *started.borrow_mut() += 1;
                Ok(())
            })
        };
        assert_eq!(grant(2), Ok(()));
        let error = grant(0).unwrap_err();
        assert!(error.message().contains("(no room)"), "{error}");
    }
}
