//! The course of one call.
//!
//! ```text
//! lease held -> submitted and attached in one ------------------> the end that the engine reports
//!                    | no end for a while, or the token turns
//!                    v
//!               submitted -> attached ---------------------------> the end that the engine reports
//!                               the token turns: cancel, again and again
//!                               the grace is over: kill, again and again
//! ```
//!
//! It ends with what the engine reports and with nothing else, unless the engine cannot be reached for too long, or refuses to say
//! more. Then the work is written down as left behind.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use futures::future::{Either, select};
use ingather::clock::sleep;

use super::base::{Base, no_answer, panicked};
use super::ties::Ties;
use super::wish::{Stage, Wish};
use crate::engine::{Ending, EngineError, EngineErrorKind};
use crate::ticket::Ticket;

/// An order is repeated after so long: the engine may have taken it with nobody there to carry it out.
const AGAIN: Duration = Duration::from_secs(1);

pub(crate) type End = Result<Ending, Unended>;
pub(crate) type Course = Pin<Box<dyn Future<Output = End> + Send>>;

/// No end was reported.
pub(crate) struct Unended {
    pub(crate) error: Arc<EngineError>,
    /// The engine may still have the work.
    pub(crate) is_unjoined: bool,
}

pub(crate) async fn course(base: Arc<Base>, ties: Arc<Ties>) -> End {
    let end = run(&base, &ties).await;
    if let Err(unended) = &end
        && unended.is_unjoined
    {
        base.left_behind(ties.ticket().clone());
    }
    end
}

/// What is rare is in a box: each call has room for all of this.
async fn run(base: &Arc<Base>, ties: &Ties) -> End {
    if !base.holds_lease() {
        Box::pin(first_lease(base, &ties.wish)).await?;
    }
    if ties.wish.stage() > Stage::Runs {
        // Nothing was submitted.
        return Ok(Ending::Cancelled);
    }
    // From here on the engine may have it, so that only the engine says when it is over.
    let times = match in_one(base, ties).await {
        InOne::Over(end) => return Ok(end),
        InOne::Refused(unended) => return Err(unended),
        InOne::Asked => 1,
        InOne::NotAsked => 0,
    };
    Box::pin(step_by_step(base, ties, times)).await
}

/// What became of handing over and waiting in one.
enum InOne {
    Over(Ending),
    Refused(Unended),
    /// The engine may have it.
    Asked,
    NotAsked,
}

/// Nothing is ended in here: it is given up when somebody wants that.
async fn in_one(base: &Base, ties: &Ties) -> InOne {
    let asked = async {
        let reply = base.engine.submit_and_attach(&ties.submission)?;
        Some(reply.await)
    };
    let mut asked = pin!(AssertUnwindSafe(asked).catch_unwind());
    // Whoever wants it to end polls this afterwards, so that no waker is needed.
    let answer = poll_fn(|cx| match asked.as_mut().poll(cx) {
        Poll::Pending if ties.wish.stage() > Stage::Runs => Poll::Ready(None),
        answer => answer.map(Some),
    });
    let error = match answer.await {
        Some(Ok(Some(Ok(Some((ticket, end)))))) => {
            let _ = ties.given.set(ticket);
            return InOne::Over(end);
        }
        Some(Ok(None)) => return InOne::NotAsked,
        None | Some(Ok(Some(Ok(None)))) => return InOne::Asked,
        Some(Ok(Some(Err(error)))) if error.is_unreachable() => return InOne::Asked,
        Some(Ok(Some(Err(error)))) => error,
        Some(Err(panic)) => panicked(&*panic),
    };
    InOne::Refused(Unended {
        is_unjoined: !says_what_it_did(&error),
        error: Arc::new(error),
    })
}

/// It was handed over so often, perhaps. What is awaited is pinned where it is made.
async fn step_by_step(base: &Base, ties: &Ties, mut times: usize) -> End {
    let wish = &ties.wish;
    let submitted = {
        let submit = pin!(base.unhurried(|| {
            times += 1;
            base.engine.submit(Arc::clone(&ties.submission))
        }));
        // A timer for each call is dear, so that there is none before somebody wants it to end.
        let late = pin!(async {
            wish.reached(Stage::Cancel).await;
            Box::pin(sleep(base.terms.patience)).await;
        });
        match select(submit, late).await {
            Either::Left((submitted, _)) => submitted,
            Either::Right(_) => Err(no_answer(base.terms.patience)),
        }
    };
    let submitted = submitted.map_err(|error| {
        // It may have taken the first and refuse the second, but what is too large was so each time.
        let one_was_taken = times > 1 && error.kind() != EngineErrorKind::TooLarge;
        Unended {
            is_unjoined: one_was_taken || !says_what_it_did(&error),
            error: Arc::new(error),
        }
    })?;
    let ticket = ties.given.get_or_init(|| submitted);
    let attach = pin!(base.unhurried(|| base.engine.attach(ticket)));
    let orders = pin!(async {
        wish.reached(Stage::Cancel).await;
        Box::pin(orders(base, ticket, wish)).await
    });
    let error = match select(attach, orders).await {
        Either::Left((Ok(end), _)) => return Ok(end),
        Either::Left((Err(error), _)) | Either::Right((error, _)) => error,
    };
    Err(Unended {
        // What it does not know it does not run.
        is_unjoined: error.kind() != EngineErrorKind::Lost,
        error: Arc::new(error),
    })
}

/// Returns when the lease is held, or when nobody wants that any more: nothing is submitted yet, so that a cancel needs no engine.
async fn first_lease(base: &Arc<Base>, wish: &Wish) -> Result<(), Unended> {
    let cancelled = pin!(wish.reached(Stage::Cancel));
    match select(cancelled, pin!(base.hold_lease())).await {
        Either::Left(_) => Ok(()),
        Either::Right((held, _)) => held.map_err(|error| Unended {
            is_unjoined: error.is_unreachable(),
            error,
        }),
    }
}

fn says_what_it_did(error: &EngineError) -> bool {
    !error.is_unreachable() && error.kind() != EngineErrorKind::Panicked
}

/// Gives the orders that are wished for, cancel to begin with. Returns only where that is impossible.
async fn orders(base: &Base, ticket: &Ticket, wish: &Wish) -> EngineError {
    loop {
        let order = || base.engine.cancel(ticket);
        match base.patiently(order).await {
            Err(error) if error.is_unreachable() => return error,
            // A cancel that is refused leaves the kill.
            _ => {}
        }
        let killed = pin!(wish.reached(Stage::Kill));
        if let Either::Left(_) = select(killed, sleep(AGAIN)).await {
            break;
        }
    }
    loop {
        let order = || base.engine.kill(ticket);
        if let Err(error) = base.patiently(order).await {
            return error;
        }
        sleep(AGAIN).await;
    }
}
