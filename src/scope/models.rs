//! Models, checked by loom as those of groups are: the body of a scope, against a wake and against a cancel.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use loom::future::block_on;
use loom::thread;

use crate::group::Scope;
use crate::group::on;
use crate::group::proofs::models::{ManualSpawner, Probe, model, poll_once, wake};

#[test]
fn a_wake_against_the_body() {
    model(|| {
        let kept = ManualSpawner::new(1);
        let probe = Probe::default();
        let body = probe.waits_for(1);
        let mut scope = Box::pin(on(&kept).scope(move |_| body));
        assert!(poll_once(&mut scope).is_pending());
        let waker = wake(&probe);
        assert_eq!(block_on(scope), 7);
        assert_eq!(probe.dropped(), 1);
        waker.join().unwrap();
    });
}

/// A body that sees it is not polled again.
#[test]
fn a_cancel_against_a_body_that_looks() {
    model(|| {
        let kept = ManualSpawner::new(1);
        let shown = Arc::new(Mutex::new(None));
        let shows = Arc::clone(&shown);
        let mut scope = Box::pin(on(&kept).try_scope(move |tg: Scope<'static>| {
            let (mut polls, mut seen) = (0, false);
            poll_fn(move |cx| {
                assert!(!seen, "it was polled once more");
                seen = tg.core().cancelled().is_some();
                polls += 1;
                if polls == 1 {
                    *shows.lock().unwrap() = Some((tg.clone(), cx.waker().clone()));
                } else if seen {
                    cx.waker().wake_by_ref();
                } else {
                    return Poll::Ready(Ok(()));
                }
                Poll::Pending
            })
        }));
        assert!(poll_once(&mut scope).is_pending());
        let (tg, waker) = shown.lock().unwrap().take().unwrap();
        let cancels = thread::spawn(move || tg.cancel());
        waker.wake();
        let _ = block_on(scope);
        cancels.join().unwrap();
    });
}
