//! A list of few: the first needs no memory, and most lists have no second.

/// Things in no particular order, of which there is nearly always one at most.
pub(in crate::group) struct SmallList<T> {
    one: Option<T>,
    others: Vec<T>,
}

impl<T> Default for SmallList<T> {
    fn default() -> Self {
        Self {
            one: None,
            others: Vec::new(),
        }
    }
}

impl<T> SmallList<T> {
    #[inline]
    pub(in crate::group) fn len(&self) -> usize {
        usize::from(self.one.is_some()) + self.others.len()
    }

    #[inline]
    pub(in crate::group) fn is_empty(&self) -> bool {
        self.one.is_none() && self.others.is_empty()
    }

    #[inline]
    pub(in crate::group) fn push(&mut self, item: T) {
        match &self.one {
            None => self.one = Some(item),
            Some(_) => self.others.push(item),
        }
    }

    /// Takes out the one that is meant.
    #[inline]
    pub(in crate::group) fn remove(&mut self, is_meant: impl Fn(&T) -> bool) -> Option<T> {
        if let Some(one) = self.one.take_if(|one| is_meant(one)) {
            return Some(one);
        }
        let at = self.others.iter().position(is_meant)?;
        Some(self.others.swap_remove(at))
    }

    #[inline]
    pub(in crate::group) fn iter(&self) -> impl Iterator<Item = &T> {
        self.one.iter().chain(&self.others)
    }

    #[inline]
    pub(in crate::group) fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut T> {
        self.one.iter_mut().chain(&mut self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alone_needs_no_memory() {
        let mut list = SmallList::default();
        for n in 0..3 {
            list.push(n);
            assert_eq!((list.len(), list.remove(|item| *item == n)), (1, Some(n)));
        }
        assert_eq!((list.len(), list.others.capacity()), (0, 0));
    }

    #[test]
    fn each_is_found_wherever_it_is() {
        let mut list = SmallList::default();
        (0..5).for_each(|n| list.push(n));
        assert_eq!(list.remove(|item| *item == 0), Some(0));
        list.push(5);
        assert_eq!(list.remove(|item| *item == 3), Some(3));
        assert_eq!(list.remove(|item| *item == 3), None);
        list.iter_mut().for_each(|item| *item += 10);
        let mut left: Vec<_> = list.iter().copied().collect();
        left.sort_unstable();
        assert_eq!((left, list.len()), (vec![11, 12, 14, 15], 4));
    }
}
