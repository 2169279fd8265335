//! The test kit: what it promises to tests, kept by tests.
//!
//! - `executor`: what runs, where, and in which order
//! - `ends`: how jobs end, with a panic and with the executor
//! - `clock`: virtual time, and what holds it
//! - `reports`: deadlocks, livelocks and leaks
//! - `explore`: one test under many orders
//! - `by_hand`: polling by hand, traces and assertions
//! - `hostile`: the hostile spawner
//! - `contract`: what a spawner has to do

mod by_hand;
mod clock;
mod contract;
mod ends;
mod executor;
mod explore;
mod hostile;
mod reports;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The text of the panic that `f` ends with.
fn panic_text<R>(f: impl FnOnce() -> R) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else {
        panic!("there was no panic");
    };
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => (*payload.downcast::<&str>().expect("a text")).into(),
    }
}

/// Asserts that a text has these parts.
#[track_caller]
fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}
