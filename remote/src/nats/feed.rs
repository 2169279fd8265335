//! What is written to a stream from now on, with as little as possible for each message.
//!
//! The client's own ordered consumer looks at the number of each message, at the connection and at a timer. Here what is missing is no
//! harm, since whoever waits looks for it after a while. So it is enough to begin anew when the server has been away or has
//! lost the consumer, which its heartbeats tell.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy, push};
use async_nats::{Message, Statistics, Subscriber};
use bytes::Bytes;
use futures::StreamExt;

use super::store::Store;
use crate::engine::{EngineError, EngineErrorKind};

const HEARTBEAT: Duration = Duration::from_secs(5);
/// A consumer is removed when nobody has listened for so long.
const UNHEARD: Duration = Duration::from_secs(30);
/// So many rounds without a word, of which the heartbeats are some, and the consumer is gone.
const SILENT: u32 = 12;

pub(super) struct Feed {
    store: Store,
    subject: String,
    subscriber: Subscriber,
    connection: Arc<Statistics>,
    /// How often it had been made by the time of this consumer.
    connects: u64,
    /// Rounds without a word.
    silent: u32,
}

impl Feed {
    /// All that is written to the results below a subject from now on.
    pub(super) async fn of_ends(store: &Store, subject: String) -> Result<Self, EngineError> {
        let connection = store.client.statistics();
        let connects = connection.connects.load(Relaxed);
        Ok(Self {
            subscriber: subscribe(store, &subject).await?,
            store: store.clone(),
            subject,
            connection,
            connects,
            silent: 0,
        })
    }

    /// `None` when the client is gone.
    pub(super) async fn next(&mut self) -> Option<Message> {
        loop {
            let message = self.subscriber.next().await?;
            self.silent = 0;
            if message.status.is_none() {
                return Some(message);
            }
            // A heartbeat, or a question whether it comes along.
            if let Some(reply) = message.reply {
                // Not in this future, which is dropped at each stroke of the clock.
                let client = self.store.client.clone();
                tokio::spawn(async move { client.publish(reply, Bytes::new()).await });
            }
        }
    }

    /// Told once a round, it begins anew if that is needed.
    pub(super) async fn round(&mut self) {
        self.silent += 1;
        let connects = self.connection.connects.load(Relaxed);
        if connects == self.connects && self.silent < SILENT {
            return;
        }
        // Otherwise it is tried in the next round.
        if let Ok(subscriber) = subscribe(&self.store, &self.subject).await {
            self.subscriber = subscriber;
            (self.connects, self.silent) = (connects, 0);
        }
    }
}

async fn subscribe(store: &Store, subject: &str) -> Result<Subscriber, EngineError> {
    store.connected()?;
    let unreachable = |error| EngineError::new(EngineErrorKind::Unreachable, error);
    let inbox = store.client.new_inbox();
    let subscriber = store.client.subscribe(inbox.clone()).await;
    let subscriber = subscriber.map_err(|error| unreachable(error.to_string()))?;
    let config = push::Config {
        deliver_subject: inbox,
        filter_subject: subject.to_owned(),
        deliver_policy: DeliverPolicy::New,
        ack_policy: AckPolicy::None,
        max_deliver: 1,
        flow_control: true,
        idle_heartbeat: HEARTBEAT,
        inactive_threshold: UNHEARD,
        num_replicas: 1,
        memory_storage: true,
        ..Default::default()
    };
    let consumer: Result<Consumer<push::Config>, _> = store.ends.create_consumer(config).await;
    consumer.map_err(|error| unreachable(error.to_string()))?;
    Ok(subscriber)
}
