//! A list in which everything keeps its place, to be taken out again at once.

/// Values in numbered places. A place that was left is given again.
pub(super) struct Places<T> {
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
    pub(super) fn next(&self) -> usize {
        self.free
    }

    pub(super) fn insert(&mut self, value: T) -> usize {
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

    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        match self.places.get_mut(place) {
            Some(Place::Taken(value)) => Some(value),
            _ => None,
        }
    }

    pub(super) fn remove(&mut self, place: usize) -> Option<T> {
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
    pub(super) fn take(&mut self) -> impl Iterator<Item = T> + use<T> {
        let places = std::mem::take(self).places.into_iter();
        places.filter_map(|place| match place {
            Place::Taken(value) => Some(value),
            Place::Free(_) => None,
        })
    }
}
