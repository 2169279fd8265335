//! Calls that lie in place become children while one of them is polled, and another thread cancels or wakes one meanwhile, or polls
//! the others.

use std::future::{pending, poll_fn};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::task::{Poll, Waker};

use loom::future::block_on;
use loom::thread::{self, JoinHandle};

use crate::blocked::while_blocked;
use crate::error::Outcome;
use crate::group::proofs::models::model_within;
use crate::group::{GroupOptions, current_token};
use crate::spawner::{Job, SpawnError, Spawner};
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

/// Asks for its token when it is dropped, which another thread cancels meanwhile.
struct AsksInDrop(Threads);

impl Drop for AsksInDrop {
    fn drop(&mut self) {
        let token = current_token();
        let cancels = thread::spawn(move || {
            token.cancel();
        });
        self.0.lock().push(cancels);
        assert!(current_token().is_cancelled());
    }
}

#[test]
fn a_loser_that_asks_in_its_drop_against_a_cancel_by_its_token() {
    model_within(2, || {
        let threads = Threads::default();
        let calls = [(0, true), (1, false), (2, true)].map(|(number, loses)| {
            let asks = (number == 0).then(|| AsksInDrop(Arc::clone(&threads)));
            move || async move {
                let _asks = asks;
                if loses {
                    pending::<()>().await;
                }
                number
            }
        });
        let winner = block_on(GroupOptions::new().inline().race(calls));
        assert_eq!(winner, 1);
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

/// Says that it runs one job at a time, here, and runs each on a thread of its own.
#[derive(Clone, Default)]
struct Liar(Threads);

impl Spawner for Liar {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        let thread = thread::spawn(|| block_on(job));
        self.0.lock().push(thread);
        Ok(())
    }

    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    fn is_current(&self) -> bool {
        true
    }
}

#[test]
fn a_call_that_asks_and_blocks_against_a_driver_for_its_siblings() {
    model_within(2, || {
        let (liar, is_open) = (Liar::default(), Arc::new(Lock::new(false)));
        let calls = [false, true].map(|opens| {
            let is_open = Arc::clone(&is_open);
            move || async move {
                if opens {
                    *is_open.lock() = true;
                } else {
                    drop(current_token());
                    while_blocked(|| {
                        while !*is_open.lock() {
                            thread::yield_now();
                        }
                    });
                }
                Ok::<_, ()>(opens)
            }
        });
        let outcomes = block_on(GroupOptions::new().on(&liar).gather_settled(calls));
        assert!(matches!(
            outcomes[..],
            [Outcome::Ok(false), Outcome::Ok(true)]
        ));
        join(&liar.0);
    });
}
