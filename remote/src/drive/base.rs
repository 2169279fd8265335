//! What the calls of a remote scope share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use ingather::time::{now, sleep};

use crate::carry::Carried;
use crate::engine::{Engine, EngineError, EngineErrorKind, Lease, Reply};
use crate::ticket::{ScopeId, Ticket};

/// Between two tries, at first and at last.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// What a [`Remote`](crate::Remote) was told.
pub(crate) struct Terms {
    /// None where the children outlive their owner.
    pub(crate) lease: Option<Lease>,
    pub(crate) patience: Duration,
    pub(crate) drop_grace: Duration,
    pub(crate) carried: Carried,
}

type FirstRenewal = Shared<BoxFuture<'static, Result<(), Arc<EngineError>>>>;

pub(crate) struct Base {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) scope: ScopeId,
    pub(crate) terms: Terms,
    pub(crate) numbers: AtomicU64,
    leased: AtomicBool,
    first_renewal: Mutex<Option<FirstRenewal>>,
    unjoined: Mutex<Vec<Ticket>>,
}

impl Base {
    pub(crate) fn new(engine: Arc<dyn Engine>, scope: ScopeId, terms: Terms) -> Self {
        Self {
            engine,
            scope,
            leased: AtomicBool::new(terms.lease.is_none()),
            terms,
            numbers: AtomicU64::new(0),
            first_renewal: Mutex::new(None),
            unjoined: Mutex::new(Vec::new()),
        }
    }

    /// Asks the engine again and again while it is unreachable, but no longer than the patience lasts.
    pub(crate) async fn patiently<T>(
        &self,
        mut ask: impl FnMut() -> Reply<T>,
    ) -> Result<T, EngineError> {
        let mut since = None;
        let mut pause = PAUSE.0;
        loop {
            let begin = now();
            let error = match ask().await {
                Err(error) if error.is_unreachable() => error,
                answer => return answer,
            };
            let time = now();
            // It had been reached for a while.
            if error.kind() == EngineErrorKind::Interrupted && time - begin > PAUSE.1 {
                (since, pause) = (None, PAUSE.0);
            }
            let waited = time - *since.get_or_insert(time);
            let Some(left) = self
                .terms
                .patience
                .checked_sub(waited)
                .filter(|left| !left.is_zero())
            else {
                return Err(error);
            };
            sleep(pause.min(left)).await;
            pause = (2 * pause).min(PAUSE.1);
        }
    }

    /// Returns once the engine knows that the owner is alive; before that nothing may be submitted, since nobody would end it.
    pub(crate) async fn hold_lease(self: &Arc<Self>) -> Result<(), Arc<EngineError>> {
        if self.leased.load(Ordering::Acquire) {
            return Ok(());
        }
        let renewal = {
            let mut first = lock(&self.first_renewal);
            first.get_or_insert_with(|| self.renewal()).clone()
        };
        let renewed = renewal.clone().await;
        match &renewed {
            Ok(()) => self.leased.store(true, Ordering::Release),
            // The next call tries anew.
            Err(_) => {
                let mut first = lock(&self.first_renewal);
                if first.as_ref().is_some_and(|first| first.ptr_eq(&renewal)) {
                    *first = None;
                }
            }
        }
        renewed
    }

    fn renewal(self: &Arc<Self>) -> FirstRenewal {
        let base = Arc::clone(self);
        let renew = async move {
            let Some(lease) = base.terms.lease else {
                return Ok(());
            };
            let renew = || base.engine.renew(&base.scope, lease);
            base.patiently(renew).await.map_err(Arc::new)
        };
        renew.boxed().shared()
    }

    pub(crate) fn is_leased(&self) -> bool {
        self.terms.lease.is_some() && self.leased.load(Ordering::Acquire)
    }

    pub(crate) fn left_behind(&self, ticket: Ticket) {
        lock(&self.unjoined).push(ticket);
    }

    pub(crate) fn unjoined(&self) -> Vec<Ticket> {
        lock(&self.unjoined).clone()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
