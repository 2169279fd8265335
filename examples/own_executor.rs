//! An executor of one's own: one method makes it a spawner, and scopes run on it.
//!
//! Prints `sum of squares: 385`.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use futures::executor::block_on;
use ingather::spawner::SpawnError;
use ingather::{Job, Spawner, on};

/// A thread that runs one job after the other.
#[derive(Clone)]
struct OneThread(Sender<Job>);

impl OneThread {
    fn start() -> Self {
        let (sender, jobs): (_, Receiver<Job>) = channel();
        thread::spawn(move || jobs.into_iter().for_each(block_on));
        Self(sender)
    }
}

impl Spawner for OneThread {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.0.send(job).map_err(|_| SpawnError::shut_down())
    }
}

fn main() {
    let executor = OneThread::start();
    let sum: u32 = block_on(on(&executor).scope(|tg| async move {
        let keys: Vec<_> = (1..=10).map(|n| tg.spawn(async move { n * n })).collect();
        let mut sum = 0;
        for key in keys {
            sum += key.await.expect("no child is cancelled");
        }
        sum
    }));
    println!("sum of squares: {sum}");
    assert_eq!(sum, 385);
}
