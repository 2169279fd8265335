//! Calls that are dropped, the reaper, `close` and `run`.

use std::time::{Duration, Instant};

use ingather::{block_on, run, timeout};
use ingather_remote::{Ending, Remote, RemoteOptions};

use crate::toy::{ECHO, Script, Toy};

const SHORT: Duration = Duration::from_millis(50);

#[test]
fn a_call_that_is_dropped_is_cancelled_by_the_reaper() {
    let toy = Toy::new(Script::Obeys);
    let far = Remote::new(toy.clone());
    let late = block_on(timeout(SHORT, far.call(&ECHO, 1)));
    assert!(late.is_err());
    block_on(far.close()).unwrap();
    assert!(toy.live_now().is_empty());
    assert_eq!((toy.count("cancel 0"), toy.count("kill 0")), (1, 0));
    assert_eq!(toy.asked().last().unwrap(), "leave");
}

#[test]
fn and_killed_after_the_drop_grace() {
    let toy = Toy::new(Script::Ignores);
    let grace = Duration::from_millis(200);
    let far = RemoteOptions::new(toy.clone()).drop_grace(grace).open();
    let begin = Instant::now();
    assert!(block_on(timeout(SHORT, far.call(&ECHO, 1))).is_err());
    block_on(far.close()).unwrap();
    assert!(begin.elapsed() >= grace);
    assert!(toy.live_now().is_empty());
    assert_eq!(toy.count("kill 0"), 1);
}

#[test]
fn one_that_is_dropped_while_it_is_submitted_is_ended_too() {
    let toy = Toy::new(Script::Obeys);
    let far = Remote::new(toy.clone());
    toy.set_reachable(false);
    assert!(block_on(timeout(SHORT, far.call(&ECHO, 1))).is_err());
    toy.set_reachable(true);
    block_on(far.close()).unwrap();
    assert!(toy.live_now().is_empty());
}

#[test]
fn close_waits_for_calls_too() {
    let toy = Toy::new(Script::Stays);
    let far = Remote::new(toy.clone());
    let call = far.call(&ECHO, 1);
    let caller = std::thread::spawn(move || block_on(call));
    toy.wait_for("attach 0", 1);
    assert!(block_on(timeout(SHORT, far.close())).is_err());
    toy.end(0, Ending::Value(b"1".to_vec()));
    assert_eq!(caller.join().unwrap().unwrap(), 1);
    block_on(far.close()).unwrap();
    block_on(far.close()).unwrap();
}

#[test]
fn a_remote_that_is_dropped_leaves_the_scope_behind_it() {
    let toy = Toy::new(Script::Obeys);
    let far = Remote::new(toy.clone());
    assert!(block_on(timeout(SHORT, far.call(&ECHO, 1))).is_err());
    drop(far);
    toy.wait_for("leave", 1);
    assert!(toy.live_now().is_empty());
}

#[test]
fn a_run_waits_for_the_reaper() {
    for keeps in [true, false] {
        let toy = Toy::new(Script::Ignores);
        let grace = Duration::from_millis(100);
        let far = RemoteOptions::new(toy.clone()).drop_grace(grace).open();
        let mut kept = None;
        let exit = run(async {
            assert!(timeout(SHORT, far.call(&ECHO, 1)).await.is_err());
            kept = keeps.then_some(far);
        });
        assert!(exit.report().is_clean(), "{:?}", exit.report());
        assert!(toy.live_now().is_empty());
        assert_eq!(toy.asked().last().unwrap(), "leave");
    }
}
