//! `Restate`: the engine, for owners.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::http::header::CONTENT_TYPE;
use ::http::{HeaderName, HeaderValue, StatusCode};
use bytes::Bytes;
use futures::FutureExt;
use restate_sdk::ingress::{CallResponse, Client, ClientError, Output, Request, RequestTarget};
use restate_sdk::serde::Json;
use serde::Deserialize;
use tokio::time::timeout;

use super::admin::Admin;
use super::http::{Http, HttpError, base};
use super::jobs::tries_in;
use super::keeper::{self, Terms};
use crate::engine::{Ending, Engine, EngineError, EngineErrorKind, Lease, Reply, Submission};
use crate::slip;
use crate::ticket::{ScopeId, Ticket};
use crate::tokio_side::within;

/// An attach that lasts longer is made anew, at first and at last.
const ROUND: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// Says whether an error is the end of the invocation or one of the server.
const ERROR_SOURCE: &str = "x-restate-error-source";

/// Restate as an [`Engine`].
///
/// It is made in a tokio runtime, which must live as long as it; its futures may be polled anywhere. Cloning is cheap, and clones share
/// their connections.
#[derive(Clone)]
pub struct Restate {
    shared: Arc<Shared>,
}

struct Shared {
    ingress: Client<Http>,
    /// The ingress too, for answers that may take for ever.
    attaching: Client<Http>,
    admin: Admin,
}

impl Restate {
    /// The server with this ingress and this admin API, such as `http://127.0.0.1:8080` and `http://127.0.0.1:9070`. It is not asked
    /// before the first call.
    ///
    /// # Errors
    ///
    /// If one is no address with `http://` or, with the feature `restate-tls`, `https://`.
    ///
    /// # Panics
    ///
    /// If it is not called in a tokio runtime.
    pub fn at(ingress: &str, admin: &str) -> Result<Self, EngineError> {
        Self::over(Http::to(&[ingress, admin])?, ingress, admin)
    }

    pub(super) fn over(http: Http, ingress: &str, admin: &str) -> Result<Self, EngineError> {
        let address = base(ingress)?;
        let client = |http| {
            let client = Client::new(address.clone(), http);
            client.map_err(|error| EngineError::new(EngineErrorKind::Refused, error))
        };
        let shared = Shared {
            ingress: client(http.clone())?,
            attaching: client(http.patient())?,
            admin: Admin::new(http, admin)?,
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
        within(&self.shared.admin.http.runtime, answer).boxed()
    }
}

impl Shared {
    async fn renew_scope(&self, scope: ScopeId, lease: Lease) -> Result<(), EngineError> {
        let target = RequestTarget::object(keeper::NAME, scope.as_str(), "renew");
        let terms = Json(Terms::from(lease));
        let call = self.ingress.request::<_, ()>(target, terms).call();
        told(call.await)
    }

    async fn leave_scope(&self, scope: ScopeId) -> Result<(), EngineError> {
        let target = RequestTarget::object(keeper::NAME, scope.as_str(), "leave");
        told(self.ingress.request::<_, ()>(target, ()).call().await)
    }
}

/// Whether the keeper of a scope took it.
fn told(answer: Result<CallResponse<Http, ()>, ClientError>) -> Result<(), EngineError> {
    let answer = answer.map_err(error_of)?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => {
            let body = answer.into_raw_http_response().into_body();
            Err(refusal(status, &body))
        }
    }
}

impl Engine for Restate {
    fn submit(&self, call: Arc<Submission>) -> Reply<Ticket> {
        self.ask(|restate| async move {
            let sent = request(&restate.ingress, &call)?.send();
            let sent = sent.await.map_err(error_of)?;
            let id = sent.invocation_handle().invocation_id().as_str().to_owned();
            Ok(call.ticket().with_id(id))
        })
    }

    fn attach(&self, ticket: &Ticket) -> Reply<Ending> {
        let id = id_of(ticket);
        self.ask(|restate| async move {
            let id = id?;
            let attached = restate.attaching.invocation_handle::<Bytes>(id.as_str());
            let peeked = restate.ingress.invocation_handle::<Bytes>(id);
            let mut round = ROUND.0;
            loop {
                if let Ok(end) = timeout(round, attached.attach()).await {
                    return ending_of(end.map(|answer| answer.into_body()));
                }
                // A server that was away may have forgotten who waits.
                let output = Box::pin(peeked.output()).await;
                match output.map(|answer| answer.into_body()) {
                    Ok(Output::NotReady) => {}
                    Ok(Output::Ready(value)) => return ending_of(Ok(value)),
                    Err(error) => return ending_of(Err(error)),
                }
                round = (2 * round).min(ROUND.1);
            }
        })
    }

