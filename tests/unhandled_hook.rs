//! A hook that panics harms nobody. It is the hook of the whole process, so this has a process of its own.

use std::sync::atomic::{AtomicUsize, Ordering};

use ingather::error::set_unhandled_hook;
use ingather::{GatherGroup, block_on};

// Panics-3, Errors-2
#[test]
fn a_hook_that_panics_harms_nobody_and_is_called_again() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    set_unhandled_hook(|lost| {
        assert_eq!(lost.child().unwrap().name(), Some("lost"));
        assert!(lost.error_type().unwrap().ends_with("str"));
        assert!(lost.panic().is_none());
        CALLS.fetch_add(1, Ordering::Relaxed);
        std::panic::resume_unwind(Box::new("in the hook"));
    });
    for times in 1..=3 {
        block_on(async {
            let group = GatherGroup::<&str>::fallible();
            drop(
                group
                    .named("lost")
                    .try_spawn(async { Err::<(), _>("nobody sees it") }),
            );
            group.next_if_any().await;
        });
        assert_eq!(CALLS.load(Ordering::Relaxed), times);
    }
}
