//! The key of one value that is set around a piece of work.

use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::current;
use super::vars::Entry;
use super::{Vars, WithContext, enter, is_set};
use crate::shows::shows;

/// A value that is set around a piece of work and can be read everywhere in it, without being handed through: who the
/// request is from, which trace it belongs to.
///
/// A variable is a `static`. It has no value of its own: [`scope`](Self::scope) sets one around a future,
/// [`sync_scope`](Self::sync_scope) around a call, and what runs inside reads the innermost. Nothing that is set inside is
/// seen outside, and no thread keeps anything of it between polls. To take what is set to another thread, or into a task of
/// another library, capture a [`ContextSnapshot`](crate::types::ContextSnapshot).
///
/// Reading is a search in a short sorted list, and nothing is allocated where nothing is set. Values are shared and never
/// changed; for one that changes put a lock or an atomic inside. What a function needs to do its work is better an argument.
///
/// # Comparison to tokio's `task_local!`
///
/// A `task_local!` is seen in the task that sets it, and what that spawns starts without it. Here what was set can be
/// captured as a whole and go on elsewhere. The idea is Python's (`contextvars`, PEP 567) and Kotlin's (`CoroutineContext`).
///
/// # Examples
///
/// ```
/// use ingather::{ContextVar, block_on};
///
/// static USER: ContextVar<String> = ContextVar::named("user");
///
/// async fn greet() -> String {
///     USER.with(|user| format!("hello, {}", user.map_or("stranger", String::as_str)))
/// }
///
/// block_on(async {
///     assert_eq!(USER.scope("Ada".to_owned(), greet()).await, "hello, Ada");
///     assert_eq!(greet().await, "hello, stranger");
/// });
/// ```
pub struct ContextVar<T: 'static> {
    name: Option<&'static str>,
    /// 0 until it is first used.
    id: AtomicU64,
    values: PhantomData<fn() -> T>,
}

impl<T> ContextVar<T> {
    /// A variable without a name.
    ///
    /// Make it a `static`: each use of a `const` would be another variable.
    #[expect(
        clippy::new_without_default,
        reason = "a default would hide that each call makes another variable"
    )]
    pub const fn new() -> Self {
        Self::make(None)
    }

    /// A variable with a name, for `Debug` and nothing else.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::ContextVar;
    ///
    /// static TRACE: ContextVar<u64> = ContextVar::named("trace");
    /// assert_eq!(TRACE.name(), Some("trace"));
    /// ```
    pub const fn named(name: &'static str) -> Self {
        Self::make(Some(name))
    }

    const fn make(name: Option<&'static str>) -> Self {
        Self {
            name,
            id: AtomicU64::new(0),
            values: PhantomData,
        }
    }

    /// The name that it was given.
    pub const fn name(&self) -> Option<&'static str> {
        self.name
    }

    fn id(&self) -> u64 {
        static LAST: AtomicU64 = AtomicU64::new(0);
        // The number is all that is handed over, so no order is asked for.
        match self.id.load(Ordering::Relaxed) {
            0 => {
                let new = LAST.fetch_add(1, Ordering::Relaxed) + 1;
                let (order, failed) = (Ordering::Relaxed, Ordering::Relaxed);
                match self.id.compare_exchange(0, new, order, failed) {
                    Ok(_) => new,
                    Err(first) => first,
                }
            }
            id => id,
        }
    }
}

impl<T: Send + Sync + 'static> ContextVar<T> {
    /// A clone of the value that is set here, if one is.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::ContextVar;
    ///
    /// static DEPTH: ContextVar<u32> = ContextVar::new();
    /// assert_eq!(DEPTH.get(), None);
    /// assert_eq!(DEPTH.sync_scope(1, || DEPTH.get()), Some(1));
    /// ```
    pub fn get(&self) -> Option<T>
    where
        T: Clone,
    {
        self.with(|value| value.cloned())
    }

    /// Calls a function with the value that is set here, if one is.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::ContextVar;
    ///
    /// static WORDS: ContextVar<Vec<&str>> = ContextVar::new();
    /// let count = || WORDS.with(|words| words.map_or(0, Vec::len));
    /// assert_eq!(WORDS.sync_scope(vec!["to", "gether"], count), 2);
    /// ```
    pub fn with<R>(&self, f: impl FnOnce(Option<&T>) -> R) -> R {
        // Held on its own, so that `f` may set and read whatever it likes.
        let value = is_set().then(|| current::value(self.id())).flatten();
        f(value.as_deref().and_then(|value| value.downcast_ref()))
    }

    /// Sets a value around a future: during each of its polls, and while it is dropped.
    ///
    /// Everything else that is set where it is polled stays set. Dropped, it drops the future with the value set, and then the
    /// value.
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
    /// use ingather::{ContextVar, block_on};
    ///
    /// static A: ContextVar<u8> = ContextVar::new();
    /// static B: ContextVar<u8> = ContextVar::new();
    ///
    /// let both = async { (A.get(), B.get()) };
    /// assert_eq!(block_on(A.scope(1, B.scope(2, both))), (Some(1), Some(2)));
    /// ```
    pub fn scope<F: Future>(&self, value: T, future: F) -> WithContext<F> {
        WithContext::with_entry(self.entry(value), future)
    }

    /// Sets a value around a call.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::ContextVar;
    ///
    /// static DEPTH: ContextVar<u32> = ContextVar::new();
    /// DEPTH.sync_scope(1, || {
    ///     assert_eq!(DEPTH.sync_scope(2, || DEPTH.get()), Some(2));
    ///     assert_eq!(DEPTH.get(), Some(1));
    /// });
    /// assert_eq!(DEPTH.get(), None);
    /// ```
    pub fn sync_scope<R>(&self, value: T, f: impl FnOnce() -> R) -> R {
        let entry = self.entry(value);
        let vars = current::read(|base| Some(Vars::with(base, entry)));
        let _entered = enter(vars);
        f()
    }

    fn entry(&self, value: T) -> Entry {
        let value: Arc<dyn Any + Send + Sync> = Arc::new(value);
        Entry {
            id: self.id(),
            name: self.name,
            value,
        }
    }
}

shows!([T] ContextVar<T>, this => name, ..);
