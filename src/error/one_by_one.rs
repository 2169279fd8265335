//! A list of values that are not ours, which are dropped one by one: a destructor that panics keeps no other from its turn.

use std::fmt;
use std::mem::{needs_drop, take};
use std::ops::{Deref, DerefMut};
use std::vec;

use super::unhandled::drop_quietly;

/// What the unhandled hook is notified of.
const WHAT: &str = "the destructor of a value that nobody took";

/// A `Vec` whose drop cannot unwind: the panic of each destructor goes to the unhandled hook.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
pub struct OneByOne<T>(Vec<T>);

impl<T> OneByOne<T> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// The values, for somebody who answers for them from now on.
    pub(crate) fn give(mut self) -> Vec<T> {
        take(&mut self.0)
    }
}

impl<T> Default for OneByOne<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<Vec<T>> for OneByOne<T> {
    fn from(values: Vec<T>) -> Self {
        Self(values)
    }
}

impl<T> FromIterator<T> for OneByOne<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let values = values.into_iter();
        let mut all = Self::with_capacity(values.size_hint().0);
        // An iterator that panics leaves behind what it gave.
        values.for_each(|value| all.push(value));
        all
    }
}

impl<T> Extend<T> for OneByOne<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.push(value));
    }
}

impl<T> Deref for OneByOne<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T> DerefMut for OneByOne<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<T> Drop for OneByOne<T> {
    fn drop(&mut self) {
        drop(Each(take(&mut self.0).into_iter()));
    }
}

impl<T> IntoIterator for OneByOne<T> {
    type Item = T;
    type IntoIter = Each<T>;

    fn into_iter(self) -> Each<T> {
        Each(self.give().into_iter())
    }
}

/// The values of a [`OneByOne`]. Those that are left are dropped one by one.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
pub struct Each<T>(vec::IntoIter<T>);

impl<T> Iterator for Each<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<T> ExactSizeIterator for Each<T> {}

impl<T> Drop for Each<T> {
    fn drop(&mut self) {
        if needs_drop::<T>() {
            self.for_each(|value| drop_quietly(WHAT, value));
        }
    }
}

/// One value, whose drop cannot unwind: several of them side by side are dropped one by one, too.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
pub struct Quiet<T>(Option<T>);

impl<T> Quiet<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// The value, for somebody who answers for it from now on.
    pub(crate) fn give(mut self) -> T {
        self.0.take().expect("it is given once, with `self`")
    }
}

impl<T> Drop for Quiet<T> {
    fn drop(&mut self) {
        if needs_drop::<T>() {
            drop_quietly(WHAT, self.0.take());
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Quiet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<T: fmt::Debug> fmt::Debug for OneByOne<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<T: fmt::Debug> fmt::Debug for Each<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::resume_unwind;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use super::*;

    struct Bomb<'a>(&'a AtomicUsize);

    impl Drop for Bomb<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Relaxed);
            resume_unwind(Box::new("in a drop"));
        }
    }

    #[test]
    fn all_are_dropped_whatever_their_destructors_do() {
        let dropped = AtomicUsize::new(0);
        let bombs: OneByOne<_> = (0..4).map(|_| Bomb(&dropped)).collect();
        drop(bombs);
        let mut bombs: OneByOne<_> = (0..4).map(|_| Bomb(&dropped)).collect();
        bombs.push(Bomb(&dropped));
        let mut left = bombs.into_iter();
        std::mem::forget(left.next());
        assert_eq!(left.len(), 4);
        drop(left);
        assert_eq!(dropped.into_inner(), 8);
    }
}
