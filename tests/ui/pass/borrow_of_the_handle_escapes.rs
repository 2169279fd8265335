//! A child takes a clone of the handle.

use ingather::{block_on, scope};

pub(crate) fn main() {
    block_on(scope(|tg| async move {
        let cloned = tg.clone();
        let _key = tg.spawn(async move { cloned.len() });
    }));
}
