//! Takes work of one job out of its queue, as much as there is room for.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{Consumer, pull};
use futures::StreamExt;
use ingather::Scope;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::piece::Piece;
use super::store::Store;
use super::wishes::Wishes;
use super::worker::{Handler, Terms};

/// A pull that finds nothing is made anew after so long.
const PULL: Duration = Duration::from_secs(5);

/// What each piece of work of a job needs.
pub(super) struct Desk {
    pub(super) store: Store,
    pub(super) wishes: Arc<Wishes>,
    pub(super) terms: Terms,
    pub(super) handler: Handler,
}

/// Runs for ever; pieces of work are children of the scope.
pub(super) async fn work(consumer: Consumer<pull::Config>, desk: Arc<Desk>, scope: Scope<'static>) {
    let slots = Arc::new(Semaphore::new(desk.terms.limit));
    loop {
        let first = Arc::clone(&slots).acquire_owned().await;
        let mut free = vec![first.expect("the slots are not closed")];
        while let Ok(slot) = Arc::clone(&slots).try_acquire_owned() {
            free.push(slot);
        }
        let pull = consumer.batch().max_messages(free.len()).expires(PULL);
        let pulled = pull.messages().await;
        let mut pause = pulled.is_err();
        if let Ok(mut messages) = pulled {
            while let Some(message) = messages.next().await {
                let (Ok(message), Some(slot)) = (message, free.pop()) else {
                    pause = true;
                    break;
                };
                let desk = Arc::clone(&desk);
                scope.spawn(async move {
                    let _slot = slot;
                    Piece::new(desk, message).run().await;
                });
            }
        }
        if pause {
            // The server is away.
            sleep(Duration::from_millis(200)).await;
        }
    }
}
