//! Starting a task that has a name.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::error::TaskRefused;
use super::handle::TaskRegistry;
use super::task::Task;
use crate::group::{AsValue, Fallible, Label};
use crate::shows::shows;

/// The next task of a registry, with a name; made by [`TaskRegistry::named`].
///
/// # Examples
///
/// ```
/// use ingather::{TaskRegistry, block_on};
///
/// let registry = TaskRegistry::new();
/// let parse = registry.named("parse").try_create_task(async { "12".parse::<u32>() });
/// assert_eq!(block_on(parse).ok(), Some(12));
/// ```
#[must_use = "a name creates nothing by itself: call `create_task` or a relative"]
pub struct NamedTask<'a> {
    registry: &'a TaskRegistry,
    name: Arc<str>,
}

impl<'a> NamedTask<'a> {
    pub(super) fn new(registry: &'a TaskRegistry, name: Arc<str>) -> Self {
        Self { registry, name }
    }

    /// Like [`TaskRegistry::create_task`].
    #[track_caller]
    pub fn create_task<F>(self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let registry = self.registry.shared();
        let label = Label::here(Some(self.name));
        registry.create::<F, AsValue<Infallible>>(None, &label, future)
    }

    /// Like [`TaskRegistry::try_create_task`].
    #[track_caller]
    pub fn try_create_task<F, T, E>(self, future: F) -> Task<T, E>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        let registry = self.registry.shared();
        let label = Label::here(Some(self.name));
        registry.create::<F, Fallible>(None, &label, future)
    }

    /// Like [`TaskRegistry::create_task_or_return`].
    ///
    /// # Errors
    ///
    /// The future, unpolled, if the registry takes no tasks.
    #[track_caller]
    pub fn create_task_or_return<F>(self, future: F) -> Result<Task<F::Output>, TaskRefused<F>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let registry = self.registry.shared();
        let label = Label::here(Some(self.name));
        registry.create_or_return::<F, AsValue<Infallible>>(None, &label, future)
    }

    /// Like [`TaskRegistry::try_create_task_or_return`].
    ///
    /// # Errors
    ///
    /// The future, unpolled, if the registry takes no tasks.
    #[track_caller]
    pub fn try_create_task_or_return<F, T, E>(self, future: F) -> Result<Task<T, E>, TaskRefused<F>>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        let registry = self.registry.shared();
        let label = Label::here(Some(self.name));
        registry.create_or_return::<F, Fallible>(None, &label, future)
    }
}

shows!([] NamedTask<'_>, this => name, ..);
