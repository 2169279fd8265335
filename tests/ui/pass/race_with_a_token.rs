//! `first_ok` and `quorum` say that they were cut short, and a race that moves on does.

use std::convert::Infallible;
use std::time::Duration;

use ingather::{CancelToken, GroupOptions, block_on};

pub(crate) fn main() {
    let options = GroupOptions::new().token(&CancelToken::new());
    let call = || async { Ok::<_, Infallible>(7) };
    assert!(matches!(block_on(options.clone().first_ok([call])), Ok(7)));
    assert!(block_on(options.quorum(1, [call])).is_ok());
    let options = GroupOptions::new().move_on_after(Duration::from_secs(1));
    assert_eq!(block_on(options.race([|| async { 7 }])), Some(7));
}
