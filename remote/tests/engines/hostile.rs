//! More that goes wrong.

use std::time::Duration;

use ingather::{block_on, timeout};
use ingather_remote::{RemoteErrorKind, RemoteOptions};
use tokio::runtime::Runtime;

use crate::fleet::{Fleet, engine, until};
use crate::jobs::{DOUBLE, LARGE, STAY};
use crate::server::Kind;

pub(crate) fn a_value_that_is_too_large(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let bytes = 2 << 20;
    let value = block_on(far.call(&LARGE, bytes));
    match fleet.kind {
        Kind::Nats => {
            let error = value.unwrap_err();
            assert_eq!(error.kind(), RemoteErrorKind::Failed, "{error}");
            assert_eq!(error.code(), Some(413), "{error}");
        }
        Kind::Restate => assert_eq!(value.unwrap().len(), bytes as usize),
    }
    assert_eq!(block_on(far.call(&DOUBLE, 1)).unwrap(), 2);
}

/// The connections of an engine end with the runtime that it was made in. So nothing more is heard, and that is said.
pub(crate) fn the_runtime_is_gone(fleet: &mut Fleet) {
    let scope = fleet.scope();
    let (address, admin) = fleet.server.addresses();
    let runtime = Runtime::new().unwrap();
    let engine = runtime.block_on(engine(fleet.kind, &address, &admin));
    let far = RemoteOptions::new(engine)
        .scope_id(scope.clone())
        .patience(Duration::from_secs(1))
        .lease(Duration::from_millis(1500))
        .drop_grace(Duration::from_millis(300))
        .open();
    let stay = fleet.stay(60_000);
    let mut call = Box::pin(far.call(&STAY, stay.clone()));
    // Attached, and dropped when nobody can be asked any more.
    while crate::jobs::marks(&stay.mark).0 == 0 {
        let short = Duration::from_millis(10);
        assert!(block_on(timeout(short, &mut call)).is_err());
    }
    runtime.shutdown_background();
    drop(call);
    let error = block_on(far.close()).unwrap_err();
    assert_eq!(error.unjoined().len(), 1, "{error}");
    let engine = fleet.engine();
    until("the end of the lease", || {
        block_on(engine.live(&scope)).unwrap().is_empty()
    });
}
