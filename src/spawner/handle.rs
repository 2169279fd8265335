//! `SpawnerHandle`: any spawner with its type erased, cheap to clone.

use std::any::{Any, type_name};
use std::fmt;
use std::num::NonZeroUsize;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use super::crew::Crew;
use super::current;
use super::{Job, SpawnError, Spawner};
use crate::clock::ClockHandle;
use crate::error::unhandled::Quiet;

/// Any [`Spawner`], with its type erased and cheap to clone.
///
/// It is what [`current_spawner`](super::current_spawner) gives, and a spawner itself. Unlike an `Arc<dyn Spawner>`
/// it can be compared with [`same_as`](SpawnerHandle::same_as) and printed. Code that knows which spawner it has does
/// not need it.
///
/// The spawner is dropped with the last clone.
///
/// # Examples
///
/// ```
/// use ingather::spawner::{SpawnerHandle, from_fn};
///
/// let thread_per_job = from_fn(|job| {
///     std::thread::spawn(|| futures::executor::block_on(job));
///     Ok(())
/// });
/// let handle = SpawnerHandle::new(thread_per_job);
/// assert!(handle.same_as(&handle.clone()));
/// assert!(!handle.same_as(&SpawnerHandle::new(thread_per_job)));
/// ```
#[derive(Clone)]
#[must_use = "a handle runs nothing by itself: spawn on it, enter it or pass it on"]
pub struct SpawnerHandle(Arc<Held<dyn Erased>>);

/// A spawner, and what is known of the jobs that were handed over to it.
struct Held<S: ?Sized> {
    crew: OnceLock<Arc<Crew>>,
    /// How many jobs it polls at the same time; 0 until that was asked.
    parallelism: AtomicUsize,
    spawner: S,
}

impl<S> Held<Quiet<S>> {
    fn new(spawner: S) -> Arc<Self> {
        Arc::new(Self {
            crew: OnceLock::new(),
            parallelism: AtomicUsize::new(0),
            spawner: Quiet::new("a spawner", spawner),
        })
    }
}

/// A spawner that remembers the name of its type, for `Debug`.
trait Erased: Spawner {
    fn type_name(&self) -> &'static str;
}

impl<S: Spawner> Erased for Quiet<S> {
    fn type_name(&self) -> &'static str {
        type_name::<S>()
    }
}

impl SpawnerHandle {
    /// Erases the type of a spawner.
    ///
    /// A `SpawnerHandle` is given back as it is.
    pub fn new(spawner: impl Spawner + 'static) -> Self {
        let mut spawner = Some(spawner);
        // `Any` is the only way to move a value out by its concrete type without an allocation.
        let handle = (&mut spawner as &mut dyn Any)
            .downcast_mut::<Option<Self>>()
            .and_then(Option::take);
        match (handle, spawner) {
            (Some(handle), _) => handle,
            (None, Some(spawner)) => Self(Held::new(spawner)),
            (None, None) => unreachable!("only a handle is taken out"),
        }
    }

    /// A handle to a spawner that its owner keeps.
    ///
    /// Two calls with clones of one spawner make two handles that are not [the same](Self::same_as), unless the
    /// spawner is a handle already.
    pub(crate) fn of<S: Spawner + Clone + 'static>(spawner: &S) -> Self {
        match (spawner as &dyn Any).downcast_ref::<Self>() {
            Some(handle) => handle.clone(),
            None => Self(Held::new(spawner.clone())),
        }
    }

    /// The same handle, which keeps nothing.
    pub(crate) fn downgrade(&self) -> WeakHandle {
        WeakHandle(Arc::downgrade(&self.0))
    }

    /// Whether both are clones of one handle.
    ///
    /// Handles made separately are not the same, even if they lead to the same executor.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The spawner behind the pointer; by its methods alone the pointer would be asked, which is a spawner as well.
    fn spawner(&self) -> &dyn Erased {
        &self.0.spawner
    }

    /// How many jobs it polls at the same time, as it said first: to ask may cost more than the rest of opening a group.
    #[inline]
    pub(crate) fn known_parallelism(&self) -> NonZeroUsize {
        let known = &self.0.parallelism;
        NonZeroUsize::new(known.load(Relaxed)).unwrap_or_else(|| {
            let parallelism = self.parallelism();
            known.store(parallelism.get(), Relaxed);
            parallelism
        })
    }

    /// The jobs on their way to it; `None` if there never were any.
    pub(crate) fn known_crew(&self) -> Option<&Arc<Crew>> {
        self.0.crew.get()
    }

    /// The same. It asks the spawner.
    pub(crate) fn crew(&self) -> &Arc<Crew> {
        let crew = &self.0.crew;
        crew.get_or_init(|| Crew::new(self.known_parallelism()))
    }

    /// Whether this code runs on the spawner, as far as anybody knows: the spawner says so, or a job of ours does.
    pub(crate) fn is_here(&self) -> bool {
        current::is_running_on(self) || self.spawner().is_current()
    }
}

