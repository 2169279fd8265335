//! `Tls`: connections with TLS, and what is trusted there.

use std::fmt;
use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::admin::Admin;
use super::engine::Restate;
use super::http::{Http, http_connector};
use super::jobs::Jobs;
use super::keeper::Keeper;
use crate::engine::{EngineError, EngineErrorKind};

pub(super) type Connector = HttpsConnector<HttpConnector>;

pub(super) const SCHEMES: &[&str] = &["http", "https"];

/// What connects to these addresses; the roots of the system are read if one of them asks for TLS.
pub(super) fn connector(http: HttpConnector, to: &[&str]) -> Result<Connector, EngineError> {
    let tls = match to.iter().any(|address| address.starts_with("https://")) {
        true => Tls::of_the_system()?,
        false => Tls::with_roots(RootCertStore::empty())?,
    };
    Ok(tls.connector(http))
}

/// Which servers are trusted, where an address begins with `https://`.
///
/// [`Restate::at`], [`Jobs::new`] and [`Keeper::new`] trust what the [system](Self::of_the_system) trusts.
#[derive(Clone)]
pub struct Tls(ClientConfig);

impl Tls {
    /// Trusts the certificates that the system trusts.
    ///
    /// # Errors
    ///
    /// If there are none.
    pub fn of_the_system() -> Result<Self, EngineError> {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        match roots.is_empty() {
            false => Self::with_roots(roots),
            true => {
                let errors = format!("the system has no trusted certificates: {:?}", found.errors);
                Err(EngineError::new(EngineErrorKind::Refused, errors))
            }
        }
    }

    /// Trusts these certificates, in PEM, and no others: a private authority, or the server's own.
    ///
    /// # Errors
    ///
    /// If it has no certificate, or one that cannot be read.
    pub fn trusting(pem: &[u8]) -> Result<Self, EngineError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate.map_err(refused)?).map_err(refused)?;
        }
        match roots.is_empty() {
            false => Self::with_roots(roots),
            true => Err(refused("there is no certificate in it")),
        }
    }

    fn with_roots(roots: RootCertStore) -> Result<Self, EngineError> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(refused)?;
        Ok(Self(
            config.with_root_certificates(roots).with_no_client_auth(),
        ))
    }

    fn connector(&self, mut http: HttpConnector) -> Connector {
        http.enforce_http(false);
        HttpsConnectorBuilder::new()
            .with_tls_config(self.0.clone())
            .https_or_http()
            .enable_http1()
            .wrap_connector(http)
    }

    fn http(&self) -> Http {
        Http::over(self.connector(http_connector()))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

impl Restate {
    /// As [`at`](Self::at), with these certificates.
    ///
    /// # Errors
    ///
    /// If one is no address.
    ///
    /// # Panics
    ///
    /// If it is not called in a tokio runtime.
    pub fn with_tls(ingress: &str, admin: &str, tls: &Tls) -> Result<Self, EngineError> {
        Self::over(tls.http(), ingress, admin)
    }
}

impl Jobs {
    /// As [`new`](Self::new), with these certificates.
    ///
    /// # Errors
    ///
    /// If that is no address.
    ///
    /// # Panics
    ///
    /// If it is not called in a tokio runtime.
    pub fn with_tls(admin: &str, tls: &Tls) -> Result<Self, EngineError> {
        Ok(Self::of(Admin::new(tls.http(), admin)?))
    }
}

impl Keeper {
    /// As [`new`](Self::new), with these certificates.
    ///
    /// # Errors
    ///
    /// If that is no address.
    ///
    /// # Panics
    ///
    /// If it is not called in a tokio runtime.
    pub fn with_tls(admin: &str, tls: &Tls) -> Result<Self, EngineError> {
        Ok(Self::of(Admin::new(tls.http(), admin)?))
    }
}

fn refused(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> EngineError {
    EngineError::new(EngineErrorKind::Refused, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_refused() {
        let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in [&b""[..], b"no certificate", broken] {
            let error = Tls::trusting(pem).unwrap_err();
            assert_eq!(error.kind(), EngineErrorKind::Refused);
        }
    }
}
