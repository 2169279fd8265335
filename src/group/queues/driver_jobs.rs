//! Which driver jobs a group has, which of them are parked, and whether one is on its way.
//!
//! At most one driver is on its way at a time: a burst of spawns or wakes brings one, which brings the next when it finds
//! more than it can take itself. One that is *kept* is on its way, too, to a single child, on a worker that runs it next and lets nobody
//! else have it: it counts as one that polls that child, so that more work brings another.

use std::task::Waker;

use super::small_list::SmallList;

/// Names one driver job of a group.
pub(in crate::group) type DriverId = u64;

/// The driver jobs that a spawner has taken and not given up.
#[derive(Default)]
pub(in crate::group) struct DriverJobs {
    jobs: SmallList<Job>,
    last_id: DriverId,
    coming: Option<DriverId>,
    /// The one that was woken to be kept, until it begins.
    kept: Option<DriverId>,
    /// How many are parked.
    parked: usize,
}

struct Job {
    id: DriverId,
    /// The waker of a parked driver.
    parked: Option<Waker>,
    begun: bool,
    /// The spawner has not returned from taking it.
    launching: bool,
    /// It was dropped meanwhile.
    dropped: bool,
}

impl DriverJobs {
    pub(in crate::group) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(in crate::group) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub(in crate::group) fn is_one_coming(&self) -> bool {
        self.coming.is_some()
    }

    #[inline]
    pub(in crate::group) fn is_one_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// How many are parked.
    pub(in crate::group) fn parked(&self) -> usize {
        self.parked
    }

    pub(in crate::group) fn is_one_parked(&self) -> bool {
        self.parked > 0
    }

    /// Makes room for one more, which is on its way.
    pub(in crate::group) fn launch(&mut self) -> DriverId {
        self.last_id += 1;
        self.coming = Some(self.last_id);
        self.jobs.push(Job {
            id: self.last_id,
            parked: None,
            begun: false,
            launching: true,
            dropped: false,
        });
        self.last_id
    }

    /// The spawner has returned from taking it: whether it was dropped meanwhile.
    pub(in crate::group) fn launched(&mut self, id: DriverId) -> bool {
        let job = self.jobs.iter_mut().find(|job| job.id == id);
        job.is_some_and(|job| {
            job.launching = false;
            job.dropped
        })
    }

    /// A driver was dropped: is that to be left to the code that launches it?
    pub(in crate::group) fn is_launching(&mut self, id: DriverId) -> bool {
        let job = self.jobs.iter_mut().find(|job| job.id == id);
        job.is_some_and(|job| {
            job.dropped |= job.launching;
            job.launching
        })
    }

    /// The waker of the driver that parked last, which is on its way from now on, perhaps to be kept.
    pub(in crate::group) fn unpark_one(&mut self, keeps: bool) -> Option<(DriverId, Waker)> {
        let job = self.jobs.iter_mut().rfind(|job| job.parked.is_some())?;
        let waker = job.parked.take()?;
        let place = if keeps {
            &mut self.kept
        } else {
            &mut self.coming
        };
        *place = Some(job.id);
        self.parked -= 1;
        Some((job.id, waker))
    }

    /// A driver is being polled. `Err` if it was given up.
    pub(in crate::group) fn begin(&mut self, id: DriverId) -> Result<Begun, GivenUp> {
        self.arrived(id);
        let job = self.jobs.iter_mut().find(|job| job.id == id);
        let job = job.ok_or(GivenUp)?;
        let is_first = !std::mem::replace(&mut job.begun, true);
        self.parked -= usize::from(job.parked.is_some());
        Ok(Begun {
            is_first,
            stale: job.parked.take(),
        })
    }

