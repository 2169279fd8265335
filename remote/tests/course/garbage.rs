//! An engine that loses answers, never answers, refuses, panics and makes things up.

use std::time::Duration;

use ingather::{GroupOptions, block_on, scope, timeout, try_scope};
use ingather_remote::{
    CloseError, Ending, EngineErrorKind, Remote, RemoteError, RemoteErrorKind, RemoteOptions,
};

use crate::toy::{ECHO, Play, Script, Toy};

const PATIENCE: Duration = Duration::from_millis(200);
const SHORT: Duration = Duration::from_millis(50);

fn open(toy: &Toy) -> Remote {
    let options = RemoteOptions::new(toy.clone()).patience(PATIENCE);
    options.drop_grace(SHORT).open()
}

/// A call that is cancelled, without grace, once it is attached.
fn cancelled(toy: &Toy, far: &Remote) {
    let (there, seen) = (far.clone(), toy.clone());
    block_on(scope(|tg| async move {
        let child = tg.spawn(there.call(&ECHO, 1));
        seen.until("attach 0", 1).await;
        tg.cancel();
        assert!(child.await.unwrap_err().is_cancelled());
    }));
}

#[test]
fn whatever_was_done_may_be_asked_again_when_the_answer_was_lost() {
    for what in ["renew", "submit", "attach", "leave"] {
        let toy = Toy::new(Script::Echo);
        let far = open(&toy);
        toy.play(what, Play::Lose);
        assert_eq!(block_on(far.call(&ECHO, 5)).unwrap(), 5, "{what}");
        block_on(far.close()).unwrap();
    }
    for what in ["cancel", "kill"] {
        let toy = Toy::new(Script::Ignores);
        let far = open(&toy);
        toy.play(what, Play::Lose);
        cancelled(&toy, &far);
        block_on(far.close()).unwrap();
        assert!(toy.live_now().is_empty());
    }
}

#[test]
fn an_answer_that_never_comes_is_waited_for_as_long_as_the_patience_lasts() {
    let toy = Toy::new(Script::Echo);
    let far = open(&toy);
    toy.play("renew", Play::Mute);
    let error = block_on(far.call(&ECHO, 5)).unwrap_err();
    assert_eq!(error.kind(), RemoteErrorKind::Unreachable);
    assert!(error.is_unjoined());
    assert_eq!(block_on(far.close()).unwrap_err().unjoined().len(), 1);
    assert_eq!(toy.count("leave"), 0);
    // As long as nobody wants it to end, a submission may take its time.
    for what in ["submit", "cancel", "kill"] {
        let toy = Toy::new(Script::Stays);
        let far = open(&toy);
        toy.play(what, Play::Mute);
        assert!(block_on(timeout(SHORT, far.call(&ECHO, 1))).is_err());
        assert_eq!(block_on(far.close()).unwrap_err().unjoined().len(), 1);
    }
    let toy = Toy::new(Script::Echo);
    let far = open(&toy);
    assert_eq!(block_on(far.call(&ECHO, 5)).unwrap(), 5);
    toy.play("leave", Play::Mute);
    assert!(block_on(far.close()).unwrap_err().unjoined().is_empty());
}

#[test]
fn work_that_was_taken_and_then_refused_is_not_joined() {
    for (what, lost_first) in [("attach", false), ("submit", true), ("kill", false)] {
        let toy = Toy::new(Script::Stays);
        let far = open(&toy);
        if lost_first {
            toy.play(what, Play::Lose);
        }
        toy.play(what, Play::Fail(EngineErrorKind::Refused));
        let (there, seen, is_kill) = (far.clone(), toy.clone(), what == "kill");
        let error = block_on(scope(|tg| async move {
            let child = tg.spawn(there.call(&ECHO, 1));
            if is_kill {
                seen.until("attach 0", 1).await;
                tg.cancel();
            }
            child.await
        }));
        let error = error.unwrap().unwrap_err();
        assert_eq!(error.kind(), RemoteErrorKind::Refused, "{what}: {error}");
        assert!(error.is_unjoined(), "{what}");
        assert!(error.to_string().contains("was not joined"), "{error}");
        assert_eq!(toy.live_now().len(), 1);
        // So its lease is left to run out.
        let left: CloseError = block_on(far.close()).unwrap_err();
        assert_eq!(left.unjoined(), [error.ticket().clone()]);
        assert_eq!(toy.count("leave"), 0);
    }
}

#[test]
fn what_was_refused_at_once_is_not_there() {
    for kind in [EngineErrorKind::Refused, EngineErrorKind::TooLarge] {
        let toy = Toy::new(Script::Stays);
        let far = open(&toy);
        toy.play("submit", Play::Fail(kind));
        let error = block_on(far.call(&ECHO, 1)).unwrap_err();
        assert!(!error.is_unjoined(), "{error}");
        block_on(far.close()).unwrap();
    }
    // And what the engine does not know it does not run.
    let toy = Toy::new(Script::Stays);
    let far = open(&toy);
    toy.play("attach", Play::Fail(EngineErrorKind::Lost));
    let error = block_on(far.call(&ECHO, 1)).unwrap_err();
    assert_eq!(error.kind(), RemoteErrorKind::Lost);
    assert!(!error.is_unjoined());
    block_on(far.close()).unwrap();
}

#[test]
fn a_cancel_that_is_refused_leaves_the_kill() {
    let toy = Toy::new(Script::Ignores);
    let far = open(&toy);
    toy.play("cancel", Play::Fail(EngineErrorKind::Refused));
    cancelled(&toy, &far);
    assert_eq!(toy.count("kill 0"), 1);
    block_on(far.close()).unwrap();
    assert!(toy.live_now().is_empty());
}

