//! What the two ends of a promise share.
//!
//! ```text
//!            set                       taken
//!   pending ─────▶ value ─────────────────────────▶ taken
//!      ├─ the promise is dropped ───▶ closed
//!      ├─ nobody waits any more ────▶ unwanted
//!      ╰─ forwarded ────────────────▶ forwarded ──▶ taken (set or closed, and so is the target)
//! ```
//!
//! 1. No value is dropped, and no waiter woken, under the lock.
//! 2. A chain of forwarded promises is walked in a loop, with one lock at a time, and has an end: a promise that was forwarded
//!    to itself has nobody who could set it, and is closed.

use std::mem;
use std::sync::Arc;

use super::promise::{PromiseClosed, SetError};
use super::signal::Signal;
use crate::std_or_loom::Lock;

pub(super) struct State<T> {
    stage: Lock<Stage<T>>,
    /// It is pending no more.
    pub(super) over: Signal,
}

pub(super) enum Stage<T> {
    Pending,
    Value(T),
    Taken,
    Closed,
    Unwanted,
    Forwarded(Arc<State<T>>),
}

impl<T> State<T> {
    pub(super) fn new() -> Self {
        Self {
            stage: Lock::new(Stage::Pending),
            over: Signal::new(),
        }
    }

    /// Sets the promise, or the one to which it was forwarded.
    pub(super) fn set(self: &Arc<Self>, value: T) -> Result<(), SetError<T>> {
        let mut state = Arc::clone(self);
        loop {
            let mut stage = state.stage.lock();
            match &*stage {
                Stage::Pending => {
                    *stage = Stage::Value(value);
                    drop(stage);
                    state.over.tell_all();
                    return Ok(());
                }
                Stage::Forwarded(_) => {
                    let target = stage.take_target();
                    drop(stage);
                    let Some(target) = target else { unreachable!() };
                    state = target;
                }
                Stage::Unwanted => return Err(SetError::Unwanted(value)),
                Stage::Value(_) | Stage::Taken | Stage::Closed => {
                    return Err(SetError::AlreadySet(value));
                }
            }
        }
    }

    /// Nobody will set it any more.
    pub(super) fn close(self: Arc<Self>) {
        let mut state = self;
        loop {
            let mut stage = state.stage.lock();
            if let Stage::Pending = *stage {
                *stage = Stage::Closed;
                drop(stage);
                return state.over.tell_all();
            }
            let Some(target) = stage.take_target() else {
                return;
            };
            drop(stage);
            state = target;
        }
    }

    /// Whether somebody would receive a value.
    pub(super) fn is_wanted(self: &Arc<Self>) -> bool {
        let end = self.end();
        matches!(*end.stage.lock(), Stage::Pending)
    }

    /// Whether it is neither pending nor forwarded.
    pub(super) fn is_over(&self) -> bool {
        !matches!(*self.stage.lock(), Stage::Pending | Stage::Forwarded(_))
    }

    /// For `Debug`: what is known without waiting.
    pub(super) fn describe(&self) -> &'static str {
        match self.stage.try_lock().as_deref() {
            None => "in use",
            Some(Stage::Pending) => "pending",
            Some(Stage::Value(_)) => "set",
            Some(Stage::Taken) => "taken",
            Some(Stage::Closed) => "closed",
            Some(Stage::Unwanted) => "unwanted",
            Some(Stage::Forwarded(_)) => "forwarded",
        }
    }

    /// Where what it is set to arrives.
    fn end(self: &Arc<Self>) -> Arc<Self> {
        let mut state = Arc::clone(self);
        loop {
            let next = match &*state.stage.lock() {
                Stage::Forwarded(target) => Arc::clone(target),
                _ => break,
            };
            state = next;
        }
        state
    }

    /// Hands on what it is or will be set to.
    pub(super) fn forward(self: &Arc<Self>, target: Arc<Self>) {
        // Straight to the end, since nobody else can set what is in between.
        let end = target.end();
        if Arc::ptr_eq(self, &end) {
            return target.close();
        }
        let target = end;
        let mut stage = self.stage.lock();
        match mem::replace(&mut *stage, Stage::Taken) {
            Stage::Pending => *stage = Stage::Forwarded(target),
            Stage::Value(value) => {
                drop(stage);
                // Nobody wants it any more: it is dropped here.
                drop(target.set(value));
            }
            _ => {
                drop(stage);
                target.close();
            }
        }
    }

    /// What it gives, if it is over. The value is given once.
    #[track_caller]
    pub(super) fn take(&self) -> Option<Result<T, PromiseClosed>> {
        let mut stage = self.stage.lock();
        match mem::replace(&mut *stage, Stage::Taken) {
            Stage::Value(value) => return Some(Ok(value)),
            Stage::Taken => {
                drop(stage);
                panic!("a promise gives its value once: do not ask again after that");
            }
            other => *stage = other,
        }
        matches!(*stage, Stage::Closed).then_some(Err(PromiseClosed))
    }

    /// Nobody waits for it any more.
    pub(super) fn let_go(&self) {
        let mut stage = self.stage.lock();
        let rest = match &*stage {
            Stage::Pending => mem::replace(&mut *stage, Stage::Unwanted),
            Stage::Value(_) => mem::replace(&mut *stage, Stage::Taken),
            _ => return,
        };
        drop(stage);
        drop(rest);
    }
}

impl<T> Stage<T> {
    /// If it was forwarded: where to. It is over then.
    fn take_target(&mut self) -> Option<Arc<State<T>>> {
        match mem::replace(self, Self::Taken) {
            Self::Forwarded(target) => Some(target),
            other => {
                *self = other;
                None
            }
        }
    }
}
