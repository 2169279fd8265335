//! The works, one file a subject, in the order in which the table has them.
//!
//! - `collect`: `spawn`, `one`, `yield1`, `yield10`: children are spawned and their values are awaited
//! - `tree`: `tree`, `tree_inline`: groups within groups
//! - `stream`: `stream`, `stream_inline`: values are consumed as they come, and each is followed by the next child
//! - `busy`: children that talk to each other on the executor's own channels
//! - `late`: `timer_beside_busy`: how late a timer comes beside children that compute and yield
//! - `cancel`: children that wait are cancelled
//! - `memory`: what a child that waits takes
//! - `completion`: one child ends among many that wait
//! - `cpu`: children that compute
//! - `inline`: `inline`, `inline_yield1`: children that run in the task that awaits them
//! - `gather`: `gather`, `gather_yield1`, `inline_gather`, `inline_race`: several calls at once, on an executor and in one task
//! - `tasks`: `create_task`, `tasks_held`: background tasks that a registry holds
//! - `queue`: values from a thread to a task and back
//! - `bridge`: `run_sync`, `runner`: sync code calls async code
//! - `blocking`: children for which a thread waits
//! - `threads`: `to_thread`, `to_thread_many`: closures on other threads

mod blocking;
mod bridge;
mod busy;
mod cancel;
mod collect;
mod completion;
mod cpu;
mod gather;
mod inline;
mod late;
mod memory;
mod queue;
mod stream;
mod tasks;
mod threads;
mod tree;

use std::future::Future;

use crate::executors::Executor;
use crate::report::{Report, Row};

/// Prints the rows of a work.
type Rows = fn(&Report);

/// Each work by its name.
pub const WORKS: &[(&str, Rows)] = &[
    ("spawn", collect::spawn),
    ("one", collect::one),
    ("yield1", collect::yield1),
    ("yield10", collect::yield10),
    ("tree", tree::rows),
    ("tree_inline", tree::inline),
    ("stream", stream::rows),
    ("stream_inline", stream::inline),
    ("busy", busy::rows),
    ("timer_beside_busy", late::rows),
    ("cancel", cancel::rows),
    ("memory", memory::rows),
    ("completion", completion::rows),
    ("cpu", cpu::rows),
    ("inline", inline::ready),
    ("inline_yield1", inline::yield1),
    ("gather", gather::ready),
    ("gather_yield1", gather::yield1),
    ("inline_gather", gather::inline),
    ("inline_race", gather::races),
    ("blocking", blocking::rows),
    ("create_task", tasks::rows),
    ("tasks_held", tasks::held_rows),
    ("queue", queue::rows),
    ("run_sync", bridge::calls),
    ("runner", bridge::runners),
    ("to_thread", threads::rows),
    ("to_thread_many", threads::many),
];

/// Compares two works on one executor. Ours is given its spawner.
fn compare<X, O, OF, P, PF>(report: &Report, row: Row, on: &X, ours: O, peer: P)
where
    X: Executor<Spawner: Send>,
    O: Fn(X::Spawner) -> OF + Clone + Send + 'static,
    OF: Future<Output = ()> + Send,
    P: Fn() -> PF + Clone + Send + 'static,
    PF: Future<Output = ()> + Send,
{
    report.compare(
        row,
        |times| {
            let (spawner, ours) = (on.spawner(), ours.clone());
            on.repeat(times, move || ours(spawner.clone()))
        },
        |times| on.repeat(times, peer.clone()),
    );
}
