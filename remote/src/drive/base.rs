//! What the calls of a remote scope share.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, Either, Shared, select};
use ingather::clock::{now, sleep};

use crate::carry::Carried;
use crate::engine::{Engine, EngineError, EngineErrorKind, Lease, Reply};
use crate::panic_text::panic_text;
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

    /// Asks the engine again and again while it is unreachable, but no longer than the patience lasts. So long it has for one answer,
    /// too.
    pub(crate) async fn patiently<T: Send + 'static>(
        &self,
        mut ask: impl FnMut() -> Reply<T>,
    ) -> Result<T, EngineError> {
        let limit = self.terms.patience;
        self.unhurried(|| Box::pin(in_time(ask(), limit))).await
    }

    /// The same for an answer that may take for ever. What is rare is in a box, since each call has this in its future.
    pub(crate) async fn unhurried<T>(
        &self,
        mut ask: impl FnMut() -> Reply<T>,
    ) -> Result<T, EngineError> {
        let begin = now();
        match answer(&mut ask).await {
            Err(error) if error.is_unreachable() => Box::pin(self.again(begin, error, ask)).await,
            answer => answer,
        }
    }

    /// It was asked at this time, with this error.
    async fn again<T>(
        &self,
        mut begin: Instant,
        mut error: EngineError,
        mut ask: impl FnMut() -> Reply<T>,
    ) -> Result<T, EngineError> {
        let mut since = None;
        let mut pause = PAUSE.0;
        loop {
            let time = now();
            let lost = match error.kind() {
                // It had been reached for a while.
                EngineErrorKind::Interrupted if time - begin > PAUSE.1 => {
                    (since, pause) = (None, PAUSE.0);
                    time
                }
                _ => begin,
            };
            let waited = time - *since.get_or_insert(lost);
            let left = self.terms.patience.checked_sub(waited);
            let Some(left) = left.filter(|left| !left.is_zero()) else {
                return Err(error);
            };
            sleep(pause.min(left)).await;
            pause = (2 * pause).min(PAUSE.1);
            begin = now();
            error = match answer(&mut ask).await {
                Err(error) if error.is_unreachable() => error,
                answer => return answer,
            };
        }
    }

    /// Whether the engine knows that the owner is alive; before that nothing may be submitted, since nobody would end it.
    pub(crate) fn holds_lease(&self) -> bool {
        self.leased.load(Ordering::Acquire)
    }

    /// Returns once it does.
    pub(crate) async fn hold_lease(self: &Arc<Self>) -> Result<(), Arc<EngineError>> {
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
        self.terms.lease.is_some() && self.holds_lease()
    }

    pub(crate) fn left_behind(&self, ticket: Ticket) {
        lock(&self.unjoined).push(ticket);
    }

    pub(crate) fn unjoined(&self) -> Vec<Ticket> {
        lock(&self.unjoined).clone()
    }
}

/// What the engine answers. That it panicked is an answer too, since the lease and the reaper are other calls' as well.
pub(super) async fn answer<T>(ask: impl FnOnce() -> Reply<T>) -> Result<T, EngineError> {
    let answer = AssertUnwindSafe(async { ask().await });
    let answer = answer.catch_unwind().await;
    answer.unwrap_or_else(|panic| Err(panicked(&*panic)))
}

pub(super) fn panicked(panic: &(dyn Any + Send)) -> EngineError {
    EngineError::new(EngineErrorKind::Panicked, panic_text(panic))
}

async fn in_time<T>(
    answer: impl Future<Output = Result<T, EngineError>>,
    limit: Duration,
) -> Result<T, EngineError> {
    match select(pin!(answer), pin!(sleep(limit))).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(no_answer(limit)),
    }
}

pub(super) fn no_answer(limit: Duration) -> EngineError {
    EngineError::new(
        EngineErrorKind::Unreachable,
        format!("no answer in {limit:?}"),
    )
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
