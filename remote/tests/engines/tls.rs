//! Restate behind a proxy that ends TLS, with a certificate of its own.

use std::sync::Arc;
use std::time::Duration;

use ingather::{GroupOptions, block_on};
use ingather_remote::restate::{Restate, Tls};
use ingather_remote::{RemoteErrorKind, RemoteOptions};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::fleet::{Fleet, begun};
use crate::jobs::{DOUBLE, STAY};

/// Takes TLS, and passes on what comes to this address. Its own address.
async fn proxy(acceptor: TlsAcceptor, to: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let to = to.trim_start_matches("http://").to_owned();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, to) = (acceptor.clone(), to.clone());
            tokio::spawn(async move {
                // A client that does not trust it goes away.
                let mut there = acceptor.accept(stream).await?;
                let mut here = TcpStream::connect(to).await?;
                copy_bidirectional(&mut there, &mut here).await
            });
        }
    });
    format!("https://{address}")
}

fn certificate() -> CertifiedKey<rcgen::KeyPair> {
    generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap()
}

pub(crate) fn over_tls(fleet: &mut Fleet) {
    let (own, other) = (certificate(), certificate());
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (ingress, admin) = fleet.server.addresses();
    let (ingress, admin) = fleet.runtime.block_on(async {
        let ingress = proxy(acceptor.clone(), ingress).await;
        (ingress, proxy(acceptor, admin).await)
    });
    let _entered = fleet.runtime.enter();

    let tls = Tls::trusting(own.cert.pem().as_bytes()).unwrap();
    let engine = Restate::with_tls(&ingress, &admin, &tls).unwrap();
    let far = RemoteOptions::new(engine).open();
    assert_eq!(block_on(far.call(&DOUBLE, 21)).unwrap(), 42);
    let stay = fleet.stay(60_000);
    let (there, mark) = (far.clone(), stay.mark.clone());
    let options = GroupOptions::new().grace(Duration::from_secs(30));
    block_on(options.scope(|tg| async move {
        let child = tg.spawn(there.call(&STAY, stay));
        ingather::to_thread(move || begun(&mark)).await;
        assert_eq!(there.live().await.unwrap().len(), 1);
        tg.cancel();
        assert!(child.await.unwrap_err().is_cancelled());
    }));
    assert!(block_on(far.live()).unwrap().is_empty());
    block_on(far.close()).unwrap();

    // A server that is not trusted is told nothing.
    let tls = Tls::trusting(other.cert.pem().as_bytes()).unwrap();
    let engine = Restate::with_tls(&ingress, &admin, &tls).unwrap();
    let options = RemoteOptions::new(engine).patience(Duration::from_millis(300));
    let far = options.open();
    let error = block_on(far.call(&DOUBLE, 21)).unwrap_err();
    assert_eq!(error.kind(), RemoteErrorKind::Unreachable);
    block_on(far.close()).unwrap_err();
}
