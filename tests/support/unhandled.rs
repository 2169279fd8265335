//! What reached the unhandled hook. There is one hook for the whole process, so a test finds its own by a text in it.

use std::sync::{Mutex, Once};

use ingather::error::set_unhandled_hook;

static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Collects from now on what reaches the hook. Each test that looks, or makes noise, calls it first.
pub(crate) fn collect() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        set_unhandled_hook(|unhandled| SEEN.lock().unwrap().push(unhandled.to_string()));
    });
}

/// Takes out what has `part` in its text: for example a panic's message or a child's name that is this test's alone.
pub(crate) fn taken(part: &str) -> Vec<String> {
    let mut seen = SEEN.lock().unwrap();
    let (ours, others) = seen.drain(..).partition(|text| text.contains(part));
    *seen = others;
    ours
}
