//! The loop: polls what is ready, moves the clock when nothing is, and says what is wrong when nothing ever will be.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use super::TestExecutor;
use super::report;
use super::shared::{Lull, Polled, Ready, Shared};
use super::timers::Timers;
use crate::error::unhandled::{drop_quietly, report_panic};
use crate::group::engine::introspection::{self, Taking};
use crate::order::{self, Decides};
use crate::panic::{Panic, catch};
use crate::park::Parker;
use crate::spawner::{EnterGuard, SpawnerHandle, enter_running};

/// How much real time threads have to release the clock once the future of `block_on` is over.
const PATIENCE: Duration = Duration::from_secs(1);

thread_local! {
    /// The executor whose loop runs on this thread, the innermost.
    static RUNNING: RefCell<Option<Innermost>> = const { RefCell::new(None) };
}

struct Innermost {
    id: u64,
    timers: Arc<Timers>,
}

/// Is this the innermost executor that runs here?
pub(super) fn is_innermost(shared: &Shared) -> bool {
    let is = |innermost: &Innermost| innermost.id == shared.id;
    let running = RUNNING.try_with(|running| running.borrow().as_ref().is_some_and(is));
    running.unwrap_or(false)
}

/// How far the clock has come of the innermost executor that runs here.
pub(in crate::testing) fn elapsed_here() -> Option<Duration> {
    let elapsed = |innermost: &Innermost| innermost.timers.elapsed();
    let running = RUNNING.try_with(|running| running.borrow().as_ref().map(elapsed));
    running.ok().flatten()
}

