//! A list in which everything keeps its place, to be taken out again at once.

use std::task::Waker;

/// Values in numbered places. A place that was left is given again.
pub(crate) struct Places<T> {
    places: Vec<Place<T>>,
    /// The free place that was left last; the length of `places` is none.
    free: usize,
    len: usize,
}

enum Place<T> {
    Taken(T),
    /// With the free place that was left before it.
    Free(usize),
}

impl Places<Waker> {
    /// Does this very waker wait in that place?
    pub(crate) fn is_watched(&mut self, place: Option<usize>, waker: &Waker) -> bool {
        let old = place.and_then(|place| self.get_mut(place));
        old.is_some_and(|old| old.will_wake(waker))
    }

    /// Has it wait in the place that is named or in a new one, and gives the one that waited there.
    pub(crate) fn watch(&mut self, place: &mut Option<usize>, waker: Waker) -> Option<Waker> {
        match place.and_then(|place| self.get_mut(place)) {
            Some(old) => Some(std::mem::replace(old, waker)),
            None => {
                *place = Some(self.insert(waker));
                None
            }
        }
    }
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: 0,
            len: 0,
        }
    }
}

impl<T> Places<T> {
    /// The place that the next value gets.
    pub(crate) fn next(&self) -> usize {
        self.free
    }

    /// All places that were given are below it.
    pub(crate) fn end(&self) -> usize {
        self.places.len()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn insert(&mut self, value: T) -> usize {
        let place = self.free;
        match self.places.get_mut(place) {
            Some(free) => {
                if let Place::Free(next) = std::mem::replace(free, Place::Taken(value)) {
                    self.free = next;
                }
            }
            None => {
                self.places.push(Place::Taken(value));
                self.free = self.places.len();
            }
        }
        self.len += 1;
        place
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        match self.places.get_mut(place) {
            Some(Place::Taken(value)) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn remove(&mut self, place: usize) -> Option<T> {
        let taken = self.places.get_mut(place)?;
        if matches!(taken, Place::Free(_)) {
            return None;
        }
        let Place::Taken(value) = std::mem::replace(taken, Place::Free(self.free)) else {
            return None;
        };
        self.free = place;
        self.len -= 1;
        if self.len == 0 {
            // What was wide once need not stay so.
            *self = Self::default();
        }
        Some(value)
    }

    /// Takes everything out, in the order of the places.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = T> + use<T> {
        let places = std::mem::take(self).places.into_iter();
        places.filter_map(|place| match place {
            Place::Taken(value) => Some(value),
            Place::Free(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_keeps_its_place_and_places_are_given_again() {
        let mut places = Places::default();
        let given = ["a", "b", "c"].map(|value| {
            let next = places.next();
            assert_eq!(places.insert(value), next);
            next
        });
        assert_eq!(places.remove(given[1]), Some("b"));
        assert_eq!(places.remove(given[1]), None);
        assert_eq!(places.remove(given[0]), Some("a"));
        assert_eq!(places.get_mut(given[0]), None);
        assert_eq!(places.get_mut(given[2]), Some(&mut "c"));
        assert_eq!([places.insert("d"), places.insert("e")], [0, 1]);
        assert_eq!((places.next(), places.end()), (3, 3));
        assert!(places.take().eq(["d", "e", "c"]));
        assert_eq!((places.take().count(), places.end()), (0, 0));
    }

    #[test]
    fn an_empty_list_keeps_no_memory() {
        let mut places = Places::default();
        (0..100).for_each(|n| assert_eq!(places.insert(n), n));
        (0..100)
            .rev()
            .for_each(|n| assert!(places.remove(n).is_some()));
        assert_eq!((places.places.capacity(), places.next()), (0, 0));
        assert_eq!(places.remove(7), None);
    }
}
