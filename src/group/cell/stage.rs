//! The typed part of a cell: the future, then what became of it; and how a cell is made.

use std::alloc::Layout;
use std::future::Future;
use std::marker::PhantomData;
use std::mem::replace;
use std::panic::Location;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::block::{Block, Blocks, Room};
use super::extras::{Extras, Lazy};
use super::failed::Members;
use super::header::{Header, VTable};
use super::holds::OwnGrace;
use super::live_list::{Links, OFF};
use super::reference::CellRef;
use super::state::{BACKGROUND, Ending, KEY, REF, SCHEDULED, SHIELD};
use super::value_ref::ValueRef;
use crate::context;
use crate::error::ChildInfo;
use crate::error::unhandled::{self, drop_quietly};
use crate::panic::{Panic, catch};
use crate::std_or_loom::UnsafeCell;
use crate::std_or_loom::atomic::{AtomicBool, AtomicU16, AtomicUsize};
use crate::token::CancelReason;

/// What a child's output means to its group.
pub(crate) trait OutputPolicy<O> {
    /// What the key gives.
    type Value;
    /// What fails the group.
    type Error;
    /// Sorts an output.
    fn settle(output: O) -> Result<Self::Value, Self::Error>;
    /// Gives an output back, unless it is an error that hands the child's cancel on. Called in the child.
    fn hands_on(output: O) -> Result<O, CancelReason> {
        Ok(output)
    }
    /// Releases a value that no key can give any more. An error in it fails the group after all.
    fn unclaimed(value: Self::Value, child: &dyn Fn() -> ChildInfo) -> Option<Self::Error>;
    /// The panic of a future that was dropped by a cancel, as a value for the key, if this kind of child gives its panics to that.
    /// Otherwise it comes back, and fails the group.
    fn panicked_in_drop(panic: Panic) -> Result<Self::Value, Panic> {
        Err(panic)
    }
}

#[repr(C)]
struct Cell<F: Future, S: OutputPolicy<F::Output>> {
    header: Header,
    stage: UnsafeCell<Stage<F, S>>,
}

enum Stage<F: Future, S: OutputPolicy<F::Output>> {
    Future(F),
    Value(S::Value),
    Error(S::Error),
    /// Boxed, so that it does not make every cell larger.
    Panicked(Box<Panic>),
    Cancelled(CancelReason),
    Empty,
}

