//! What values wait in until they are given: a queue, or a row with a place for each item.

use std::collections::VecDeque;

use crate::gather::site::lose_value;

/// Values that are there and not given yet.
#[expect(unnameable_types, reason = "it is a sealed trait")]
pub trait Ranks<V>: Default {
    /// An item was taken in.
    #[doc(hidden)]
    fn enter(&mut self);
    /// What became of an item: a value, or nothing that could be given.
    #[doc(hidden)]
    fn arrive(&mut self, index: usize, value: Option<V>);
    /// The next value to give.
    #[doc(hidden)]
    fn leave(&mut self) -> Option<V>;
    /// Drops all values that are there, and counts nothing as under way.
    #[doc(hidden)]
    fn clear(&mut self);
    /// Is no item under way?
    #[doc(hidden)]
    fn is_settled(&self) -> bool;
    /// How many items were taken in of which nothing was given.
    #[doc(hidden)]
    fn len(&self) -> usize;
}

/// Values are given as they come.
#[derive(Debug)]
#[expect(unnameable_types, reason = "it is seen in the types of streams alone")]
pub struct AsTheyCome<V> {
    values: VecDeque<V>,
    under_way: usize,
}

impl<V> Default for AsTheyCome<V> {
    fn default() -> Self {
        Self {
            values: VecDeque::new(),
            under_way: 0,
        }
    }
}

impl<V> Drop for AsTheyCome<V> {
    fn drop(&mut self) {
        self.clear();
    }
}

impl<V> Ranks<V> for AsTheyCome<V> {
    fn enter(&mut self) {
        self.under_way += 1;
    }

    fn arrive(&mut self, _index: usize, value: Option<V>) {
        self.under_way -= 1;
        self.values.extend(value);
    }

    fn leave(&mut self) -> Option<V> {
        self.values.pop_front()
    }

    fn clear(&mut self) {
        self.under_way = 0;
        self.values.drain(..).for_each(lose_value);
    }

    fn is_settled(&self) -> bool {
        self.under_way == 0
    }

    fn len(&self) -> usize {
        self.under_way + self.values.len()
    }
}

/// Values are given in the order of the items.
#[derive(Debug)]
#[expect(unnameable_types, reason = "it is seen in the types of streams alone")]
pub struct InRow<V> {
    row: VecDeque<Place<V>>,
    /// The index of the first place.
    first: usize,
}

#[derive(Debug)]
enum Place<V> {
    UnderWay,
    Value(V),
    Nothing,
}

impl<V> Default for InRow<V> {
    fn default() -> Self {
        Self {
            row: VecDeque::new(),
            first: 0,
        }
    }
}

impl<V> Drop for InRow<V> {
    fn drop(&mut self) {
        self.clear();
    }
}

impl<V> Ranks<V> for InRow<V> {
    fn enter(&mut self) {
        self.row.push_back(Place::UnderWay);
    }

    fn arrive(&mut self, index: usize, value: Option<V>) {
        self.row[index - self.first] = value.map_or(Place::Nothing, Place::Value);
    }

    fn leave(&mut self) -> Option<V> {
        while let Some(place) = self.row.front() {
            if matches!(place, Place::UnderWay) {
                return None;
            }
            self.first += 1;
            if let Some(Place::Value(value)) = self.row.pop_front() {
                return Some(value);
            }
        }
        None
    }

    fn clear(&mut self) {
        self.first += self.row.len();
        for place in self.row.drain(..) {
            if let Place::Value(value) = place {
                lose_value(value);
            }
        }
    }

    fn is_settled(&self) -> bool {
        let is_under_way = |place: &Place<V>| matches!(place, Place::UnderWay);
        !self.row.iter().any(is_under_way)
    }

    fn len(&self) -> usize {
        self.row.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_gives_values_in_order_and_skips_what_gave_nothing() {
        let mut row = InRow::default();
        (0..4).for_each(|_| row.enter());
        row.arrive(2, Some('c'));
        assert_eq!((row.leave(), row.len()), (None, 4));
        row.arrive(0, None);
        row.arrive(1, Some('b'));
        assert_eq!((row.leave(), row.len()), (Some('b'), 2));
        assert_eq!((row.leave(), row.leave(), row.len()), (Some('c'), None, 1));
        row.arrive(3, None);
        assert_eq!((row.leave(), row.len()), (None, 0));
    }

    /// Panics when it is dropped.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("in a drop"));
        }
    }

    #[test]
    fn values_that_panic_when_they_are_dropped_abort_nothing() {
        let (mut row, mut values) = (InRow::default(), AsTheyCome::default());
        for index in 0..3 {
            row.enter();
            row.arrive(index, Some(Bomb));
            values.enter();
            values.arrive(index, Some(Bomb));
        }
        assert!(row.is_settled() && values.is_settled());
        row.enter();
        assert!(!row.is_settled());
        drop((row, values));
    }

    #[test]
    fn as_they_come_counts_what_is_under_way_and_what_waits() {
        let mut values = AsTheyCome::default();
        (0..3).for_each(|_| values.enter());
        values.arrive(2, Some('c'));
        values.arrive(0, None);
        assert_eq!(values.len(), 2);
        assert_eq!(
            (values.leave(), values.leave(), values.len()),
            (Some('c'), None, 1)
        );
    }
}
