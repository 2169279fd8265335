//! Values, errors, and what is kept of them.

use std::cell::Cell;
use std::error::Error;

use futures::StreamExt;
use ingather::{block_on, map_concurrent, try_gather, try_scope};
use ingather_remote::{Ending, EngineErrorKind, Job, Remote, RemoteError, RemoteErrorKind};
use serde::Serialize;

use crate::toy::{ECHO, Script, Toy};

fn end_with(ending: Ending) -> RemoteError {
    let toy = Toy::new(Script::Stays);
    let far = Remote::new(toy.clone());
    block_on(try_scope(|tg| async move {
        let child = tg.try_spawn(far.call(&ECHO, 1));
        toy.until("attach 0", 1).await;
        toy.end(0, ending);
        let _ = child.await;
        Ok(())
    }))
    .unwrap_err()
    .into_first()
    .into_error()
    .expect("an error of the call")
}

#[test]
fn values_come_in_the_order_of_the_calls() {
    let toy = Toy::new(Script::Echo);
    let far = Remote::new(toy.clone());
    let calls: Vec<_> = (0..100)
        .map(|n| {
            let far = far.clone();
            move || far.call(&ECHO, n)
        })
        .collect();
    let values = block_on(try_gather(calls)).unwrap();
    assert!(values.into_iter().eq(0..100));

    let there = far.clone();
    let mapped = map_concurrent(0..100, 8, move |n| there.call(&ECHO, n));
    let values = block_on(mapped.map(Result::unwrap).collect::<Vec<_>>());
    assert!(values.into_iter().eq(0..100));
    block_on(far.close()).unwrap();
    assert_eq!(toy.asked().last().unwrap(), "leave");
}

#[test]
fn a_failed_job_says_code_tries_and_ticket() {
    let error = end_with(Ending::Failed {
        code: 503,
        message: "no disk".into(),
        tries: 3,
    });
    assert_eq!(error.kind(), RemoteErrorKind::Failed);
    assert_eq!((error.code(), error.tries()), (Some(503), 3));
    assert_eq!((error.message(), error.ticket().number()), ("no disk", 0));
    assert_eq!(error.ticket().id(), Some("toy-0"));
    let text = error.to_string();
    assert!(
        text.ends_with("failed with 503 after 3 tries: no disk"),
        "{text}"
    );
}

#[test]
fn an_end_by_somebody_else_is_an_error() {
    assert_eq!(
        end_with(Ending::Cancelled).kind(),
        RemoteErrorKind::Cancelled
    );
    assert_eq!(end_with(Ending::Killed).kind(), RemoteErrorKind::Killed);
}

#[test]
fn a_value_that_does_not_decode_is_kept() {
    let error = end_with(Ending::Value(b"\"seven\"".to_vec()));
    assert_eq!(error.kind(), RemoteErrorKind::Decode);
    assert_eq!(error.payload(), Some(&b"\"seven\""[..]));
    assert!(error.source().is_some());
}

#[test]
fn what_the_engine_does_not_take_is_its_own_error() {
    for (kind, expected) in [
        (EngineErrorKind::UnknownJob, RemoteErrorKind::UnknownJob),
        (EngineErrorKind::TooLarge, RemoteErrorKind::TooLarge),
        (EngineErrorKind::Refused, RemoteErrorKind::Refused),
    ] {
        let toy = Toy::new(Script::Echo);
        let far = Remote::new(toy.clone());
        assert_eq!(block_on(far.call(&ECHO, 1)).unwrap(), 1);
        toy.fail_next(&[kind]);
        let error = block_on(far.call(&ECHO, 2)).unwrap_err();
        assert_eq!(error.kind(), expected);
        assert_eq!(toy.count("attach 1"), 0);
        block_on(far.close()).unwrap();
    }
}

#[test]
fn an_input_that_cannot_be_written_is_not_submitted() {
    struct Never;
    impl Serialize for Never {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("never"))
        }
    }
    static NEVER: Job<Never, u32> = Job::new("Toy/never");
    let toy = Toy::new(Script::Echo);
    let far = Remote::new(toy.clone());
    let error = block_on(far.call(&NEVER, Never)).unwrap_err();
    assert_eq!(error.kind(), RemoteErrorKind::Encode);
    assert!(toy.asked().is_empty());
}

#[test]
fn a_second_submission_gives_the_first_result() {
    let toy = Toy::new(Script::Echo);
    let far = Remote::new(toy.clone());
    assert_eq!(block_on(far.call(&ECHO, 1).number(7)).unwrap(), 1);
    assert_eq!(block_on(far.call(&ECHO, 2).number(7)).unwrap(), 1);
    assert_eq!(toy.count("submit 7"), 2);
}

#[test]
fn a_lost_connection_attaches_again() {
    let toy = Toy::new(Script::Echo);
    let far = Remote::new(toy.clone());
    assert_eq!(block_on(far.call(&ECHO, 1)).unwrap(), 1);
    toy.fail_next(&[EngineErrorKind::Unreachable, EngineErrorKind::Interrupted]);
    assert_eq!(block_on(far.call(&ECHO, 2)).unwrap(), 2);
    assert_eq!(toy.count("submit 1"), 3);
}

#[test]
fn nothing_is_submitted_before_it_is_polled() {
    let toy = Toy::new(Script::Echo);
    let far = Remote::new(toy.clone());
    drop(far.call(&ECHO, 1));
    let polled = Cell::new(false);
    drop(async {
        polled.set(true);
        far.call(&ECHO, 1).await
    });
    block_on(far.close()).unwrap();
    assert!(toy.asked().is_empty() && !polled.get());
    let error = block_on(far.call(&ECHO, 1)).unwrap_err();
    assert_eq!(error.kind(), RemoteErrorKind::Closed);
}
