//! The queue: children that want to be polled, in the order in which they came.

use std::collections::VecDeque;

/// A queue that needs no memory as long as there are no more than two in it. `C` is a child.
///
/// The child in `first` came before the one in `second`, and that before the others. `first` is filled only when nobody else is there
/// or as the one that is to leave next, and there is a second only if there is a first.
pub(in crate::group) struct Ready<C> {
    first: Option<C>,
    second: Option<C>,
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
            second: None,
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
        match self.len {
            0 => self.first = Some(child),
            1 if self.first.is_some() => self.second = Some(child),
            _ => self.others.push_back(child),
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
        let first = self.first.take();
        if first.is_none() {
            return self.others.pop_front();
        }
        self.first = self.second.take();
        first
    }

    /// Puts one before all others.
    pub(in crate::group) fn push_front(&mut self, child: C) {
        if self.len == 0 || self.first.is_some() {
            let third = match self.first.replace(child) {
                Some(second) => self.second.replace(second),
                None => None,
            };
            third
                .into_iter()
                .for_each(|third| self.others.push_front(third));
        } else {
            self.others.push_front(child);
        }
        self.len += 1;
        self.left = self.left.saturating_sub(1);
    }

    /// Takes out the one that is so far from the front.
    pub(in crate::group) fn remove(&mut self, index: usize) -> Option<C> {
        let few = usize::from(self.first.is_some()) + usize::from(self.second.is_some());
        let child = match (index, few) {
            (0, 1..) => std::mem::replace(&mut self.first, self.second.take()),
            (1, 2) => self.second.take(),
            _ => self.others.remove(index - few),
        };
        self.len -= usize::from(child.is_some());
        self.left += u64::from(child.is_some());
        child
    }

    /// Empties it.
    pub(in crate::group) fn drain(&mut self) -> impl Iterator<Item = C> {
        self.left += self.len as u64;
        self.len = 0;
        let few = self.first.take().into_iter().chain(self.second.take());
        few.chain(self.others.drain(..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_need_no_memory() {
        let mut ready = Ready::new();
        ready.push_back(0);
        for n in 0..3 {
            ready.push_back(n + 1);
            assert_eq!((ready.len(), ready.pop_front()), (2, Some(n)));
        }
        assert_eq!(ready.pop_front(), Some(3));
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
