//! A thread that ends the work of calls that were dropped, and keeps the lease.
//!
//! It begins with the first call. Each call holds a [`Pass`], through which its work comes to the reaper if the call is dropped.
//! When the gate is closed or dropped and no pass is left, the reaper ends what it has, tells the engine that the scope is over, and
//! is over itself.

use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use futures::channel::{mpsc, oneshot};
use futures::future::{BoxFuture, Either, Shared, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use ingather::clock::sleep;
use ingather::program::{OnShutdown, ShutdownGuard};

use super::base::{Base, answer, lock};
use super::course::Course;
use super::ties::Ties;
use super::wish::Stage;
use crate::error::CloseError;

/// A lease is renewed no more often.
const OFTEN: Duration = Duration::from_millis(5);

/// The work of a call that was dropped.
pub(crate) struct Orphan {
    pub(crate) course: Course,
    pub(crate) ties: Arc<Ties>,
}

/// Held by each call that may leave work behind.
pub(crate) struct Pass(mpsc::UnboundedSender<Orphan>);

impl Pass {
    /// Takes the work of a call over.
    pub(crate) fn hand_over(&self, orphan: Orphan) {
        orphan.ties.wish.raise(Stage::Cancel);
        // It is received as long as a pass is left.
        let _ = self.0.unbounded_send(orphan);
    }
}

type Finished = Shared<BoxFuture<'static, Result<(), CloseError>>>;

/// Where calls enter, until it is closed.
pub(crate) struct Gate(Mutex<State>);

enum State {
    /// There was no call.
    Fresh,
    Open(mpsc::UnboundedSender<Orphan>, Finished),
    Closed(Option<Finished>),
}

impl Gate {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State::Fresh)))
    }

    /// Lets a call in; `None` if it is closed.
    ///
    /// # Panics
    ///
    /// If the system gives no thread.
    pub(crate) fn enter(self: &Arc<Self>, base: &Arc<Base>) -> Option<Pass> {
        let mut state = lock(&self.0);
        if let State::Fresh = *state {
            let (sender, finished) = self.start(base);
            *state = State::Open(sender, finished);
        }
        match &*state {
            State::Open(sender, _) => Some(Pass(sender.clone())),
            _ => None,
        }
    }

    fn start(self: &Arc<Self>, base: &Arc<Base>) -> (mpsc::UnboundedSender<Orphan>, Finished) {
        let (sender, orphans) = mpsc::unbounded();
        let (tell, told) = oneshot::channel();
        let lost = CloseError {
            unjoined: Vec::new(),
            source: None,
        };
        let finished = told.map(|told| told.unwrap_or(Err(lost))).boxed().shared();
        let (gate, end) = (Arc::downgrade(self), finished.clone());
        let on_shutdown = OnShutdown::new()
            .named("remote children")
            .register(move || {
                if let Some(gate) = gate.upgrade() {
                    gate.shut();
                }
                end
            })
            .ok();
        let base = Arc::clone(base);
        thread::Builder::new()
            .name("ingather-remote".into())
            .spawn(move || {
                let end = futures::executor::block_on(reap(&base, orphans));
                let _ = tell.send(end);
                drop::<Option<ShutdownGuard>>(on_shutdown);
            })
            .expect("the system gives a thread");
        (sender, finished)
    }

    fn shut(&self) -> Option<Finished> {
        let mut state = lock(&self.0);
        let finished = match &*state {
            State::Fresh => None,
            State::Open(_, finished) => Some(finished.clone()),
            State::Closed(finished) => finished.clone(),
        };
        *state = State::Closed(finished.clone());
        finished
    }

    /// Lets nobody in any more, and waits until nothing is left.
    pub(crate) async fn close(&self) -> Result<(), CloseError> {
        match self.shut() {
            Some(finished) => finished.await,
            None => Ok(()),
        }
    }
}

async fn reap(
    base: &Arc<Base>,
    mut orphans: mpsc::UnboundedReceiver<Orphan>,
) -> Result<(), CloseError> {
    let work = async {
        let mut ends = FuturesUnordered::new();
        let mut open = true;
        while open || !ends.is_empty() {
            let next = async {
                match open {
                    true => orphans.next().await,
                    false => pending().await,
                }
            };
            let end = async {
                match ends.is_empty() {
                    true => pending().await,
                    false => ends.next().await,
                }
            };
            match select(pin!(next), pin!(end)).await {
                Either::Left((Some(orphan), _)) => ends.push(end_of(base, orphan)),
                Either::Left((None, _)) => open = false,
                Either::Right(_) => {}
            }
        }
    };
    select(pin!(work), pin!(renewals(base))).await;
    leave(base).await
}

/// Ends it: cancel, and after the grace kill. An engine that cannot be reached has had its ticket written down; one that panics while
/// it is dropped leaves the others alone.
async fn end_of(base: &Base, orphan: Orphan) {
    let Orphan { course, ties } = orphan;
    let end = async {
        let kill = async {
            sleep(base.terms.drop_grace).await;
            ties.wish.raise(Stage::Kill);
            pending::<()>().await;
        };
        select(course, pin!(kill)).await;
    };
    if AssertUnwindSafe(end).catch_unwind().await.is_err() {
        base.left_behind(ties.submission.ticket.clone());
    }
}

/// Renews the lease, three times in its length.
async fn renewals(base: &Base) {
    let Some(lease) = base.terms.lease else {
        return pending().await;
    };
    loop {
        sleep((lease.length / 3).max(OFTEN)).await;
        if base.is_leased() {
            // The next one tries again; if none comes through in time, the engine ends the children.
            let _ = answer(|| base.engine.renew(&base.scope, lease)).await;
        }
    }
}

async fn leave(base: &Base) -> Result<(), CloseError> {
    let unjoined = base.unjoined();
    if !unjoined.is_empty() {
        // The lease is left to run out: then the engine ends them.
        return Err(CloseError {
            unjoined,
            source: None,
        });
    }
    if !base.is_leased() {
        return Ok(());
    }
    let leave = || base.engine.leave(&base.scope);
    base.patiently(leave).await.map_err(|error| CloseError {
        unjoined,
        source: Some(Arc::new(error)),
    })
}
