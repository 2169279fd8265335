//! What is asked of Restate's admin API: cancel, kill, and what is live.

use ::http::header::{ACCEPT, CONTENT_TYPE};
use ::http::{Method, Request, Response, StatusCode, Uri};
use bytes::Bytes;
use serde::Deserialize;

use super::http::{Http, base};
use crate::engine::{EngineError, EngineErrorKind};
use crate::ticket::{ScopeId, Ticket};

#[derive(Clone)]
pub(super) struct Admin {
    pub(super) http: Http,
    base: Uri,
}

#[derive(Deserialize)]
struct Rows<T> {
    rows: Vec<T>,
}

#[derive(Deserialize)]
struct Live {
    id: String,
    idempotency_key: String,
    target_service_name: String,
    target_handler_name: String,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

impl Admin {
    pub(super) fn new(http: Http, address: &str) -> Result<Self, EngineError> {
        Ok(Self {
            http,
            base: base(address)?,
        })
    }

    pub(super) async fn cancel(&self, id: &str) -> Result<(), EngineError> {
        self.order(id, "cancel").await
    }

    pub(super) async fn kill(&self, id: &str) -> Result<(), EngineError> {
        self.order(id, "kill").await
    }

    async fn order(&self, id: &str, order: &str) -> Result<(), EngineError> {
        let path = format!("/invocations/{id}/{order}");
        let answer = self.send(Method::PATCH, &path, Bytes::new()).await?;
        match answer.status() {
            // It is over already, and the result says how.
            StatusCode::NOT_FOUND | StatusCode::CONFLICT => Ok(()),
            _ => success(answer).map(drop),
        }
    }

    /// The children of a scope that are not over.
    pub(super) async fn live(&self, scope: &ScopeId) -> Result<Vec<Ticket>, EngineError> {
        // An id has no character that means something in SQL, but for the `_` that stands for any in a pattern.
        let prefix = format!("{scope}/");
        let rows: Vec<Live> = self
            .query(&format!(
                "SELECT id, idempotency_key, target_service_name, target_handler_name FROM sys_invocation \
                 WHERE starts_with(idempotency_key, '{prefix}') AND status <> 'completed'"
            ))
            .await?;
        let ticket = |live: Live| {
            let (scope, number) = Ticket::parse_key(&live.idempotency_key)?;
            let job = format!("{}/{}", live.target_service_name, live.target_handler_name);
            Some(Ticket::new(scope, number, job).with_id(live.id))
        };
        Ok(rows.into_iter().filter_map(ticket).collect())
    }

    /// Of these invocations those that were cancelled. A cancel stands in the journal as the first of the built-in signals.
    pub(super) async fn cancelled(&self, ids: &[String]) -> Result<Vec<String>, EngineError> {
        let ids: Vec<_> = ids.iter().map(|id| format!("'{id}'")).collect();
        let rows: Vec<Id> = self
            .query(&format!(
                "SELECT DISTINCT id FROM sys_journal WHERE id IN ({}) AND entry_type = 'Notification: Signal' \
                 AND entry_lite_json LIKE '%\"SignalIndex\":1}}%'",
                ids.join(", ")
            ))
            .await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    async fn query<T: serde::de::DeserializeOwned>(
        &self,
        query: &str,
    ) -> Result<Vec<T>, EngineError> {
        let body = serde_json::json!({ "query": query }).to_string();
        let answer = self.send(Method::POST, "/query", body.into()).await?;
        let answer = success(answer)?;
        let rows: Rows<T> = serde_json::from_slice(answer.body())
            .map_err(|error| EngineError::new(EngineErrorKind::Refused, error))?;
        Ok(rows.rows)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Bytes>, EngineError> {
        let request = Request::builder()
            .method(method)
            .uri(format!(
                "{}{path}",
                self.base.to_string().trim_end_matches('/')
            ))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json")
            .body(body)
            .map_err(|error| EngineError::new(EngineErrorKind::Refused, error))?;
        Ok(self.http.send(request).await?)
    }
}

fn success(answer: Response<Bytes>) -> Result<Response<Bytes>, EngineError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let kind = match status.is_server_error() {
        true => EngineErrorKind::Unreachable,
        false => EngineErrorKind::Refused,
    };
    let text = String::from_utf8_lossy(answer.body());
    Err(EngineError::new(kind, format!("{status}: {text}")))
}
