//! Which child it was: its id, its name and the place that spawned it.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// The identity of a child, without its type and without a hold on its result.
///
/// Made by the group and never used again, neither in that group nor in another.
/// Obtained from [`Key::id`](crate::Key::id); ordered by spawn within a group.
///
/// # Examples
///
/// ```
/// use std::collections::HashMap;
///
/// use ingather::{GatherGroup, block_on};
///
/// let group: GatherGroup = GatherGroup::new();
/// let keys = ["one", "two"].map(|name| (name, group.spawn(async {})));
/// let mut left: HashMap<_, _> = keys.iter().map(|(name, key)| (key.id(), *name)).collect();
/// while let Some(over) = block_on(group.next_if_any()) {
///     let name = over.id().and_then(|id| left.remove(&id));
///     assert!(name.is_some());
/// }
/// assert!(left.is_empty());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId {
    pub(crate) group: u64,
    pub(crate) child: u64,
}

impl KeyId {
    /// The number of a group's body, where one has to be named. Children are numbered from 1 on.
    pub(crate) const BODY: u64 = 0;

    /// Is this a group's body, and not a child?
    pub(crate) const fn is_body(self) -> bool {
        self.child == Self::BODY
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.group, self.child)
    }
}

/// A child's identity for people: its name, if it was given one, and where it was spawned.
///
/// Displays as the name, or as the place for a child without one.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, try_scope};
///
/// let result = block_on(try_scope(|tg| async move {
///     tg.try_spawn(async { Err::<(), _>("lost") });
///     Ok(())
/// }));
/// let error = result.expect_err("a child failed");
/// let first = error.iter().next().expect("there is a cause");
/// let child = first.child().expect("it was not the body");
/// assert_eq!(child.name(), None);
/// assert_eq!(child.location().file(), file!()); // where it was spawned
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ChildInfo {
    pub(crate) id: KeyId,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) location: &'static Location<'static>,
}

impl ChildInfo {
    /// The child's identity.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The name it was given, see [`Scope::named`](crate::Scope::named).
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The call that spawned it.
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }
}

impl fmt::Debug for ChildInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChildInfo({} {self})", self.id)
    }
}

impl fmt::Display for ChildInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "child `{name}` spawned at {}", self.location),
            None => write!(f, "child spawned at {}", self.location),
        }
    }
}
