//! Which task runs here, for what belongs to one task.

use super::place::{Place, here, nearest_child};
use crate::error::{ChildInfo, KeyId};

/// The child that this code runs in, or the nearest around it, and the group, in words.
pub(crate) fn standing() -> (Option<ChildInfo>, Option<String>) {
    let place = here();
    let core =
        std::iter::successors(place.as_ref(), |place| place.outside()).find_map(
            |place| match place {
                Place::Child(child) => Some(child.core()),
                Place::Body(core) => Some(core),
                Place::Behind(_) | Place::Starting(_) => None,
            },
        );
    let group = core.map(|core| match core.name() {
        Some(name) => format!("group `{name}` opened at {}", core.location()),
        None => format!("a group opened at {}", core.location()),
    });
    (nearest_child(), group)
}

/// The child that this code runs in; for the body of a scope that is in no child, the body itself. `None` outside of all
/// groups, where nobody can tell one task from another.
pub(crate) fn task_here() -> Option<KeyId> {
    task_of(&here()?)
}

fn task_of(place: &Place) -> Option<KeyId> {
    match place {
        // It is polled by what it is in.
        Place::Body(core) => core.parent().map_or_else(|| place.code(), task_of),
        Place::Behind(screen) => task_of(screen.outside.as_ref()?),
        Place::Child(_) | Place::Starting(_) => place.code(),
    }
}
