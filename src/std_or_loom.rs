//! The primitives that every state machine here is built on: std's, or loom's under `cfg(loom)`.
//!
//! Algorithm files import from here and carry no `cfg` of their own.

#[cfg(not(loom))]
mod imp {
    pub(crate) use std::sync::atomic;
    pub(crate) use std::sync::{Mutex, MutexGuard};
    pub(crate) use std::thread_local as per_thread;

    /// A mark that no other thread has as long as this one lives.
    #[inline]
    pub(crate) fn thread_mark() -> Option<std::num::NonZeroUsize> {
        std::thread_local! {
            static MARK: u8 = const { 0 };
        }
        MARK.try_with(|mark| std::ptr::from_ref(mark).addr().try_into().ok())
            .ok()
            .flatten()
    }

    /// A number of this thread: the first that asks has 0, the next 1.
    #[inline]
    pub(crate) fn thread_number() -> usize {
        static NEXT: atomic::AtomicUsize = atomic::AtomicUsize::new(0);
        std::thread_local! {
            static NUMBER: std::cell::Cell<Option<usize>> = const { std::cell::Cell::new(None) };
        }
        let number = NUMBER.try_with(|number| {
            number.get().unwrap_or_else(|| {
                let next = NEXT.fetch_add(1, atomic::Ordering::Relaxed);
                number.set(Some(next));
                next
            })
        });
        number.unwrap_or(0)
    }

    /// More threads than this share shards.
    pub(crate) const MOST_SHARDS: usize = 64;

    /// Is this a model, which has to take the same way each time?
    pub(crate) const IS_MODEL: bool = false;

    /// Nothing: accesses that are `SeqCst` are in one order.
    #[inline]
    pub(crate) fn in_one_order() {}

    /// `std::cell::UnsafeCell` with loom's closure interface.
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }

        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }
    }
}

#[cfg(loom)]
mod imp {
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::atomic;
    pub(crate) use loom::sync::{Mutex, MutexGuard};

    /// All threads of a model are one.
    pub(crate) fn thread_mark() -> Option<std::num::NonZeroUsize> {
        None
    }

    /// The same.
    pub(crate) fn thread_number() -> usize {
        0
    }

    /// So all of them share one shard.
    pub(crate) const MOST_SHARDS: usize = 1;

    /// Is this a model, which has to take the same way each time?
    pub(crate) const IS_MODEL: bool = true;

    /// Loom knows no order of accesses that are `SeqCst`, but one of such fences. This stands between an access and the next.
    pub(crate) fn in_one_order() {
        atomic::fence(atomic::Ordering::SeqCst);
    }

    /// Loom's macro does not know that what begins with `const` is an expression.
    macro_rules! per_thread {
        ($vis:vis static $name:ident: $type:ty = const $value:block;) => {
            loom::thread_local! { $vis static $name: $type = $value; }
        };
    }
    pub(crate) use per_thread;
}

// Under loom all threads of a model are one, so what spans a step of the model has to be told apart by loom.
pub(crate) use imp::{IS_MODEL, thread_mark, thread_number};
pub(crate) use imp::{MOST_SHARDS, MutexGuard, UnsafeCell, atomic, in_one_order, per_thread};

/// A mutex that does not know poison: nothing that can panic runs while one of ours is held.
pub(crate) struct Lock<T>(imp::Mutex<T>);

impl<T> Lock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(imp::Mutex::new(value))
    }

    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn lock(&self) -> imp::MutexGuard<'_, T> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// For `Debug`, which must never block.
    pub(crate) fn try_lock(&self) -> Option<imp::MutexGuard<'_, T>> {
        use std::sync::TryLockError::{Poisoned, WouldBlock};
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(WouldBlock) => None,
        }
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}
