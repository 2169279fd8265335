//! Each kind of spawner, and running one test on it: as a job of the spawner, and from a plain thread.

use std::future::Future;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::mpsc::channel;
use std::thread::{self, JoinHandle};

use futures::channel::oneshot;
use futures::executor::{ThreadPool, block_on};
use futures::future::{BoxFuture, FutureExt};
use ingather::Spawner;
use ingather::spawner::{Embedded, Smol, SpawnerHandle};
use ingather::testing::{ClockHold, HostileSpawner, Mischief, TestExecutor};
use tokio::runtime::{Builder, Runtime};

use super::unhandled;
use super::watchdog::watched;

/// The spawners that every test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The embedded default.
    Embedded,
    /// The same, with the test in `ingather::block_on` instead of in a job.
    EmbeddedBlockOn,
    /// tokio, current-thread.
    TokioOne,
    /// tokio with two worker threads.
    TokioMany,
    /// smol's global executor.
    Smol,
    /// The thread pool of `futures`.
    FuturesPool,
    /// A hand-written one on one thread, which does not know whether it is current.
    Own,
    /// Ten threads that delay and poll without need, but lose nothing.
    Hostile,
    /// A test executor, with the test as the future that it blocks on.
    Test,
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::Embedded,
        Self::EmbeddedBlockOn,
        Self::TokioOne,
        Self::TokioMany,
        Self::Smol,
        Self::FuturesPool,
        Self::Own,
        Self::Hostile,
        Self::Test,
    ];

    /// Does an owner that is a job of the spawner know that it is?
    pub(crate) fn knows_itself(self) -> bool {
        !matches!(self, Self::Smol | Self::FuturesPool | Self::Own)
    }

    /// Does it run one job at a time?
    pub(crate) fn is_one_thread(self) -> bool {
        matches!(self, Self::TokioOne | Self::Own | Self::Test)
    }
}

/// Where a test runs.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) spawner: SpawnerHandle,
    pub(crate) kind: Kind,
    /// Is the test a job of the spawner?
    pub(crate) inside: bool,
    test: Option<TestExecutor>,
}

impl Site {
    /// For a test whose threads wake children: a test executor would call that a deadlock.
    #[must_use]
    pub(crate) fn hold(&self) -> Option<ClockHold> {
        self.test.as_ref().map(TestExecutor::hold_clock)
    }

    /// For a test that leaves something behind, which a test executor would call a leak.
    pub(crate) fn leaks(&self) {
        drop(self.test.clone().map(TestExecutor::allow_leaks));
    }

    /// Does it poll those that are ready in the order in which they were woken?
    pub(crate) fn is_in_order(&self) -> bool {
        self.test.is_none()
    }

    /// Does the spawner run jobs on this thread?
    pub(crate) fn is_here(&self) -> bool {
        let prefix = match self.kind {
            Kind::Embedded | Kind::EmbeddedBlockOn => return Embedded.is_current(),
            Kind::Test => return self.spawner.is_current(),
            Kind::TokioOne => "tokio-one",
            Kind::TokioMany => "tokio-many",
            Kind::Smol => "smol-",
            Kind::FuturesPool => "futures-pool-",
            Kind::Own => "own-",
            Kind::Hostile => "hostile-",
        };
        thread::current()
            .name()
            .is_some_and(|name| name.starts_with(prefix))
    }
}

/// A spawner with what keeps it running. Dropped, it is shut down where that can be done.
pub(crate) struct Host {
    pub(crate) spawner: SpawnerHandle,
    keeper: Keeper,
}

enum Keeper {
    Nobody,
    OneThread(Option<oneshot::Sender<()>>, Option<JoinHandle<()>>),
    Runtime(#[expect(dead_code, reason = "held for its drop")] Runtime),
    Pool(HostileSpawner),
    Test(TestExecutor),
}

impl Host {
    pub(crate) fn start(kind: Kind) -> Self {
        let (spawner, keeper) = match kind {
            Kind::Test => return Self::test(TestExecutor::new()),
            Kind::Embedded | Kind::EmbeddedBlockOn => {
                (SpawnerHandle::new(Embedded), Keeper::Nobody)
            }
            Kind::Smol => (SpawnerHandle::new(Smol), Keeper::Nobody),
            Kind::FuturesPool => {
                // A job that wakes itself keeps its thread of this pool to itself, so there are some to spare.
                let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get) + 4;
                let mut builder = ThreadPool::builder();
                let builder = builder.pool_size(threads).name_prefix("futures-pool-");
                let pool = builder.create();
                (
                    SpawnerHandle::new(pool.expect("threads can be started")),
                    Keeper::Nobody,
                )
            }
            Kind::TokioOne => tokio_one(),
            Kind::TokioMany => {
                let mut builder = Builder::new_multi_thread();
                let builder = builder.worker_threads(2).thread_name("tokio-many");
                let runtime = builder.enable_time().build();
                let runtime = runtime.expect("threads can be started");
                let spawner = SpawnerHandle::new(runtime.handle().clone());
                (spawner, Keeper::Runtime(runtime))
            }
            Kind::Own => pool(HostileSpawner::on_threads("own", 1, Mischief::honest(), 0)),
            Kind::Hostile => pool(HostileSpawner::on_threads(
                "hostile",
                10,
                Mischief::mild(),
                18,
            )),
        };
        Self { spawner, keeper }
    }

