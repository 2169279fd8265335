//! What only some children have, in one box that is made when it is needed: a name, context, a token, shields.
//!
//! 1. The pointer goes from the location of the call to a box once, and the box lives as long as the cell.
//! 2. `shields`, `own_grace` and the bit `SHIELD` of the state change together, under `held`: the bit is on while there are any shields,
//!    or the grace lasts.

use std::mem::take;
use std::panic::Location;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::task::Waker;

use super::holds::{OwnGrace, Shields};
use super::reference::CellRef;
use super::state::{DOOM, OVER, RUNNING, SHIELD};
use crate::clock::Alarm;
use crate::context::Vars;
use crate::error::unhandled::{drop_quietly, wake_quietly};
use crate::std_or_loom::atomic::AtomicPtr;
use crate::std_or_loom::{Lock, UnsafeCell};
use crate::token::{CallbackGuard, CancelReason, CancelToken, Handed, Places, Told};

/// What only some children have.
pub(in crate::group) struct Extras {
    /// Where the child was spawned; set when it is boxed for one.
    location: Option<&'static Location<'static>>,
    pub(in crate::group) name: Option<Arc<str>>,
    /// What is set in it. Belongs to the holder of `RUNNING`, as the stage (S1), and is gone once the child is over.
    pub(in crate::group) context: UnsafeCell<Option<Vars>>,
    pub(in crate::group) held: Lock<Held>,
}

impl Default for Extras {
    fn default() -> Self {
        Self {
            location: None,
            name: None,
            context: UnsafeCell::new(None),
            held: Lock::default(),
        }
    }
}

/// What becomes of a child while it lives. Nothing in here runs user code when it is read; what is taken out of it is
/// dropped once the lock is released.
#[derive(Default)]
pub(in crate::group) struct Held {
    /// What holds off its drop.
    pub(in crate::group) shields: Shields,
    /// The same, if it has a grace of its own.
    pub(super) own_grace: OwnGrace,
    /// Its own token, if anybody asked for it.
    pub(in crate::group) token: Option<CancelToken>,
    /// What turns the token with the group's.
    pub(in crate::group) follows: Option<CallbackGuard>,
    /// Why it was cancelled for itself.
    pub(in crate::group) reason: Option<CancelReason>,
    /// Who is to be polled then, for the few who are. None is added once it was.
    watchers: Option<Box<Places<Waker>>>,
    /// It is to go without waiting for the end of its grace, as soon as no shield holds it.
    pub(in crate::group) gives_up: bool,
    /// When the grace of such a cancel is over.
    pub(in crate::group) alarm: Option<Alarm>,
    /// Why it was told that it is cancelled.
    pub(in crate::group) told: Told,
}

/// Where a child was spawned, and a box that is made when it is needed, in one word: a pointer to the one, or with `BOXED`
/// to the other, which then has the location in it.
pub(super) struct Lazy(AtomicPtr<u8>);

