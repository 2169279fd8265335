//! `queue`: `n` values go from a thread to a task of tokio's current-thread runtime, or from such a task to a thread; figures
//! are for one value.
//!
//! Ours is a bounded `Queue`; the peers are the bounded channels of flume and tokio. Each thread is started anew, for ours as for
//! the peers, and the queue has room for 64 values.

use std::future::Future;
use std::thread;

use ingather::sync::Queue;
use tokio::sync::mpsc;

use crate::child::sum;
use crate::executors::{Executor, Tokio};
use crate::report::{Report, Row};

const N: usize = 100_000;
const ROOM: usize = 64;
const LIVES: &str = "the other end lives until all is through";

pub fn rows(report: &Report) {
    let on = Tokio::new(1);
    let row = |peer| Row {
        work: "queue",
        n: N,
        threads: 1,
        peer,
        units: N,
    };
    compare(
        report,
        row("flume, thread to task"),
        &on,
        to_task,
        flume_to_task,
    );
    compare(
        report,
        row("tokio mpsc, thread to task"),
        &on,
        to_task,
        mpsc_to_task,
    );
    compare(
        report,
        row("flume, task to thread"),
        &on,
        to_thread,
        flume_to_thread,
    );
    compare(
        report,
        row("tokio mpsc, task to thread"),
        &on,
        to_thread,
        mpsc_to_thread,
    );
}

fn compare<A, B>(report: &Report, row: Row, on: &Tokio, ours: fn() -> A, peers: fn() -> B)
where
    A: Future<Output = ()> + Send + 'static,
    B: Future<Output = ()> + Send + 'static,
{
    report.compare(
        row,
        |times| on.repeat(times, ours),
        |times| on.repeat(times, peers),
    );
}

fn values() -> impl Iterator<Item = u64> {
    0..N as u64
}

fn check(found: u64) {
    assert_eq!(found, sum(N as u64), "each value came once");
}

async fn to_task() {
    let queue = Queue::bounded(ROOM);
    let from = queue.clone();
    let thread = thread::spawn(move || {
        for value in values() {
            from.put_blocking(value).expect(LIVES);
        }
        from.close();
    });
    let mut found = 0;
    while let Ok(value) = queue.get().await {
        found += value;
    }
    thread.join().expect(LIVES);
    check(found);
}

async fn flume_to_task() {
    let (sender, receiver) = flume::bounded(ROOM);
    let thread = thread::spawn(move || {
        for value in values() {
            sender.send(value).expect(LIVES);
        }
    });
    let mut found = 0;
    while let Ok(value) = receiver.recv_async().await {
        found += value;
    }
    thread.join().expect(LIVES);
    check(found);
}

async fn mpsc_to_task() {
    let (sender, mut receiver) = mpsc::channel(ROOM);
    let thread = thread::spawn(move || {
        for value in values() {
            sender.blocking_send(value).expect(LIVES);
        }
    });
    let mut found = 0;
    while let Some(value) = receiver.recv().await {
        found += value;
    }
    thread.join().expect(LIVES);
    check(found);
}

async fn to_thread() {
    let queue = Queue::bounded(ROOM);
    let into = queue.clone();
    let thread = thread::spawn(move || {
        let mut found = 0;
        while let Ok(value) = into.get_blocking() {
            found += value;
        }
        found
    });
    for value in values() {
        queue.put(value).await.expect(LIVES);
    }
    queue.close();
    check(thread.join().expect(LIVES));
}

async fn flume_to_thread() {
    let (sender, receiver) = flume::bounded(ROOM);
    let thread = thread::spawn(move || receiver.iter().sum());
    for value in values() {
        sender.send_async(value).await.expect(LIVES);
    }
    drop(sender);
    check(thread.join().expect(LIVES));
}

async fn mpsc_to_thread() {
    let (sender, mut receiver) = mpsc::channel(ROOM);
    let thread = thread::spawn(move || {
        let mut found = 0;
        while let Some(value) = receiver.blocking_recv() {
            found += value;
        }
        found
    });
    for value in values() {
        sender.send(value).await.expect(LIVES);
    }
    drop(sender);
    check(thread.join().expect(LIVES));
}