/// A handle as long as somebody else has it.
pub(crate) struct WeakHandle(std::sync::Weak<Held<dyn Erased>>);

impl WeakHandle {
    /// Is it one of the clones of this handle? To ask keeps nothing.
    pub(crate) fn is(&self, handle: &SpawnerHandle) -> bool {
        std::ptr::addr_eq(self.0.as_ptr(), Arc::as_ptr(&handle.0))
    }

    #[cfg(feature = "tokio")]
    pub(super) fn is_alive(&self) -> bool {
        self.0.strong_count() > 0
    }

    #[cfg(feature = "tokio")]
    pub(super) fn upgrade(&self) -> Option<SpawnerHandle> {
        self.0.upgrade().map(SpawnerHandle)
    }
}

impl Spawner for SpawnerHandle {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        self.spawner().spawn(job)
    }

    fn parallelism(&self) -> NonZeroUsize {
        self.spawner().parallelism()
    }

    fn is_current(&self) -> bool {
        self.spawner().is_current()
    }

    fn should_yield(&self) -> bool {
        self.spawner().should_yield()
    }

    fn may_block(&self) -> bool {
        self.spawner().may_block()
    }

    fn while_blocked(&self, wait: &mut dyn FnMut()) {
        self.spawner().while_blocked(wait);
    }

    fn inside(&self, f: &mut dyn FnMut()) {
        self.spawner().inside(f);
    }

    fn clock(&self) -> Option<ClockHandle> {
        self.spawner().clock()
    }
}

// A spawner is shared by threads, and those that did not panic go on using it in any case.
impl UnwindSafe for SpawnerHandle {}
impl RefUnwindSafe for SpawnerHandle {}

impl fmt::Debug for SpawnerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpawnerHandle({})", self.spawner().type_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spawner::from_fn;
    use std::sync::Mutex;

    /// Says yes to everything.
    #[derive(Clone)]
    struct Yes;

    impl Spawner for Yes {
        fn spawn(&self, _job: Job) -> Result<(), SpawnError> {
            Err(SpawnError::new("yes, refused"))
        }

        fn parallelism(&self) -> NonZeroUsize {
            NonZeroUsize::new(7).unwrap()
        }

        fn is_current(&self) -> bool {
            true
        }

        fn should_yield(&self) -> bool {
            true
        }

        fn while_blocked(&self, wait: &mut dyn FnMut()) {
            wait();
            wait();
        }

        fn inside(&self, f: &mut dyn FnMut()) {
            (0..3).for_each(|_| f());
        }
    }

    fn assert_forwards(spawner: impl Spawner) {
        let error = spawner.spawn(Box::pin(async {})).unwrap_err();
        assert_eq!(error.message(), "yes, refused");
        assert_eq!(spawner.parallelism().get(), 7);
        assert!(spawner.is_current());
        assert!(spawner.should_yield());
        let mut calls = 0;
        spawner.while_blocked(&mut || calls += 1);
        spawner.inside(&mut || calls += 10);
        assert_eq!(calls, 32);
    }

    #[test]
    fn pointers_and_handles_forward_all_methods() {
        assert_forwards(&Yes);
        assert_forwards(Arc::new(Yes));
        assert_forwards(Box::new(Yes));
        assert_forwards(SpawnerHandle::new(Yes));
        assert_forwards(Box::new(Yes) as Box<dyn Spawner>);
        assert_forwards(Arc::new(Yes) as Arc<dyn Spawner>);
        assert_forwards(&Yes as &dyn Spawner);
    }

    #[test]
    fn a_handle_is_not_wrapped_again() {
        let handle = SpawnerHandle::new(Yes);
        assert!(SpawnerHandle::of(&handle).same_as(&handle));
        assert!(SpawnerHandle::new(handle.clone()).same_as(&handle));
        assert!(!SpawnerHandle::of(&Yes).same_as(&handle));
    }

    #[test]
    fn debug_tells_the_type_and_asks_nothing() {
        let lock = Arc::new(Mutex::new(()));
        let in_spawner = Arc::clone(&lock);
        let handle = SpawnerHandle::new(from_fn(move |_| {
            drop(in_spawner.lock());
            Ok(())
        }));
        let _locked = lock.lock().unwrap();
        assert!(format!("{handle:?}").starts_with("SpawnerHandle("));
        let yes = format!("{:?}", SpawnerHandle::new(Yes));
        assert!(yes.ends_with("::Yes)"), "{yes}");
    }

    #[test]
    fn the_spawner_goes_with_the_last_clone() {
        let alive = Arc::new(());
        let in_spawner = Arc::clone(&alive);
        let handle = SpawnerHandle::new(from_fn(move |_| {
            let _ = &in_spawner;
            Ok(())
        }));
        let clone = handle.clone();
        drop(handle);
        assert_eq!(Arc::strong_count(&alive), 2);
        drop(clone);
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
