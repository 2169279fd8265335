//! The queue: children that want to be polled, in the order in which they came.

use std::collections::VecDeque;

/// A queue that needs no memory as long as there is but one in it. `C` is a child.
///
/// The child in `first` came before the others. It is filled only when nobody else is there.
pub(in crate::group) struct Ready<C> {
    first: Option<C>,
    others: VecDeque<C>,
    /// Counted here, since it is asked for in nearly every step.
    len: usize,
    /// How many have left it, but for those that were put back.
    left: u64,
}

impl<C> Ready<C> {
    pub(in crate::group) fn new() -> Self {
        Self {
            first: None,
            others: VecDeque::new(),
            len: 0,
            left: 0,
        }
    }

    #[inline]
    pub(in crate::group) fn len(&self) -> usize {
        self.len
    }

    /// How many have left it, and how many have come into it.
    #[inline]
    pub(in crate::group) fn counts(&self) -> (u64, u64) {
        (self.left, self.left + self.len as u64)
    }

    #[inline]
    pub(in crate::group) fn push_back(&mut self, child: C) {
        if self.len == 0 {
            self.first = Some(child);
        } else {
            self.others.push_back(child);
        }
        self.len += 1;
    }

    #[inline]
    pub(in crate::group) fn pop_front(&mut self) -> Option<C> {
        if self.len == 0 {
            return None;
        }
        self.len -= 1;
        self.left += 1;
        self.first.take().or_else(|| self.others.pop_front())
    }

    /// Puts one before all others.
    pub(in crate::group) fn push_front(&mut self, child: C) {
        if self.len == 0 {
            self.first = Some(child);
        } else {
            let second = self.first.take();
            second
                .into_iter()
                .for_each(|second| self.others.push_front(second));
            self.others.push_front(child);
        }
        self.len += 1;
        self.left = self.left.saturating_sub(1);
    }

    /// Takes out the one that is so far from the front.
    pub(in crate::group) fn remove(&mut self, index: usize) -> Option<C> {
        let child = match index.checked_sub(usize::from(self.first.is_some())) {
            Some(index) => self.others.remove(index),
            None => self.first.take(),
        };
        self.len -= usize::from(child.is_some());
        self.left += u64::from(child.is_some());
        child
    }

    /// Empties it.
    pub(in crate::group) fn drain(&mut self) -> impl Iterator<Item = C> {
        self.left += self.len as u64;
        self.len = 0;
        self.first.take().into_iter().chain(self.others.drain(..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alone_needs_no_memory() {
        let mut ready = Ready::new();
        for n in 0..3 {
            ready.push_back(n);
            assert_eq!((ready.len(), ready.pop_front()), (1, Some(n)));
        }
        assert_eq!((ready.pop_front(), ready.others.capacity()), (None, 0));
    }

    #[test]
    fn the_order_is_that_of_a_list() {
        // By a generator of Knuth's.
        let mut state = 1_u64;
        let mut draw = |end: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize % end
        };
        let (mut ready, mut list) = (Ready::new(), Vec::new());
        for n in 0..10_000_u32 {
            match draw(5) {
                4 if list.len() < 6 => {
                    ready.push_front(n);
                    list.insert(0, n);
                }
                0 | 1 if list.len() < 6 => {
                    ready.push_back(n);
                    list.push(n);
                }
                2 if !list.is_empty() => {
                    let at = draw(list.len());
                    assert_eq!(ready.remove(at), Some(list.remove(at)));
                }
                _ if n % 97 == 0 => assert!(ready.drain().eq(list.drain(..))),
                _ => {
                    let first = (!list.is_empty()).then(|| list.remove(0));
                    assert_eq!(ready.pop_front(), first);
                }
            }
            assert_eq!(ready.len(), list.len());
            assert_eq!(ready.remove(list.len()), None);
        }
    }
}
