//! Calls that lie in place become children while one of them is polled, and another thread cancels or wakes one meanwhile.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::{Poll, Waker};

use loom::future::block_on;
use loom::thread::{self, JoinHandle};

use crate::error::Outcome;
use crate::group::proofs::models::model_within;
use crate::group::{GroupOptions, current_token};
use crate::std_or_loom::Lock;

type Threads = Arc<Lock<Vec<JoinHandle<()>>>>;

fn join(threads: &Threads) {
    let threads = std::mem::take(&mut *threads.lock());
    assert_eq!(threads.len(), 1);
    threads.into_iter().for_each(|one| one.join().unwrap());
}

/// Asks for its token, which another thread cancels while this poll goes on, and waits for that.
async fn is_cancelled_meanwhile(threads: Threads) -> Result<usize, ()> {
    let token = current_token();
    let cancels = thread::spawn(move || {
        token.cancel();
    });
    threads.lock().push(cancels);
    pending().await
}

#[test]
fn a_call_that_asks_against_a_cancel_by_its_token() {
    model_within(2, || {
        let threads = Threads::default();
        let calls = [false, true, false].map(|asks| {
            let threads = Arc::clone(&threads);
            move || async move {
                match asks {
                    true => is_cancelled_meanwhile(threads).await,
                    false => Ok(7),
                }
            }
        });
        let outcomes = block_on(GroupOptions::new().inline().gather_settled(calls));
        assert!(matches!(
            outcomes[..],
            [Outcome::Ok(7), Outcome::Cancelled(_), Outcome::Ok(7)]
        ));
        join(&threads);
    });
}

#[test]
fn a_nested_call_that_asks_against_a_cancel_by_its_token() {
    model_within(2, || {
        let threads = Threads::default();
        let calls = [true, false].map(|nests| {
            let threads = Arc::clone(&threads);
            move || async move {
                if !nests {
                    return Ok(1);
                }
                let inner = [|| is_cancelled_meanwhile(threads)];
                let inner = GroupOptions::new().inline().gather_settled(inner).await;
                assert!(matches!(inner[..], [Outcome::Cancelled(_)]));
                Ok::<_, ()>(0)
            }
        });
        let outcomes = block_on(GroupOptions::new().inline().gather_settled(calls));
        assert!(matches!(outcomes[..], [Outcome::Ok(0), Outcome::Ok(1)]));
        join(&threads);
    });
}

/// What one call waits for and another thread opens: whether it is open, and the waker of the last poll.
type Door = Arc<Lock<(bool, Option<Waker>)>>;

fn open(door: &Door) {
    let waker = {
        let mut door = door.lock();
        door.0 = true;
        door.1.take()
    };
    waker.into_iter().for_each(Waker::wake);
}

async fn waits_at(door: Door) {
    poll_fn(|cx| {
        let mut door = door.lock();
        if door.0 {
            return Poll::Ready(());
        }
        door.1 = Some(cx.waker().clone());
        Poll::Pending
    })
    .await;
}

#[test]
fn calls_that_become_children_against_a_wake_of_one() {
    model_within(2, || {
        let (threads, door) = (Threads::default(), Door::default());
        let calls = [false, true].map(|asks| {
            let (threads, door) = (Arc::clone(&threads), Arc::clone(&door));
            move || async move {
                if !asks {
                    waits_at(door).await;
                    return Ok::<_, ()>(0);
                }
                threads.lock().push(thread::spawn(move || open(&door)));
                drop(current_token());
                Ok(1)
            }
        });
        let outcomes = block_on(GroupOptions::new().inline().gather_settled(calls));
        assert!(matches!(outcomes[..], [Outcome::Ok(0), Outcome::Ok(1)]));
        join(&threads);
    });
}
