//! Calls side by side in one block of memory: each is polled here, by whoever has them, or as a child whose future stays here.
//!
//! 1. What a slot holds is touched by one at a time: who polls it in place, the child that was made of it ([`Moved`]), or, when it is
//!    over, who takes its output. `busy` is on meanwhile, and each of them looks at it first. It is no atomic: a block that has no
//!    children goes from thread to thread with the task that polls it; and a child is polled and dropped by who has `RUNNING` on it,
//!    which the one that is made in the middle of a poll in place is born with, until that poll is over.
//! 2. A future is polled and dropped where it was made. The memory lives until the block and all children of it are gone.
//! 3. While a slot has a child nobody else polls it or takes from it, but for a poll that had begun before.
//! 4. Slots of several types become children together, before others see the first of these. So who is the last to let go of a block
//!    that had children drops nothing of another type with it: each slot is empty once its child is gone.

use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::future::Future;
use std::mem::replace;
use std::ops::Deref;
use std::pin::Pin;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::panic::{Panic, catch};

/// Slots that belong together: a slice of them, a tuple, or one behind others.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
#[expect(
    missing_debug_implementations,
    reason = "it is seen in sealed traits alone"
)]
pub struct Block<S: ?Sized>(Arc<S>);

// SAFETY: with the block goes what the slots hold, all of which is `Send`. The children that share it may be on several threads, each
// with a slot of its own (1), see `Moved`; what a slot has been through when its child goes to another thread is ordered by the
// group's lock and the child's state.
unsafe impl<S: ?Sized + Send> Send for Block<S> {}

/// A call that is polled where it lies.
#[expect(unnameable_types, reason = "it is seen in sealed traits alone")]
#[expect(
    missing_debug_implementations,
    reason = "it is seen in sealed traits alone"
)]
pub struct Slot<C, F: Future> {
    state: UnsafeCell<State<C, F>>,
    /// Somebody has the state to himself (1).
    busy: Cell<bool>,
    /// It has a child (3).
    has_child: Cell<bool>,
    echo: Cell<Echo>,
}

enum State<C, F: Future> {
    Call(C),
    Future(F),
    Over(F::Output),
    Empty,
}

/// What came of a poll in place, for the child that is to do the same.
#[derive(Default)]
enum Echo {
    #[default]
    None,
    /// It is pending, and waits for the waker of somebody else.
    Pending,
    /// It panicked.
    Panicked(Box<Panic>),
    /// It is over or cut, and its future panicked in its drop.
    PanicsInDrop(Box<Panic>),
}

/// How a call left a poll in place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polled {
    /// It was over before.
    Before,
    /// It is not over.
    Pending,
    /// It is over, and its future is gone.
    Over,
    /// It is over, and did not give a value, which is for its child.
    Failed,
    /// It panicked: that is for its child.
    Panicked,
}

/// Has the state of a slot to itself, until it is dropped.
struct Alone<'a, C, F: Future>(&'a Slot<C, F>);

impl<C, F: Future> Slot<C, F> {
    pub(crate) fn new(call: C) -> Self {
        Self {
            state: UnsafeCell::new(State::Call(call)),
            busy: Cell::new(false),
            has_child: Cell::new(false),
            echo: Cell::default(),
        }
    }

    fn alone(&self) -> Alone<'_, C, F> {
        assert!(
            !self.busy.replace(true),
            "a call is polled by one at a time"
        );
        Alone(self)
    }
}

impl<C, F: Future> Drop for Alone<'_, C, F> {
    #[inline]
    fn drop(&mut self) {
        self.0.busy.set(false);
    }
}

impl<C: FnOnce() -> F, F: Future> Alone<'_, C, F> {
    /// Polls the future, which is made by the callable if it is not there. After `Ready` the future is there still.
    #[inline]
    fn poll(&self, cx: &mut Context<'_>) -> Poll<F::Output> {
        let state = self.0.state.get();
        // SAFETY: the state is ours alone as long as `self` is there (1). No reference to it outlives the step that it is made
        // in, and user code runs only where the one that there is is the future's. That is never moved, from the write on (2).
        unsafe {
            if let State::Call(_) = &*state {
                let State::Call(call) = replace(&mut *state, State::Empty) else {
                    unreachable!("it was there a moment ago")
                };
                let future = call();
                state.write(State::Future(future));
            }
            match &mut *state {
                State::Future(future) => Pin::new_unchecked(future).poll(cx),
                _ => unreachable!("a call is not polled after it panicked"),
            }
        }
    }
}

