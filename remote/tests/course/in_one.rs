//! An engine that takes work and tells its end in one question.

use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use ingather::{GroupOptions, block_on, scope, timeout};
use ingather_remote::{Ending, EngineErrorKind, Remote, RemoteErrorKind, RemoteOptions};

use crate::toy::{ECHO, Play, Script, Toy};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

fn toy(script: Script) -> (Toy, Remote) {
    let toy = Toy::new(script).in_one();
    let far = RemoteOptions::new(toy.clone()).drop_grace(SHORT).open();
    (toy, far)
}

#[test]
fn one_question_gives_the_end() {
    let (toy, far) = toy(Script::Echo);
    assert_eq!(block_on(far.call(&ECHO, 7)).unwrap(), 7);
    block_on(far.close()).unwrap();
    assert_eq!(toy.asked(), ["renew", "both 0", "leave"]);
}

#[test]
fn the_error_has_the_ticket_of_the_engine() {
    let (toy, far) = toy(Script::Stays);
    let seen = toy.clone();
    let end = block_on(scope(|tg| async move {
        let child = tg.spawn(far.call(&ECHO, 1));
        seen.until("both 0", 1).await;
        seen.end(0, Ending::Killed);
        child.await
    }));
    let error = end.unwrap().unwrap_err();
    assert_eq!(error.kind(), RemoteErrorKind::Killed);
    assert_eq!(error.ticket().id(), Some("toy-0"));
    assert_eq!(toy.count("submit 0"), 0);
}

#[test]
fn what_has_no_end_for_a_while_is_asked_step_by_step() {
    for play in [
        Play::NoEnd,
        Play::Lose,
        Play::Fail(EngineErrorKind::Unreachable),
    ] {
        let (toy, far) = toy(Script::Echo);
        toy.play("both", play);
        assert_eq!(block_on(far.call(&ECHO, 7)).unwrap(), 7);
        block_on(far.close()).unwrap();
        let steps = ["renew", "both 0", "submit 0", "attach 0", "leave"];
        assert_eq!(toy.asked(), steps);
    }
}

#[test]
fn a_cancel_goes_on_step_by_step() {
    for (script, last) in [(Script::Obeys, "cancel 0"), (Script::Ignores, "kill 0")] {
        for mute in [false, true] {
            let (toy, far) = toy(script);
            if mute {
                toy.play("both", Play::Mute);
            }
            let (there, seen) = (far.clone(), toy.clone());
            let options = GroupOptions::new().grace(SHORT);
            block_on(options.scope(|tg| async move {
                let child = tg.spawn(there.call(&ECHO, 1));
                seen.until("both 0", 1).await;
                child.cancel();
                assert!(child.await.unwrap_err().is_cancelled());
            }));
            assert!(toy.live_now().is_empty());
            assert_eq!(toy.asked()[1..4], ["both 0", "submit 0", "attach 0"]);
            assert_eq!(toy.asked().last().unwrap(), last);
            block_on(far.close()).unwrap();
        }
    }
}

#[test]
fn what_is_refused_in_one_is_not_there() {
    for kind in [
        EngineErrorKind::Refused,
        EngineErrorKind::TooLarge,
        EngineErrorKind::UnknownJob,
    ] {
        let (toy, far) = toy(Script::Stays);
        toy.play("both", Play::Fail(kind));
        let error = block_on(far.call(&ECHO, 1)).unwrap_err();
        assert!(!error.is_unjoined(), "{error}");
        assert_eq!(toy.count("submit 0"), 0);
        block_on(far.close()).unwrap();
    }
}

#[test]
fn what_was_taken_in_one_and_is_then_refused_is_not_joined() {
    let (toy, far) = toy(Script::Stays);
    toy.play("both", Play::Lose);
    toy.play("submit", Play::Fail(EngineErrorKind::Refused));
    let error = block_on(far.call(&ECHO, 1)).unwrap_err();
    assert_eq!(error.kind(), RemoteErrorKind::Refused);
    assert!(error.is_unjoined());
    assert_eq!(block_on(far.close()).unwrap_err().unjoined().len(), 1);
}

#[test]
fn what_is_too_large_was_so_each_time() {
    let (toy, far) = toy(Script::Stays);
    toy.play("both", Play::Fail(EngineErrorKind::Unreachable));
    toy.play("submit", Play::Fail(EngineErrorKind::TooLarge));
    let error = block_on(far.call(&ECHO, 1)).unwrap_err();
    assert_eq!(error.kind(), RemoteErrorKind::TooLarge);
    assert!(!error.is_unjoined());
    block_on(far.close()).unwrap();
}

#[test]
fn a_panic_in_one_leaves_the_other_calls_alone() {
    for play in [Play::Panic, Play::PanicAtOnce] {
        let (toy, far) = toy(Script::Echo);
        toy.play("both 0", play);
        let error = block_on(far.call(&ECHO, 1)).unwrap_err();
        assert!(error.is_unjoined() && error.to_string().contains("by design"));
        assert_eq!(block_on(far.call(&ECHO, 2)).unwrap(), 2);
        assert_eq!(block_on(far.close()).unwrap_err().unjoined().len(), 1);
    }
}

#[test]
fn it_may_be_dropped_at_each_of_its_awaits() {
    for mute in [false, true] {
        for times in 0..8 {
            let toy = Toy::new(Script::Ignores).in_one().slow();
            let far = RemoteOptions::new(toy.clone()).drop_grace(SHORT).open();
            if mute {
                toy.play("both", Play::Mute);
            }
            let mut call = Box::pin(far.call(&ECHO, 1));
            let mut cx = Context::from_waker(Waker::noop());
            assert!((0..times).all(|_| pin!(&mut call).poll(&mut cx).is_pending()));
            drop(call);
            block_on(timeout(LONG, far.close())).unwrap().unwrap();
            assert!(toy.live_now().is_empty(), "after {times} polls");
            assert_eq!(toy.count("both 0") > 0, toy.count("kill 0") > 0);
        }
    }
}
