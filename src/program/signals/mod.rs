//! Ctrl-C and SIGTERM: the first asks every run that listens to leave, the second ends the process at once.
//!
//! - `arrivals`: a thread that waits for signals
//! - `polled`: a thread that looks for them every now and then, where they cannot be waited for
//!
//! 1. What counts is done by the signal's handler, which sets and reads flags and nothing else; so the second signal needs no
//!    thread of the program to come back from what it does.
//! 2. Handlers stay for the life of the process. Where no run listens, they do what would be done without them.
//! 3. No code of the user's runs under the lock.

#[cfg(unix)]
mod arrivals;
#[cfg(not(unix))]
mod polled;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{SigId, flag, low_level};

#[cfg(unix)]
use self::arrivals::watch;
#[cfg(not(unix))]
use self::polled::watch;
use super::run::Run;
use super::running::Program;
use crate::panic::catch;
use crate::token::CancelReason;

const SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

/// No run listens: the signal does what it does by default.
static IDLE: AtomicBool = AtomicBool::new(true);
/// One came: the next ends the process.
static ARMED: AtomicBool = AtomicBool::new(false);
/// The one that came last since somebody listens, or 0.
static LAST: AtomicUsize = AtomicUsize::new(0);

static STATE: Mutex<State> = Mutex::new(State {
    process: 0,
    last_id: 0,
    listeners: Vec::new(),
});

struct State {
    /// The process that has the handlers and the thread, or 0.
    process: u32,
    last_id: u64,
    listeners: Vec<(u64, Weak<Program>)>,
}

impl Run {
    /// Leaves in order on Ctrl-C (SIGINT) and on SIGTERM; needs the feature `signal`.
    ///
    /// The first signal asks every run that listens for the shutdown, as [`request_shutdown`](crate::program::request_shutdown) does,
    /// with a reason of the kind [`Shutdown`](crate::cancel::CancelKind::Shutdown) whose message is the signal's name. A second, of
    /// either kind, ends the process at once, with the exit code 128 + n of signal n (130 for Ctrl-C, 143 for SIGTERM): nothing
    /// more is done then, no destructor and no callback, whatever the program is busy with.
    ///
    /// It works under every spawner: a thread called `ingather-signals` waits for signals. Where no run listens, before and
    /// after, signals do what they do by default. A run that begins between the first signal and the second is asked to leave
    /// at once. Handlers of other libraries that chain theirs, as tokio's and signal-hook's, are called as well.
    ///
    /// On Windows Ctrl-C is seen within a twentieth of a second.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::program::Run;
    ///
    /// # #[cfg(unix)] {
    /// let exit = Run::builder().signals(true).run(async {
    ///     // Somebody presses Ctrl-C.
    ///     signal_hook::low_level::raise(signal_hook::consts::SIGINT).unwrap();
    ///     ingather::current_token().cancelled().await.root().message().map(str::to_owned)
    /// });
    /// assert_eq!(exit.report().signal(), Some(2));
    /// assert_eq!(exit.into_value().flatten().as_deref(), Some("SIGINT"));
    /// # }
    /// ```
    pub fn signals(mut self, signals: bool) -> Self {
        self.signals = signals;
        self
    }
}

/// A run listens until this is dropped.
pub(super) struct Listening {
    id: u64,
    program: Weak<Program>,
}

impl Listening {
    /// # Panics
    ///
    /// If the system takes no handler or no thread.
    #[track_caller]
    pub(super) fn begin(program: &Arc<Program>, signals: bool) -> Option<Self> {
        if !signals {
            return None;
        }
        let mut state = lock();
        let process = std::process::id();
        if state.process != process {
            if let Err(error) = install(state.process == 0) {
                drop(state);
                panic!("cannot listen to signals: {error}");
            }
            state.process = process;
        }
        if state.listeners.is_empty() {
            LAST.store(0, SeqCst);
            ARMED.store(false, SeqCst);
            IDLE.store(false, SeqCst);
        }
        state.last_id += 1;
        let id = state.last_id;
        let weak = Arc::downgrade(program);
        state.listeners.push((id, weak.clone()));
        drop(state);
        if let Some(signal) = last() {
            tell(program, signal);
        }
        Some(Self { id, program: weak })
    }

    /// What a drop does, said aloud.
    pub(super) fn end(self) {}
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut state = lock();
        state.listeners.retain(|(id, _)| *id != self.id);
        if state.listeners.is_empty() {
            IDLE.store(true, SeqCst);
            ARMED.store(false, SeqCst);
        }
        drop(state);
        // It may have come when the thread had no time any more to tell of it.
        if let (Some(program), Some(signal)) = (self.program.upgrade(), last()) {
            tell(&program, signal);
        }
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Listening({})", self.id)
    }
}

fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn last() -> Option<i32> {
    i32::try_from(LAST.load(SeqCst))
        .ok()
        .filter(|signal| *signal != 0)
}

/// Handlers, which a process has from the one that it was forked from, and the thread, which it has not.
fn install(handlers: bool) -> io::Result<()> {
    let mut done = Vec::new();
    let handled = if handlers { handle(&mut done) } else { Ok(()) };
    handled.and_then(|()| watch()).inspect_err(|_| {
        for id in done {
            low_level::unregister(id);
        }
    })
}

fn handle(done: &mut Vec<SigId>) -> io::Result<()> {
    for signal in SIGNALS {
        // In this order: each reads what the one before the last signal has set.
        done.push(flag::register_conditional_default(signal, &IDLE)?);
        done.push(flag::register_conditional_shutdown(
            signal,
            128 + signal,
            &ARMED,
        )?);
        done.push(flag::register(signal, &ARMED)?);
        let number = usize::try_from(signal).map_err(io::Error::other)?;
        done.push(flag::register_usize(signal, &LAST, number)?);
    }
    Ok(())
}

/// A signal came: everybody is told who listens.
fn came(signal: i32) {
    let listeners: Vec<_> = {
        let state = lock();
        let listeners = state.listeners.iter();
        listeners
            .filter_map(|(_, program)| program.upgrade())
            .collect()
    };
    for program in listeners {
        // The thread is everybody's.
        let _ = catch(|| tell(&program, signal)).map_err(std::mem::forget);
    }
}

fn tell(program: &Program, signal: i32) {
    let _ = program.signal.compare_exchange(0, signal, SeqCst, SeqCst);
    let name = low_level::signal_name(signal).unwrap_or("a signal");
    program.request(CancelReason::shutdown_with_message(name));
}
