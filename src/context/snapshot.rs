//! What was set at some time, to be taken elsewhere.

use std::fmt;
use std::future::Future;

use super::{Vars, WithContext, enter, snapshot};

/// All that was set by [`ContextVar`](crate::ContextVar)s where it was captured, to be set again elsewhere: on a thread of
/// your own, in a callback, in a task of another library.
///
/// Whatever is set afterwards, there or here, does not change it. Cloning is cheap and clones no value. Dropping it releases the
/// values, which live as long as anything holds them.
///
/// # Examples
///
/// ```
/// use std::thread;
///
/// use ingather::types::ContextSnapshot;
/// use ingather::ContextVar;
///
/// static USER: ContextVar<&str> = ContextVar::named("user");
///
/// USER.sync_scope("Ada", || {
///     let context = ContextSnapshot::current();
///     let there = thread::spawn(move || (USER.get(), context.run(|| USER.get())));
///     assert_eq!(there.join().unwrap(), (None, Some("Ada")));
/// });
/// ```
#[derive(Clone, Default)]
pub struct ContextSnapshot(Option<Vars>);

impl ContextSnapshot {
    /// What is set here.
    pub fn current() -> Self {
        Self(snapshot())
    }

    /// Was nothing set?
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::types::ContextSnapshot;
    ///
    /// assert!(ContextSnapshot::current().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Calls a function with exactly this set. What is set here otherwise is not seen in it, and is again afterwards, also
    /// if the function panics.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::types::ContextSnapshot;
    /// use ingather::ContextVar;
    ///
    /// static USER: ContextVar<&str> = ContextVar::new();
    ///
    /// let nobody = ContextSnapshot::current();
    /// USER.sync_scope("Ada", || assert_eq!(nobody.run(|| USER.get()), None));
    /// ```
    pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        let _entered = enter(self.0.clone());
        f()
    }

    /// Sets exactly this around a future: during each of its polls, and while it is dropped.
    ///
    /// Dropped, it drops the future with this set.
    ///
    /// # Cancel safety
    ///
    /// It is as cancel safe as the future.
    ///
    /// # Panics
    ///
    /// The future that this gives panics if it is polled again after it was ready.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::types::ContextSnapshot;
    /// use ingather::{ContextVar, block_on};
    ///
    /// static USER: ContextVar<&str> = ContextVar::new();
    ///
    /// let context = USER.sync_scope("Ada", ContextSnapshot::current);
    /// assert_eq!(block_on(context.scope(async { USER.get() })), Some("Ada"));
    /// ```
    pub fn scope<F: Future>(&self, future: F) -> WithContext<F> {
        WithContext::with_vars(self.0.clone(), future)
    }
}

impl fmt::Debug for ContextSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_tuple("ContextSnapshot");
        match &self.0 {
            Some(vars) => out.field(vars),
            None => out.field(&[(); 0]),
        };
        out.finish()
    }
}
