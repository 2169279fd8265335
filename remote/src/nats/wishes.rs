//! What is to end, as a worker knows it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_nats::jetstream::consumer::push;
use futures::StreamExt;
use tokio::time::{sleep, timeout};

use super::orders::KILL;
use super::places;
use super::store::{Store, Watched};
use crate::drive::{Stage, Wish};
use crate::engine::EngineError;
use crate::ticket::ScopeId;

/// Of work that is not here so many wishes are kept, for work that comes later; the state in the server has them all.
const KEPT: usize = 100_000;

type Child = (ScopeId, u64);

#[derive(Default)]
pub(super) struct Wishes(Mutex<Board>);

#[derive(Default)]
struct Board {
    /// Of work that is here.
    here: HashMap<Child, Arc<Wish>>,
    elsewhere: HashMap<Child, Stage>,
}

impl Wishes {
    /// Returns once all that are there are known, with what watches for those to come.
    pub(super) async fn watch(
        store: &Store,
    ) -> Result<(Arc<Self>, impl Future<Output = ()> + Send + 'static), EngineError> {
        let wishes = Arc::new(Self::default());
        let messages = wishes.catch_up(store).await?;
        let (on, store) = (Arc::clone(&wishes), store.clone());
        let watch = async move {
            let mut messages = messages;
            loop {
                while let Some(message) = messages.next().await {
                    if let Ok(message) = message {
                        on.tell(&message.subject, &message.payload);
                    }
                }
                messages = loop {
                    match on.catch_up(&store).await {
                        Ok(messages) => break messages,
                        Err(_) => sleep(Duration::from_secs(1)).await,
                    }
                };
            }
        };
        Ok((wishes, watch))
    }

    async fn catch_up(&self, store: &Store) -> Result<push::Ordered, EngineError> {
        let (mut messages, there) = store.watch(Watched::Wishes).await?;
        for _ in 0..there {
            // One may have been removed since it was counted.
            let next = timeout(Duration::from_secs(1), messages.next()).await;
            let Ok(Some(Ok(message))) = next else { break };
            self.tell(&message.subject, &message.payload);
        }
        Ok(messages)
    }

    fn tell(&self, subject: &str, payload: &[u8]) {
        let Some(child) = places::child_in(subject) else {
            return;
        };
        let stage = match payload == KILL {
            true => Stage::Kill,
            false => Stage::Cancel,
        };
        let mut board = self.lock();
        match board.here.get(&child).cloned() {
            Some(wish) => {
                drop(board);
                wish.raise(stage);
            }
            None => {
                if board.elsewhere.len() >= KEPT {
                    board.elsewhere.clear();
                }
                board.elsewhere.insert(child, stage);
            }
        }
    }

    /// Work has come here.
    pub(super) fn enter(self: &Arc<Self>, scope: &ScopeId, number: u64) -> Here {
        let child = (scope.clone(), number);
        let wish = Arc::new(Wish::new());
        let mut board = self.lock();
        if let Some(stage) = board.elsewhere.remove(&child) {
            wish.raise(stage);
        }
        board.here.insert(child.clone(), Arc::clone(&wish));
        drop(board);
        Here {
            wishes: Arc::clone(self),
            child,
            wish,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Work that is here, until it is dropped.
pub(super) struct Here {
    wishes: Arc<Wishes>,
    child: Child,
    pub(super) wish: Arc<Wish>,
}

impl Drop for Here {
    fn drop(&mut self) {
        let mut board = self.wishes.lock();
        let is_mine = |wish: &Arc<Wish>| Arc::ptr_eq(wish, &self.wish);
        if board.here.get(&self.child).is_some_and(is_mine) {
            board.here.remove(&self.child);
        }
        // It may come again, here or elsewhere.
        let stage = self.wish.stage();
        if stage > Stage::Runs {
            board.elsewhere.insert(self.child.clone(), stage);
        }
    }
}
