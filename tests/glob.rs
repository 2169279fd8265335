//! `use ingather::*` beside crates that people use by name: none of its names hides one of theirs.

use blocking::unblock;
use futures::{StreamExt, future, stream};
use ingather::*;
use std::{error, panic, thread, time};
use tokio::sync;

#[test]
fn the_glob_hides_no_crate() {
    let numbers: Vec<u32> = block_on(async {
        let threes = stream::iter([3, 3]).collect::<Vec<_>>().await;
        let one = gather([|| future::ready(1)]).await;
        let two = unblock(|| 2).await;
        let list = [threes, one, vec![two]];
        list.concat()
    });
    assert_eq!(numbers, [3, 3, 1, 2]);
    let spent = time::Instant::now().elapsed();
    assert!(spent < time::Duration::from_secs(3600) && !thread::panicking());
    let _: Option<(sync::Notify, Box<dyn error::Error>)> = None;
    let caught = panic::catch_unwind(|| 1);
    assert_eq!(caught.unwrap(), 1);
    // By their paths, as from a root that has not been imported.
    let _ = futures::executor::block_on(async { 1 });
    let _ = tokio::time::Duration::ZERO;
    let _ = smol::channel::bounded::<()>(1);
}
