//! A task is waited for by one thread after the other, and a promise by both.

use std::thread;
use std::time::Duration;

use ingather::create_task;
use ingather::sync::promise;

pub(crate) fn main() {
    // Tasks-15: one after the other,
    let (begin, begun) = promise();
    let mut task = create_task(async move {
        begun.await.unwrap();
        7
    });
    let first = thread::spawn(move || {
        let early = task.wait_timeout(Duration::ZERO);
        assert!(early.is_none());
        task
    });
    let task = first.join().unwrap();
    begin.set(()).unwrap();
    // or a promise for both.
    let (tell, told) = promise();
    let told = told.shared();
    drop(create_task(async move { tell.set(task.await.unwrap()) }));
    thread::scope(|threads| {
        let waits = || assert_eq!(told.wait_blocking().map(|seven| *seven), Ok(7));
        threads.spawn(waits);
        threads.spawn(waits);
    });
}
