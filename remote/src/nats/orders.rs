//! Cancel and kill, given by an owner or by a keeper.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_nats::header::HeaderMap;

use super::places;
use super::state::State;
use super::store::Store;
use crate::engine::{Ending, EngineError};
use crate::ticket::Ticket;

pub(super) const CANCEL: &[u8] = b"cancel";
pub(super) const KILL: &[u8] = b"kill";

/// Since when the last word of a worker is known, for each piece of work that is to be killed.
#[derive(Default)]
pub(super) struct Silences(Mutex<HashMap<String, (u64, Instant)>>);

impl Silences {
    fn since(&self, ticket: &Ticket, version: u64) -> Duration {
        let mut silences = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let silence = silences.entry(ticket.key());
        let silence = silence.or_insert_with(|| (version, Instant::now()));
        if silence.0 != version {
            *silence = (version, Instant::now());
        }
        silence.1.elapsed()
    }

    fn forget(&self, ticket: &Ticket) {
        let mut silences = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        silences.remove(&ticket.key());
    }
}

/// The wish is a state: a worker that comes later reads it. What no worker has is over at once.
pub(super) async fn cancel(store: &Store, ticket: &Ticket) -> Result<(), EngineError> {
    let (scope, number) = (ticket.scope(), ticket.number());
    let wish = places::wish(scope, number);
    // The first wish; a kill is not taken back.
    store
        .publish(wish, CANCEL, HeaderMap::new(), Some(0))
        .await?;
    let (version, state) = store.state(scope, number).await?;
    match state {
        None | Some(State::Waiting { .. }) => {
            end(store, ticket, Ending::Cancelled, version).await?;
        }
        Some(State::Running(_)) => {}
        Some(State::Over(_)) => store.forget_wish(scope, number).await?,
    }
    Ok(())
}

/// What a worker has is over when the worker says so, or has been silent for longer than it may be.
pub(super) async fn kill(
    store: &Store,
    silences: &Silences,
    ticket: &Ticket,
) -> Result<(), EngineError> {
    let (scope, number) = (ticket.scope(), ticket.number());
    let wish = places::wish(scope, number);
    store.publish(wish, KILL, HeaderMap::new(), None).await?;
    let (version, state) = store.state(scope, number).await?;
    match state {
        None | Some(State::Waiting { .. }) => {
            end(store, ticket, Ending::Killed, version).await?;
        }
        Some(State::Running(running)) => {
            let silence = Duration::from_millis(running.silence);
            if silences.since(ticket, version) > silence {
                end(store, ticket, Ending::Killed, version).await?;
            }
            return Ok(());
        }
        Some(State::Over(_)) => store.forget_wish(scope, number).await?,
    }
    silences.forget(ticket);
    Ok(())
}

/// Unless somebody was faster: then it is asked again.
async fn end(
    store: &Store,
    ticket: &Ticket,
    ending: Ending,
    version: u64,
) -> Result<(), EngineError> {
    let (scope, number) = (ticket.scope(), ticket.number());
    let state = State::Over(ending);
    let was_first = store.set_state(scope, number, &state, version).await?;
    if was_first.is_some() {
        store.dequeue(ticket).await?;
        store.forget_wish(scope, number).await?;
    }
    Ok(())
}
