//! What is done when `main` is over: background tasks are ended, then callbacks called, each within its bound.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::entry::{clock_here, now};
use super::exit_error::{ExitFailure, ExitFault, Who};
use super::report::{Called, Stuck};
use super::running::Program;
use crate::clock::Deadline;
use crate::group::GroupOptions;
use crate::spawner::SpawnerHandle;
use crate::token::CancelReason;

/// What came of it.
#[derive(Default)]
pub(super) struct Left {
    pub(super) failures: Vec<ExitFailure>,
    pub(super) stuck: Vec<Stuck>,
    pub(super) callbacks: Vec<Called>,
    pub(super) tasks_took: Duration,
}

/// It can be given to a spawner by code that cannot wait for it.
pub(super) type Leaving = Pin<Box<dyn Future<Output = Left> + Send>>;

/// Leaves a run whose background tasks are cancelled for this reason. In a scope of its own, so that its spawner and clock
/// count and its token is nobody else's.
pub(super) fn leave(
    program: &Arc<Program>,
    spawner: &SpawnerHandle,
    reason: CancelReason,
) -> Leaving {
    // At once, not when this is polled.
    program.tasks.close();
    program.heard.begin();
    let inside = Arc::clone(program);
    let scope = GroupOptions::new().name("leaving").on(spawner);
    let scope = scope.scope(|_| async move {
        let mut left = Left::default();
        end_tasks(&inside, reason, &mut left).await;
        call_back(&inside, &mut left).await;
        left.failures.splice(0..0, inside.heard.end());
        left
    });
    Box::pin(program.around(scope))
}

/// Cancels the background tasks, and waits for them within their grace and the budget.
async fn end_tasks(program: &Program, reason: CancelReason, left: &mut Left) {
    let clock = clock_here();
    let Some((clock, began)) = clock.and_then(|clock| now(&clock).map(|now| (clock, now))) else {
        program.tasks.cancel_all(reason);
        program.tasks.wait_idle().await;
        return;
    };
    let drain = program.tasks.drain(Deadline::at(began));
    let drained = drain.reason(reason).patience(program.budget).await;
    left.stuck.extend(drained.stuck().iter().map(|task| Stuck {
        who: Who {
            name: task.name().map(Arc::from),
            location: task.location(),
        },
        what: "task",
    }));
    let ended = now(&clock).unwrap_or(began);
    left.tasks_took = ended.saturating_duration_since(began);
}

/// Calls the callbacks, the last first, and awaits each.
async fn call_back(program: &Program, left: &mut Left) {
    while let Some(entry) = program.next() {
        let mut underway = entry.begin();
        let step = poll_fn(|cx| underway.poll(cx)).await;
        let (who, took) = (step.who, step.took);
        if let Err(fault) = step.result {
            if let ExitFault::OverBudget(_) = fault {
                let who = who.clone();
                left.stuck.push(Stuck {
                    who,
                    what: "callback",
                });
            }
            let who = who.clone();
            left.failures.push(ExitFailure { who, fault });
        }
        left.callbacks.push(Called { who, took });
    }
}
