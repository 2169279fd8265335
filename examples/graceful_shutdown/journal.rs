//! The journal: it hears of each connection, and is written at the end.

use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc::UnboundedReceiver;
use ingather::clock::sleep;
use ingather::shield;

/// Collects entries until nobody is left who could make one, writes them, and gives them back.
///
/// Those that the end of the grace cuts off have their entries, too: they come when this child would have been dropped
/// itself. The shield holds that off. It has an end, since everybody who holds a sender is dropped then.
pub(crate) async fn keep(entries: UnboundedReceiver<String>) -> Vec<String> {
    shield(async {
        let mut entries: Vec<_> = entries.collect().await;
        entries.sort();
        write(&entries).await;
        entries
    })
    .await
}

/// A disk that takes its time.
async fn write(entries: &[String]) {
    for _entry in entries {
        sleep(Duration::from_millis(2)).await;
    }
}
