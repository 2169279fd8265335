//! What every spawner does: the contract that each adapter's test calls.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use futures::channel::oneshot;

use super::{LocalSpawner, Spawner};

/// Far longer than anything here takes; it ends a hung test.
const PATIENCE: Duration = Duration::from_secs(20);

/// Spawners whose jobs run by themselves, on other threads.
pub(super) fn spawner(spawner: &dyn Spawner) {
    // Every job runs, and is dropped when it is over: the last sender hangs up.
    let (sender, receiver) = mpsc::channel();
    for number in 0..100 {
        let sender = sender.clone();
        spawner
            .spawn(Box::pin(async move { sender.send(number).unwrap() }))
            .unwrap();
    }
    drop(sender);
    let mut seen = Vec::new();
    loop {
        match receiver.recv_timeout(PATIENCE) {
            Ok(number) => seen.push(number),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("{} jobs of 100 ran", seen.len()),
        }
    }
    seen.sort_unstable();
    assert!(seen.iter().copied().eq(0..100));

    // A job that waits is polled again when it is woken, from a thread that has nothing to do with the spawner.
    let (waiting, is_waiting) = mpsc::channel();
    let (sender, receiver) = mpsc::channel();
    let (wake, woken) = oneshot::channel();
    let job = async move {
        waiting.send(()).unwrap();
        sender.send(woken.await.unwrap()).unwrap();
    };
    spawner.spawn(Box::pin(job)).unwrap();
    is_waiting.recv_timeout(PATIENCE).unwrap();
    thread::spawn(move || wake.send("woken").unwrap());
    assert_eq!(receiver.recv_timeout(PATIENCE), Ok("woken"));

    // Out of its jobs it is not current, and there is no turn to use up.
    assert!(!spawner.is_current());
    assert!(!spawner.should_yield());
}

/// Local spawners, with what runs their jobs until none can go on.
pub(super) fn local_spawner(spawner: &dyn LocalSpawner, mut run: impl FnMut()) {
    let this_thread = thread::current().id();
    let steps = Rc::new(Cell::new(0));
    let (wake, woken) = oneshot::channel();
    let counted = Rc::clone(&steps);
    let job = async move {
        assert_eq!(thread::current().id(), this_thread);
        counted.set(counted.get() + 1);
        woken.await.unwrap();
        assert_eq!(thread::current().id(), this_thread);
        counted.set(counted.get() + 1);
    };
    spawner.spawn_local(Box::pin(job)).unwrap();
    assert_eq!(steps.get(), 0, "polled in `spawn_local`");
    run();
    assert_eq!(steps.get(), 1);
    thread::spawn(move || wake.send(()).unwrap())
        .join()
        .unwrap();
    run();
    assert_eq!((steps.get(), Rc::strong_count(&steps)), (2, 1));
    assert!(!spawner.should_yield());
}
