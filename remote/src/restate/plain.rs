//! Connections without TLS.

use hyper_util::client::legacy::connect::HttpConnector;

use crate::engine::EngineError;

pub(super) type Connector = HttpConnector;

pub(super) const SCHEMES: &[&str] = &["http"];

/// What connects to these addresses.
pub(super) fn connector(http: HttpConnector, _to: &[&str]) -> Result<Connector, EngineError> {
    Ok(http)
}
