//! The four streams, and the few operations on them.

use std::future::IntoFuture;
use std::time::Duration;

use async_nats::client::PublishErrorKind as Unsent;
use async_nats::connection::State as Connection;
use async_nats::header::{HeaderMap, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE};
use async_nats::jetstream::consumer::{Consumer, DeliverPolicy, push};
use async_nats::jetstream::context::{
    ContextBuilder, PublishAckFuture, PublishError, PublishErrorKind,
};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::{
    Config, DirectGetErrorKind, RetentionPolicy, StorageType, Stream,
};
use async_nats::jetstream::{Context, consumer};
use async_nats::{Client, Subject};
use bytes::Bytes;
use futures::future::{Either, ready};
use futures::{FutureExt, TryFutureExt, TryStreamExt};

use super::places;
use super::state::State;
use crate::engine::{EngineError, EngineErrorKind, Lease};
use crate::ticket::{ScopeId, Ticket};

/// Results are kept so long, unless their scope is left before.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest wait for an answer of the server.
const ANSWER: Duration = Duration::from_secs(4);

#[derive(Clone)]
pub(super) struct Store {
    pub(super) client: Client,
    context: Context,
    pub(super) jobs: Stream,
    pub(super) ends: Stream,
    wishes: Stream,
    leases: Stream,
}

impl Store {
    /// Creates what is not there.
    pub(super) async fn open(client: Client) -> Result<Self, EngineError> {
        let context = ContextBuilder::new().timeout(ANSWER).build(client.clone());
        let create = async |name: &str, subject: &str, retention, max_age| {
            let config = Config {
                name: name.into(),
                subjects: vec![subject.into()],
                retention,
                max_age,
                max_messages_per_subject: 1,
                storage: StorageType::File,
                allow_direct: true,
                ..Config::default()
            };
            let stream = context.get_or_create_stream(config).await;
            stream.map_err(|error| EngineError::new(EngineErrorKind::Unreachable, error))
        };
        // The lease of an owner that is lost is kept until a worker has ended the children.
        let (queue, state) = (RetentionPolicy::WorkQueue, RetentionPolicy::Limits);
        Ok(Self {
            jobs: create(places::JOBS, places::ALL_JOBS, queue, Duration::ZERO).await?,
            ends: create(places::ENDS, places::ALL_ENDS, state, KEPT).await?,
            wishes: create(places::WISHES, places::ALL_WISHES, state, KEPT).await?,
            leases: create(places::LEASES, places::ALL_LEASES, state, Duration::ZERO).await?,
            client,
            context,
        })
    }

    /// Says at once that there is no connection, where waiting for the answer would tell it later.
    pub(super) fn connected(&self) -> Result<(), EngineError> {
        match self.client.connection_state() {
            Connection::Connected => Ok(()),
            state => {
                let text = format!("the connection is {state}");
                Err(EngineError::new(EngineErrorKind::Unreachable, text))
            }
        }
    }

    /// Writes the next version of a subject; `None` if the last is not the expected one. Gives the number of the version.
    ///
    /// The future has the message once, which an `async fn` would have with its arguments and with what it awaits: what is larger than a
    /// kilobyte is dear to allocate, and each call has this in a box.
    pub(super) fn publish(
        &self,
        subject: String,
        payload: impl Into<Bytes>,
        headers: HeaderMap,
        expected: Option<u64>,
    ) -> impl Future<Output = Result<Option<u64>, EngineError>> {
        if let Err(error) = self.connected() {
            return Either::Left(ready(Err(error)));
        }
        let mut message = PublishMessage::build()
            .payload(payload.into())
            .headers(headers);
        if let Some(expected) = expected {
            message = message.expected_last_subject_sequence(expected);
        }
        let sent = self.context.send_publish(subject, message);
        let acknowledged = sent.and_then(PublishAckFuture::into_future);
        Either::Right(acknowledged.map(version))
    }

