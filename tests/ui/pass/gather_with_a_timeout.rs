//! A gather that can fail, settles or moves on says that the time was up.

use std::convert::Infallible;
use std::time::Duration;

use ingather::{GroupOptions, block_on};

pub(crate) fn main() {
    let options = GroupOptions::new().timeout(Duration::from_secs(1));
    let call = || async { Ok::<_, Infallible>(7) };
    assert!(matches!(block_on(options.clone().try_gather([call])), Ok(all) if all == [7]));
    assert!(block_on(options.gather_settled([call]))[0].is_ok());
    let options = GroupOptions::new().move_on_after(Duration::from_secs(1));
    assert_eq!(block_on(options.gather([|| async { 7 }])), Some(vec![7]));
}
