//! What an executor says when a test cannot go on, or leaves something behind.

use std::fmt::{Display, Write};

use super::shared::Shared;
use crate::error::ChildInfo;
use crate::group::engine::introspection::{GroupReport, Taking};
use std::task::Waker;

/// Nothing will ever be ready again.
pub(super) fn deadlock(shared: &Shared, census: &Taking, main: &Waker) -> String {
    let timers = shared.timers.waiting();
    let mut text = String::from("deadlock: nothing is ready, no thread holds the clock, ");
    match timers {
        0 => text.push_str("no timer is set, "),
        _ => {
            let timers = some(timers, "timer is", "timers are");
            let _ = write!(text, "{timers} set but the clock does not jump, ");
        }
    }
    text.push_str("and the future of `block_on` is not over");
    waiting(&mut text, census, census.awaited_by(main));
    others(&mut text, shared);
    text
}

/// The limit of polls was reached.
pub(super) fn livelock(shared: &Shared, census: Option<&Taking>) -> String {
    let (limit, last) = {
        let state = shared.state.lock();
        (state.settings.step_limit, state.last_polled())
    };
    let mut text =
        format!("livelock: {limit} polls and the clock has not moved; the last was of {last}");
    if let Some(census) = census {
        waiting(&mut text, census, None);
    }
    others(&mut text, shared);
    text
}

/// What ought to be over and is not, if there is anything.
pub(super) fn leaks(shared: &Shared, census: &Taking) -> Option<String> {
    let mut lines = String::new();
    for group in census.groups() {
        if !group.children.is_empty() || group.kept > 0 {
            line(&mut lines, &group);
        }
        if group.kept > 0 {
            let kept = some(group.kept, "result is", "results are");
            line(
                &mut lines,
                &format!("  {kept} kept for keys that nobody has used or dropped"),
            );
        }
    }
    let remains = shared.remains();
    let mut count = |n: usize, one: &str, many: &str| {
        if n > 0 {
            line(&mut lines, &some(n, one, many));
        }
    };
    count(remains.jobs, "job is not over", "jobs are not over");
    count(remains.timers, "timer is set", "timers are set");
    count(
        remains.threads,
        "thread of `blocking` is at work",
        "threads of `blocking` are at work",
    );
    count(
        remains.guards,
        "guard holds the clock",
        "guards hold the clock",
    );
    if lines.is_empty() {
        return None;
    }
    let mut text = format!("leaks: the future of `block_on` is over, and left behind{lines}");
    line(
        &mut text,
        &"end these before it returns, or say `allow_leaks()`",
    );
    origin(&mut text, shared);
    Some(text)
}

/// The groups that are not over, with who waits in them for whom.
fn waiting(text: &mut String, census: &Taking, main_awaits: Option<ChildInfo>) {
    if let Some(child) = main_awaits {
        line(
            text,
            &format!("the future of `block_on` awaits the {child}"),
        );
    }
    let is_waited_for = |group: &&GroupReport| {
        !group.ended && (!group.children.is_empty() || group.body_awaits.is_some())
    };
    for group in census.groups().iter().filter(is_waited_for) {
        line(text, group);
    }
}

fn others(text: &mut String, shared: &Shared) {
    let jobs = shared.remains().jobs;
    if jobs > 0 {
        let jobs = some(jobs, "job of the executor is", "jobs of the executor are");
        line(
            text,
            &format!("{jobs} not over, drivers of groups among them"),
        );
    }
    origin(text, shared);
}

/// How to have it happen again.
fn origin(text: &mut String, shared: &Shared) {
    if let Some(seed) = shared.seed {
        line(
            text,
            &format!("seed {seed}: `TestExecutor::run({seed}, ..)` runs it again"),
        );
    }
}

/// On lines of its own, indented.
fn line(text: &mut String, what: &dyn Display) {
    for part in what.to_string().lines() {
        let _ = write!(text, "\n  {part}");
    }
}

fn some(n: impl TryInto<u64>, one: &str, many: &str) -> String {
    match n.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {one}"),
        n => format!("{n} {many}"),
    }
}
