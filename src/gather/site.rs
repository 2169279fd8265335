//! Where the calls of a group were made, and what becomes of ends of theirs that nobody receives.

use std::panic::Location;
use std::sync::Arc;

use crate::error::unhandled::{drop_quietly, report_child_error, report_child_panic};
use crate::error::{ChildInfo, KeyId, Outcome};
use crate::group::{Kind, Scope};

/// Where the calls of one group were made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    /// The id of the group.
    pub(crate) group: u64,
    pub(crate) location: &'static Location<'static>,
}

impl Site {
    /// That of calls that are children of `tg`.
    pub(in crate::gather) fn of<E, K: Kind>(
        tg: &Scope<'_, E, K>,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            group: tg.core().id(),
            location,
        }
    }

    /// The child of a call. Children are numbered from 1 on as they are spawned, and nobody else spawns here.
    pub(crate) fn child(self, index: usize) -> ChildInfo {
        ChildInfo {
            name: Some(Arc::from(format!("call {index}"))),
            ..self.unnamed(index)
        }
    }

    /// The same where calls have no names.
    pub(crate) fn unnamed(self, index: usize) -> ChildInfo {
        ChildInfo {
            id: self.id(index),
            name: None,
            location: self.location,
        }
    }

    pub(in crate::gather) fn id(self, index: usize) -> KeyId {
        KeyId {
            group: self.group,
            child: index as u64 + 1,
        }
    }
}

/// Drops, where nobody receives it, a value.
pub(in crate::gather) fn lose_value<T>(value: T) {
    drop_quietly("a value that nobody received", value);
}

/// Drops, where nobody receives it, how a call ended.
pub(in crate::gather) fn lose_outcome<T, E>(outcome: Outcome<T, E>, child: &ChildInfo) {
    match outcome {
        Outcome::Ok(value) => lose_value(value),
        Outcome::Err(error) => lose_error(error, child),
        Outcome::Panicked(panic) => report_child_panic(child, &panic),
        Outcome::Cancelled(_) => {}
    }
}

/// Drops, where nobody receives it, an error.
pub(in crate::gather) fn lose_error<E>(error: E, child: &ChildInfo) {
    report_child_error::<E>(child);
    drop_quietly("an error that nobody received", error);
}
