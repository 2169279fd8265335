//! What a group with given options does with a panic, found out by asking such a group.

use std::convert::Infallible;
use std::panic::Location;

use crate::group::{GroupOptions, Inline, OnError, Origin, Owner};
use crate::panic::Panic;

/// Do these options say that panics are collected, rather than resumed?
///
/// A group that goes on after errors is cancelled by a panic if that is to be resumed, and else is not. It is asked when
/// a call has panicked and never before, so that nothing is paid where nothing goes wrong.
pub(super) fn collects_panics(options: &GroupOptions) -> bool {
    let keeps_going = options.clone().on_error(OnError::KeepGoing);
    let origin = Origin::inline(keeps_going, Location::caller());
    let owner = Owner::<Infallible, Inline>::open(origin);
    let body = owner
        .scope()
        .core()
        .body_panicked(Panic::new(Box::new("asked")));
    let is_cancelled = owner.scope().is_cancelled();
    // The panic comes out as a failure instead of being resumed, and is nobody's.
    drop(owner.leave(Some(body)).into_result::<()>(None));
    !is_cancelled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::OnPanic;

    #[test]
    fn options_say_what_they_were_told() {
        for on_error in [OnError::CancelSiblings, OnError::KeepGoing] {
            let options = || GroupOptions::new().on_error(on_error).limit(1);
            assert!(!collects_panics(&options()));
            assert!(!collects_panics(&options().on_panic(OnPanic::Resume)));
            assert!(collects_panics(&options().on_panic(OnPanic::Collect)));
        }
    }
}
