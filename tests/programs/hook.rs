//! What reaches the unhandled hook.

use std::sync::{Mutex, PoisonError};

use ingather::error::set_unhandled_hook;

/// What reached the unhandled hook.
pub(crate) struct Told {
    pub(crate) child: Option<String>,
    pub(crate) panic: Option<String>,
    pub(crate) is_flaw: bool,
}

static TOLD: Mutex<Vec<Told>> = Mutex::new(Vec::new());

/// Collects what reaches the hook; `seen` hears of it at once.
pub(crate) fn collect(seen: impl Fn(&Told) + Send + Sync + 'static) {
    TOLD.lock().unwrap_or_else(PoisonError::into_inner).clear();
    set_unhandled_hook(move |unhandled| {
        let told = Told {
            child: unhandled
                .child()
                .and_then(|child| child.name().map(str::to_owned)),
            panic: unhandled.panic().map(|panic| panic.message().to_owned()),
            is_flaw: unhandled
                .error_type()
                .is_some_and(|name| name.ends_with("Flaw")),
        };
        seen(&told);
        TOLD.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(told);
    });
}

pub(crate) fn told() -> Vec<Told> {
    std::mem::take(&mut *TOLD.lock().unwrap_or_else(PoisonError::into_inner))
}
