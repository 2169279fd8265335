//! All that is set, shared and never changed: who sets a value makes a copy with that value in it.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// The values that are set, in the order of their ids, one at least. Cloning is cheap and clones no value.
#[derive(Clone)]
pub(crate) struct Vars(Arc<[Entry]>);

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) id: u64,
    pub(super) name: Option<&'static str>,
    pub(super) value: Value,
}

/// A value of the user's, whose type its id tells.
pub(super) type Value = Arc<dyn Any + Send + Sync>;

impl Vars {
    /// What is set, with one value more, or another instead of the one that was there.
    pub(super) fn with(base: Option<&Self>, entry: Entry) -> Self {
        let old = base.map_or(&[][..], |base| &*base.0);
        let at = old.partition_point(|other| other.id < entry.id);
        let (before, after) = old.split_at(at);
        let replaced = after.first().is_some_and(|other| other.id == entry.id);
        let after = &after[usize::from(replaced)..];
        let all = before.iter().chain([&entry]).chain(after);
        Self(all.cloned().collect())
    }

    pub(super) fn get(&self, id: u64) -> Option<&Value> {
        let at = self.0.binary_search_by_key(&id, |entry| entry.id).ok()?;
        self.0.get(at).map(|entry| &entry.value)
    }

    pub(super) fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Names alone: values need not print, and what prints may be secret.
impl fmt::Debug for Vars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|entry| entry.name.unwrap_or("unnamed"));
        f.debug_list().entries(names).finish()
    }
}
