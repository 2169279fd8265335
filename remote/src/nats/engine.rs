//! `Nats`: the engine, for owners.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use async_nats::header::HeaderMap;
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use async_nats::{Client, ConnectOptions};
use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::time::sleep;

use super::ends::{Ends, ROUND};
use super::orders::{self, Silences};
use super::places;
use super::state::State;
use super::store::Store;
use crate::engine::{Ending, Engine, EngineError, EngineErrorKind, Lease, Reply, Submission};
use crate::slip;
use crate::ticket::{ScopeId, Ticket};
use crate::tokio_side::within;

/// Whoever waits looks at the state itself after so many rounds, at first and at last.
const LOOK: (u32, u32) = (1, 16);

/// NATS JetStream as an [`Engine`].
///
/// It is made in a tokio runtime, which must live as long as it; its futures may be polled anywhere. Cloning is cheap, and clones share a
/// connection.
#[derive(Clone)]
pub struct Nats {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    runtime: Handle,
    /// Jobs that a worker has told of.
    known: Mutex<HashSet<String>>,
    ends: Mutex<HashMap<ScopeId, Arc<tokio::sync::OnceCell<Ends>>>>,
    silences: Silences,
}

impl Nats {
    /// Connects to a server, and creates the streams that are not there.
    ///
    /// # Errors
    ///
    /// If there is no server with JetStream.
    ///
    /// # Panics
    ///
    /// If it is not called in a tokio runtime.
    pub async fn connect(url: &str) -> Result<Self, EngineError> {
        let connected = ConnectOptions::new().connect(url).await;
        let connected =
            connected.map_err(|error| EngineError::new(EngineErrorKind::Unreachable, error))?;
        Self::on(connected).await
    }

