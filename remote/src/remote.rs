//! `Remote`: the children of a scope whose work runs elsewhere.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::carry::Carried;
use crate::drive::{Base, Gate, Terms};
use crate::engine::{Engine, EngineError, Lease};
use crate::error::CloseError;
use crate::job::Job;
use crate::ticket::{ScopeId, Ticket};

const LEASE: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(30);
const GRACE: Duration = Duration::from_secs(5);

/// A remote scope on an engine: its [`call`](Self::call)s are children whose work runs elsewhere.
///
/// A call is a future like any other, to be spawned, gathered, raced or awaited in a body. It submits the work, waits for the end that
/// the engine reports, and gives the value. If the child is cancelled the work is [cancelled](Engine::cancel) first; when the
/// group's [grace](ingather::GroupOptions::grace) is over it is [killed](Engine::kill); and the child is over when the engine has
/// reported an end. Only where the engine cannot be reached for too long it ends without that, with an
/// [error that says so](crate::RemoteError::is_unjoined).
///
/// Clones are handles to the same scope. When the last handle and the last call are gone, or after [`close`](Self::close), the engine is
/// told that the scope is over. Dropping a `Remote` waits for nothing.
///
/// # Examples
///
/// ```no_run
/// # #[cfg(feature = "restate")] {
/// use ingather::try_scope;
/// use ingather_remote::restate::Restate;
/// use ingather_remote::{Job, Remote, RemoteError};
///
/// static DOUBLE: Job<u32, u32> = Job::new("Numbers/double");
///
/// async fn sum() -> Result<u32, Box<dyn std::error::Error>> {
///     let engine = Restate::at("http://127.0.0.1:8080", "http://127.0.0.1:9070")?;
///     let far = Remote::new(engine);
///     let there = far.clone();
///     let sum = try_scope(|tg| async move {
///         let (a, b) = (tg.try_spawn(there.call(&DOUBLE, 10)), tg.try_spawn(there.call(&DOUBLE, 11)));
///         Ok::<_, RemoteError>(a.await.unwrap_or(0) + b.await.unwrap_or(0))
///     })
///     .await?;
///     far.close().await?;
///     Ok(sum)
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Remote {
    base: Arc<Base>,
    pub(crate) gate: Arc<Gate>,
}

impl Remote {
    /// A remote scope with a random id, whose children are cancelled when their owner has not been heard of for 30 seconds.
    pub fn new(engine: impl Engine) -> Self {
        RemoteOptions::new(engine).open()
    }

    /// Work for a worker, as a future. Nothing is submitted before it is polled.
    ///
    /// It takes the next number of this scope, counted from 0 in the order of the calls of this function;
    /// see [`Call::number`].
    pub fn call<I, O>(&self, job: &Job<I, O>, input: I) -> Call<O>
    where
        I: Serialize,
        O: DeserializeOwned,
    {
        let number = self.base.numbers.fetch_add(1, Ordering::Relaxed);
        let input = serde_json::to_vec(&input);
        Call::new(
            Arc::clone(&self.base),
            Arc::clone(&self.gate),
            job.name(),
            number,
            input,
        )
    }

    /// Takes no more calls, waits until the calls that were made and the work of those that were dropped are over, and tells the
    /// engine that the scope is over.
    ///
    /// Await it behind the scopes with the calls, not beside them: it waits for them. In a [`run`](ingather::run) it is
    /// called at the end unless it was before.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has closed, and nobody waits. It can be called again.
    ///
    /// # Errors
    ///
    /// If the end of some work was not heard of, or the engine could not be told. The lease runs out then.
    pub async fn close(&self) -> Result<(), CloseError> {
        self.gate.close().await
    }

    /// The work of this scope that is not over, as the engine sees it.
    ///
    /// # Errors
    ///
    /// If the engine does not answer.
    pub async fn live(&self) -> Result<Vec<Ticket>, EngineError> {
        let live = || self.base.engine.live(&self.base.scope);
        self.base.patiently(live).await
    }

    /// The id of the scope.
    pub fn scope_id(&self) -> &ScopeId {
        &self.base.scope
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("scope", &self.base.scope)
            .finish_non_exhaustive()
    }
}

/// What becomes of the children when their owner is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnLost {
    /// When the lease has run out they are cancelled, and killed when the grace is over too.
    #[default]
    Cancel,
    /// They go on. An owner that is started again with the same [scope id](RemoteOptions::scope_id) and makes the same calls under the
    /// same [numbers](Call::number) attaches to them.
    Keep,
}

/// What a [`Remote`] may be told.
pub struct RemoteOptions {
    engine: Arc<dyn Engine>,
    scope: Option<ScopeId>,
    on_lost: OnLost,
    lease: Duration,
    patience: Duration,
    drop_grace: Duration,
    carried: Carried,
}

impl RemoteOptions {
    /// Those of [`Remote::new`].
    pub fn new(engine: impl Engine) -> Self {
        Self {
            engine: Arc::new(engine),
            scope: None,
            on_lost: OnLost::default(),
            lease: LEASE,
            patience: PATIENCE,
            drop_grace: GRACE,
            carried: Carried::new(),
        }
    }

    /// Gives the scope this id. Two owners with one id at a time get each other's results.
    pub fn scope_id(mut self, scope: ScopeId) -> Self {
        self.scope = Some(scope);
        self
    }

    /// What becomes of the children when their owner is lost.
    pub fn on_lost(mut self, on_lost: OnLost) -> Self {
        self.on_lost = on_lost;
        self
    }

    /// The owner counts as lost when it was not heard of for so long; 30 seconds unless it is given.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// An engine that has not been reached for so long is given up; 30 seconds unless it is given.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The time between the cancel and the kill of work whose call was dropped, or whose owner was lost; 5 seconds unless it is
    /// given. A child that is cancelled has the grace of its group.
    pub fn drop_grace(mut self, grace: Duration) -> Self {
        self.drop_grace = grace;
        self
    }

    /// Has these context variables travel along.
    pub fn carry(mut self, carried: Carried) -> Self {
        self.carried = carried;
        self
    }

    /// The remote scope with these options. The engine hears of it with the first call.
    pub fn open(self) -> Remote {
        let lease = Lease {
            length: self.lease,
            grace: self.drop_grace,
        };
        let terms = Terms {
            lease: (self.on_lost == OnLost::Cancel).then_some(lease),
            patience: self.patience,
            drop_grace: self.drop_grace,
            carried: self.carried,
        };
        let scope = self.scope.unwrap_or_else(ScopeId::random);
        Remote {
            base: Arc::new(Base::new(self.engine, scope, terms)),
            gate: Gate::new(),
        }
    }
}

impl fmt::Debug for RemoteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteOptions")
            .field("scope", &self.scope)
            .field("on_lost", &self.on_lost)
            .field("lease", &self.lease)
            .field("patience", &self.patience)
            .field("drop_grace", &self.drop_grace)
            .field("carried", &self.carried)
            .finish_non_exhaustive()
    }
}
