//! What the tests stand on: every spawner, the contract runner, and tools that order and record events without sleeping.
//!
//! - `spawners`: each kind of spawner, and running one test on all of them, on and off the spawner
//! - `watchdog`: ends a test that hangs, with its name
//! - `seeded`: numbers from a seed, a spawner whose jobs are run by hand, and virtual time over seeds
//! - `wound`: a clock that is wound by hand, and lengths of time
//! - `ends`: how keys and futures end, and what is done when a value is dropped
//! - `faults`: panics with a text of their own, and what panics at a chosen point
//! - `gates`: events that are opened by hand, for tasks and for threads
//! - `records`: drops, polls and how many are under way at once
//! - `unhandled`: what reached the unhandled hook
//! - `warnings`: what the crate says through `tracing`
//!
//! Traces, counting wakers, polling by hand and the hostile spawner are those of `ingather::testing`.
//!
//! A test is a plain `async fn name(on: Site)`, listed once in its file's `behaviour!(name, ..)`. That makes a module of
//! the test's name with one `#[test]` for each spawner; each runs the test as a job of the spawner and from a plain thread.

#![allow(
    dead_code,
    unused_imports,
    reason = "a tool box: which test uses which tool changes from file to file"
)]

pub(crate) mod ends;
pub(crate) mod faults;
pub(crate) mod gates;
pub(crate) mod records;
pub(crate) mod seeded;
pub(crate) mod spawners;
pub(crate) mod unhandled;
#[cfg(feature = "tracing")]
pub(crate) mod warnings;
pub(crate) mod watchdog;
pub(crate) mod wound;

pub(crate) use ends::{AtDrop, AtOnce, at_drop, kind, panic_when_awaited, reason};
pub(crate) use faults::{
    Explosive, explodes_after, explodes_waiting, finish, payload_of, text_of, throw, unique,
};
pub(crate) use gates::{Gate, PATIENCE, until};
pub(crate) use ingather::testing::{
    ByHand, CountingWaker, HostileSpawner, Mischief, Trace, yield_now, yields,
};
pub(crate) use records::{Drops, Meter, Polls, Witness};
pub(crate) use seeded::{Rng, over_seeds, stepper};
pub(crate) use spawners::{Kind, Site, may_block, run};
pub(crate) use watchdog::{watched, watched_for};
pub(crate) use wound::{HOUR, MOMENT, SECOND, Wound, with_wound};

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// An error with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) &'static str);

/// Panics without the noise of the panic hook. The payload is the text.
pub(crate) fn boom(text: &'static str) -> ! {
    resume_unwind(Box::new(text))
}

/// The text of the panic that `f` ends with.
pub(crate) fn panic_of<R>(f: impl FnOnce() -> R) -> Option<&'static str> {
    let payload = catch_unwind(AssertUnwindSafe(f)).err()?;
    match payload.downcast::<&'static str>() {
        Ok(text) => Some(*text),
        Err(other) => resume_unwind(other),
    }
}

/// The text of a panic's payload.
pub(crate) fn panic_text(payload: Box<dyn std::any::Any + Send>) -> String {
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(other) => other
            .downcast_ref::<&str>()
            .copied()
            .unwrap_or_default()
            .to_owned(),
    }
}

/// Makes a module of `#[test]`s, one for each spawner, of each test that is named.
///
/// `outside:` before the names runs them from a plain thread only, `inside:` as a job of the spawner only. A test that
/// blocks its thread for its children has to be outside.
#[allow(
    unused_macros,
    reason = "the same tool box serves random programs, which have no tests of this shape"
)]
macro_rules! behaviour {
    (outside: $($name:ident),* $(,)?) => { $( behaviour!(@module $name [false]); )* };
    (inside: $($name:ident),* $(,)?) => { $( behaviour!(@module $name [true]); )* };
    ($($name:ident),* $(,)?) => { $( behaviour!(@module $name [true, false]); )* };
    (@module $name:ident $modes:tt) => {
        mod $name {
            $crate::support::behaviour!(@test $name $modes
                embedded: Embedded, embedded_block_on: EmbeddedBlockOn, tokio_one: TokioOne, tokio_many: TokioMany,
                smol: Smol, futures_pool: FuturesPool, own: Own, hostile: Hostile, test: Test);
        }
    };
    (@test $name:ident $modes:tt $($test:ident: $kind:ident),*) => { $(
        #[test]
        fn $test() {
            let kind = $crate::support::Kind::$kind;
            $crate::support::run(kind, module_path!(), &$modes, |on| Box::pin(super::$name(on)));
        }
    )* };
}
pub(crate) use behaviour;
