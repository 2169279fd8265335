//! The end of a stream that was cut short would look like the end of its items.

use std::time::Duration;

use ingather::GroupOptions;

fn main() {
    let options = GroupOptions::new().timeout(Duration::from_secs(1));
    let _ = options.clone().map_concurrent(1..=3, 2, |n| async move { n });
    let _ = options.map_concurrent(1..=3, 2, |n| async move { n }).unordered();
}
