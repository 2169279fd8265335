//! What an owner's process does: it starts children, says so, and waits to be killed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ingather::try_scope;
use ingather_remote::{OnLost, RemoteError, RemoteOptions, ScopeId};

use crate::fleet::engine;
use crate::jobs::{DEAF, STAY, Stay};
use crate::server::Kind;

pub(crate) const LEASE: Duration = Duration::from_millis(1500);
pub(crate) const GRACE: Duration = Duration::from_millis(500);

/// `SCOPE MILLIS keep|cancel FOLDER`.
pub(crate) fn main(kind: Kind, address: &str, admin: &str, rest: &str) {
    let parts: Vec<_> = rest.split(' ').collect();
    let [scope, millis, on_lost, folder] = *parts else {
        panic!("{rest}");
    };
    let millis = millis.parse().unwrap();
    let on_lost = match on_lost {
        "keep" => OnLost::Keep,
        _ => OnLost::Cancel,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let far = runtime.block_on(async {
        RemoteOptions::new(engine(kind, address, admin).await)
            .scope_id(ScopeId::new(scope))
            .on_lost(on_lost)
            .lease(LEASE)
            .drop_grace(GRACE)
            .open()
    });
    let stay = |n| Stay {
        millis,
        mark: mark(Path::new(folder), n),
    };
    println!("begun");
    let end = ingather::block_on(try_scope(|tg| async move {
        for n in 0..3 {
            tg.try_spawn(far.call(&STAY, stay(n)));
        }
        tg.try_spawn(far.call(&DEAF, stay(3)));
        Ok::<_, RemoteError>(())
    }));
    end.unwrap();
}

pub(crate) fn mark(folder: &Path, n: u32) -> PathBuf {
    folder.join(format!("owned-{n}"))
}
