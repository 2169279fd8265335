//! What failed in a group, from its end until somebody has received it.

use std::sync::Arc;

use super::cell::{Failed, Members};
use super::policy::OnPanic;
use crate::cancel::{CancelKind, CancelReason};
use crate::error::unhandled;
use crate::error::{ChildFailure, Failure, GroupError};
use crate::panic::Panic;

/// How the body of a scope failed, and how many failures came before it.
pub(crate) struct BodyFailure<E> {
    pub(crate) failure: Failure<E>,
    pub(crate) position: usize,
}

/// All failures of a group that is over, in their order. What is still in here when it is dropped goes to the unhandled
/// hook.
pub(crate) struct Failures<E> {
    members: Members<E>,
    children: Vec<Failed>,
    body: Option<BodyFailure<E>>,
    on_panic: OnPanic,
}

impl<E> Failures<E> {
    /// Takes them out of the group.
    pub(super) fn of(members: &Members<E>, body: Option<BodyFailure<E>>) -> Self {
        let core = members.core();
        Self {
            members: members.clone(),
            children: core.with(|sched, _| std::mem::take(&mut sched.failures)),
            body,
            on_panic: core.policy().on_panic,
        }
    }

    /// Resumes the first panic there is, if the group does so; everything else goes to the unhandled hook then.
    pub(crate) fn resume_panic(mut self) -> Self {
        if let Some(panic) = self.take_panic() {
            drop(self);
            panic.resume();
        }
        self
    }

    fn take_panic(&mut self) -> Option<Panic> {
        if self.on_panic == OnPanic::Collect {
            return None;
        }
        let child = self.children.iter().position(Failed::is_panic);
        let body = self.body.take_if(|body| body.failure.is_panic());
        match (child, body) {
            (Some(child), body) if body.as_ref().is_none_or(|body| child < body.position) => {
                self.body = body;
                self.children.remove(child).into_panic()
            }
            (_, Some(body)) => match body.failure {
                Failure::Panicked(panic) => Some(panic),
                _ => None,
            },
            (_, None) => None,
        }
    }

    /// Goes on with the panic of the body, whatever the group does with panics: there is nothing else to give.
    pub(crate) fn resume_body(mut self) -> ! {
        match self.body.take().map(|body| body.failure) {
            Some(Failure::Panicked(panic)) => {
                drop(self);
                panic.resume()
            }
            _ => unreachable!("a body that cannot fail gives a value or panics"),
        }
    }

    /// All of them in one error, or the value if there are none.
    ///
    /// A group whose children were abandoned has failed, even if nothing else went wrong: it did not do its work. So has
    /// one whose body was dropped without a value, because the group was cancelled.
    pub(crate) fn into_result<T>(mut self, value: Option<T>) -> Result<T, GroupError<E>> {
        let core = Arc::clone(self.members.core());
        let mut leaves: Vec<_> = std::mem::take(&mut self.children)
            .into_iter()
            .map(|failed| self.members.take(failed))
            .collect();
        if let Some(BodyFailure { failure, position }) = self.body.take() {
            leaves.insert(position, leaf(failure));
        }
        let cancelled = core.read(|sched| sched.cancelled.clone());
        let value = match (value, cancelled) {
            (_, Some(reason)) if leaves.is_empty() && reason.kind() == CancelKind::Abandoned => {
                Err(reason)
            }
            (None, reason) => {
                Err(reason.unwrap_or_else(|| CancelReason::new(CancelKind::Explicit)))
            }
            (Some(value), _) => Ok(value),
        };
        match value {
            Ok(value) if leaves.is_empty() => return Ok(value),
            Err(reason) if leaves.is_empty() => leaves.push(leaf(Failure::Cancelled(reason))),
            _ => {}
        }
        Err(GroupError {
            group: core.name().cloned(),
            leaves,
        })
    }
}

/// A failure that is no child's.
fn leaf<E>(failure: Failure<E>) -> ChildFailure<E> {
    ChildFailure {
        child: None,
        failure,
    }
}

impl<E> Drop for Failures<E> {
    fn drop(&mut self) {
        match self.body.take().map(|body| body.failure) {
            Some(Failure::Error(error)) => {
                unhandled::report_body_error::<E>();
                unhandled::drop_quietly("an error that nobody received", error);
            }
            Some(Failure::Panicked(panic)) => unhandled::report_panic("the body of a scope", panic),
            Some(Failure::Cancelled(_)) | None => {}
        }
        // Those of the children report themselves.
    }
}
