//! `local_spawner_contract`: what a local spawner has to do, as a test that any can be put to.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};

use super::contract::{UNEVEN, sleeps_long_enough, value};
use super::{spawner_contract, yields};
use crate::group::GroupOptions;
use crate::spawner::{Job, LocalSpawner, SpawnError, Spawner};

/// Puts a local spawner to the test: panics with what it does not do.
///
/// The twin of [`spawner_contract`] for those who write a [`LocalSpawner`]. It is awaited on the spawner's thread, and inside the
/// executor if that runs jobs nowhere else. What is asked:
///
/// 1. Children that are not `Send` are run and dropped on this thread, and share what they have.
/// 2. If the spawner has a clock, its groups and what waits in them go by it, and nothing is over before its time.
/// 3. All else that [`spawner_contract`] asks. Each of those jobs is handed on as a local one.
///
/// What it cannot ask is said there, too.
///
/// # Panics
///
/// If the spawner does not do one of these. One that loses a job or a wake does not panic: this waits for ever.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
///
/// use async_executor::LocalExecutor;
/// use ingather::{block_on, testing::local_spawner_contract};
///
/// let executor = Rc::new(LocalExecutor::new());
/// block_on(executor.run(local_spawner_contract(&executor)));
/// ```
pub async fn local_spawner_contract<S: LocalSpawner + Clone + 'static>(spawner: &S) {
    children_stay_at_home(spawner).await;
    if spawner.clock().is_some() {
        nothing_is_over_too_early(spawner).await;
        a_deadline_comes(spawner).await;
    }
    let (sends, mut sent) = unbounded::<Job>();
    let onwards = spawner.clone();
    let handing_on = spawner.spawn_local(Box::pin(async move {
        while let Some(job) = sent.next().await {
            // One that is refused is dropped, which those who wait for it notice.
            let _ = onwards.spawn_local(job);
        }
    }));
    handing_on.unwrap_or_else(|why| panic!("the spawner did not run a job: {why}"));
    spawner_contract(&HandsOn(sends)).await;
}

/// A spawner that has its jobs run by a local one.
#[derive(Clone)]
struct HandsOn(UnboundedSender<Job>);

impl Spawner for HandsOn {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        let sent = self.0.unbounded_send(job);
        sent.map_err(|_| SpawnError::shut_down())
    }
}

async fn children_stay_at_home<S: LocalSpawner + Clone + 'static>(spawner: &S) {
    let (home, sum) = (thread::current().id(), Rc::new(Cell::new(0)));
    let shared = Rc::clone(&sum);
    let scope = GroupOptions::new().local(spawner).scope(|tg| async move {
        let keys = [0, 1, 2].map(|n| {
            let sum = Rc::clone(&shared);
            tg.spawn(async move {
                yields(n).await;
                assert_eq!(thread::current().id(), home, "a local job stays at home");
                sum.set(sum.get() + 1);
            })
        });
        for key in keys {
            value(key.await);
        }
    });
    scope.await;
    assert_eq!(sum.get(), 3, "each local job is run once");
    assert_eq!(Rc::strong_count(&sum), 1, "what is over is dropped");
}

async fn nothing_is_over_too_early<S: LocalSpawner + Clone + 'static>(spawner: &S) {
    let scope = GroupOptions::new().local(spawner).scope(|tg| async move {
        let keys = UNEVEN.map(|milliseconds| tg.spawn(sleeps_long_enough(milliseconds)));
        for key in keys {
            value(key.await);
        }
    });
    scope.await;
}

/// A group that is open has a timer on the clock that nothing polls but the clock itself.
async fn a_deadline_comes<S: LocalSpawner + Clone + 'static>(spawner: &S) {
    let options = GroupOptions::new().local(spawner);
    let options = options.timeout(Duration::from_millis(10));
    let cut = options.scope_or_cut(|tg| async move {
        tg.spawn(pending::<()>());
    });
    let error = cut.await.expect_err("a child never ends");
    assert!(error.is_timeout(), "a deadline of a local group came");
}