    /// A driver has nothing to do. The waker comes back if it was given up.
    pub(in crate::group) fn park(&mut self, id: DriverId, waker: Waker) -> Result<(), Waker> {
        match self.jobs.iter_mut().find(|job| job.id == id) {
            Some(job) => {
                self.parked += usize::from(job.parked.is_none());
                job.parked = Some(waker);
                Ok(())
            }
            None => Err(waker),
        }
    }

    /// A driver is gone. Whether it had been polled at all; `None` if it was gone before.
    pub(in crate::group) fn remove(&mut self, id: DriverId) -> Option<Removed> {
        self.arrived(id);
        let job = self.jobs.remove(|job| job.id == id)?;
        self.parked -= usize::from(job.parked.is_some());
        Some(Removed {
            had_begun: job.begun,
            waker: job.parked,
        })
    }

    /// The wakers of all parked drivers, for the end of the group.
    pub(in crate::group) fn unpark_all(&mut self, wake: &mut dyn FnMut(Waker)) {
        if std::mem::take(&mut self.parked) == 0 {
            return;
        }
        self.jobs
            .iter_mut()
            .filter_map(|job| job.parked.take())
            .for_each(wake);
    }

    fn arrived(&mut self, id: DriverId) {
        for place in [&mut self.coming, &mut self.kept] {
            if *place == Some(id) {
                *place = None;
            }
        }
    }
}

/// A driver that is being polled.
pub(in crate::group) struct Begun {
    pub(in crate::group) is_first: bool,
    /// A waker that it does not need any more, for the caller to drop.
    pub(in crate::group) stale: Option<Waker>,
}

/// The driver was removed before.
pub(in crate::group) struct GivenUp;

/// A driver that is gone.
pub(in crate::group) struct Removed {
    pub(in crate::group) had_begun: bool,
    /// For the caller to drop.
    pub(in crate::group) waker: Option<Waker>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_on_its_way_until_it_begins_or_is_gone() {
        let mut drivers = DriverJobs::default();
        let first = drivers.launch();
        assert!(drivers.is_one_coming());
        assert!(drivers.begin(first).is_ok());
        assert!(!drivers.is_one_coming());
        assert!(!drivers.launched(first));
        let second = drivers.launch();
        assert!(!drivers.remove(second).unwrap().had_begun);
        assert!(!drivers.is_one_coming());
        assert!(drivers.remove(second).is_none());
        assert!(drivers.begin(second).is_err());
        assert_eq!(drivers.len(), 1);
    }

    #[test]
    fn one_that_is_dropped_while_it_is_launched_is_left_to_the_launcher() {
        let mut drivers = DriverJobs::default();
        let id = drivers.launch();
        assert!(drivers.is_launching(id));
        assert!(drivers.launched(id));
        assert!(!drivers.is_launching(id));
    }

    #[test]
    fn the_one_that_parked_is_woken_once() {
        let mut drivers = DriverJobs::default();
        let id = drivers.launch();
        assert!(drivers.begin(id).is_ok());
        assert!(drivers.park(id, Waker::noop().clone()).is_ok());
        assert!(drivers.unpark_one(false).is_some());
        assert!(drivers.is_one_coming());
        assert!(drivers.unpark_one(false).is_none());
    }

    #[test]
    fn one_that_is_kept_is_not_coming_and_another_may_be_called() {
        let mut drivers = DriverJobs::default();
        let both = [drivers.launch(), drivers.launch()];
        for id in both {
            assert!(drivers.begin(id).is_ok());
            assert!(drivers.park(id, Waker::noop().clone()).is_ok());
        }
        let (kept, _) = drivers.unpark_one(true).unwrap();
        assert!(drivers.is_one_kept() && !drivers.is_one_coming());
        let (called, _) = drivers.unpark_one(false).unwrap();
        assert!(drivers.is_one_kept() && drivers.is_one_coming());
        assert!(drivers.begin(called).is_ok());
        assert!(drivers.is_one_kept());
        assert!(drivers.remove(kept).is_some());
        assert!(!drivers.is_one_kept());
    }
}
