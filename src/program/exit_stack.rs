//! `ExitStack`: does what was put onto it in reverse order, each exactly once.

use std::future::Future;
use std::mem;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::AsyncClose;
use super::entry::{Abandoned, Action, Entry, Underway};
use super::exit_error::{ExitErrors, ExitFailure, Who, unheard};
use super::exit_result::ExitResult;
use crate::log;
use crate::shows::shows;

/// A stack of things to be done on the way out: callbacks, async callbacks, values that take time to be closed, guards.
///
/// [`close`](Self::close) does them in reverse order, each exactly once, and waits for each. One that fails or panics keeps none
/// of the others from its turn; what failed comes out together in [`ExitErrors`]. [`take`](Self::take) hands everything over,
/// for a function that sets something up in steps and gives it away if all of them went well.
///
/// Destructors do the same for what needs no time and cannot fail; use a plain value there. The idea is Python's
/// `contextlib.AsyncExitStack`.
///
/// **Dropped with something in it**, it says so, as a warning of `tracing` where that feature is on, and does in the same
/// order what needs no waiting: sync callbacks are called and guards dropped. Async callbacks are dropped uncalled, and their
/// number is in the warning. What fails then goes to the [unhandled hook](crate::error::set_unhandled_hook).
///
/// `'a` is what callbacks may borrow.
///
/// # Examples
///
/// ```
/// use std::sync::Mutex;
///
/// use ingather::program::ExitStack;
/// use ingather::block_on;
///
/// let log = Mutex::new(Vec::new());
/// let mut stack = ExitStack::new();
/// stack.push_fn(|| log.lock().unwrap().push("first in, last out"));
/// stack.push_async(|| async { log.lock().unwrap().push("last in, first out") });
/// block_on(stack.close()).unwrap();
/// drop(stack);
/// assert_eq!(*log.lock().unwrap(), ["last in, first out", "first in, last out"]);
/// ```
#[must_use = "dropped, it runs its sync callbacks alone: `close` it, or `take` it over"]
pub struct ExitStack<'a> {
    entries: Vec<Entry<'a>>,
    /// The one that a `close` has begun.
    underway: Option<Underway<'a>>,
    /// What failed in a `close` that is not over.
    failures: Vec<ExitFailure>,
    location: &'static Location<'static>,
}

impl<'a> ExitStack<'a> {
    /// An empty stack.
    #[track_caller]
    pub fn new() -> Self {
        Self {
            entries: Vec::new(),
            underway: None,
            failures: Vec::new(),
            location: Location::caller(),
        }
    }

    /// Puts a callback onto the stack that is called when it is its turn, also if the stack is dropped.
    ///
    /// It gives `()` or a `Result`; see [`ExitResult`].
    #[track_caller]
    pub fn push_fn<R: ExitResult>(
        &mut self,
        callback: impl FnOnce() -> R + Send + 'a,
    ) -> Pushed<'_, 'a> {
        self.push(Action::Sync(Box::new(|| callback().into_result())))
    }

    /// Puts an async callback onto the stack: it is called, and its future awaited, when it is its turn.
    ///
    /// Its future gives `()` or a `Result`; see [`ExitResult`]. If the stack is dropped it is dropped uncalled.
    #[track_caller]
    pub fn push_async<F, Fut>(&mut self, callback: F) -> Pushed<'_, 'a>
    where
        F: FnOnce() -> Fut + Send + 'a,
        Fut: Future + Send + 'a,
        Fut::Output: ExitResult,
    {
        self.push(Action::later(callback))
    }