    /// The same on a connection that is there.
    ///
    /// # Errors
    ///
    /// If the server has no JetStream.
    ///
    /// # Panics
    ///
    /// If it is not called in a tokio runtime.
    pub async fn on(client: Client) -> Result<Self, EngineError> {
        let shared = Shared {
            store: Store::open(client).await?,
            runtime: Handle::current(),
            known: Mutex::default(),
            ends: Mutex::default(),
            silences: Silences::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    fn ask<T, F>(&self, ask: impl FnOnce(Arc<Shared>) -> F) -> Reply<T>
    where
        F: Future<Output = Result<T, EngineError>> + Send + 'static,
    {
        let answer = ask(Arc::clone(&self.shared));
        within(&self.shared.runtime, answer).boxed()
    }
}

impl Engine for Nats {
    fn submit(&self, call: Arc<Submission>) -> Reply<Ticket> {
        self.ask(|shared| async move {
            let ticket = call.ticket();
            if !shared.is_known(ticket.job()) {
                Box::pin(shared.get_to_know(ticket.job())).await?;
            }
            let (subject, input) = (places::job(ticket), call.input.clone());
            // A second submission, while the first is queued or running, is the first. One that comes later is
            // dropped by the worker that gets it.
            let _ = shared
                .store
                .publish(subject, input, headers_of(&call), Some(0))
                .await?;
            Ok(ticket.clone())
        })
    }

    fn attach(&self, ticket: &Ticket) -> Reply<Ending> {
        let ticket = ticket.clone();
        self.ask(|shared| async move {
            let ends = shared.ends_of(ticket.scope());
            let ends = match ends.get() {
                Some(ends) => ends,
                None => {
                    let watch = || Ends::watch(&shared.store, ticket.scope(), &shared.runtime);
                    Box::pin(ends.get_or_try_init(watch)).await?
                }
            };
            if let Some(told) = ends.wait(ticket.number(), LOOK.0)
                && let Ok(end) = told.await
            {
                return Ok(end);
            }
            Box::pin(shared.wait_and_look(&ticket, ends)).await
        })
    }

    /// One message there and its end back: what was not taken has no end, and is handed over again, with an acknowledgement. So
    /// neither a message nor a timer is needed for that.
    fn submit_and_attach(&self, call: &Arc<Submission>) -> Option<Reply<Option<(Ticket, Ending)>>> {
        let ticket = call.ticket();
        self.shared.store.connected().ok()?;
        if !self.shared.is_known(ticket.job()) {
            return None;
        }
        let mut told = self
            .shared
            .begun_ends_of(ticket.scope(), |ends| ends.wait(ticket.number(), LOOK.0))?;
        if let Ok(Some(end)) = told.try_recv() {
            return Some(ready(Ok(Some((ticket.clone(), end)))).boxed());
        }
        let (shared, call) = (Arc::clone(&self.shared), Arc::clone(call));
        let end = async move {
            let ticket = call.ticket();
            let (subject, input) = (places::job(ticket), call.input.clone());
            let sent = shared.store.send(subject, input, headers_of(&call));
            sent.await?;
            Ok(told.await.ok().map(|end| (ticket.clone(), end)))
        };
        Some(end.boxed())
    }

    fn cancel(&self, ticket: &Ticket) -> Reply<()> {
        let ticket = ticket.clone();
        self.ask(|shared| async move { orders::cancel(&shared.store, &ticket).await })
    }

    fn kill(&self, ticket: &Ticket) -> Reply<()> {
        let ticket = ticket.clone();
        self.ask(
            |shared| async move { orders::kill(&shared.store, &shared.silences, &ticket).await },
        )
    }

    fn live(&self, scope: &ScopeId) -> Reply<Vec<Ticket>> {
        let scope = scope.clone();
        self.ask(|shared| async move { shared.store.live(&scope).await })
    }

    fn renew(&self, scope: &ScopeId, lease: Lease) -> Reply<()> {
        let scope = scope.clone();
        self.ask(|shared| async move { shared.store.renew(&scope, lease).await })
    }

    fn leave(&self, scope: &ScopeId) -> Reply<()> {
        let scope = scope.clone();
        self.ask(|shared| async move {
            lock(&shared.ends).remove(&scope);
            shared.store.forget_scope(&scope).await
        })
    }
}

impl Shared {
    fn ends_of(&self, scope: &ScopeId) -> Arc<tokio::sync::OnceCell<Ends>> {
        let mut ends = lock(&self.ends);
        if let Some(ends) = ends.get(scope) {
            return Arc::clone(ends);
        }
        Arc::clone(ends.entry(scope.clone()).or_default())
    }

    /// Asks the ends of a scope that are watched already.
    fn begun_ends_of<T>(&self, scope: &ScopeId, ask: impl FnOnce(&Ends) -> Option<T>) -> Option<T> {
        let ends = lock(&self.ends);
        ask(ends.get(scope)?.get()?)
    }

    /// After the first wait. It waits for longer and longer, and looks between.
    async fn wait_and_look(&self, ticket: &Ticket, ends: &Ends) -> Result<Ending, EngineError> {
        let mut rounds = LOOK.0;
        loop {
            if let Some(end) = self.look(ticket).await? {
                return Ok(end);
            }
            rounds = (2 * rounds).min(LOOK.1);
            match ends.wait(ticket.number(), rounds) {
                Some(told) => {
                    if let Ok(end) = told.await {
                        return Ok(end);
                    }
                }
                None => sleep(rounds * ROUND).await,
            }
        }
    }

    fn is_known(&self, job: &str) -> bool {
        lock(&self.known).contains(job)
    }

    /// A worker creates the consumer of each of its jobs.
    async fn get_to_know(&self, job: &str) -> Result<(), EngineError> {
        self.store.connected()?;
        let info = self.store.jobs.consumer_info(places::consumer(job)).await;
        match info {
            Ok(_) => {
                lock(&self.known).insert(job.to_owned());
                Ok(())
            }
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => {
                Err(EngineError::new(EngineErrorKind::UnknownJob, error))
            }
            Err(error) => Err(EngineError::new(EngineErrorKind::Unreachable, error)),
        }
    }

    /// Asks the server itself.
    async fn look(&self, ticket: &Ticket) -> Result<Option<Ending>, EngineError> {
        let state = || self.store.state(ticket.scope(), ticket.number());
        if let (_, Some(state)) = state().await? {
            return Ok(over(state));
        }
        if self.store.is_queued(ticket).await? {
            return Ok(None);
        }
        // A worker writes the state before it takes the work out of the queue.
        match state().await? {
            (_, Some(state)) => Ok(over(state)),
            (_, None) => Err(EngineError::new(EngineErrorKind::Lost, "it is in no queue")),
        }
    }
}

fn headers_of(call: &Submission) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(slip::HEADER, call.slip());
    headers
}

fn over(state: State) -> Option<Ending> {
    match state {
        State::Over(end) => Some(end),
        _ => None,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats")
            .field("connection", &self.shared.store.client.connection_state())
            .finish_non_exhaustive()
    }
}
