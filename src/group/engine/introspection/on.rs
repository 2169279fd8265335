//! Which groups were opened on this thread and what their children wait for, while somebody asks: for the reports of
//! test executors.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::{Arc, Weak};
use std::task::Waker;

use crate::error::ChildInfo;
use crate::group::engine::core::Core;
use crate::order;

thread_local! {
    static KNOWN: RefCell<Option<Known>> = const { RefCell::new(None) };
}

#[derive(Default)]
struct Known {
    /// Do those who ask do without the groups of gathers that need none?
    without_needless: bool,
    groups: Vec<Weak<Core>>,
    /// Whose key was awaited last by the child or body with this waker, by the address that the waker holds.
    awaited: HashMap<usize, ChildInfo>,
}

/// A group was opened.
pub(in crate::group) fn note(core: &Arc<Core>) {
    with(|known| {
        if known.groups.len() == known.groups.capacity() {
            known.groups.retain(|group| group.strong_count() > 0);
        }
        known.groups.push(Arc::downgrade(core));
    });
}

/// The task with this waker awaits the key of a child.
pub(in crate::group) fn awaits(waker: &Waker, child: impl FnOnce() -> ChildInfo) {
    with(|known| {
        known.awaited.insert(waker.data().addr(), child());
    });
}

/// Has each gather to open a group here: for those who ask, or for a test executor that orders its calls?
pub(crate) fn wants_groups() -> bool {
    let wants = KNOWN.try_with(|known| match &*known.try_borrow().ok()? {
        Some(known) => Some(!known.without_needless),
        None => Some(!order::is_first_come()),
    });
    wants.unwrap_or(Some(false)).unwrap_or(true)
}

fn with(f: impl FnOnce(&mut Known)) {
    let _ = KNOWN.try_with(|known| {
        // Nothing of the user's runs in here, so that nobody can come in twice.
        if let Ok(mut known) = known.try_borrow_mut() {
            known.as_mut().map(f);
        }
    });
}

/// What is known of the groups of a thread, noted until this is dropped.
#[must_use = "groups are noted only while this is alive"]
pub(crate) struct Taking {
    earlier: Option<Known>,
    not_send: PhantomData<*mut ()>,
}

/// Begins to note the groups that are opened on this thread, those of gathers that need none `without_needless`.
pub(crate) fn take(without_needless: bool) -> Taking {
    let known = Known {
        without_needless,
        ..Known::default()
    };
    Taking {
        earlier: KNOWN.replace(Some(known)),
        not_send: PhantomData,
    }
}

/// Has the groups that are opened on this thread not noted, until what this gives is dropped: for those that belong to the process, and
/// have children of others.
pub(crate) fn of_process() -> Taking {
    Taking {
        earlier: KNOWN.take(),
        not_send: PhantomData,
    }
}

impl Taking {
    /// The groups that are not over, with their children that are not over; those that were forgotten are among them.
    pub(crate) fn groups(&self) -> Vec<GroupReport> {
        let mut groups: Vec<GroupReport> = KNOWN.with_borrow(|known| {
            let groups = known.iter().flat_map(|known| {
                let cores = known.groups.iter().filter_map(Weak::upgrade);
                cores.map(|core| core.report(&known.awaited))
            });
            groups.collect()
        });
        // Whose child is over has been told so, and waits for something else by now.
        let children = groups.iter().flat_map(|group| &group.children);
        let live: HashSet<_> = children.map(|child| child.info.id()).collect();
        let is_over = |awaited: &mut ChildInfo| !live.contains(&awaited.id());
        for group in &mut groups {
            group.body_awaits.take_if(is_over);
            for child in &mut group.children {
                child.awaits.take_if(is_over);
            }
        }
        groups
    }

    /// The child whose key the task with this waker awaits, if that child is not over.
    pub(crate) fn awaited_by(&self, waker: &Waker) -> Option<ChildInfo> {
        let awaited = KNOWN.with_borrow(|known| {
            let known = known.as_ref()?;
            known.awaited.get(&waker.data().addr()).cloned()
        })?;
        let mut groups = self.groups().into_iter();
        let is_live = groups.any(|group| {
            let mut children = group.children.iter();
            children.any(|child| child.info.id() == awaited.id())
        });
        is_live.then_some(awaited)
    }
}

impl Drop for Taking {
    fn drop(&mut self) {
        drop(KNOWN.replace(self.earlier.take()));
    }
}

/// A group, and who in it is not over.
pub(crate) struct GroupReport {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) location: &'static Location<'static>,
    /// Has the group ended?
    pub(crate) ended: bool,
    /// The results of children that are over which nobody has taken or released.
    pub(crate) kept: u64,
    pub(crate) children: Vec<ChildReport>,
    /// The child that the body awaits, if it awaits one.
    pub(crate) body_awaits: Option<ChildInfo>,
}

/// A child that is not over.
pub(crate) struct ChildReport {
    pub(crate) info: ChildInfo,
    pub(crate) in_line: bool,
    /// The child whose key it awaited last.
    pub(crate) awaits: Option<ChildInfo>,
}

impl Core {
    fn report(self: &Arc<Self>, awaited: &HashMap<usize, ChildInfo>) -> GroupReport {
        let children = self.read(|sched| {
            let report = |child: crate::group::cell::CellRef| ChildReport {
                info: child.info(),
                in_line: child.is_in_line(),
                awaits: awaited.get(&child.addr()).cloned(),
            };
            sched.children().map(report).collect()
        });
        let tally = self.tally();
        GroupReport {
            name: self.name().cloned(),
            location: self.location(),
            ended: self.read(|sched| sched.has_ended()),
            kept: tally.ok - tally.taken - tally.dropped,
            children,
            body_awaits: awaited.get(&Arc::as_ptr(self).addr()).cloned(),
        }
    }
}

impl fmt::Display for ChildReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.info)?;
        if self.in_line {
            f.write_str(", in line for a slot")?;
        }
        match &self.awaits {
            Some(child) => write!(f, ", awaits the {child}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for GroupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "group `{name}` opened at {}", self.location)?,
            None => write!(f, "group opened at {}", self.location)?,
        }
        if let Some(child) = &self.body_awaits {
            write!(f, ", whose body awaits the {child}")?;
        }
        for child in &self.children {
            write!(f, "\n  {child}")?;
        }
        Ok(())
    }
}