impl<F: Future, S: OutputPolicy<F::Output>> Cell<F, S> {
    const VTABLE: &'static VTable = &VTable {
        poll: Self::poll,
        cancel: Self::cancel,
        let_go: Self::let_go,
        value: Self::value,
        take_value: Self::take_value,
        reason: Self::reason,
        take_error: Self::take_error,
        take_panic: Self::take_panic,
        report: Self::report,
        free: Self::free,
    };

    /// Runs `f` on the stage.
    ///
    /// # Safety
    ///
    /// `raw` is a live cell of these types, and the caller has the stage to itself as the field of `VTable` says.
    unsafe fn stage<R>(raw: NonNull<Header>, f: impl FnOnce(*mut Stage<F, S>) -> R) -> R {
        // SAFETY: the header is the first field of the `repr(C)` cell, and the caller vouches for the rest.
        unsafe { raw.cast::<Self>().as_ref() }.stage.with_mut(f)
    }

    /// Puts `next` in the place of what the stage holds. What that is may panic when it is dropped.
    ///
    /// # Safety
    ///
    /// `stage` is valid and the caller has it to itself.
    unsafe fn put(stage: *mut Stage<F, S>, next: Stage<F, S>) -> Result<(), Panic> {
        // SAFETY: the stage is the caller's alone; dropping in place is how a pinned future must go. The old content counts as
        // gone even if its destructor panicked, and is overwritten without being read.
        unsafe {
            let dropped = catch(|| stage.drop_in_place());
            stage.write(next);
            dropped
        }
    }

    unsafe fn poll(raw: NonNull<Header>, cx: &mut Context<'_>) -> Poll<Ending> {
        // SAFETY: the stage is ours while we hold `RUNNING` (S1), so each of these steps has it to itself:
        // - the borrow of the future, which ends with its poll: nothing but the raw pointer lives on to the next step;
        // - the pin: the cell never moves, nor does the future in it until it is dropped;
        // - the drop in place, which is how a pinned future must go, and after which the stage counts as empty, also if the
        //   destructor panicked;
        // - the write of the end, over a stage that counts as empty and is not read.
        unsafe {
            Self::stage(raw, |stage| {
                let mut output = None;
                let caught = catch(|| {
                    // The borrow of the future ends with its poll, before the stage is dropped in place.
                    let polled = {
                        let Stage::Future(future) = &mut *stage else {
                            unreachable!("a child that is not over has its future")
                        };
                        Pin::new_unchecked(future).poll(cx)
                    };
                    output = Some(ready!(polled));
                    stage.drop_in_place();
                    Poll::Ready(())
                });
                let (next, end) = match (caught, output) {
                    (Ok(Poll::Pending), _) => return Poll::Pending,
                    (Ok(Poll::Ready(())), Some(output)) => {
                        match S::hands_on(output).map(S::settle) {
                            Ok(Ok(value)) => (Stage::Value(value), Ending::Value),
                            Ok(Err(error)) => (Stage::Error(error), Ending::Failed),
                            Err(reason) => (Stage::Cancelled(reason), Ending::Cancelled),
                        }
                    }
                    (caught, output) => {
                        let panic = Self::panicked(raw, stage, caught.err(), output);
                        (Stage::Panicked(Box::new(panic)), Ending::Panicked)
                    }
                };
                stage.write(next);
                Poll::Ready(end)
            })
        }
    }

    /// Sees to a child that panicked: when it was polled, or when its future was dropped after it had given its output. The
    /// first panic is the one to keep, the others are reported, and an error.
    ///
    /// # Safety
    ///
    /// `raw` is a live cell. The stage is valid and the caller's, and holds the future if there is no output; nothing
    /// afterwards.
    #[cold]
    unsafe fn panicked(
        raw: NonNull<Header>,
        stage: *mut Stage<F, S>,
        panic: Option<Panic>,
        output: Option<F::Output>,
    ) -> Panic {
        // SAFETY: the caller vouches for the cell.
        let child = || unsafe { raw.as_ref() }.info();
        match output {
            None => {
                // SAFETY: the caller holds `RUNNING`, so the stage is its own (S1), and its future has not been dropped.
                if let Err(second) = catch(|| unsafe { stage.drop_in_place() }) {
                    unhandled::report_child_panic(&child(), &second);
                }
            }
            Some(output) => Self::lose(output, &child),
        }
        panic.expect("a child without an output has panicked")
    }

    /// Releases what a child gave whose future panicked in its drop.
    fn lose(output: F::Output, child: &dyn Fn() -> ChildInfo) {
        let error = match S::settle(output) {
            Err(error) => Some(error),
            Ok(value) => catch(|| S::unclaimed(value, child)).unwrap_or_else(|panic| {
                unhandled::report_panic("the value of a child that panicked in its drop", panic);
                None
            }),
        };
        if let Some(error) = error {
            unhandled::report_child_error::<S::Error>(&child());
            drop_quietly("an error that nobody received", error);
        }
    }

    unsafe fn cancel(raw: NonNull<Header>, reason: Option<CancelReason>) -> Ending {
        // SAFETY: the stage is ours while we hold `RUNNING` (S1).
        unsafe {
            Self::stage(raw, |stage| {
                let dropped = Self::put(stage, reason.map_or(Stage::Empty, Stage::Cancelled));
                let Err(panic) = dropped else {
                    return Ending::Cancelled;
                };
                let (next, end) = match S::panicked_in_drop(panic) {
                    Ok(value) => (Stage::Value(value), Ending::Value),
                    Err(panic) => (Stage::Panicked(Box::new(panic)), Ending::Panicked),
                };
                *stage = next;
                end
            })
        }
    }

    unsafe fn let_go(raw: NonNull<Header>) -> Ending {
        // SAFETY: the stage is ours by (S5).
        unsafe {
            Self::stage(raw, |stage| {
                let Stage::Value(value) = replace(&mut *stage, Stage::Empty) else {
                    return Ending::Value;
                };
                let child = || raw.as_ref().info();
                let (next, end) = match catch(|| S::unclaimed(value, &child)) {
                    Ok(None) => (Stage::Empty, Ending::Value),
                    Ok(Some(error)) => (Stage::Error(error), Ending::Failed),
                    Err(panic) => (Stage::Panicked(Box::new(panic)), Ending::Panicked),
                };
                stage.write(next);
                end
            })
        }
    }

    unsafe fn value(raw: NonNull<Header>) -> *const () {
        // Shared access alone: references to the value may be alive.
        // SAFETY: the stage is the key's from `OVER` on, and nobody writes to it while the key is borrowed.
        unsafe { raw.cast::<Self>().as_ref() }
            .stage
            // SAFETY: the stage is the key's (S2, S5), and is not written to while the key is borrowed.
            .with(|stage| match unsafe { &*stage } {
                Stage::Value(value) => std::ptr::from_ref(value).cast(),
                _ => std::ptr::null(),
            })
    }

    unsafe fn take_value(raw: NonNull<Header>, out: *mut ()) {
        // SAFETY: the stage is the key's from `OVER` on, and `out` is an `Option<S::Value>`.
        unsafe {
            Self::stage(raw, |stage| {
                if let Stage::Value(value) = replace(&mut *stage, Stage::Empty) {
                    *out.cast::<Option<S::Value>>() = Some(value);
                }
            });
        }
    }

    unsafe fn reason(raw: NonNull<Header>) -> Option<CancelReason> {
        // SAFETY: nobody writes to the stage of a child that ended cancelled.
        unsafe { raw.cast::<Self>().as_ref() }
            .stage
            // SAFETY: the reason stays in the stage from `OVER` on (S2).
            .with(|stage| match unsafe { &*stage } {
                Stage::Cancelled(reason) => Some(reason.clone()),
                _ => None,
            })
    }

    unsafe fn take_error(raw: NonNull<Header>, out: *mut ()) {
        // SAFETY: the stage of a child that failed is the group's, and `out` is an `Option<S::Error>`.
        unsafe {
            Self::stage(raw, |stage| {
                if let Stage::Error(error) = replace(&mut *stage, Stage::Empty) {
                    *out.cast::<Option<S::Error>>() = Some(error);
                }
            });
        }
    }

    unsafe fn take_panic(raw: NonNull<Header>) -> Option<Panic> {
        // SAFETY: the stage of a child that panicked is the group's.
        match unsafe { Self::stage(raw, |stage| replace(&mut *stage, Stage::Empty)) } {
            Stage::Panicked(panic) => Some(*panic),
            _ => None,
        }
    }

    unsafe fn report(raw: NonNull<Header>) {
        // SAFETY: the stage of a child that failed or panicked is the group's (S1).
        let failure = unsafe { Self::stage(raw, |stage| replace(&mut *stage, Stage::Empty)) };
        // SAFETY: the caller has a reference.
        let child = unsafe { raw.as_ref() }.info();
        match failure {
            Stage::Error(error) => {
                unhandled::report_child_error::<S::Error>(&child);
                drop_quietly("an error that nobody received", error);
            }
            Stage::Panicked(panic) => unhandled::report_child_panic(&child, &panic),
            _ => {}
        }
    }

    unsafe fn free(raw: NonNull<Header>) {
        let cell = raw.cast::<Self>();
        // SAFETY: the caller held the last reference. The cell was a user of its block, and is gone.
        unsafe {
            // Nothing happens here but in a model, which finds a thread that is not done with the cell.
            cell.as_ref().stage.with_mut(|_| ());
            cell.as_ref().header.waiter.with_mut(|_| ());
            let block = cell.as_ref().header.block;
            cell.drop_in_place();
            Block::leave(block, 1);
        }
    }
}