    /// One request, which the key makes one that may be made again. The end has the id, which nobody needs before a cancel.
    fn submit_and_attach(&self, call: &Arc<Submission>) -> Option<Reply<Option<(Ticket, Ending)>>> {
        let call = Arc::clone(call);
        Some(self.ask(|restate| async move {
            let called = request(&restate.attaching, &call)?.call();
            let Ok(called) = timeout(ROUND.0, called).await else {
                return Ok(None);
            };
            let called = called.map_err(error_of)?;
            let handle = called.invocation_handle();
            let ticket = call.ticket().with_id(handle.invocation_id().as_str());
            // It has been taken, so that what is no end is not for here.
            let end = ending_of(called.into_body()).ok();
            Ok(end.map(|end| (ticket, end)))
        }))
    }

    fn cancel(&self, ticket: &Ticket) -> Reply<()> {
        let id = id_of(ticket);
        self.ask(|restate| async move { restate.admin.cancel(&id?).await })
    }

    fn kill(&self, ticket: &Ticket) -> Reply<()> {
        let id = id_of(ticket);
        self.ask(|restate| async move { restate.admin.kill(&id?).await })
    }

    fn live(&self, scope: &ScopeId) -> Reply<Vec<Ticket>> {
        let scope = scope.clone();
        self.ask(|restate| async move { restate.admin.live(&scope).await })
    }

    fn renew(&self, scope: &ScopeId, lease: Lease) -> Reply<()> {
        let scope = scope.clone();
        self.ask(|restate| async move { restate.renew_scope(scope, lease).await })
    }

    fn leave(&self, scope: &ScopeId) -> Reply<()> {
        let scope = scope.clone();
        self.ask(|restate| async move { restate.leave_scope(scope).await })
    }
}

fn request(
    ingress: &Client<Http>,
    call: &Submission,
) -> Result<Request<Http, Bytes, Bytes>, EngineError> {
    let target = RequestTarget::service(call.service(), call.handler());
    let slip = HeaderValue::try_from(call.slip())
        .map_err(|error| EngineError::new(EngineErrorKind::Refused, error))?;
    Ok(ingress
        .request(target, call.input.clone())
        .header(HeaderName::from_static(slip::HEADER), slip)
        .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .idempotency_key(call.ticket().key()))
}

fn id_of(ticket: &Ticket) -> Result<String, EngineError> {
    let id = ticket.id().map(str::to_owned);
    id.ok_or_else(|| EngineError::new(EngineErrorKind::Lost, "the ticket has no invocation id"))
}

/// What the server says where there is no value.
#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: Option<u16>,
    #[serde(default)]
    message: String,
}

fn ending_of(end: Result<Bytes, ClientError>) -> Result<Ending, EngineError> {
    let (status, response) = match end {
        Ok(value) => return Ok(Ending::Value(value.to_vec())),
        Err(ClientError::Status { status, response }) => (status, response),
        Err(error) => return Err(error_of(error)),
    };
    let source = response.headers().get(ERROR_SOURCE);
    let is_end = source.is_some_and(|source| source == "invocation");
    match status {
        _ if is_end => Ok(ending(status, response.body())),
        StatusCode::NOT_FOUND => {
            let refusal = refusal(status, response.body());
            Err(EngineError::new(EngineErrorKind::Lost, refusal))
        }
        _ => Err(refusal(status, response.body())),
    }
}

fn ending(status: StatusCode, body: &[u8]) -> Ending {
    let refusal: Refusal = serde_json::from_slice(body).unwrap_or(Refusal {
        code: None,
        message: String::from_utf8_lossy(body).into_owned(),
    });
    match (status.as_u16(), refusal.message.as_str()) {
        (409, "cancelled") => Ending::Cancelled,
        (409, "killed") => Ending::Killed,
        (code, message) => {
            let (message, tries) = tries_in(message);
            Ending::Failed {
                code: refusal.code.unwrap_or(code),
                message: message.to_owned(),
                tries,
            }
        }
    }
}

fn error_of(error: ClientError) -> EngineError {
    match error {
        ClientError::Transport { source } => {
            let kind = source.downcast_ref().map(|error: &HttpError| error.kind);
            EngineError::new(kind.unwrap_or(EngineErrorKind::Interrupted), source)
        }
        ClientError::Status { status, response } => refusal(status, response.body()),
        // A refusal may lack what an acceptance has.
        ClientError::Protocol { response, .. } if !response.status().is_success() => {
            refusal(response.status(), response.body())
        }
        error => EngineError::new(EngineErrorKind::Refused, error),
    }
}

fn refusal(status: StatusCode, body: &[u8]) -> EngineError {
    let kind = match status {
        StatusCode::NOT_FOUND => EngineErrorKind::UnknownJob,
        StatusCode::PAYLOAD_TOO_LARGE => EngineErrorKind::TooLarge,
        StatusCode::TOO_MANY_REQUESTS => EngineErrorKind::Unreachable,
        status if status.is_server_error() => EngineErrorKind::Unreachable,
        _ => EngineErrorKind::Refused,
    };
    let text = String::from_utf8_lossy(body);
    EngineError::new(kind, format!("{status}: {text}"))
}

impl fmt::Debug for Restate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restate").finish_non_exhaustive()
    }
}
