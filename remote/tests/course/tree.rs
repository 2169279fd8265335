//! Jobs that call others: they are over when those are.

use std::thread;
use std::time::Duration;

use ingather::{CancelToken, block_on, current_token, timeout};
use ingather_remote::{Ending, Remote, RemoteErrorKind, RemoteOptions, Work, WorkError};

use crate::toy::{ECHO, Script, Toy};

const SHORT: Duration = Duration::from_millis(50);

fn work() -> Work {
    Work::read(Some(r#"{"scope":"tree","number":7}"#))
}

#[test]
fn a_job_is_over_when_its_own_calls_are() {
    let toy = Toy::new(Script::Stays);
    let (engine, work) = (toy.clone(), work());
    let own = work.clone();
    let job = thread::spawn(move || {
        block_on(work.run(|| async move {
            let far = own.remote(RemoteOptions::new(engine));
            // Dropped, and with it the handle.
            assert!(timeout(SHORT, far.call(&ECHO, 1)).await.is_err());
            5
        }))
    });
    // It is asked again, and the job stays.
    toy.wait_for("cancel 0", 2);
    assert!(!job.is_finished());
    toy.end(0, Ending::Cancelled);
    assert_eq!(job.join().unwrap().unwrap(), 5);
    assert_eq!(toy.asked().last().unwrap(), "leave");
}

#[test]
fn a_job_that_is_cancelled_cancels_its_own_calls() {
    let toy = Toy::new(Script::Obeys);
    let token = CancelToken::new();
    let work = work().token(token.clone()).grace(Duration::from_secs(60));
    let (engine, own) = (toy.clone(), work.clone());
    let job = thread::spawn(move || {
        block_on(work.run(|| async move {
            let far = own.remote(RemoteOptions::new(engine));
            let call = far.call(&ECHO, 1);
            current_token().run_until_cancelled(call).await.is_err()
        }))
    });
    toy.wait_for("attach 0", 1);
    token.cancel();
    match job.join().unwrap() {
        Ok(was_cut) => assert!(was_cut),
        Err(error) => assert!(matches!(error, WorkError::Cut(_))),
    }
    assert!(toy.live_now().is_empty());
    assert_eq!((toy.count("cancel 0"), toy.count("leave")), (1, 1));
}

#[test]
fn a_job_whose_own_calls_were_not_joined_has_failed() {
    let toy = Toy::new(Script::Stays);
    let (engine, work) = (toy.clone(), work());
    let own = work.clone();
    let end = block_on(work.run(|| async move {
        let options = RemoteOptions::new(engine.clone()).patience(SHORT);
        let far = own.remote(options);
        let cut = timeout(SHORT, far.call(&ECHO, 1)).await;
        engine.set_reachable(false);
        cut.is_err()
    }));
    match end {
        Err(WorkError::Unjoined(left)) => assert_eq!(left.unjoined().len(), 1),
        end => panic!("{end:?}"),
    }
}

#[test]
fn after_a_job_its_scopes_are_closed() {
    let toy = Toy::new(Script::Echo);
    let work = work();
    let own = work.clone();
    let far: Remote = block_on(work.run(|| async {
        let far = own.remote(RemoteOptions::new(toy.clone()));
        assert_eq!(far.call(&ECHO, 1).await.unwrap(), 1);
        far
    }))
    .unwrap();
    let error = block_on(far.call(&ECHO, 2)).unwrap_err();
    assert_eq!(error.kind(), RemoteErrorKind::Closed);
}