/// How a child differs from most.
#[derive(Default)]
pub(in crate::group) struct CellOptions {
    extras: Option<Box<Extras>>,
    flags: usize,
}

impl CellOptions {
    /// With the context that is set here.
    #[inline]
    pub(in crate::group) fn here() -> Self {
        let mut options = Self::default();
        if context::is_set() {
            options.extras().context = UnsafeCell::new(context::snapshot());
        }
        options
    }

    pub(in crate::group) fn name(mut self, name: Arc<str>) -> Self {
        self.extras().name = Some(name);
        self
    }

    pub(in crate::group) fn name_if(self, name: Option<Arc<str>>) -> Self {
        match name {
            Some(name) => self.name(name),
            None => self,
        }
    }

    /// Cancelled when only its like are left.
    pub(in crate::group) fn background(mut self) -> Self {
        self.flags |= BACKGROUND;
        self
    }

    /// With a grace of its own, which holds it from the beginning.
    pub(in crate::group) fn grace_if(mut self, grace: Option<Duration>) -> Self {
        if let Some(grace) = grace {
            self.extras().held.get_mut().own_grace = OwnGrace::Waits(grace);
            self.flags |= SHIELD;
        }
        self
    }

    fn extras(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }
}

/// What a cell is made of.
pub(in crate::group) struct NewCell<F: Future, S: OutputPolicy<F::Output>> {
    options: CellOptions,
    location: &'static Location<'static>,
    future: F,
    settle: PhantomData<S>,
}

