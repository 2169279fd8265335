//! The remote scopes that a job opens where it is done, which it is not over without.

use std::sync::{Arc, Mutex};

use super::base::lock;
use super::reaper::Gate;
use crate::error::CloseError;

#[derive(Clone, Default)]
pub(crate) struct Offspring(Arc<Mutex<Vec<Arc<Gate>>>>);

impl Offspring {
    pub(crate) fn add(&self, gate: Arc<Gate>) {
        lock(&self.0).push(gate);
    }

    /// Closes them, and waits until nothing is left of any. May be asked again.
    pub(crate) async fn over(&self) -> Result<(), CloseError> {
        let mut end = Ok(());
        for at in 0.. {
            let gate = lock(&self.0).get(at).cloned();
            let Some(gate) = gate else { break };
            end = both(end, gate.close().await);
        }
        end
    }
}

fn both(a: Result<(), CloseError>, b: Result<(), CloseError>) -> Result<(), CloseError> {
    match (a, b) {
        (Err(mut a), Err(b)) => {
            a.unjoined.extend(b.unjoined);
            a.source = a.source.or(b.source);
            Err(a)
        }
        (a, b) => a.and(b),
    }
}
