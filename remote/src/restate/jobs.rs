//! Runs jobs in handlers of Restate's SDK.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use ingather::CancelToken;
use restate_sdk::context::HeaderMap;
use restate_sdk::errors::{HandlerResult, TerminalError};
use restate_sdk::serde::Json;
use tokio::time::sleep;

use super::admin::Admin;
use super::http::Http;
use crate::carry::Carried;
use crate::engine::EngineError;
use crate::job_error::JobError;
use crate::slip;
use crate::work::{Work, WorkError};

const TRIES: u32 = 5;
/// Restate tells a handler of a cancel when it awaits its context the next time, so not within `ctx.run`. Whether the jobs
/// that run here were cancelled is asked this often, with one query for all of them.
const LOOK: Duration = Duration::from_millis(250);

/// The jobs of a worker's process; see the [module](super).
///
/// Made in a tokio runtime. Clones share what they know.
#[derive(Clone)]
pub struct Jobs {
    shared: Arc<Shared>,
    carried: Carried,
    tries: u32,
}

struct Shared {
    admin: Admin,
    here: Mutex<HashMap<String, Here>>,
}

/// An invocation that was tried here.
struct Here {
    tries: u32,
    token: Option<CancelToken>,
}

impl Jobs {
    /// The jobs of a process. The address is that of Restate's admin API, which is asked for cancels.
    ///
    /// # Errors
    ///
    /// If that is no address with `http://` or, with the feature `restate-tls`, `https://`.
    ///
    /// # Panics
    ///
    /// If it is not called in a tokio runtime.
    pub fn new(admin: &str) -> Result<Self, EngineError> {
        Ok(Self::of(Admin::new(Http::to(&[admin])?, admin)?))
    }

    pub(super) fn of(admin: Admin) -> Self {
        let shared = Arc::new(Shared {
            admin,
            here: Mutex::default(),
        });
        let runtime = shared.admin.http.runtime.clone();
        runtime.spawn(look_for_cancels(Arc::downgrade(&shared)));
        Self {
            shared,
            carried: Carried::new(),
            tries: TRIES,
        }
    }

    /// Sets these context variables for jobs, where the owner has them travel.
    pub fn carry(mut self, carried: Carried) -> Self {
        self.carried = carried;
        self
    }

    /// A job that fails to be tried again is tried so often; 5 times unless it is given. The tries of a process that was lost are not
    /// counted. The time between two is up to Restate's retry policy.
    pub fn tries(mut self, tries: u32) -> Self {
        self.tries = tries.max(1);
        self
    }

    /// The job of an invocation, with the id and the headers that the context of the handler gives.
    pub fn job(&self, invocation: &str, headers: &HeaderMap) -> Job {
        let slip = headers.get(slip::HEADER).map(String::as_str);
        Job {
            shared: Arc::clone(&self.shared),
            invocation: invocation.to_owned(),
            work: Work::read(slip).carry(self.carried.clone()),
            tries: self.tries,
        }
    }
}

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let here = self.shared.lock().len();
        f.debug_struct("Jobs")
            .field("here", &here)
            .finish_non_exhaustive()
    }
}

/// The job of one invocation, to be run in `ctx.run`.
pub struct Job {
    shared: Arc<Shared>,
    invocation: String,
    work: Work,
    tries: u32,
}

impl Job {
    /// Whose work it is.
    pub fn work(&self) -> &Work {
        &self.work
    }

    /// Runs it, as [`Work::run`] does. The token turns when the invocation is cancelled, within a quarter of a second;
    /// the job goes on until it ends, or until it is killed.
    ///
    /// # Errors
    ///
    /// An error to be tried again is one of Restate's that is, as long as there are tries left. The others, a panic and a deadline that
    /// has passed are terminal. The text of a terminal error ends with the number of tries.
    pub async fn run<T, F, Fut>(self, job: F) -> HandlerResult<Json<T>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, JobError>>,
    {
        let token = CancelToken::new();
        let tries = self.shared.enter(&self.invocation, &token);
        let _left = Left(&self);
        let work = self.work.clone().token(token.clone()).grace(Duration::MAX);
        let failed = |code, text: String| {
            let text = format!("{text} {}", tries_text(tries));
            Err(TerminalError::new_with_code(code, text).into())
        };
        let end = match work.run(job).await {
            Ok(Ok(value)) => Ok(Json(value)),
            Err(error @ (WorkError::Panicked(_) | WorkError::Unjoined(_))) => {
                failed(500, error.to_string())
            }
            _ if token.is_cancelled() => Err(TerminalError::new_with_code(409, "cancelled").into()),
            Err(cut) => failed(408, cut.to_string()),
            Ok(Err(error)) if error.again && tries < self.tries => {
                return Err(std::io::Error::other(error.message).into());
            }
            Ok(Err(error)) => failed(error.code, error.message),
        };
        self.shared.lock().remove(&self.invocation);
        end
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("invocation", &self.invocation)
            .field("work", &self.work)
            .finish_non_exhaustive()
    }
}

/// The job runs no more; its tries are still known.
struct Left<'a>(&'a Job);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        if let Some(here) = self.0.shared.lock().get_mut(&self.0.invocation) {
            here.token = None;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Here>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the try that begins.
    fn enter(&self, invocation: &str, token: &CancelToken) -> u32 {
        let mut here = self.lock();
        let here = here.entry(invocation.to_owned()).or_insert(Here {
            tries: 0,
            token: None,
        });
        here.tries += 1;
        here.token = Some(token.clone());
        here.tries
    }
}

async fn look_for_cancels(shared: Weak<Shared>) {
    loop {
        sleep(LOOK).await;
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let running: Vec<_> = {
            let here = shared.lock();
            let running = here.iter().filter(|(_, here)| here.token.is_some());
            running.map(|(id, _)| id.clone()).collect()
        };
        if running.is_empty() {
            continue;
        }
        // An engine that is away is asked again.
        let Ok(cancelled) = shared.admin.cancelled(&running).await else {
            continue;
        };
        for id in cancelled {
            let token = shared.lock().get(&id).and_then(|here| here.token.clone());
            if let Some(token) = token {
                token.cancel();
            }
        }
    }
}

/// How a terminal error says how often it was tried.
fn tries_text(tries: u32) -> String {
    match tries {
        1 => "(1 try)".to_owned(),
        tries => format!("({tries} tries)"),
    }
}

/// The text without its end, and the number of tries in it; 0 if it has none.
pub(super) fn tries_in(text: &str) -> (&str, u32) {
    let parse = || {
        let (rest, end) = text.strip_suffix(')')?.rsplit_once(" (")?;
        let tries = end.strip_suffix(" tries").or(end.strip_suffix(" try"))?;
        Some((rest, tries.parse().ok()?))
    };
    parse().unwrap_or((text, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_read_back() {
        for tries in [1, 2, 17] {
            let text = format!("no disk (sda) {}", tries_text(tries));
            assert_eq!(tries_in(&text), ("no disk (sda)", tries));
        }
        assert_eq!(tries_in("no disk (sda)"), ("no disk (sda)", 0));
        assert_eq!(tries_in("(3 tries)"), ("(3 tries)", 0));
    }
}
