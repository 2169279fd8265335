//! The part of a cell that every reference sees, and the table of functions that know the types.

use std::mem::{self, ManuallyDrop};
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::block::Block;
use super::extras::Lazy;
use super::live_list::Links;
use super::state::Ending;
use super::upcalls::{Core, Group};
use crate::context::{self, Entered};
use crate::error::unhandled::drop_quietly;
use crate::error::{ChildInfo, KeyId};
use crate::panic::Panic;
use crate::std_or_loom::UnsafeCell;
use crate::std_or_loom::atomic::{AtomicBool, AtomicU16, AtomicUsize};
use crate::token::CancelReason;

/// The part of a cell that does not depend on the future's type. First in `Cell`, so that one pointer serves for both.
pub(super) struct Header {
    pub(super) state: AtomicUsize,
    pub(super) vtable: &'static VTable,
    /// Where the cell is; it counts there.
    pub(super) block: NonNull<Block>,
    /// By how much the number of the child in its group is above the first of its block.
    pub(super) above: u32,
    /// Its links on the live list of live children; under the group's lock alone.
    pub(super) sweep_mark: AtomicU16,
    pub(super) links: Links,
    /// Was the value taken? The key's alone.
    pub(super) taken: AtomicBool,
    /// Was it woken by code that runs inside of it? That thread's alone, which holds `RUNNING` and looks when the poll is over.
    pub(super) woken_within: AtomicBool,
    /// Where it was spawned. Most children have no extras, and pay nothing for them.
    pub(super) extras: Lazy,
    /// Who awaits the key (S4).
    pub(super) waiter: UnsafeCell<Option<Waker>>,
}

/// The functions that know the types. The pointer is to a live cell of those types; who may call when is said for each.
pub(super) struct VTable {
    /// Polls. By the holder of `RUNNING`, while the stage is `Future`. After `Ready` the stage holds the end.
    pub(super) poll: unsafe fn(NonNull<Header>, &mut Context<'_>) -> Poll<Ending>,
    /// Drops the future. By the holder of `RUNNING`, while the stage is `Future`. The stage holds the end afterwards.
    pub(super) cancel: unsafe fn(NonNull<Header>, Option<CancelReason>) -> Ending,
    /// Drops the value. Caller: the side named by (S5). Before: a value or empty. After: the child's end.
    pub(super) let_go: unsafe fn(NonNull<Header>) -> Ending,
    /// The value in the stage, or null. By the key, after `OVER` with `Ending::Value`.
    pub(super) value: unsafe fn(NonNull<Header>) -> *const (),
    /// Moves the value into the `Option<T>` behind the second pointer. By the key, as `value`.
    pub(super) take_value: unsafe fn(NonNull<Header>, *mut ()),
    /// The reason in the stage. By the key, after `OVER` with `Ending::Cancelled`.
    pub(super) reason: unsafe fn(NonNull<Header>) -> Option<CancelReason>,
    /// Moves the error into the `Option<E>` behind the second pointer. By the group, once, after `Ending::Failed`.
    pub(super) take_error: unsafe fn(NonNull<Header>, *mut ()),
    /// Moves the panic out. By the group, once, after `Ending::Panicked`.
    pub(super) take_panic: unsafe fn(NonNull<Header>) -> Option<Panic>,
    /// Sends error or panic in the stage to the unhandled hook. By the group, once, after `OVER`, or by `let_go`'s caller.
    pub(super) report: unsafe fn(NonNull<Header>),
    /// Frees the cell. By the holder of the last reference.
    pub(super) free: unsafe fn(NonNull<Header>),
}

/// The context of a child while it is polled, and nothing to do at the end where there is none.
struct Within(ManuallyDrop<Option<Entered>>);

impl Drop for Within {
    #[inline]
    fn drop(&mut self) {
        let entered = mem::replace(&mut self.0, ManuallyDrop::new(None));
        if let Some(entered) = ManuallyDrop::into_inner(entered) {
            leave(entered);
        }
    }
}

#[cold]
fn leave(entered: Entered) {
    drop(entered);
}

impl Header {
    #[inline]
    pub(super) fn core(&self) -> &Arc<Core> {
        // SAFETY: the cell counts as a user of the block.
        unsafe { self.block.as_ref() }.core()
    }

    pub(super) fn info(&self) -> ChildInfo {
        ChildInfo {
            id: self.id(),
            name: self.extras.get().and_then(|extras| extras.name.clone()),
            location: self.extras.location(),
        }
    }

    /// Runs `f` in the context that the child has.
    ///
    /// # Safety
    ///
    /// The caller holds `RUNNING`.
    #[inline]
    pub(super) unsafe fn in_context<R>(&self, f: impl FnOnce() -> R) -> R {
        let may_differ = self.extras.get().is_some() || context::is_set();
        // SAFETY: the caller holds `RUNNING`.
        let entered = may_differ.then(|| unsafe { self.enter_context() });
        let _within = Within(ManuallyDrop::new(entered));
        f()
    }

    /// # Safety
    ///
    /// The caller holds `RUNNING`.
    #[cold]
    unsafe fn enter_context(&self) -> Entered {
        let own = self.extras.get().and_then(|extras| {
            let context = &extras.context;
            // SAFETY: it is the caller's (S1), and cloning it runs no code of the user's.
            context.with(|context| unsafe { (*context).clone() })
        });
        context::enter(own)
    }

    /// Releases the context, whose values may be the last of their kind.
    ///
    /// # Safety
    ///
    /// The caller holds `RUNNING`.
    #[inline]
    pub(super) unsafe fn leave_context(&self) {
        if let Some(extras) = self.extras.get() {
            let context = &extras.context;
            // SAFETY: it is the caller's (S1).
            let context = context.with_mut(|context| unsafe { (*context).take() });
            drop_quietly("a context value", context);
        }
    }

    pub(super) fn id(&self) -> KeyId {
        // SAFETY: the cell counts as a user of the block.
        let first = unsafe { self.block.as_ref() }.first();
        KeyId {
            group: Group::of(self.core()).id(),
            child: first + u64::from(self.above),
        }
    }
}
