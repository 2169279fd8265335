//! The ends of the work of a scope, as they come, for those who wait for them.
//!
//! Whoever waits is told the end, or after a while to look for it: what was not told may be there. One clock for all of them says that,
//! since a timer for each is dear.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::channel::oneshot;
use futures::future::{Either, select};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::feed::Feed;
use super::places;
use super::state::State;
use super::store::{Store, Watched};
use crate::engine::{Ending, EngineError};
use crate::ticket::ScopeId;

/// The clock strikes so often.
pub(super) const ROUND: Duration = Duration::from_secs(1);

/// One subscription for the whole scope. Dropped, it ends it.
pub(super) struct Ends {
    board: Arc<Mutex<Board>>,
    task: JoinHandle<()>,
}

/// Gives the end; gives an error when it is time to look, or when nobody tells any more.
pub(super) type Told = oneshot::Receiver<Ending>;

#[derive(Default)]
struct Board {
    waiting: HashMap<u64, Waiting>,
    /// Ends that came before somebody waited.
    early: HashMap<u64, Ending>,
    /// Ends that somebody has been given.
    given: Given,
    /// Nobody tells any more.
    is_closed: bool,
}

/// Numbers, most of which come in order: those below one are not held one by one.
#[derive(Default)]
struct Given {
    below: u64,
    others: HashSet<u64>,
}

struct Waiting {
    first: oneshot::Sender<Ending>,
    /// Of a second call with the same number.
    more: Vec<oneshot::Sender<Ending>>,
    /// The clock strikes so often before they look.
    strikes: u32,
}

impl Ends {
    pub(super) async fn watch(
        store: &Store,
        scope: &ScopeId,
        runtime: &Handle,
    ) -> Result<Self, EngineError> {
        let feed = Feed::of_ends(store, places::ends_of(scope)).await?;
        let mut board = Board::default();
        // An owner that was restarted may find some. Those of now come twice.
        let (mut last, there) = store.watch(Watched::Ends(scope)).await?;
        for _ in 0..there {
            let next = timeout(Duration::from_secs(1), last.next()).await;
            let Ok(Some(Ok(message))) = next else { break };
            board.read(&message.subject, &message.payload);
        }
        let board = Arc::new(Mutex::new(board));
        let task = runtime.spawn(tell(Telling(Arc::clone(&board)), feed));
        Ok(Self { board, task })
    }

    /// For so many rounds, and some of the first. `None` if nobody will tell: the end has come before, and was given to somebody else.
    pub(super) fn wait(&self, number: u64, rounds: u32) -> Option<Told> {
        let (sender, receiver) = oneshot::channel();
        let mut board = lock(&self.board);
        match board.early.remove(&number) {
            Some(end) => {
                board.given.insert(number);
                let _ = sender.send(end);
            }
            None if board.is_closed || board.given.contains(number) => return None,
            None => board.wait(number, sender, rounds + 1),
        }
        Some(receiver)
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn tell(board: Telling, mut feed: Feed) {
    let mut clock = interval(ROUND);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = {
            let (next, tick) = (feed.next(), clock.tick());
            match select(pin!(next), pin!(tick)).await {
                Either::Left((None, _)) => return,
                Either::Left((message, _)) => message,
                Either::Right(_) => None,
            }
        };
        if let Some(message) = message {
            lock(&board.0).read(&message.subject, &message.payload);
        } else {
            let looks = lock(&board.0).strike();
            drop(looks);
            feed.round().await;
        }
    }
}

/// Held by the task that tells. Dropped, for whatever reason, it has everybody look.
struct Telling(Arc<Mutex<Board>>);

impl Drop for Telling {
    fn drop(&mut self) {
        let waiting = {
            let mut board = lock(&self.0);
            board.is_closed = true;
            std::mem::take(&mut board.waiting)
        };
        drop(waiting);
    }
}

impl Board {
    fn wait(&mut self, number: u64, sender: oneshot::Sender<Ending>, strikes: u32) {
        match self.waiting.get_mut(&number) {
            None => {
                let waiting = Waiting {
                    first: sender,
                    more: Vec::new(),
                    strikes,
                };
                self.waiting.insert(number, waiting);
            }
            Some(waiting) => {
                waiting.more.retain(|waiting| !waiting.is_canceled());
                waiting.more.push(sender);
                waiting.strikes = waiting.strikes.min(strikes);
            }
        }
    }

    fn read(&mut self, subject: &str, payload: &[u8]) {
        if State::goes_on(payload) {
            return;
        }
        let state = State::read(payload);
        if let (Some(State::Over(end)), Some(number)) = (state, places::number_in(subject)) {
            self.tell(number, end);
        }
    }

    fn tell(&mut self, number: u64, end: Ending) {
        let Some(waiting) = self.waiting.remove(&number) else {
            if !self.given.contains(number) {
                self.early.insert(number, end);
            }
            return;
        };
        self.given.insert(number);
        for waiting in waiting.more {
            let _ = waiting.send(end.clone());
        }
        let _ = waiting.first.send(end);
    }

    /// Those who have waited for long enough, who look when they are dropped.
    fn strike(&mut self) -> Vec<Waiting> {
        let looks = self.waiting.extract_if(|_, waiting| {
            waiting.strikes -= 1;
            waiting.strikes == 0
        });
        looks.map(|(_, waiting)| waiting).collect()
    }
}

impl Given {
    fn insert(&mut self, number: u64) {
        if number > self.below {
            self.others.insert(number);
        } else if number == self.below {
            self.below += 1;
            while self.others.remove(&self.below) {
                self.below += 1;
            }
        }
    }

    fn contains(&self, number: u64) -> bool {
        number < self.below || self.others.contains(&number)
    }
}

fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_held_in_whatever_order_they_come() {
        let mut given = Given::default();
        for number in [1, 0, 5, 1, 3, 2, u64::MAX] {
            assert!(number == 1 || !given.contains(number));
            given.insert(number);
            assert!(given.contains(number));
        }
        assert!(!given.contains(4) && !given.contains(6));
        assert_eq!(given.below, 4);
        given.insert(4);
        assert_eq!((given.below, given.others.len()), (6, 1));
    }
}
