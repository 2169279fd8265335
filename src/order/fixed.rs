//! First come first served, with as many polls in a row as there may be.

/// The index of the one to go first, of so many that are ready; they stand in the order in which they came.
#[inline]
pub(crate) fn pick(_ready: usize) -> usize {
    0
}

/// Whether those that are ready go in the order in which they came.
#[inline]
pub(crate) fn is_first_come() -> bool {
    true
}

/// Whether code that polls several things in a row lets others have a turn after this one.
#[inline]
pub(crate) fn gives_way() -> bool {
    false
}

/// Whether a test executor decides here: what happens must not depend on how long it takes.
#[inline]
pub(crate) fn is_decided() -> bool {
    false
}

/// Whether a driver that is woken for one child is as one that nobody else can have.
#[inline]
pub(crate) fn keeps() -> bool {
    false
}
