//! A scope that can fail says that the time was up; so do one that can be cut short, and one that moves on.

use std::convert::Infallible;
use std::time::Duration;

use ingather::{GroupOptions, block_on};

pub(crate) fn main() {
    let options = GroupOptions::new().timeout(Duration::from_secs(1));
    let tried = block_on(options.clone().try_scope(|_tg| async { Ok::<_, Infallible>(7) }));
    assert!(matches!(tried, Ok(7)));
    assert_eq!(block_on(options.scope_or_cut(|_tg| async { 7 })), Ok(7));
    let options = GroupOptions::new().move_on_after(Duration::from_secs(1));
    assert_eq!(block_on(options.scope(|_tg| async { 7 })), Some(7));
}
