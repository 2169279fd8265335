//! The ends of the work of a scope, as they come, for those who wait for them.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::Message;
use futures::StreamExt;
use futures::channel::oneshot;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::places;
use super::state::State;
use super::store::{Store, Watched};
use crate::engine::{Ending, EngineError};
use crate::ticket::ScopeId;

/// One subscription for the whole scope. Dropped, it ends it.
pub(super) struct Ends {
    board: Arc<Mutex<Board>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Board {
    waiting: HashMap<u64, Vec<oneshot::Sender<Ending>>>,
    /// Ends that came before somebody waited.
    early: HashMap<u64, Ending>,
    /// Ends that somebody has been given.
    given: HashSet<u64>,
}

impl Ends {
    pub(super) async fn watch(
        store: &Store,
        scope: &ScopeId,
        runtime: &Handle,
    ) -> Result<Self, EngineError> {
        let (mut messages, _) = store.watch(Watched::NewEnds(scope)).await?;
        let mut board = Board::default();
        // An owner that was restarted may find some. Those of now come twice.
        let (mut last, there) = store.watch(Watched::Ends(scope)).await?;
        for _ in 0..there {
            let next = timeout(Duration::from_secs(1), last.next()).await;
            let Ok(Some(Ok(message))) = next else { break };
            board.read(&message);
        }
        let board = Arc::new(Mutex::new(board));
        let on = Arc::clone(&board);
        let task = runtime.spawn(async move {
            while let Some(message) = messages.next().await {
                // After an error it goes on by itself, and those who wait look at the state from time to time.
                if let Ok(message) = message {
                    lock(&on).read(&message);
                }
            }
        });
        Ok(Self { board, task })
    }

    /// `None` if the end has come before, and was given to somebody else.
    pub(super) fn wait(&self, number: u64) -> Option<oneshot::Receiver<Ending>> {
        let (sender, receiver) = oneshot::channel();
        let mut board = lock(&self.board);
        match board.early.remove(&number) {
            Some(end) => {
                board.given.insert(number);
                let _ = sender.send(end);
            }
            None if board.given.contains(&number) => return None,
            None => {
                let waiting = board.waiting.entry(number).or_default();
                waiting.retain(|waiting| !waiting.is_canceled());
                waiting.push(sender);
            }
        }
        Some(receiver)
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Board {
    fn read(&mut self, message: &Message) {
        let state = State::read(&message.payload);
        let child = places::child_in(&message.subject);
        if let (Some(State::Over(end)), Some((_, number))) = (state, child) {
            self.tell(number, end);
        }
    }

    fn tell(&mut self, number: u64, end: Ending) {
        let Some(waiting) = self.waiting.remove(&number) else {
            if !self.given.contains(&number) {
                self.early.insert(number, end);
            }
            return;
        };
        self.given.insert(number);
        for waiting in waiting {
            let _ = waiting.send(end.clone());
        }
    }
}

fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}