#[test]
fn an_engine_that_panics_leaves_the_other_calls_alone() {
    for play in [Play::Panic, Play::PanicAtOnce] {
        for what in [
            "renew", "submit 0", "attach 0", "cancel 0", "kill 0", "leave",
        ] {
            let toy = Toy::new(Script::Ignores);
            let far = open(&toy);
            toy.play(what, play);
            let late = block_on(timeout(SHORT, far.call(&ECHO, 1)));
            assert!(block_on(timeout(SHORT, far.call(&ECHO, 2))).is_err());
            if let Ok(end) = late {
                let error = end.unwrap_err();
                assert_eq!(error.kind(), RemoteErrorKind::Refused, "{what}");
                assert!(error.to_string().contains("by design"), "{error}");
                let was_taken = ["submit 0", "attach 0"].contains(&what);
                assert_eq!(error.is_unjoined(), was_taken, "{what}");
            }
            let closed = block_on(far.close());
            // The reaper has ended the second call in any case.
            let live = toy.live_now();
            assert!(live.iter().all(|ticket| ticket.number() == 0), "{what}");
            let unjoined = closed.err();
            let unjoined = unjoined.iter().flat_map(CloseError::unjoined).count();
            assert!(unjoined >= live.len(), "{what}");
        }
    }
}

#[test]
fn a_renewal_that_panics_is_made_again() {
    let toy = Toy::new(Script::Obeys);
    let far = RemoteOptions::new(toy.clone()).lease(SHORT).open();
    let mut call = Box::pin(far.call(&ECHO, 1));
    toy.poll_until(&mut call, "attach 0");
    toy.play("renew", Play::Panic);
    let renewed = toy.count("renew");
    toy.wait_for("renew", renewed + 3);
    drop(call);
    block_on(far.close()).unwrap();
    assert!(toy.live_now().is_empty());
}

#[test]
fn what_it_makes_up_is_not_believed() {
    let garbage: [&[u8]; 5] = [b"", b"\xff\xfe", b"{", b"[1]", b"-1"];
    for text in garbage {
        let toy = Toy::new(Script::Stays);
        let far = open(&toy);
        let (there, seen) = (far.clone(), toy.clone());
        let error = block_on(scope(|tg| async move {
            let child = tg.spawn(there.call(&ECHO, 1));
            seen.until("attach 0", 1).await;
            seen.end(0, Ending::Value(text.to_vec()));
            child.await
        }));
        let error = error.unwrap().unwrap_err();
        assert_eq!(error.kind(), RemoteErrorKind::Decode, "{text:?}");
        assert_eq!(error.payload(), Some(text));
        block_on(far.close()).unwrap();
    }
}

#[test]
fn an_end_that_is_reported_twice_counts_once() {
    let toy = Toy::new(Script::Stays);
    let far = open(&toy);
    let (there, seen) = (far.clone(), toy.clone());
    let value = block_on(scope(|tg| async move {
        let child = tg.spawn(there.call(&ECHO, 1));
        seen.until("attach 0", 1).await;
        seen.end(0, Ending::Value(b"1".to_vec()));
        seen.end(0, Ending::Killed);
        child.await
    }));
    assert_eq!(value.unwrap().unwrap(), 1);
    block_on(far.close()).unwrap();
}

#[test]
fn the_error_of_a_scope_lists_all_that_was_not_joined() {
    let toy = Toy::new(Script::Stays);
    let far = open(&toy);
    let (there, seen) = (far.clone(), toy.clone());
    let options = GroupOptions::new().grace(Duration::from_secs(60));
    let error = block_on(options.try_scope(|tg| async move {
        for n in 0..5 {
            tg.try_spawn(there.call(&ECHO, n));
        }
        for n in ["attach 0", "attach 1", "attach 2", "attach 3", "attach 4"] {
            seen.until(n, 1).await;
        }
        seen.set_reachable(false);
        Ok(())
    }))
    .unwrap_err();
    let numbers = |tickets: Vec<u64>| {
        let mut numbers = tickets;
        numbers.sort_unstable();
        numbers
    };
    let leaves = error.iter().map(|leaf| {
        let error: &RemoteError = leaf.failure().error().expect("an error of a call");
        assert!(error.is_unjoined(), "{error}");
        error.ticket().number()
    });
    assert_eq!(numbers(leaves.collect()), [0, 1, 2, 3, 4]);
    let left = block_on(far.close()).unwrap_err();
    let left = left.unjoined().iter().map(|ticket| ticket.number());
    assert_eq!(numbers(left.collect()), [0, 1, 2, 3, 4]);
}

#[test]
fn a_call_that_succeeded_says_nothing_of_the_one_that_did_not() {
    let toy = Toy::new(Script::Echo);
    let far = open(&toy);
    toy.play("attach 1", Play::Fail(EngineErrorKind::Refused));
    let there = far.clone();
    let error = block_on(try_scope(|tg| async move {
        let good = tg.try_spawn(there.call(&ECHO, 1));
        assert_eq!(good.await.unwrap(), 1);
        let _ = tg.try_spawn(there.call(&ECHO, 2)).await;
        Ok(())
    }))
    .unwrap_err();
    assert_eq!(error.len(), 1);
    let left = block_on(far.close()).unwrap_err();
    assert_eq!(left.unjoined().len(), 1);
}
