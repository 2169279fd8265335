//! A stream has no `Option` for the items that are missing.

use std::convert::Infallible;
use std::time::Duration;

use ingather::GroupOptions;

fn main() {
    let options = GroupOptions::new().move_on_after(Duration::from_secs(1));
    let _ = options.clone().map_concurrent(1..=3, 2, |n| async move { n });
    let _ = options.try_map_concurrent(1..=3, 2, |n| async move { Ok::<_, Infallible>(n) });
}
