//! How many scopes in a row were left on this thread without a turn for the others.

use std::cell::Cell;

use crate::std_or_loom::per_thread;

/// The last of so many gives way.
const IN_A_ROW: u8 = 32;

per_thread! {
    static LEFT: Cell<u8> = const { Cell::new(0) };
}

/// Whether a scope that leaves goes at once. The last of 32 on a thread does not, whichever task they are of: so none
/// leaves so many without a turn for the others.
#[inline]
pub(crate) fn leaves_at_once() -> bool {
    let counts = |left: &Cell<u8>| {
        let count = (left.get() + 1) % IN_A_ROW;
        left.set(count);
        count != 0
    };
    LEFT.try_with(counts).unwrap_or(false)
}

/// Puts the count back to what it was at another time, and gives what it was now.
#[cfg(feature = "testing")]
pub(super) fn begin_at(count: u8) -> u8 {
    LEFT.try_with(|left| left.replace(count)).unwrap_or(0)
}
