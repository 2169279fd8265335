//! Cancel, grace, kill.

use std::time::{Duration, Instant};

use ingather::{GroupOptions, block_on, race, scope};
use ingather_remote::{Ending, Remote};

use crate::toy::{ECHO, Script, Toy};

const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_child_that_obeys_is_over_before_the_grace_is() {
    let toy = Toy::new(Script::Obeys);
    let far = Remote::new(toy.clone());
    let options = GroupOptions::new().grace(LONG);
    let begin = Instant::now();
    let seen = toy.clone();
    block_on(options.scope(|tg| async move {
        let child = tg.spawn(far.call(&ECHO, 1));
        seen.until("attach 0", 1).await;
        tg.cancel();
        assert!(child.await.unwrap_err().is_cancelled());
    }));
    assert!(begin.elapsed() < LONG);
    assert!(toy.live_now().is_empty());
    assert_eq!((toy.count("cancel 0"), toy.count("kill 0")), (1, 0));
}

#[test]
fn the_end_of_the_grace_kills() {
    let toy = Toy::new(Script::Ignores);
    let far = Remote::new(toy.clone());
    let grace = Duration::from_millis(300);
    let options = GroupOptions::new().grace(grace);
    let seen = toy.clone();
    let begin = block_on(options.scope(|tg| async move {
        let child = tg.spawn(far.call(&ECHO, 1));
        seen.until("attach 0", 1).await;
        tg.cancel();
        let begin = Instant::now();
        seen.until("cancel 0", 1).await;
        assert_eq!(seen.count("kill 0"), 0);
        assert!(child.await.unwrap_err().is_cancelled());
        begin
    }));
    assert!((grace..20 * grace).contains(&begin.elapsed()));
    assert!(toy.live_now().is_empty());
    assert_eq!(toy.count("kill 0"), 1);
}

#[test]
fn without_grace_the_kill_follows_the_cancel() {
    let toy = Toy::new(Script::Ignores);
    let far = Remote::new(toy.clone());
    let seen = toy.clone();
    block_on(scope(|tg| async move {
        let child = tg.spawn(far.call(&ECHO, 1));
        seen.until("attach 0", 1).await;
        tg.cancel();
        assert!(child.await.unwrap_err().is_cancelled());
    }));
    let asked = toy.asked();
    assert_eq!(
        asked[..5],
        ["renew", "submit 0", "attach 0", "cancel 0", "kill 0"]
    );
    assert!(toy.live_now().is_empty());
}

#[test]
fn cancel_now_ends_the_grace() {
    let toy = Toy::new(Script::Ignores);
    let far = Remote::new(toy.clone());
    let options = GroupOptions::new().grace(LONG);
    let seen = toy.clone();
    let begin = Instant::now();
    block_on(options.scope(|tg| async move {
        let child = tg.spawn(far.call(&ECHO, 1));
        seen.until("attach 0", 1).await;
        tg.cancel();
        seen.until("cancel 0", 1).await;
        tg.cancel_now();
        assert!(child.await.unwrap_err().is_cancelled());
    }));
    assert!(begin.elapsed() < LONG);
    assert!(toy.live_now().is_empty());
}

#[test]
fn the_scope_waits_until_the_end_is_reported() {
    let toy = Toy::new(Script::Stays);
    let far = Remote::new(toy.clone());
    let (there, seen) = (far.clone(), toy.clone());
    let scope = std::thread::spawn(move || {
        block_on(scope(|tg| async move {
            tg.spawn(there.call(&ECHO, 1));
            seen.until("attach 0", 1).await;
            tg.cancel();
        }));
    });
    // It is asked again and again, and the scope stays.
    toy.wait_for("kill 0", 3);
    assert!(!scope.is_finished());
    toy.end(0, Ending::Killed);
    scope.join().unwrap();
}

#[test]
fn a_value_in_spite_of_a_cancel_counts() {
    let toy = Toy::new(Script::Stays);
    let far = Remote::new(toy.clone());
    let options = GroupOptions::new().grace(LONG);
    let value = block_on(options.scope(|tg| async move {
        let child = tg.spawn(far.call(&ECHO, 1));
        toy.until("attach 0", 1).await;
        tg.cancel();
        toy.until("cancel 0", 1).await;
        toy.end(0, Ending::Value(b"5".to_vec()));
        child.await
    }));
    assert_eq!(value.unwrap().unwrap(), 5);
}

#[test]
fn one_child_alone_is_cancelled_by_its_key() {
    let toy = Toy::new(Script::Obeys);
    let far = Remote::new(toy.clone());
    block_on(scope(|tg| async move {
        let (a, b) = (tg.spawn(far.call(&ECHO, 1)), tg.spawn(far.call(&ECHO, 2)));
        toy.until("attach 0", 1).await;
        toy.until("attach 1", 1).await;
        a.cancel();
        assert!(a.await.unwrap_err().is_cancelled());
        assert_eq!(toy.count("cancel 1"), 0);
        toy.end(1, Ending::Value(b"2".to_vec()));
        assert_eq!(b.await.unwrap().unwrap(), 2);
    }));
}

#[test]
fn the_losers_of_a_race_are_over_when_it_is() {
    let toy = Toy::new(Script::Ignores);
    let far = Remote::new(toy.clone());
    let (a, b) = (far.call(&ECHO, 1), far.call(&ECHO, 2));
    let ends = toy.clone();
    let script = std::thread::spawn(move || {
        ends.wait_for("attach 0", 1);
        ends.wait_for("attach 1", 1);
        ends.end(1, Ending::Value(b"2".to_vec()));
    });
    let first = block_on(race([a, b].map(|call| move || call)));
    assert_eq!(first.unwrap(), 2);
    script.join().unwrap();
    assert!(toy.live_now().is_empty());
}
