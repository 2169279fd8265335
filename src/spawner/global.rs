//! The spawner of the whole program, set once.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::sync::OnceLock;

use super::{Spawner, SpawnerHandle};

static GLOBAL: Slot = Slot::new();

/// Sets the spawner that the whole program uses where no other is named or current.
///
/// For the program's `main`: a library names its spawner or leaves the choice to its users. The embedded default is
/// not used from then on, except by what it is already running and by [`block_on`](super::block_on).
///
/// # Errors
///
/// A global spawner has been set before. It stays, the error says where it was set, and `spawner` is dropped.
///
/// # Examples
///
/// ```
/// use ingather::spawner::{SpawnerHandle, current_spawner, from_fn, set_global_spawner};
///
/// let threads = SpawnerHandle::new(from_fn(|job| {
///     std::thread::spawn(|| futures::executor::block_on(job));
///     Ok(())
/// }));
/// set_global_spawner(threads.clone())?;
/// assert!(current_spawner().same_as(&threads));
///
/// let error = set_global_spawner(threads).unwrap_err();
/// assert_eq!(error.first_set_at().file(), file!());
/// # Ok::<(), ingather::spawner::GlobalSpawnerError>(())
/// ```
#[track_caller]
pub fn set_global_spawner<S: Spawner + 'static>(spawner: S) -> Result<(), GlobalSpawnerError> {
    GLOBAL.set(SpawnerHandle::new(spawner), Location::caller())
}

/// The global spawner, if one was set.
pub(super) fn global_spawner() -> Option<SpawnerHandle> {
    GLOBAL.get()
}

/// A place for one spawner and where it was set; a type of its own so that tests need not set the real one.
struct Slot(OnceLock<(SpawnerHandle, &'static Location<'static>)>);

impl Slot {
    const fn new() -> Self {
        Self(OnceLock::new())
    }

    fn get(&self) -> Option<SpawnerHandle> {
        self.0.get().map(|(spawner, _)| spawner.clone())
    }

    fn set(
        &self,
        spawner: SpawnerHandle,
        place: &'static Location<'static>,
    ) -> Result<(), GlobalSpawnerError> {
        let mut offered = Some((spawner, place));
        let (_, first) = self.0.get_or_init(|| offered.take().expect("called once"));
        match offered {
            None => Ok(()),
            Some(_) => Err(GlobalSpawnerError { first }),
        }
    }
}

/// A global spawner has already been set; returned by [`set_global_spawner`].
///
/// # Examples
///
/// ```
/// use ingather::spawner::{Smol, set_global_spawner};
///
/// set_global_spawner(Smol)?;
/// if let Err(error) = set_global_spawner(Smol) {
///     let first = error.first_set_at();
///     eprintln!("the spawner was set before, in line {} of {}", first.line(), first.file());
/// }
/// # Ok::<(), ingather::spawner::GlobalSpawnerError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GlobalSpawnerError {
    first: &'static Location<'static>,
}

impl GlobalSpawnerError {
    /// Where the global spawner that stays was set.
    #[must_use]
    pub fn first_set_at(&self) -> &'static Location<'static> {
        self.first
    }
}

impl fmt::Display for GlobalSpawnerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the global spawner has already been set at {}; set it once, at the start of the program",
            self.first
        )
    }
}

impl Error for GlobalSpawnerError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spawner::{SpawnError, from_fn};

    fn refusing() -> SpawnerHandle {
        SpawnerHandle::new(from_fn(|_| Err(SpawnError::shut_down())))
    }

    #[test]
    fn an_empty_slot_has_no_spawner() {
        assert!(Slot::new().get().is_none());
    }

    #[test]
    fn the_second_is_refused_and_told_who_was_first() {
        let slot = Slot::new();
        let (first, second) = (refusing(), refusing());
        let place = Location::caller();
        slot.set(first.clone(), place).unwrap();

        let error = slot.set(second, Location::caller()).unwrap_err();
        assert_eq!(error.first_set_at(), place);
        assert!(error.to_string().contains(&place.to_string()), "{error}");
        assert!(slot.get().unwrap().same_as(&first));
    }
}
