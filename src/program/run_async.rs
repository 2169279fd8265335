//! The future of a run: `main` in a scope of its own, then leaving.
//!
//! ```text
//!   first poll      main over: value, panic, dropped            left
//!  ──────────▶ main ────────────────────────────────▶ leaving ──────▶ ready
//!               │                                        │
//!               ╰────────────── dropped ─────────────────┴──▶ a job on the spawner leaves
//! ```

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use super::entry::{clock_here, now};
use super::exit::Exit;
use super::exit_error::unheard;
use super::leave::{Leaving, Left, leave};
use super::report::{ExitKind, ExitReport};
use super::run::{OnExit, Run};
use super::running::{Inside, Program};
use super::signals::Listening;
use crate::clock::ClockHandle;
use crate::error::unhandled::{drop_quietly, report_panic};
use crate::group::{GroupOptions, Origin, Scope, Shared, Shield, current_token, shield};
use crate::log;
use crate::panic::{Panic, catch};
use crate::scope::{Begin, Fallible, ScopeFuture};
use crate::spawner::{Spawner, SpawnerHandle, current_spawner};
use crate::token::{CallbackGuard, CancelReason};

pin_project! {
    /// The future of [`Run::run_async`](crate::program::Run::run_async).
    ///
    /// Dropped half-way, it drops `main`, and a job on its spawner leaves.
    #[must_use = "nothing runs unless this is awaited"]
    pub struct RunAsync<F: Future> {
        start: Option<(Run, F)>,
        // Passes on a cancel of what this stands in.
        outside: Option<CallbackGuard>,
        #[pin]
        running: Option<Shield<Running<F>>>,
    }
}

impl<F: Future> RunAsync<F> {
    pub(super) fn new(run: Run, main: F) -> Self {
        Self {
            start: Some((run, main)),
            outside: None,
            running: None,
        }
    }
}

impl<F: Future> Future for RunAsync<F> {
    type Output = Exit<F::Output>;

    /// # Panics
    ///
    /// With what `main` panics with; if there is no spawner; and if it is polled again after it was ready.
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some((run, main)) = this.start.take() {
            let running = Running::begin(run, main);
            // Outside of the shield, which reads uncancelled inside.
            let program = Arc::clone(&running.program);
            let guard = current_token().on_cancel(move |reason| {
                program.request(reason.inherited());
            });
            *this.outside = Some(guard);
            this.running.set(Some(shield(running)));
        }
        let running = this.running.as_mut().as_pin_mut();
        let running = running.expect("a run is not polled after it was ready");
        let (end, report) = ready!(running.poll(cx));
        this.running.set(None);
        *this.outside = None;
        match end {
            End::Value(value) => Poll::Ready(Exit::new(Some(value), report)),
            End::Cancelled => Poll::Ready(Exit::new(None, report)),
            End::Panicked(panic) => {
                // Nobody will look at the report.
                report.into_failures().into_iter().for_each(unheard);
                panic.resume()
            }
        }
    }
}

impl<F: Future> fmt::Debug for RunAsync<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let started = self.start.is_none();
        let over = started && self.running.is_none();
        f.debug_struct("RunAsync")
            .field("is_started", &started)
            .field("is_over", &over)
            .finish()
    }
}

/// How `main` ended.
enum End<T> {
    Value(T),
    Panicked(Panic),
    Cancelled,
}

impl<T> End<T> {
    fn kind(&self) -> ExitKind {
        match self {
            Self::Value(_) => ExitKind::Finished,
            Self::Panicked(_) => ExitKind::Panicked,
            Self::Cancelled => ExitKind::Cancelled,
        }
    }
}

pin_project! {
    // A run that was begun.
    struct Running<F: Future> {
        // `None` once it is over.
        #[pin]
        main: Option<Inside<ScopeFuture<'static, Start<F>, Main<F>, Fallible>>>,
        end: Option<End<F::Output>>,
        leaving: Option<Leaving>,
        program: Arc<Program>,
        rest: Option<Rest>,
    }

    impl<F: Future> PinnedDrop for Running<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let Some(mut rest) = this.rest.take() else {
                return;
            };
            let dropped = catch(|| this.main.set(None));
            if let Err(panic) = dropped {
                report_panic("the main future of a run that was dropped", panic);
            }
            let kind = match this.end.take() {
                Some(end) => {
                    let kind = end.kind();
                    drop_quietly("the value of a run that was dropped", end);
                    kind
                }
                None => {
                    rest.main_is_over(this.program, None);
                    ExitKind::Cancelled
                }
            };
            let leaving = this.leaving.take();
            rest.leave_elsewhere(this.program, leaving, kind);
        }
    }
}

/// What the report is made of besides, and whom it is for.
struct Rest {
    spawner: SpawnerHandle,
    clock: Option<ClockHandle>,
    began: Option<Instant>,
    main_took: Duration,
    /// Why a shutdown was asked for.
    reason: Option<CancelReason>,
    on_exit: Option<OnExit>,
    listening: Option<Listening>,
}