impl TestExecutor {
    /// Runs a future to its end on this thread, among the jobs of the executor.
    ///
    /// The future is one of the jobs: which is polled next, it or another, is the order's choice. It need neither be
    /// [`Send`] nor `'static`. While it runs, the executor is the current spawner and its clock the current clock. When
    /// nothing is ready the clock jumps to the earliest timer, so that hours pass in no time.
    ///
    /// When the future is over, jobs that are ready are run, threads that hold the clock have a second of real time to let
    /// go of it, and then nothing must be left: see [`with_leak_check`](Self::with_leak_check).
    ///
    /// # Panics
    ///
    /// - If the future or a job panics: with that.
    /// - Deadlock: the future is not over, nothing is ready, no timer is set, and no thread [holds the
    ///   clock](Self::hold_clock). The message names every group with its children and whom they await.
    /// - Livelock: more polls than the [limit](Self::with_step_limit) and the clock has not moved.
    /// - Leaks: children, jobs, results, timers, threads or guards are left when the future is over.
    /// - If the executor is running, on this thread or on another, or has local jobs on another thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::testing::TestExecutor;
    /// use ingather::scope;
    ///
    /// let executor = TestExecutor::new();
    /// let three = executor.block_on(scope(|tg| async move {
    ///     let (one, two) = (tg.spawn(async { 1 }), tg.spawn(async { 2 }));
    ///     one.await.unwrap() + two.await.unwrap()
    /// }));
    /// assert_eq!(three, 3);
    /// ```
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let running = self.begin();
        let census = introspection::take(self.0.shared.settings().gathers_in_place);
        match running.drive(future, &census) {
            Ok(output) => output,
            Err(report) => panic!("{report}"),
        }
    }

    /// Polls one job that is ready, and says whether there was one.
    ///
    /// The clock does not move.
    ///
    /// # Panics
    ///
    /// If the job panics, and if the executor is running or has local jobs on another thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::testing::TestExecutor;
    /// use ingather::Spawner;
    ///
    /// let executor = TestExecutor::new();
    /// executor.spawn(Box::pin(async {}))?;
    /// assert!(executor.step());
    /// assert!(!executor.step());
    /// # Ok::<(), ingather::spawner::SpawnError>(())
    /// ```
    #[track_caller]
    pub fn step(&self) -> bool {
        match self.begin().step() {
            Ok(polled) => polled,
            Err(report) => panic!("{report}"),
        }
    }

    /// Polls jobs until none is ready, and says how many polls it took.
    ///
    /// The clock does not move; nor is there a wait for threads. It is Kotlin's `runCurrent`.
    ///
    /// # Panics
    ///
    /// If a job panics or the [limit](Self::with_step_limit) of polls is reached, and if the executor is running or has
    /// local jobs on another thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::testing::{TestExecutor, yields};
    /// use ingather::Spawner;
    ///
    /// let executor = TestExecutor::new();
    /// executor.spawn(Box::pin(yields(2)))?;
    /// assert_eq!(executor.run_until_idle(), 3);
    /// # Ok::<(), ingather::spawner::SpawnError>(())
    /// ```
    #[track_caller]
    pub fn run_until_idle(&self) -> usize {
        match self.begin().run_until_idle() {
            Ok(polls) => polls,
            Err(report) => panic!("{report}"),
        }
    }

    /// Moves the clock, and runs what becomes ready on the way, with the clock at each timer's own instant.
    ///
    /// From outside, to drive jobs by hand: what is ready is run, then the clock goes to the earliest timer, and so on;
    /// at last it stands at the new time. Threads that [hold the clock](Self::hold_clock) do not keep it from moving.
    ///
    /// # Panics
    ///
    /// From one of the executor's own polls: there, await [`sleep`](crate::clock::sleep). If the clock cannot go that far.
    /// For the rest as [`run_until_idle`](Self::run_until_idle).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ingather::Spawner;
    /// use ingather::testing::{TestExecutor, Trace};
    /// use ingather::clock::Clock;
    ///
    /// let executor = TestExecutor::new();
    /// let trace = Trace::new();
    /// let at = executor.now() + Duration::from_secs(60);
    /// let timer = executor.clock().unwrap().timer(at);
    /// let in_job = trace.clone();
    /// executor.spawn(Box::pin(async move {
    ///     timer.await;
    ///     in_job.log("a minute has passed");
    /// }))?;
    ///
    /// executor.advance(Duration::from_secs(59));
    /// trace.assert_empty();
    /// executor.advance(Duration::from_secs(1));
    /// trace.assert(["a minute has passed"]);
    /// # Ok::<(), ingather::spawner::SpawnError>(())
    /// ```
    #[track_caller]
    pub fn advance(&self, by: Duration) {
        if self.shared().is_run_here() {
            panic!(
                "`advance` moves the clock from outside: in a job of the executor, await `ingather::clock::sleep`"
            );
        }
        let Some(to) = self.now().checked_add(by) else {
            panic!("the clock cannot go that far: {by:?} from here is no instant");
        };
        let running = self.begin();
        let moved = running.run_until_idle().and_then(|_| {
            let timers = &running.shared.timers;
            while let Some(at) = timers.earliest().filter(|at| *at <= to) {
                running.shared.move_clock(at);
                running.run_until_idle()?;
            }
            running.shared.move_clock(to);
            Ok(())
        });
        if let Err(report) = moved {
            panic!("{report}");
        }
    }

    #[track_caller]
    fn begin(&self) -> Running<'_> {
        match Running::begin(self.shared(), self.handle()) {
            Ok(running) => running,
            Err(reason) => panic!("{reason}"),
        }
    }
}

/// The executor runs on this thread until this is dropped.
struct Running<'a> {
    shared: &'a Arc<Shared>,
    parker: Arc<Parker>,
    outer: Option<Innermost>,
    decides: Decides,
    _current: EnterGuard,
}

