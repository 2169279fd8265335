//! `busy`: `n` children that live on tokio's channels, in pairs, 100 operations each; figures are for one operation.
//!
//! What is measured is how children and their runtime get along: a child that could always go on has to give way when
//! tokio's budget is spent. The peer: `JoinSet`.

use ingather::{Spawner, on};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;

use super::compare;
use crate::child::sum;
use crate::executors::Tokio;
use crate::report::{Report, Row};

const PAIRS: usize = 500;
const MESSAGES: u64 = 100;
const CAPACITY: usize = 8;

pub fn rows(report: &Report) {
    for threads in [1, 2] {
        let row = Row {
            work: "busy",
            n: 2 * PAIRS,
            threads,
            peer: "tokio::JoinSet",
            units: 2 * PAIRS * MESSAGES as usize,
        };
        compare(report, row, &Tokio::new(threads), ours, join_set);
    }
}

async fn send(sender: Sender<u64>) -> u64 {
    for message in 0..MESSAGES {
        sender
            .send(message)
            .await
            .expect("the receiver stays until the sender is gone");
    }
    0
}

async fn receive(mut receiver: Receiver<u64>) -> u64 {
    let mut found = 0;
    while let Some(message) = receiver.recv().await {
        found += message;
    }
    found
}

fn check(found: u64) {
    assert_eq!(
        found,
        PAIRS as u64 * sum(MESSAGES),
        "each message came once"
    );
}

async fn ours<S: Spawner + Clone + 'static>(spawner: S) {
    let found = on(&spawner).scope(|tg| async move {
        let mut keys = Vec::new();
        for _ in 0..PAIRS {
            let (sender, receiver) = channel(CAPACITY);
            keys.push(tg.spawn(receive(receiver)));
            keys.push(tg.spawn(send(sender)));
        }
        let mut found = 0;
        for key in keys {
            found += key
                .await
                .expect("a child that nobody cancels gives its value");
        }
        found
    });
    check(found.await);
}

async fn join_set() {
    let mut set = JoinSet::new();
    for _ in 0..PAIRS {
        let (sender, receiver) = channel(CAPACITY);
        set.spawn(receive(receiver));
        set.spawn(send(sender));
    }
    let mut found = 0;
    while let Some(value) = set.join_next().await {
        found += value.expect("a task that nobody cancels gives its value");
    }
    check(found);
}