impl<F: Future> Running<F> {
    /// # Panics
    ///
    /// If there is no spawner, or if signals are to be listened to and the system does not allow it.
    fn begin(run: Run, main: F) -> Self {
        let spawner = run.spawner.unwrap_or_else(current_spawner);
        let clock = catch(|| spawner.clock()).ok().flatten().or_else(clock_here);
        let began = clock.as_ref().and_then(now);
        let mut options = GroupOptions::new().on(&spawner);
        if let Some(name) = &run.name {
            options = options.name(Arc::clone(name));
        }
        if began.is_some() {
            options = options.grace(run.grace);
        }
        let program = Program::new(run.name, run.budget, options.clone());
        let listening = Listening::begin(&program, run.signals);
        let start = Start {
            main,
            program: Arc::clone(&program),
        };
        let scope = ScopeFuture::new(Origin::new(options, run.location), start);
        Self {
            main: Some(program.around(scope)),
            end: None,
            leaving: None,
            program,
            rest: Some(Rest {
                spawner,
                clock,
                began,
                main_took: Duration::ZERO,
                reason: None,
                on_exit: run.on_exit,
                listening,
            }),
        }
    }
}

impl<F: Future> Future for Running<F> {
    type Output = (End<F::Output>, ExitReport);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(rest) = this.rest else {
            unreachable!("a run is not polled after it was ready");
        };
        if let Some(main) = this.main.as_mut().as_pin_mut() {
            let (end, reason) = match catch(|| main.poll(cx)) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(Ok(value))) => (End::Value(value), None),
                Ok(Poll::Ready(Err(error))) => (End::Cancelled, error.cancelled().cloned()),
                Err(panic) => (End::Panicked(panic), None),
            };
            this.main.set(None);
            *this.end = Some(end);
            rest.main_is_over(this.program, reason);
            *this.leaving = Some(rest.leave(this.program));
        }
        let Some(leaving) = this.leaving.as_mut() else {
            unreachable!("it leaves once `main` is over");
        };
        let left = ready!(leaving.as_mut().poll(cx));
        *this.leaving = None;
        let (Some(end), Some(rest)) = (this.end.take(), this.rest.take()) else {
            unreachable!("they are taken here alone");
        };
        let report = rest.report(this.program, left, end.kind());
        Poll::Ready((end, report))
    }
}

impl Rest {
    /// From now on nobody can register anything.
    fn main_is_over(&mut self, program: &Program, reason: Option<CancelReason>) {
        self.reason = program.token.reason().or(reason);
        program.begin_shutdown();
        let now = self.clock.as_ref().and_then(now).zip(self.began);
        let took = now.map(|(now, began)| now.saturating_duration_since(began));
        self.main_took = took.unwrap_or_default();
    }

    fn leave(&self, program: &Arc<Program>) -> Leaving {
        let reason = self.reason.clone();
        leave(
            program,
            &self.spawner,
            reason.unwrap_or_else(CancelReason::shutdown),
        )
    }

    /// Makes the report, and tells of it.
    fn report(self, program: &Program, left: Left, kind: ExitKind) -> ExitReport {
        // A signal that came a moment ago is in the report.
        if let Some(listening) = self.listening {
            listening.end();
        }
        let report = ExitReport {
            name: program.name.clone(),
            kind,
            reason: self.reason,
            signal: program.signal(),
            failures: left.failures,
            stuck: left.stuck,
            callbacks: left.callbacks,
            main_took: self.main_took,
            tasks_took: left.tasks_took,
        };
        if let Some(call) = self.on_exit {
            if let Err(panic) = catch(|| call(&report)) {
                report_panic("the `on_exit` callback of a run", panic);
            }
        }
        report
    }

    /// Leaves in a job of the spawner, since nobody waits any more.
    fn leave_elsewhere(self, program: &Arc<Program>, leaving: Option<Leaving>, kind: ExitKind) {
        let leaving = leaving.unwrap_or_else(|| self.leave(program));
        let (inside, spawner) = (Arc::clone(program), self.spawner.clone());
        let job = async move {
            let left = leaving.await;
            let report = self.report(&inside, left, kind);
            for stuck in report.stuck() {
                log::warning(&format_args!("{} left behind: {stuck}", inside.label()));
            }
            report.into_failures().into_iter().for_each(unheard);
        };
        match catch(|| spawner.spawn(Box::pin(job))) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => program.give_up(&error),
            Err(panic) => {
                program.give_up(&panic);
                report_panic("a spawner", panic);
            }
        }
    }
}

/// Makes `main` the body of its scope.
struct Start<F> {
    main: F,
    program: Arc<Program>,
}

impl<F: Future> Begin<'static, Infallible, Shared> for Start<F> {
    type Body = Main<F>;

    fn begin(self, scope: Scope<'static, Infallible>) -> Main<F> {
        let guard = self.program.token.on_cancel(move |reason| {
            scope.cancel_with(reason.clone());
        });
        Main {
            main: self.main,
            _guard: guard,
        }
    }
}

pin_project! {
    // The body of the scope.
    struct Main<F> {
        #[pin]
        main: F,
        _guard: CallbackGuard,
    }
}

impl<F: Future> Future for Main<F> {
    type Output = Result<F::Output, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().main.poll(cx).map(Ok)
    }
}
