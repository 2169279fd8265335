//! A task is not waited for by two threads: one of them would get nothing.

use std::thread;

use ingather::create_task;

fn main() {
    // Tasks-15
    let task = create_task(async { 7 });
    thread::scope(|threads| {
        threads.spawn(|| task.wait());
        threads.spawn(|| task.wait());
    });
}