impl<'a> Running<'a> {
    fn begin(shared: &'a Arc<Shared>, handle: &SpawnerHandle) -> Result<Self, &'static str> {
        let here = thread::current().id();
        let mut state = shared.state.lock();
        match state.runner {
            None => {}
            Some(runner) if runner == here => {
                return Err(
                    "this test executor runs already: from one of its own jobs, `.await` instead",
                );
            }
            Some(_) => return Err("this test executor is running on another thread"),
        }
        if state.home != here && state.has_local_jobs() {
            return Err("this test executor has local jobs on another thread: run it there");
        }
        state.home = here;
        state.runner = Some(here);
        state.polls_here = 0;
        let order = state.order;
        drop(state);
        let innermost = Innermost {
            id: shared.id,
            timers: Arc::clone(&shared.timers),
        };
        Ok(Self {
            shared,
            parker: Parker::new(),
            outer: RUNNING.replace(Some(innermost)),
            decides: order::decide(order),
            _current: enter_running(handle),
        })
    }

    fn drive<F: Future>(&self, future: F, census: &Taking) -> Result<F::Output, String> {
        let mut future = pin!(Some(future));
        let main = Main::begin(self.shared);
        let mut main_waker = Waker::noop().clone();
        let output = loop {
            match self.shared.next() {
                Ready::Main(waker) => {
                    let Some(main) = future.as_mut().as_pin_mut() else {
                        unreachable!("the loop ends with its future");
                    };
                    match main.poll(&mut Context::from_waker(&waker)) {
                        Poll::Ready(output) => break Ok(output),
                        Poll::Pending => main_waker = waker,
                    }
                }
                Ready::Job(id, waker, job) => self.poll_job(id, &waker, job),
                Ready::TooMany => break Err(report::livelock(self.shared, Some(census))),
                Ready::Nothing => match self.shared.lull(&self.parker) {
                    Lull::Over => {}
                    Lull::Held => self.parker.park(),
                    Lull::Quiet => match self.jumps_to() {
                        Some(at) => self.shared.move_clock(at),
                        None => break Err(report::deadlock(self.shared, census, &main_waker)),
                    },
                },
            }
        };
        drop(main);
        let output = match output {
            Ok(output) => output,
            Err(report) => {
                // A destructor that panics must not hide what went wrong first.
                let dropped = catch(|| future.set(None));
                if let Err(panic) = dropped {
                    report_panic("the future of `block_on`", panic);
                }
                return Err(report);
            }
        };
        future.set(None);
        if !self.shared.settings().leak_check {
            self.run_until_idle()?;
            return Ok(output);
        }
        self.settle()?;
        match report::leaks(self.shared, census) {
            Some(report) => {
                drop_quietly("the output of `block_on`", output);
                Err(report)
            }
            None => Ok(output),
        }
    }

    /// Lets those go home that are through: jobs, and threads that have woken whom they had to and are about to release
    /// the clock. Nothing but what is left behind waits here until the patience is at its end.
    fn settle(&self) -> Result<(), String> {
        let end = Instant::now() + PATIENCE;
        loop {
            self.run_until_idle()?;
            match self.shared.lull(&self.parker) {
                Lull::Over => {}
                Lull::Held if self.parker.park_until(end) => {}
                Lull::Held | Lull::Quiet => return Ok(()),
            }
        }
    }

    /// Where the clock may go by itself.
    fn jumps_to(&self) -> Option<Instant> {
        let autojump = self.shared.settings().autojump;
        self.shared.timers.earliest().filter(|_| autojump)
    }

    fn step(&self) -> Result<bool, String> {
        match self.shared.next() {
            Ready::Job(id, waker, job) => self.poll_job(id, &waker, job),
            Ready::Main(_) => unreachable!("its loop is not running"),
            Ready::Nothing => return Ok(false),
            Ready::TooMany => return Err(report::livelock(self.shared, None)),
        }
        Ok(true)
    }

    fn run_until_idle(&self) -> Result<usize, String> {
        let mut polls = 0;
        while self.step()? {
            polls += 1;
        }
        Ok(polls)
    }

    /// Polls a job; what it panics with goes on from here, when the job has been dropped.
    fn poll_job(&self, id: u64, waker: &Waker, mut job: Polled) {
        let mut cx = Context::from_waker(waker);
        let polled = catch(|| match &mut job {
            Polled::Here(job) => job.as_mut().poll(&mut cx),
            Polled::Local(job) => job.as_mut().poll(&mut cx),
        });
        let over = match polled {
            Ok(Poll::Pending) => self.shared.put_back(id, job),
            _ => {
                self.shared.over(id);
                Some(job)
            }
        };
        let dropped = catch(|| drop(over));
        match (polled, dropped) {
            (Err(panic), dropped) => {
                if let Err(second) = dropped {
                    report_panic("a job", second);
                }
                Panic::resume(panic);
            }
            (_, Err(panic)) => panic.resume(),
            _ => {}
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let outer = self.outer.take();
        let _ = RUNNING.try_with(|running| running.replace(outer));
        let mut state = self.shared.state.lock();
        state.order = self.decides.state();
        state.runner = None;
        state.parked = None;
    }
}

/// The entry of the main future, until this is dropped.
struct Main<'a> {
    shared: &'a Arc<Shared>,
    id: u64,
}

impl<'a> Main<'a> {
    fn begin(shared: &'a Arc<Shared>) -> Self {
        Self {
            shared,
            id: shared.admit_main(),
        }
    }
}

impl Drop for Main<'_> {
    fn drop(&mut self) {
        self.shared.over(self.id);
    }
}
