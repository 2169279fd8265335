//! Ends the scopes whose lease has run out. Each worker has one; several do no harm to each other.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::{FutureExt, StreamExt};
use tokio::time::sleep;

use super::orders::{self, Silences};
use super::places;
use super::store::{Store, Watched, read_lease};
use crate::engine::{EngineError, Lease};
use crate::ticket::ScopeId;

const LOOK: Duration = Duration::from_millis(100);

/// The last renewal that was seen, and when by this machine's own clock.
struct Seen {
    version: u64,
    at: Instant,
    lease: Lease,
    /// The children are being ended since then.
    ending: Option<Instant>,
    next: Instant,
}

/// Runs for ever.
pub(super) async fn keep(store: Store) {
    loop {
        // An engine that is away comes back, and all leases with it.
        if keep_once(&store).await.is_err() {
            sleep(Duration::from_secs(1)).await;
        }
    }
}

async fn keep_once(store: &Store) -> Result<(), EngineError> {
    let silences = Silences::default();
    let mut seen: HashMap<ScopeId, Seen> = HashMap::new();
    let (mut renewals, _) = store.watch(Watched::Leases).await?;
    loop {
        sleep(LOOK).await;
        while let Some(renewal) = renewals.next().now_or_never() {
            let Some(Ok(renewal)) = renewal else {
                return Ok(());
            };
            let scope = places::scope_in(&renewal.subject);
            let version = renewal.info().map(|info| info.stream_sequence);
            if let (Some(scope), Some(lease), Ok(version)) =
                (scope, read_lease(&renewal.payload), version)
            {
                seen.insert(scope, Seen::now(version, lease));
            }
        }
        let mut over = Vec::new();
        for (scope, seen) in &mut seen {
            if seen.at.elapsed() >= seen.lease.length
                && Instant::now() >= seen.next
                && end(store, &silences, scope, seen).await?
            {
                over.push(scope.clone());
            }
        }
        for scope in over {
            seen.remove(&scope);
        }
    }
}

impl Seen {
    fn now(version: u64, lease: Lease) -> Self {
        let at = Instant::now();
        Self {
            version,
            at,
            lease,
            ending: None,
            next: at,
        }
    }
}

/// Cancels the children of a scope, or kills them when the grace is over; true if there are none.
async fn end(
    store: &Store,
    silences: &Silences,
    scope: &ScopeId,
    seen: &mut Seen,
) -> Result<bool, EngineError> {
    match store.lease(scope).await? {
        // Its owner has left, or another keeper was faster.
        None => return Ok(true),
        Some((version, lease)) if version != seen.version => {
            *seen = Seen::now(version, lease);
            return Ok(false);
        }
        Some(_) => {}
    }
    let live = store.live(scope).await?;
    if live.is_empty() {
        store.end_lease(scope, seen.version).await?;
        return Ok(true);
    }
    let ending = *seen.ending.get_or_insert_with(Instant::now);
    let kills = ending.elapsed() >= seen.lease.grace;
    for ticket in &live {
        match kills {
            true => orders::kill(store, silences, ticket).await?,
            false => orders::cancel(store, ticket).await?,
        }
    }
    let left = seen.lease.grace.saturating_sub(ending.elapsed());
    let again = Duration::from_millis(500);
    seen.next = Instant::now() + if kills { again } else { again.min(left) };
    Ok(false)
}
