//! The engines' own clients alone: hand over, wait for the result.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_nats::jetstream::consumer::{DeliverPolicy, push};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, Context};
use bytes::Bytes;
use futures::channel::oneshot;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use restate_sdk::ingress::{self, RequestExecutor, RequestTarget};

use crate::server::Kind;

pub(crate) trait Client: Send + Sync {
    fn call(&self, n: u32) -> BoxFuture<'static, ()>;
}

pub(crate) async fn client(kind: Kind, address: &str) -> Arc<dyn Client> {
    match kind {
        Kind::Nats => Arc::new(Nats::connect(address).await),
        Kind::Restate => Arc::new(Restate::at(address)),
    }
}

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Bytes>>>>;

/// A subscription to the results, and for each call an acknowledged publish.
struct Nats {
    /// A clone of it would take memory.
    context: Arc<Context>,
    number: AtomicU64,
    waiting: Waiting,
}

impl Nats {
    async fn connect(address: &str) -> Self {
        let client = async_nats::connect(address).await.unwrap();
        let context = jetstream::new(client.clone());
        let stream = context.get_stream("ingather-ends").await.unwrap();
        let results = stream.create_consumer(push::OrderedConfig {
            deliver_subject: client.new_inbox(),
            filter_subject: "ingather.end.byhand.*".into(),
            deliver_policy: DeliverPolicy::New,
            ..Default::default()
        });
        let mut results = results.await.unwrap().messages().await.unwrap();
        let waiting = Waiting::default();
        let told = Arc::clone(&waiting);
        tokio::spawn(async move {
            while let Some(Ok(result)) = results.next().await {
                let number = result.subject.rsplit('.').next().unwrap().parse().unwrap();
                if result.payload.first() == Some(&b'V')
                    && let Some(waiting) = told.lock().unwrap().remove(&number)
                {
                    let _ = waiting.send(result.payload.slice(1..));
                }
            }
        });
        Self {
            context: Arc::new(context),
            number: AtomicU64::new(0),
            waiting,
        }
    }
}

impl Client for Nats {
    fn call(&self, n: u32) -> BoxFuture<'static, ()> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let (sender, result) = oneshot::channel();
        self.waiting.lock().unwrap().insert(number, sender);
        let context = Arc::clone(&self.context);
        async move {
            let mut headers = async_nats::HeaderMap::new();
            let line = format!(r#"{{"scope":"byhand","number":{number}}}"#);
            headers.insert("ingather", line);
            let message = PublishMessage::build()
                .payload(serde_json::to_vec(&n).unwrap().into())
                .headers(headers)
                .expected_last_subject_sequence(0);
            let subject = format!("ingather.job.Bench.echo.byhand.{number}");
            context
                .send_publish(subject, message)
                .await
                .unwrap()
                .await
                .unwrap();
            let result: u32 = serde_json::from_slice(&result.await.unwrap()).unwrap();
            assert_eq!(result, n);
        }
        .boxed()
    }
}

/// The SDK's ingress client on hyper's.
struct Restate {
    client: ingress::Client<Hyper>,
    number: AtomicU64,
}

#[derive(Clone)]
struct Hyper(hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>);

impl RequestExecutor for Hyper {
    type Error = Infallible;

    async fn execute(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Infallible> {
        let response = self.0.request(request.map(Full::new)).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Ok(Response::from_parts(parts, body))
    }
}

impl Restate {
    fn at(address: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
        let hyper = Hyper(client.build(connector));
        Self {
            client: ingress::Client::new(address.parse().unwrap(), hyper).unwrap(),
            number: AtomicU64::new(0),
        }
    }
}

impl Client for Restate {
    fn call(&self, n: u32) -> BoxFuture<'static, ()> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let client = self.client.clone();
        async move {
            let input = Bytes::from(serde_json::to_vec(&n).unwrap());
            let called = client
                .request::<_, Bytes>(RequestTarget::service("Bench", "echo"), input)
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .idempotency_key(format!("byhand-{}/{number}", std::process::id()))
                .call();
            let result = called.await.unwrap().into_body().unwrap();
            let result: u32 = serde_json::from_slice(&result).unwrap();
            assert_eq!(result, n);
        }
        .boxed()
    }
}
