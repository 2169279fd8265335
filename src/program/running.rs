//! What a run shares with everything that runs in it.
//!
//! 1. `open` turns false once, before the token of a shutdown turns; from then on no callback is taken.
//! 2. A callback is in the list until it is its turn or it is withdrawn, and is taken out by one of the two.
//! 3. No callback is called or dropped under the lock.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use std::time::Duration;

use super::entry::Entry;
use super::exit_error::{BoxError, ExitFailure, ExitFault, Who, unheard};
use crate::context::{ContextVar, WithContext};
use crate::error::Unhandled;
use crate::error::unhandled::{drop_quietly, report};
use crate::group::GroupOptions;
use crate::log;
use crate::panic::Panic;
use crate::std_or_loom::Lock;
use crate::tasks::TaskRegistry;
use crate::token::{CancelReason, CancelToken};

/// The run that this code is in.
static HERE: ContextVar<Arc<Program>> = ContextVar::named("run");

/// One run: what is to be done at its end, and who asked for that.
pub(super) struct Program {
    pub(super) name: Option<Arc<str>>,
    /// How long each callback may take that was given no budget of its own.
    pub(super) budget: Duration,
    /// Turns when a shutdown is asked for.
    pub(super) token: CancelToken,
    /// The signal that asked for it, or 0.
    pub(super) signal: AtomicI32,
    /// The background tasks of everything that runs in it.
    pub(super) tasks: TaskRegistry,
    pub(super) heard: Arc<Heard>,
    list: Lock<List>,
}

/// What failed in background tasks while the run was left, and nobody observed.
#[derive(Default)]
pub(crate) struct Heard(Lock<Option<Vec<ExitFailure>>>);

struct List {
    open: bool,
    last_id: u64,
    /// In the order in which they came.
    callbacks: Vec<(u64, Entry<'static>)>,
}

/// A future whose code is in a run.
pub(super) type Inside<F> = WithContext<WithContext<F>>;

impl Heard {
    /// What failed in the tasks of a registry. Its hook is this from now on.
    pub(crate) fn of(tasks: &TaskRegistry) -> Arc<Self> {
        let heard = Arc::new(Self::default());
        let hears = Arc::clone(&heard);
        tasks.on_unhandled(move |lost| hears.hear(lost));
        heard
    }

    /// From now on failures are kept for the report; before, and after [`end`](Self::end), they go to the hook of the
    /// process.
    pub(crate) fn begin(&self) {
        self.0.lock().get_or_insert_default();
    }

    pub(crate) fn end(&self) -> Vec<ExitFailure> {
        self.0.lock().take().unwrap_or_default()
    }

    fn hear(&self, lost: &Unhandled<'_>) {
        let failure = lost.child().map(|child| ExitFailure {
            who: Who {
                name: child.name().map(Arc::from),
                location: child.location(),
            },
            fault: match (lost.panic(), lost.error_text()) {
                (Some(panic), _) => {
                    // The payload is not to be had by two.
                    ExitFault::Panicked(Panic::new(Box::new(panic.message().to_owned())))
                }
                (None, Some(error)) => ExitFault::Error(BoxError::from(error)),
                (None, None) => ExitFault::Error(BoxError::from("an error that nobody received")),
            },
        });
        let mut failures = self.0.lock();
        match (failures.as_mut(), failure) {
            (Some(failures), Some(failure)) => failures.push(failure),
            (_, failure) => {
                drop(failures);
                drop(failure);
                report(lost);
            }
        }
    }
}

impl Program {
    /// `options` are those of the background tasks.
    ///
    /// # Panics
    ///
    /// If there is no spawner.
    pub(super) fn new(
        name: Option<Arc<str>>,
        budget: Duration,
        options: GroupOptions,
    ) -> Arc<Self> {
        let tasks = options.registry();
        let heard = Heard::of(&tasks);
        Arc::new(Self {
            name,
            budget,
            tasks,
            heard,
            token: CancelToken::new(),
            signal: AtomicI32::new(0),
            list: Lock::new(List {
                open: true,
                last_id: 0,
                callbacks: Vec::new(),
            }),
        })
    }

    /// The innermost run that this code is in.
    pub(super) fn here() -> Option<Arc<Self>> {
        HERE.get()
    }

    /// Makes it the one that the code of a future is in.
    pub(super) fn around<F: Future>(self: &Arc<Self>, future: F) -> Inside<F> {
        HERE.scope(Arc::clone(self), self.tasks.within(future))
    }

    /// Takes a callback for its end, or gives it back because that has begun. `make` calls nothing of the user's.
    pub(super) fn register<C>(
        &self,
        callback: C,
        make: impl FnOnce(C) -> Entry<'static>,
    ) -> Result<u64, C> {
        let mut list = self.list.lock();
        if !list.open {
            return Err(callback);
        }
        list.last_id += 1;
        let id = list.last_id;
        list.callbacks.push((id, make(callback)));
        Ok(id)
    }

    /// Takes a callback out, unless it was its turn.
    pub(super) fn withdraw(&self, id: u64) {
        let entry = {
            let mut list = self.list.lock();
            let place = list.callbacks.binary_search_by_key(&id, |(id, _)| *id);
            place.ok().map(|place| list.callbacks.remove(place))
        };
        drop_quietly("a callback that was withdrawn", entry);
    }

    /// The callback whose turn it is.
    pub(super) fn next(&self) -> Option<Entry<'static>> {
        let (_, entry) = self.list.lock().callbacks.pop()?;
        Some(entry)
    }

    /// Takes no more callbacks. Was it the first to say so?
    pub(super) fn begin_shutdown(&self) -> bool {
        std::mem::replace(&mut self.list.lock().open, false)
    }

    /// Asks for a shutdown. Was it the first to do so?
    pub(super) fn request(&self, reason: CancelReason) -> bool {
        let first = self.begin_shutdown();
        if first {
            self.token.cancel_with(reason);
        }
        first
    }

    /// The signal that asked for a shutdown.
    pub(super) fn signal(&self) -> Option<i32> {
        Some(self.signal.load(Relaxed)).filter(|signal| *signal != 0)
    }

    /// Nobody will call the callbacks that are left.
    pub(super) fn give_up(&self, why: &dyn std::fmt::Display) {
        let callbacks = std::mem::take(&mut self.list.lock().callbacks);
        if let Some((_, last)) = callbacks.last() {
            let (label, count) = (self.label(), callbacks.len());
            log::warning(&format_args!(
                "{label} was dropped half-way and its spawner took no job to leave it ({why}): {count} callbacks were not \
                 called, {} first",
                last.who
            ));
        }
        for (_, entry) in callbacks.into_iter().rev() {
            drop_quietly("a callback that was not called", entry);
        }
        self.heard.end().into_iter().for_each(unheard);
    }

    /// What is said of it.
    pub(super) fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("run `{name}`"),
            None => "the run".to_owned(),
        }
    }
}