    /// Writes the first version of a subject, and asks for no acknowledgement: what is not taken is not there. After an error nothing
    /// was sent.
    pub(super) fn send(
        &self,
        subject: String,
        payload: Bytes,
        mut headers: HeaderMap,
    ) -> impl Future<Output = Result<(), EngineError>> {
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, "0");
        let sent = self.client.publish_with_headers(subject, headers, payload);
        sent.map_err(|error| {
            let kind = match error.kind() {
                Unsent::MaxPayloadExceeded => EngineErrorKind::TooLarge,
                Unsent::Send => EngineErrorKind::Unreachable,
                _ => EngineErrorKind::Refused,
            };
            EngineError::new(kind, error)
        })
    }

    /// The state of a piece of work and the number of its version; 0 where there is none.
    pub(super) async fn state(
        &self,
        scope: &ScopeId,
        number: u64,
    ) -> Result<(u64, Option<State>), EngineError> {
        let last = self.last(&self.ends, places::end(scope, number)).await?;
        Ok(match last {
            Some((version, bytes)) => (version, State::read(&bytes)),
            None => (0, None),
        })
    }

    pub(super) async fn set_state(
        &self,
        scope: &ScopeId,
        number: u64,
        state: &State,
        expected: u64,
    ) -> Result<Option<u64>, EngineError> {
        let subject = places::end(scope, number);
        self.publish(subject, state.write(), HeaderMap::new(), Some(expected))
            .await
    }

    pub(super) async fn is_queued(&self, ticket: &Ticket) -> Result<bool, EngineError> {
        Ok(self.last(&self.jobs, places::job(ticket)).await?.is_some())
    }

    async fn last(
        &self,
        stream: &Stream,
        subject: String,
    ) -> Result<Option<(u64, Bytes)>, EngineError> {
        self.connected()?;
        match stream.direct_get_last_for_subject(subject).await {
            Ok(message) => Ok(Some((message.sequence, message.payload))),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(EngineError::new(EngineErrorKind::Unreachable, error)),
        }
    }

    /// All work of a scope that is not over.
    pub(super) async fn live(&self, scope: &ScopeId) -> Result<Vec<Ticket>, EngineError> {
        self.connected()?;
        let unreachable = |error| EngineError::new(EngineErrorKind::Unreachable, error);
        let subjects = self.jobs.info_with_subjects(places::jobs_of(scope)).await;
        let subjects = subjects.map_err(|error| unreachable(error.to_string()))?;
        let subjects = subjects.try_collect::<Vec<(String, usize)>>().await;
        let subjects = subjects.map_err(|error| unreachable(error.to_string()))?;
        let mut live = Vec::new();
        for (subject, _) in subjects {
            let Some(ticket) = places::ticket_in(&subject) else {
                continue;
            };
            // What is over is removed a moment later.
            let (_, state) = self.state(scope, ticket.number()).await?;
            if !matches!(state, Some(State::Over(_))) {
                live.push(ticket);
            }
        }
        Ok(live)
    }

    pub(super) async fn dequeue(&self, ticket: &Ticket) -> Result<(), EngineError> {
        purge(&self.jobs, places::job(ticket)).await
    }

    pub(super) async fn forget_wish(
        &self,
        scope: &ScopeId,
        number: u64,
    ) -> Result<(), EngineError> {
        purge(&self.wishes, places::wish(scope, number)).await
    }

    pub(super) async fn forget_scope(&self, scope: &ScopeId) -> Result<(), EngineError> {
        self.connected()?;
        // What is over may still be in the queue, if its worker was lost in between; first, since its end says that it is over.
        purge(&self.jobs, places::jobs_of(scope)).await?;
        purge(&self.leases, places::lease(scope)).await?;
        purge(&self.wishes, places::wishes_of(scope)).await?;
        purge(&self.ends, places::ends_of(scope)).await
    }

    pub(super) async fn renew(&self, scope: &ScopeId, lease: Lease) -> Result<(), EngineError> {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let terms = (millis(lease.length), millis(lease.grace));
        let terms = serde_json::to_vec(&terms).expect("numbers can be written");
        self.publish(places::lease(scope), terms, HeaderMap::new(), None)
            .await?;
        Ok(())
    }

    /// The lease of a scope and the number of its last renewal.
    pub(super) async fn lease(&self, scope: &ScopeId) -> Result<Option<(u64, Lease)>, EngineError> {
        let last = self.last(&self.leases, places::lease(scope)).await?;
        Ok(last.and_then(|(version, bytes)| Some((version, read_lease(&bytes)?))))
    }

    /// Removes the lease unless it was renewed.
    pub(super) async fn end_lease(&self, scope: &ScopeId, version: u64) -> Result<(), EngineError> {
        let purge = self.leases.purge().filter(places::lease(scope));
        let purged = purge.sequence(version + 1).await;
        purged.map_err(|error| EngineError::new(EngineErrorKind::Unreachable, error))?;
        Ok(())
    }

    /// What is written below a subject, from the last version of each on, and how many there are already.
    pub(super) async fn watch(
        &self,
        what: Watched<'_>,
    ) -> Result<(push::Ordered, u64), EngineError> {
        let (stream, filter_subject) = match what {
            Watched::Ends(scope) => (&self.ends, places::ends_of(scope)),
            Watched::Wishes => (&self.wishes, places::ALL_WISHES.to_owned()),
            Watched::Leases => (&self.leases, places::ALL_LEASES.to_owned()),
        };
        let unreachable = |error| EngineError::new(EngineErrorKind::Unreachable, error);
        self.connected()?;
        let config = push::OrderedConfig {
            deliver_subject: self.client.new_inbox(),
            filter_subject,
            deliver_policy: DeliverPolicy::LastPerSubject,
            replay_policy: consumer::ReplayPolicy::Instant,
            ..Default::default()
        };
        let consumer: Consumer<push::OrderedConfig> = stream
            .create_consumer(config)
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        let there = consumer.cached_info().num_pending;
        let messages = consumer.messages().await;
        Ok((
            messages.map_err(|error| unreachable(error.to_string()))?,
            there,
        ))
    }
}

fn version(written: Result<PublishAck, PublishError>) -> Result<Option<u64>, EngineError> {
    let error = match written {
        Ok(ack) => return Ok(Some(ack.sequence)),
        Err(error) => error,
    };
    let kind = match error.kind() {
        PublishErrorKind::WrongLastSequence => return Ok(None),
        PublishErrorKind::MaxPayloadExceeded => EngineErrorKind::TooLarge,
        PublishErrorKind::Other => EngineErrorKind::Refused,
        _ => EngineErrorKind::Unreachable,
    };
    Err(EngineError::new(kind, error))
}

pub(super) enum Watched<'a> {
    Ends(&'a ScopeId),
    Wishes,
    Leases,
}

pub(super) fn read_lease(bytes: &[u8]) -> Option<Lease> {
    let (length, grace) = serde_json::from_slice(bytes).ok()?;
    Some(Lease {
        length: Duration::from_millis(length),
        grace: Duration::from_millis(grace),
    })
}

async fn purge(stream: &Stream, subject: impl Into<Subject>) -> Result<(), EngineError> {
    let subject: Subject = subject.into();
    let purged = stream.purge().filter(subject.as_str()).await;
    purged.map_err(|error| EngineError::new(EngineErrorKind::Unreachable, error))?;
    Ok(())
}