    /// Puts a value onto the stack that is [closed](AsyncClose::close) when it is its turn.
    ///
    /// If the stack is dropped the value is dropped, at its turn.
    #[track_caller]
    pub fn push_close<T: AsyncClose + 'a>(&mut self, value: T) -> Pushed<'_, 'a> {
        self.push_async(|| value.close())
    }

    /// Puts a value onto the stack, with an async callback that is called with it when it is its turn.
    ///
    /// To go on using the value meanwhile, push a clone or an `Arc` of it. If the stack is dropped the value is dropped, at
    /// its turn.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    ///
    /// use ingather::program::ExitStack;
    /// use ingather::block_on;
    ///
    /// struct Door(AtomicBool);
    ///
    /// let mut stack = ExitStack::new();
    /// let door = Arc::new(Door(AtomicBool::new(true)));
    /// stack.push_with(Arc::clone(&door), |door| async move { door.0.store(false, Ordering::Relaxed) });
    /// assert!(door.0.load(Ordering::Relaxed), "open as long as it is used");
    /// block_on(stack.close()).unwrap();
    /// assert!(!door.0.load(Ordering::Relaxed));
    /// ```
    #[track_caller]
    pub fn push_with<T, F, Fut>(&mut self, value: T, callback: F) -> Pushed<'_, 'a>
    where
        T: Send + 'a,
        F: FnOnce(T) -> Fut + Send + 'a,
        Fut: Future + Send + 'a,
        Fut::Output: ExitResult,
    {
        self.push_async(move || callback(value))
    }

    /// Puts a value onto the stack that is dropped when it is its turn, also if the stack is dropped.
    #[track_caller]
    pub fn push_guard(&mut self, guard: impl Send + 'a) -> Pushed<'_, 'a> {
        self.push_fn(move || drop(guard))
    }

    #[track_caller]
    fn push(&mut self, action: Action<'a>) -> Pushed<'_, 'a> {
        let who = Who {
            name: None,
            location: Location::caller(),
        };
        self.entries.push(Entry {
            who,
            budget: None,
            action,
        });
        let entry = self.entries.last_mut();
        Pushed(entry.expect("one was pushed a moment ago"))
    }

    /// Does everything that is on the stack, in reverse order, and waits for each.
    ///
    /// The stack is empty afterwards and can be used again.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, it leaves on the stack what is not done, the callback that it was waiting for among it. Another
    /// `close` goes on from there and gives the failures of both.
    ///
    /// # Errors
    ///
    /// Everything that failed or panicked.
    pub fn close(&mut self) -> Close<'_, 'a> {
        Close(self)
    }

    /// Takes everything off the stack, onto a new one.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::program::ExitStack;
    /// use std::sync::mpsc::{Sender, channel};
    ///
    /// /// Undoes what was done if not all of it can be done.
    /// fn set_up(undone: Sender<u32>, steps: u32) -> Result<ExitStack<'static>, u32> {
    ///     let mut stack = ExitStack::new();
    ///     for step in 0..steps {
    ///         if step == 3 {
    ///             return Err(step);
    ///         }
    ///         let undone = undone.clone();
    ///         stack.push_fn(move || undone.send(step).unwrap());
    ///     }
    ///     Ok(stack.take())
    /// }
    ///
    /// let (undone, steps) = channel();
    /// assert_eq!(set_up(undone.clone(), 5).unwrap_err(), 3);
    /// assert_eq!(steps.try_iter().collect::<Vec<_>>(), [2, 1, 0]);
    /// let stack = set_up(undone, 2).unwrap();
    /// assert_eq!((steps.try_iter().count(), stack.len()), (0, 2));
    /// # drop(stack);
    /// ```
    #[track_caller]
    pub fn take(&mut self) -> Self {
        // Not by its default, which would be made in the standard library and not here.
        let empty = Self::new();
        mem::replace(self, empty)
    }

    /// How many things are left to be done, the one among them that a `close` has begun.
    pub fn len(&self) -> usize {
        self.entries.len() + usize::from(self.underway.is_some())
    }

    /// Is nothing left to be done?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Does without waiting what can be done so, and gives those that could not.
    fn abandon(&mut self) -> Vec<Who> {
        let mut lost = Vec::new();
        if let Some(underway) = self.underway.take() {
            lost.push(underway.who().clone());
        }
        while let Some(entry) = self.entries.pop() {
            match entry.abandon() {
                Abandoned::Done => {}
                Abandoned::Failed(failure) => self.failures.push(failure),
                Abandoned::Lost(who) => lost.push(who),
            }
        }
        lost
    }
}

impl Default for ExitStack<'_> {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for ExitStack<'_> {
    fn drop(&mut self) {
        if !self.is_empty() {
            let lost = self.abandon();
            let location = self.location;
            match lost.first() {
                None => log::warning(&format_args!(
                    "the exit stack of {location} was dropped without being closed"
                )),
                Some(first) => log::warning(&format_args!(
                    "the exit stack of {location} was dropped without being closed, and did not do {} of the things that \
                     take time, {first} first",
                    lost.len()
                )),
            }
        }
        self.failures.drain(..).for_each(unheard);
    }
}

shows!([] ExitStack<'_>, this =>
    location: format_args!("{}", this.location),
    len: this.len(),
    is_closing: this.underway.is_some(),
    failures,
);

/// What was pushed onto an [`ExitStack`] just now, for a name or a budget. Dropping it changes nothing.
pub struct Pushed<'s, 'a>(&'s mut Entry<'a>);

impl Pushed<'_, '_> {
    /// Names it, for [`ExitErrors`] and warnings.
    pub fn named(self, name: impl Into<Arc<str>>) -> Self {
        self.0.who.name = Some(name.into());
        self
    }

    /// Lets an async callback take so long and no longer: it is dropped then, at a suspension, and is
    /// [over its budget](crate::program::ExitFault::OverBudget). Sync callbacks cannot be cut short.
    ///
    /// It is measured by the clock that counts where the stack is closed. Where there is none it has no effect.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::pending;
    /// use std::time::Duration;
    ///
    /// use ingather::program::{ExitFault, ExitStack};
    /// use ingather::block_on;
    ///
    /// let mut stack = ExitStack::new();
    /// stack.push_async(pending::<()>).named("goodbye").budget(Duration::from_millis(1));
    /// let errors = block_on(stack.close()).unwrap_err();
    /// assert!(matches!(errors.first().fault(), ExitFault::OverBudget(_)));
    /// ```
    pub fn budget(self, budget: Duration) -> Self {
        self.0.budget = Some(budget);
        self
    }
}

shows!([] Pushed<'_, '_>, this => name: this.0.who.name, budget: this.0.budget);

/// The future of [`ExitStack::close`].
///
/// Dropped half-way, it leaves the rest on the stack.
#[must_use = "nothing is closed unless this is awaited"]
pub struct Close<'s, 'a>(&'s mut ExitStack<'a>);

impl Future for Close<'_, '_> {
    type Output = Result<(), ExitErrors>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let stack = &mut *self.0;
        loop {
            if let Some(underway) = stack.underway.as_mut() {
                let step = ready!(underway.poll(cx));
                stack.underway = None;
                if let Err(fault) = step.result {
                    let who = step.who;
                    stack.failures.push(ExitFailure { who, fault });
                }
            }
            match stack.entries.pop() {
                Some(entry) => stack.underway = Some(entry.begin()),
                None => break,
            }
        }
        let failures = mem::take(&mut stack.failures);
        Poll::Ready(ExitErrors::of(failures).map_or(Ok(()), Err))
    }
}

shows!([] Close<'_, '_>, this => (this.0));
