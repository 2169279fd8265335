//! The course of one call.
//!
//! ```text
//! lease held -> submitted -> attached --------------------------> the end that the engine reports
//!                               the token turns: cancel, again and again
//!                               the grace is over: kill, again and again
//! ```
//!
//! It ends with what the engine reports and with nothing else, unless the engine cannot be reached for too long.

use std::pin::{Pin, pin};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::future::{Either, select};
use ingather::time::sleep;

use super::base::Base;
use super::wish::{Stage, Wish};
use crate::engine::{Ending, EngineError, Submission};
use crate::ticket::Ticket;

/// An order is repeated after so long: the engine may have taken it with nobody there to carry it out.
const AGAIN: Duration = Duration::from_secs(1);

pub(crate) type Course = Pin<Box<dyn Future<Output = Result<Ending, Arc<EngineError>>> + Send>>;

/// `ticket` is set once the engine has given the work a name.
pub(crate) async fn course(
    base: Arc<Base>,
    submission: Arc<Submission>,
    wish: Arc<Wish>,
    ticket: Arc<OnceLock<Ticket>>,
) -> Result<Ending, Arc<EngineError>> {
    let end = run(&base, &submission, &wish, &ticket).await;
    if let Err(error) = &end
        && error.is_unreachable()
    {
        let ticket = ticket.get().unwrap_or(&submission.ticket);
        base.left_behind(ticket.clone());
    }
    end
}

async fn run(
    base: &Arc<Base>,
    submission: &Arc<Submission>,
    wish: &Wish,
    ticket: &OnceLock<Ticket>,
) -> Result<Ending, Arc<EngineError>> {
    base.hold_lease().await?;
    if wish.stage() > Stage::Runs {
        // Nothing was submitted.
        return Ok(Ending::Cancelled);
    }
    // From here on the engine may have it, so that only the engine says when it is over.
    let submit = || base.engine.submit(Arc::clone(submission));
    let submitted = base.patiently(submit).await?;
    let ticket = ticket.get_or_init(|| submitted);
    let attach = pin!(base.patiently(|| base.engine.attach(ticket)));
    let orders = pin!(orders(base, ticket, wish));
    match select(attach, orders).await {
        Either::Left((end, _)) => end.map_err(Arc::new),
        Either::Right((error, _)) => Err(Arc::new(error)),
    }
}

/// Gives the orders that are wished for. Returns only where that is impossible.
async fn orders(base: &Base, ticket: &Ticket, wish: &Wish) -> EngineError {
    wish.reached(Stage::Cancel).await;
    loop {
        let order = || base.engine.cancel(ticket);
        if let Err(error) = base.patiently(order).await {
            return error;
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