const BOXED: usize = 1;
const _: () = assert!(align_of::<Location<'static>>() > BOXED && align_of::<Extras>() > BOXED);

/// What the word points to.
enum Target {
    Location(&'static Location<'static>),
    Boxed(*mut Extras),
}

impl Lazy {
    #[inline]
    pub(super) fn new(location: &'static Location<'static>, extras: Option<Box<Extras>>) -> Self {
        Self(AtomicPtr::new(match extras {
            None => ptr::from_ref(location).cast_mut().cast(),
            Some(extras) => Self::boxed(location, extras),
        }))
    }

    fn boxed(location: &'static Location<'static>, mut extras: Box<Extras>) -> *mut u8 {
        extras.location = Some(location);
        let extras: *mut u8 = Box::into_raw(extras).cast();
        extras.map_addr(|addr| addr | BOXED)
    }

    #[inline]
    fn read(word: *mut u8) -> Target {
        if word.addr() & BOXED == 0 {
            // SAFETY: without the mark it is a location, from `new`.
            Target::Location(unsafe { &*word.cast() })
        } else {
            Target::Boxed(word.map_addr(|addr| addr & !BOXED).cast())
        }
    }

    #[inline]
    pub(super) fn get(&self) -> Option<&Extras> {
        match Self::read(self.0.load(Acquire)) {
            Target::Location(_) => None,
            // SAFETY: it is a box that lives as long as we do (1).
            Target::Boxed(extras) => Some(unsafe { &*extras }),
        }
    }

    pub(super) fn location(&self) -> &'static Location<'static> {
        match Self::read(self.0.load(Acquire)) {
            Target::Location(location) => location,
            // SAFETY: it is a box that lives as long as we do (1).
            Target::Boxed(extras) => unsafe { &*extras }.location.expect("it moved into the box"),
        }
    }

    pub(super) fn get_or_make(&self) -> &Extras {
        if let Some(extras) = self.get() {
            return extras;
        }
        let location = self.location();
        let before = ptr::from_ref(location).cast_mut().cast();
        let made = Self::boxed(location, Box::default());
        if self
            .0
            .compare_exchange(before, made, AcqRel, Acquire)
            .is_err()
        {
            // Somebody else was faster, and nobody has seen ours.
            drop(Self(AtomicPtr::new(made)));
        }
        self.get().expect("it is boxed for good (1)")
    }
}

impl Drop for Lazy {
    #[inline]
    fn drop(&mut self) {
        if let Target::Boxed(extras) = Self::read(self.0.load(Acquire)) {
            // SAFETY: nobody can see it any more.
            drop(unsafe { Box::from_raw(extras) });
        }
    }
}

/// What becomes of a child while it lives, and the bit `SHIELD` (2).
impl CellRef {
    /// What becomes of it, if that was ever asked.
    #[inline]
    pub(in crate::group) fn held(&self) -> Option<&Lock<Held>> {
        Some(&self.header().extras.get()?.held)
    }

    pub(in crate::group) fn held_or_make(&self) -> &Lock<Held> {
        &self.header().extras.get_or_make().held
    }

    /// There is a shield from now on. Under the lock of `held` (2).
    pub(in crate::group) fn begin_shielded(&self) {
        // A cancel that was marked before this step may have been carried out; one that comes later is held off.
        let _ = self.update(|now| Some(now.0 | SHIELD));
    }

    /// There is none any more. `true`: it is not over, nobody polls it, and a shield could have held it. Under the lock of
    /// `held` (2).
    pub(in crate::group) fn end_shielded(&self) -> bool {
        let before = self.update(|now| Some(now.0 & !SHIELD));
        before.is_ok_and(|before| !before.has(RUNNING | OVER | DOOM))
    }

    /// If a shield holds it, is it to be polled once when it is to be dropped? For as long as what this gives is there, nothing
    /// changes that. `None`: no shield holds it as yet.
    pub(super) fn polls_if_held(&self) -> Option<(bool, impl Drop + use<'_>)> {
        self.load().has(SHIELD).then(|| {
            let held = self.held_or_make().lock();
            // While it has time nothing is due.
            let polls = held.shields.wants_poll() && !held.own_grace.lasts();
            (polls, held)
        })
    }

    /// Its code was given a reason.
    pub(in crate::group) fn is_told(&self, handed: Handed) {
        self.held_or_make().lock().told.note(handed);
    }

    /// What its code was given.
    pub(in crate::group) fn was_told(&self) -> Told {
        let held = self.held();
        held.map_or_else(Told::default, |held| take(&mut held.lock().told))
    }

    /// Why it was cancelled for itself.
    pub(in crate::group) fn own_reason(&self) -> Option<CancelReason> {
        self.held()?.lock().reason.clone()
    }

    /// Turns its token, if anybody asked for it, and wakes those who wait for the cancel if it was one of this child.
    pub(in crate::group) fn turn_token(&self, reason: &CancelReason) {
        let Some(held) = self.held() else {
            return;
        };
        let (token, watchers) = {
            let mut held = held.lock();
            let is_own = held.reason.is_some();
            (held.token.clone(), held.watchers.take_if(|_| is_own))
        };
        if let Some(mut watchers) = watchers {
            for waker in watchers.take() {
                wake_quietly(waker);
            }
        }
        if let Some(token) = token {
            token.turn(reason.clone());
        }
    }

    /// Was it cancelled for itself? Otherwise this waits until it is, in the place that is named or in a new one. So the few who ask
    /// need no token.
    pub(in crate::group) fn watch_alone(&self, place: &mut Option<usize>, waker: &Waker) -> bool {
        let held = self.held_or_make();
        {
            let mut held = held.lock();
            let watchers = held.watchers.as_mut();
            let is_there = watchers.is_some_and(|all| all.is_watched(*place, waker));
            if is_there || held.reason.is_some() {
                return held.reason.is_some();
            }
        }
        let mut unused = Some(waker.clone());
        let is_cancelled = {
            let mut held = held.lock();
            if held.reason.is_none() {
                let watchers = held.watchers.get_or_insert_default();
                unused = unused.and_then(|waker| watchers.watch(place, waker));
            }
            held.reason.is_some()
        };
        drop_quietly("a waker", unused);
        is_cancelled
    }

    /// Waits no longer.
    pub(in crate::group) fn unwatch_alone(&self, place: usize) {
        let waker = self.held().and_then(|held| {
            let mut held = held.lock();
            held.watchers.as_mut()?.remove(place)
        });
        drop_quietly("a waker", waker);
    }

    /// Releases what only a child that is not over has: it may hold the child in turn.
    #[inline]
    pub(in crate::group) fn lets_go(&self) {
        if let Some(held) = self.held() {
            release(held);
        }
    }
}

/// Most children have nothing to release: kept out of what ends each of them.
#[cold]
fn release(held: &Lock<Held>) {
    let gone = {
        let mut held = held.lock();
        let told = take(&mut held.told);
        let alarm = held.alarm.take();
        let watchers = held.watchers.take();
        (
            held.token.take(),
            held.follows.take(),
            alarm,
            told,
            watchers,
        )
    };
    if let (Some(token), ..) = &gone {
        token.disown();
    }
    drop_quietly("the token of a child", gone);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_location_is_there_with_a_box_and_without() {
        let here = Location::caller();
        let plain = Lazy::new(here, None);
        assert!(plain.get().is_none() && ptr::eq(plain.location(), here));
        assert!(ptr::eq(plain.get_or_make(), plain.get_or_make()));
        assert!(plain.get().is_some() && ptr::eq(plain.location(), here));
        let boxed = Lazy::new(here, Some(Box::default()));
        assert!(boxed.get().is_some() && ptr::eq(boxed.location(), here));
    }
}