impl<C, F: Future> Alone<'_, C, F> {
    /// Drops what is there, in its place. It is empty then, also if the destructor panics.
    #[inline]
    fn empty(&self) {
        struct Empties<C, F: Future>(*mut State<C, F>);
        impl<C, F: Future> Drop for Empties<C, F> {
            fn drop(&mut self) {
                // SAFETY: what was there has been dropped, and is not dropped again.
                unsafe { self.0.write(State::Empty) }
            }
        }
        let empties = Empties(self.0.state.get());
        // SAFETY: the state is ours alone (1). This is how a pinned future must go, and what is left is written over at once.
        unsafe { ptr::drop_in_place(empties.0) }
    }

    fn put(&self, output: F::Output) {
        // SAFETY: the state is ours alone (1), and it is empty, so nothing is dropped.
        unsafe { self.0.state.get().write(State::Over(output)) }
    }

    fn output(&self) -> Option<&F::Output> {
        // SAFETY: the state is ours alone (1), as long as the reference lives.
        match unsafe { &*self.0.state.get() } {
            State::Over(output) => Some(output),
            _ => None,
        }
    }

    /// Was the future dropped where it was pending?
    fn is_empty(&self) -> bool {
        // SAFETY: the state is ours alone (1), and the reference goes at once.
        matches!(unsafe { &*self.0.state.get() }, State::Empty)
    }

    /// Takes the output out, if it is over.
    #[inline]
    fn take(&self) -> Option<F::Output> {
        self.output()?;
        // SAFETY: the state is ours alone (1). What is moved out is the output, no future.
        match unsafe { replace(&mut *self.0.state.get(), State::Empty) } {
            State::Over(output) => Some(output),
            _ => unreachable!("it was there a moment ago"),
        }
    }
}

impl<C, F: Future> Slot<C, F> {
    /// A call that nobody polls and that is no child.
    #[inline]
    fn free(&self) -> Option<Alone<'_, C, F>> {
        (!self.busy.get() && !self.has_child.get()).then(|| self.alone())
    }

    /// The output of a call that is over.
    #[inline]
    pub(crate) fn take(&self) -> Option<F::Output> {
        self.free()?.take()
    }

    /// Polls a call in place, if it is not over. It may become a child meanwhile, which learns what came of it.
    #[inline]
    pub(crate) fn poll(
        &self,
        cx: &mut Context<'_>,
        is_value: impl FnOnce(&F::Output) -> bool,
    ) -> Polled
    where
        C: FnOnce() -> F,
    {
        let alone = self.alone();
        if alone.output().is_some() {
            return Polled::Before;
        }
        let mut output = None;
        let caught = catch(|| {
            output = Some(ready!(alone.poll(cx)));
            alone.empty();
            Poll::Ready(())
        });
        match (caught, output) {
            (Ok(Poll::Pending), _) => {
                if self.has_child.get() {
                    self.echo.set(Echo::Pending);
                }
                Polled::Pending
            }
            (Ok(Poll::Ready(())), Some(output)) => {
                let is_value = is_value(&output);
                alone.put(output);
                if is_value {
                    Polled::Over
                } else {
                    Polled::Failed
                }
            }
            (Err(panic), Some(output)) => {
                alone.put(output);
                self.echo.set(Echo::PanicsInDrop(Box::new(panic)));
                Polled::Panicked
            }
            (Err(panic), None) => {
                self.echo.set(Echo::Panicked(Box::new(panic)));
                Polled::Panicked
            }
            (Ok(Poll::Ready(())), None) => unreachable!("what is ready has given its output"),
        }
    }

    /// Drops a call that is not over where it lies, since it is not needed. It may become a child meanwhile, which ends when it is
    /// cancelled, and learns of a panic.
    pub(crate) fn cut(&self) -> Polled {
        let alone = self.alone();
        if alone.output().is_some() {
            return Polled::Before;
        }
        match catch(|| alone.empty()) {
            Ok(()) => Polled::Over,
            Err(panic) => {
                self.echo.set(Echo::PanicsInDrop(Box::new(panic)));
                Polled::Panicked
            }
        }
    }

    /// Is there something with which a child of this call ends when it is polled: an output or a panic?
    pub(crate) fn has_end(&self) -> bool {
        if self.busy.get() || self.has_child.get() {
            return false;
        }
        let echo = self.echo.take();
        let ends = matches!(echo, Echo::Panicked(_)) || self.alone().output().is_some();
        self.echo.set(echo);
        ends
    }
}

impl<C, F: Future> FromIterator<C> for Block<[Slot<C, F>]> {
    fn from_iter<I: IntoIterator<Item = C>>(calls: I) -> Self {
        Self(calls.into_iter().map(Slot::new).collect())
    }
}

impl<S> Block<S> {
    pub(crate) fn new(slots: S) -> Self {
        Self(Arc::new(slots))
    }
}

impl<S: ?Sized> Deref for Block<S> {
    type Target = S;