impl<F: Future, S: OutputPolicy<F::Output>> NewCell<F, S> {
    pub(in crate::group) fn new(
        options: CellOptions,
        location: &'static Location<'static>,
        future: F,
    ) -> Self {
        Self {
            options,
            location,
            future,
            settle: PhantomData,
        }
    }

    /// Makes the cell, of a child that is going to be live: the references of live list, queue and key.
    #[inline]
    pub(in crate::group) fn publish(
        self,
        members: &Members<S::Error>,
        blocks: &mut Blocks,
        number: u64,
    ) -> (CellRef, CellRef, ValueRef<S::Value>) {
        let room = Self::allot(members, blocks, number);
        // SAFETY: there is room for such a cell, and it is ours.
        unsafe { self.put_with_key(room) }
    }

    /// The same for a child that has no key, as if that had been dropped: the references of live list and queue.
    #[inline]
    pub(in crate::group) fn publish_keyless(
        self,
        members: &Members<S::Error>,
        blocks: &mut Blocks,
        number: u64,
    ) -> (CellRef, CellRef) {
        let room = Self::allot(members, blocks, number);
        // SAFETY: there is room for such a cell, it is ours, and its count is two.
        unsafe {
            let raw = self.put(room, 2 * REF);
            (CellRef::from_raw(raw), CellRef::from_raw(raw))
        }
    }

    #[inline]
    fn allot(members: &Members<S::Error>, blocks: &mut Blocks, number: u64) -> Room {
        let room = blocks.allot(members.core(), Layout::new::<Cell<F, S>>(), number);
        // SAFETY: the cell counts in the block.
        let core = unsafe { room.block.as_ref() }.core();
        // All its children fail with the same type, which `Members` vouches for.
        assert!(
            Arc::ptr_eq(core, members.core()),
            "a child goes into its own group"
        );
        room
    }

    /// The same for a child that the group does not take.
    pub(in crate::group) fn publish_alone(
        self,
        members: &Members<S::Error>,
        number: u64,
    ) -> (CellRef, CellRef, ValueRef<S::Value>) {
        let room = Blocks::alone(members.core(), Layout::new::<Cell<F, S>>(), number);
        // SAFETY: there is room for such a cell, and it is ours.
        unsafe { self.put_with_key(room) }
    }

    /// # Safety
    ///
    /// As for `put`.
    #[inline]
    unsafe fn put_with_key(self, room: Room) -> (CellRef, CellRef, ValueRef<S::Value>) {
        // SAFETY: the room is the caller's. The count is three, and the value is the key's once the child is over.
        unsafe {
            let raw = self.put(room, KEY + 3 * REF);
            (
                CellRef::from_raw(raw),
                CellRef::from_raw(raw),
                ValueRef::from_raw(raw),
            )
        }
    }

    /// Puts the cell into its room. `who` are the references that are to be made of it, and `KEY` if one is the key's.
    ///
    /// # Safety
    ///
    /// This is room for a `Cell<F, S>` that nobody uses, in a block where the cell counts.
    #[inline]
    unsafe fn put(self, room: Room, who: usize) -> NonNull<Header> {
        let Room { at, block, above } = room;
        let CellOptions { extras, flags } = self.options;
        let cell = Cell::<F, S> {
            header: Header {
                state: AtomicUsize::new(SCHEDULED | flags | who),
                vtable: Cell::<F, S>::VTABLE,
                block,
                above,
                sweep_mark: AtomicU16::new(OFF),
                links: Links::new(),
                taken: AtomicBool::new(false),
                woken_within: AtomicBool::new(false),
                extras: Lazy::new(self.location, extras),
                waiter: UnsafeCell::new(None),
            },
            stage: UnsafeCell::new(Stage::Future(self.future)),
        };
        // SAFETY: the room fits a cell of these types, and nobody uses it.
        unsafe { at.cast().write(cell) }
        at.cast()
    }

    /// Takes it apart again.
    pub(in crate::group) fn into_future(self) -> F {
        self.future
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::ContextVar;

    #[test]
    fn a_child_without_context_or_name_has_no_box_for_them() {
        static NUMBER: ContextVar<u32> = ContextVar::new();
        assert!(CellOptions::here().extras.is_none());
        assert!(CellOptions::here().background().extras.is_none());
        NUMBER.sync_scope(1, || assert!(CellOptions::here().extras.is_some()));
        assert!(CellOptions::here().extras.is_none());
    }
}