    fn test(executor: TestExecutor) -> Self {
        let spawner = SpawnerHandle::new(executor.clone());
        Self {
            spawner,
            keeper: Keeper::Test(executor),
        }
    }
}

fn pool(pool: HostileSpawner) -> (SpawnerHandle, Keeper) {
    (SpawnerHandle::new(pool.clone()), Keeper::Pool(pool))
}

fn tokio_one() -> (SpawnerHandle, Keeper) {
    let (stop, stopped) = oneshot::channel();
    let (tell, told) = channel();
    let thread = thread::Builder::new().name("tokio-one".into());
    let thread = thread.spawn(move || {
        let runtime = Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("a runtime can be made");
        tell.send(runtime.handle().clone())
            .expect("the test waits for it");
        let _ = runtime.block_on(stopped);
    });
    let thread = thread.expect("a thread can be started");
    let handle = told.recv().expect("the runtime starts");
    (
        SpawnerHandle::new(handle),
        Keeper::OneThread(Some(stop), Some(thread)),
    )
}

impl Drop for Host {
    fn drop(&mut self) {
        match &mut self.keeper {
            Keeper::Nobody | Keeper::Runtime(_) => {}
            Keeper::Test(executor) => executor.shut_down(),
            Keeper::OneThread(stop, thread) => {
                drop(stop.take());
                let joined = thread.take().map(JoinHandle::join);
                assert!(matches!(joined, Some(Ok(()))), "the runtime panicked");
            }
            Keeper::Pool(pool) => {
                pool.shut_down();
                pool.join();
            }
        }
    }
}

impl Host {
    /// Waits for a future outside of the spawner's jobs; a test executor runs it beside them.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        match &self.keeper {
            Keeper::Test(executor) => executor.block_on(future),
            _ => block_on(future),
        }
    }
}

/// Runs one test on one kind of spawner, in each of the modes: `true` is as a job of the spawner.
pub(crate) fn run(
    kind: Kind,
    name: &str,
    modes: &[bool],
    test: fn(Site) -> BoxFuture<'static, ()>,
) {
    unhandled::collect();
    for &inside in modes {
        // These run nothing unless somebody blocks on them.
        if matches!(kind, Kind::EmbeddedBlockOn | Kind::Test) && !inside {
            continue;
        }
        let mode = if inside { "inside" } else { "outside" };
        let name = format!("{name} on {kind:?}, {mode}");
        if kind == Kind::Test {
            for (order, executor) in orders() {
                let host = Host::test(executor);
                run_on(host, kind, &format!("{name}, {order}"), inside, test);
            }
        } else {
            run_on(Host::start(kind), kind, &name, inside, test);
        }
    }
}

/// Test executors of different orders. Not last come first served: that starves who waits for one that yields.
fn orders() -> impl Iterator<Item = (String, TestExecutor)> {
    let first = ("first come".to_owned(), TestExecutor::new());
    let seeded = (0..3).map(|seed| (format!("seed {seed}"), TestExecutor::seeded(seed)));
    std::iter::once(first).chain(seeded)
}

fn run_on(
    host: Host,
    kind: Kind,
    name: &str,
    inside: bool,
    test: fn(Site) -> BoxFuture<'static, ()>,
) {
    watched(name, || {
        let site = Site {
            spawner: host.spawner.clone(),
            kind,
            inside,
            test: match &host.keeper {
                Keeper::Test(executor) => Some(executor.clone()),
                _ => None,
            },
        };
        let test = AssertUnwindSafe(test(site)).catch_unwind();
        let result = match (&host.keeper, inside) {
            _ if kind == Kind::EmbeddedBlockOn => ingather::block_on(test),
            (Keeper::Test(_), _) | (_, false) => host.block_on(test),
            (_, true) => {
                let (tell, told) = channel();
                let job = async move {
                    let result = test.await;
                    let _ = tell.send(result);
                };
                let spawned = host.spawner.spawn(Box::pin(job));
                spawned.expect("a spawner that loses nothing takes the test");
                told.recv().expect("a spawner that loses nothing runs it")
            }
        };
        if let Err(panic) = result {
            eprintln!("{name} failed");
            resume_unwind(panic);
        }
        // Within the watch: a spawner may hang when it is shut down.
        drop(host);
    });
}

/// May a blocking scope be opened here?
pub(crate) fn may_block(on: &Site) -> bool {
    !(on.inside && matches!(on.kind, Kind::TokioOne | Kind::Test))
}