    #[inline]
    fn deref(&self) -> &S {
        &self.0
    }
}

#[expect(private_bounds, reason = "nobody else asks")]
impl<S: Keeps + ?Sized> Block<S> {
    /// Makes the call in a slot of this block a child's. Once, and the child stays here. The caller does so with the slots of all other
    /// types before it does anything else (4).
    pub(crate) fn child<C, F: Future>(&self, slot: &Slot<C, F>) -> Moved<C, F> {
        let (block, size) = (ptr::from_ref(&*self.0).addr(), size_of_val(&*self.0));
        let within = ptr::from_ref(slot).addr().wrapping_sub(block);
        assert!(within < size, "a slot is in its block");
        let had_child = slot.has_child.replace(true);
        assert!(!had_child, "a call becomes one child");
        Moved {
            slot: NonNull::from(slot),
            _block: S::keep(&self.0),
        }
    }
}

/// Keeps the memory of a block there.
struct Keeper {
    block: *const (),
    /// So many slots, in a slice.
    len: usize,
    release: unsafe fn(*const (), usize),
}

/// What can be kept without a name for its type.
pub(crate) trait Keeps {
    #[expect(private_interfaces, reason = "nobody else asks")]
    fn keep(this: &Arc<Self>) -> Keeper;
}

impl<S> Keeps for S {
    #[expect(private_interfaces, reason = "nobody else asks")]
    fn keep(this: &Arc<S>) -> Keeper {
        unsafe fn release<S>(block: *const (), _len: usize) {
            // SAFETY: it is the reference that `keep` took, which is given up once.
            drop(unsafe { Arc::from_raw(block.cast::<S>()) });
        }
        Keeper {
            block: Arc::into_raw(Arc::clone(this)).cast(),
            len: 1,
            release: release::<S>,
        }
    }
}

impl<T> Keeps for [T] {
    #[expect(private_interfaces, reason = "nobody else asks")]
    fn keep(this: &Arc<[T]>) -> Keeper {
        unsafe fn release<T>(block: *const (), len: usize) {
            let block = ptr::slice_from_raw_parts(block.cast::<T>(), len);
            // SAFETY: it is the reference that `keep` took, which is given up once, and of which this is the length.
            drop(unsafe { Arc::from_raw(block) });
        }
        Keeper {
            block: Arc::into_raw(Arc::clone(this)).cast(),
            len: this.len(),
            release: release::<T>,
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // SAFETY: this keeper has a reference of its own. If it is the last nothing of a type that the child does not name is dropped
        // with the memory (4), so it does not matter which lifetimes have ended by now.
        unsafe { (self.release)(self.block, self.len) }
    }
}

/// What is reached by those alone who have it to themselves.
pub(crate) struct OnlyMut<T>(T);

// SAFETY: a shared reference gives nothing of what is inside.
unsafe impl<T> Sync for OnlyMut<T> {}

impl<T> OnlyMut<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(value)
    }

    #[inline]
    pub(crate) fn get(&mut self) -> &mut T {
        &mut self.0
    }
}

/// A call of a block as the future of a child. It does not move: the future stays in the block, and is dropped there with this.
pub(crate) struct Moved<C, F: Future> {
    slot: NonNull<Slot<C, F>>,
    _block: Keeper,
}

// SAFETY: what it reaches is its own slot (1), which holds a callable, a future or an output, all of which are `Send`; and the memory
// of the others, of which it drops nothing that is not of these types (4).
unsafe impl<C: Send, F: Future<Output: Send> + Send> Send for Moved<C, F> {}

impl<C, F: Future> Moved<C, F> {
    #[inline]
    fn slot(&self) -> &Slot<C, F> {
        // SAFETY: it is in the block, see `Block::child`, which is kept.
        unsafe { self.slot.as_ref() }
    }
}

impl<C: FnOnce() -> F, F: Future> Future for Moved<C, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let slot = self.slot();
        match slot.echo.take() {
            Echo::None => {}
            Echo::Pending => {
                // Once more, with a waker of its own.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Echo::Panicked(panic) => panic.resume(),
            panics @ Echo::PanicsInDrop(_) => slot.echo.set(panics),
        }
        let alone = slot.alone();
        match alone.take() {
            Some(output) => Poll::Ready(output),
            // It was cut, and waits for the cancel that this was.
            None if alone.is_empty() => Poll::Pending,
            None => alone.poll(cx),
        }
    }
}

impl<C, F: Future> Drop for Moved<C, F> {
    fn drop(&mut self) {
        let slot = self.slot();
        slot.alone().empty();
        if let Echo::PanicsInDrop(panic) = slot.echo.take() {
            panic.resume();
        }
    }
}

impl<C, F: Future> fmt::Debug for Moved<C, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moved").finish_non_exhaustive()
    }
}
