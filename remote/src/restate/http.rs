//! An HTTP client for an engine: one pool of connections.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use ::http::{Request, Response, Uri};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use restate_sdk::ingress::RequestExecutor;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::connect::{Connector, SCHEMES, connector};
use crate::engine::{EngineError, EngineErrorKind};
use crate::tokio_side::within;

const CONNECT: Duration = Duration::from_secs(5);
/// A server that takes longer for an answer that it has at hand counts as away.
const ANSWER: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(super) struct Http {
    client: Client<Connector, Full<Bytes>>,
    pub(super) runtime: Handle,
    /// For one answer.
    limit: Option<Duration>,
}

impl Http {
    /// For these addresses.
    ///
    /// # Panics
    ///
    /// If it is not called in a tokio runtime.
    pub(super) fn to(addresses: &[&str]) -> Result<Self, EngineError> {
        Ok(Self::over(connector(http_connector(), addresses)?))
    }

    /// # Panics
    ///
    /// If it is not called in a tokio runtime.
    pub(super) fn over(connector: Connector) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .build(connector);
        Self {
            client,
            runtime: Handle::current(),
            limit: Some(ANSWER),
        }
    }

    /// The same connections, for answers that may take for ever.
    pub(super) fn patient(&self) -> Self {
        Self {
            limit: None,
            ..self.clone()
        }
    }

    /// The future has the request once, and not as each `async fn` on the way again: each call has it in a box.
    pub(super) fn send(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, HttpError>> + Send + use<> {
        let response = self.client.request(request.map(Full::new));
        let limit = self.limit;
        within(&self.runtime, async move {
            let answer = async {
                let (parts, body) = response.await.map_err(HttpError::of_client)?.into_parts();
                let body = body.collect().await.map_err(HttpError::lost)?;
                Ok(Response::from_parts(parts, body.to_bytes()))
            };
            let Some(limit) = limit else {
                return answer.await;
            };
            timeout(limit, answer).await.unwrap_or_else(|late| {
                Err(HttpError {
                    kind: EngineErrorKind::Unreachable,
                    source: late.into(),
                })
            })
        })
    }
}

pub(super) fn http_connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(CONNECT));
    connector.set_nodelay(true);
    connector
}

impl RequestExecutor for Http {
    type Error = HttpError;

    fn execute(
        &self,
        request: Request<Bytes>,
    ) -> impl Future<Output = Result<Response<Bytes>, HttpError>> + Send {
        self.send(request)
    }
}

/// There was no whole answer.
#[derive(Debug)]
pub(super) struct HttpError {
    pub(super) kind: EngineErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

impl HttpError {
    fn of_client(error: hyper_util::client::legacy::Error) -> Self {
        let kind = match error.is_connect() {
            true => EngineErrorKind::Unreachable,
            false => EngineErrorKind::Interrupted,
        };
        Self {
            kind,
            source: error.into(),
        }
    }

    fn lost(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind: EngineErrorKind::Interrupted,
            source: error.into(),
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl Error for HttpError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}

impl From<HttpError> for EngineError {
    fn from(error: HttpError) -> Self {
        Self::new(error.kind, error)
    }
}

/// A base address without a slash at its end.
pub(super) fn base(address: &str) -> Result<Uri, EngineError> {
    let refused = |text: String| EngineError::new(EngineErrorKind::Refused, text);
    let uri: Uri = address
        .trim_end_matches('/')
        .parse()
        .map_err(|error| refused(format!("{address}: {error}")))?;
    match uri.scheme_str() {
        Some(scheme) if SCHEMES.contains(&scheme) => Ok(uri),
        _ => {
            let schemes = SCHEMES.join(":// or ");
            let text = format!("{address} is no address with {schemes}://");
            Err(refused(text))
        }
    }
}
