//! `run_sync`, `runner`: sync code calls async code `n` times; figures are for one call.
//!
//! `run_sync` of a ready future, with one child in a scope on the embedded default, and with an echo over a duplex, against tokio's
//! `Handle::block_on` of the same, the child as a task of the runtime. A runner's `run` and `create_task(..).wait()`, against
//! `Handle::spawn` with a std channel on which the thread waits.

use std::sync::mpsc::channel;

use ingather::bridge::AsyncRunner;
use ingather::{run_sync, scope};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::runtime::Handle;

use crate::cost::{Cost, Span};
use crate::executors::{Executor, Tokio};
use crate::report::{Report, Row};

const N: usize = 1_000;

fn row(work: &'static str, peer: &'static str) -> Row {
    Row {
        work,
        n: N,
        threads: 1,
        peer,
        units: N,
    }
}

/// Makes a call over and over on this thread.
fn repeat(times: usize, mut call: impl FnMut() -> u64) -> Cost {
    let span = Span::begin();
    for _ in 0..times * N {
        assert_eq!(call(), 7, "each call gives its value");
    }
    span.end()
}

pub fn calls(report: &Report) {
    let on = Tokio::new(2);
    let handle = on.spawner();
    report.compare(
        row("run_sync", "Handle::block_on, ready"),
        |times| repeat(times, || run_sync(async { 7 })),
        |times| repeat(times, || handle.block_on(async { 7 })),
    );
    report.compare(
        row("run_sync", "Handle::block_on, one child"),
        |times| repeat(times, child),
        |times| repeat(times, || handle.block_on(task(&handle))),
    );
    report.compare(
        row("run_sync", "Handle::block_on, echo"),
        |times| {
            let mut ends = duplex(64);
            repeat(times, || run_sync(echo(&mut ends)))
        },
        |times| {
            let mut ends = duplex(64);
            repeat(times, || handle.block_on(echo(&mut ends)))
        },
    );
}

fn child() -> u64 {
    run_sync(scope(|tg| async move {
        let key = tg.spawn(async { 7 });
        key.await.expect("nobody cancels it")
    }))
}

async fn task(handle: &Handle) -> u64 {
    let task = handle.spawn(async { 7 });
    task.await.expect("nobody cancels it")
}

async fn echo((here, there): &mut (DuplexStream, DuplexStream)) -> u64 {
    let answers = async {
        let byte = there.read_u8().await.expect("the other end lives");
        there.write_u8(byte).await.expect("the other end lives");
    };
    let asks = async {
        here.write_u8(7).await.expect("the other end lives");
        here.read_u8().await.expect("the other end lives")
    };
    u64::from(futures::join!(answers, asks).1)
}

pub fn runners(report: &Report) {
    // A runtime whose threads run by themselves, as a runner's do.
    let on = Tokio::new(2);
    let handle = on.spawner();
    let embedded = AsyncRunner::start().expect("a thread can be started");
    let tokio = AsyncRunner::builder().tokio().start();
    let tokio = tokio.expect("a thread can be started");
    let runs = |runner: &AsyncRunner| runner.run(async { 7 }).expect("it is open");
    let peer = "Handle::spawn, channel";
    report.compare(
        row("runner", peer),
        |times| repeat(times, || runs(&embedded)),
        |times| repeat(times, || sent(&handle)),
    );
    report.compare(
        row("runner", "Handle::spawn, channel; tokio inside"),
        |times| repeat(times, || runs(&tokio)),
        |times| repeat(times, || sent(&handle)),
    );
    report.compare(
        row("runner", "Handle::spawn, channel; create_task, wait"),
        |times| {
            repeat(times, || {
                let task = embedded.create_task(async { 7 });
                task.wait().expect("nobody cancels it")
            })
        },
        |times| repeat(times, || sent(&handle)),
    );
}

fn sent(handle: &Handle) -> u64 {
    let (tell, told) = channel();
    drop(handle.spawn(async move { tell.send(7).expect("the thread waits") }));
    told.recv().expect("the task runs")
}
