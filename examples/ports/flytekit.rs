//! flytekit's `asyn`: async functions called from sync code, from within async code, and with two faces.
//!
//! There, `loop_manager.run_sync(f, args)` runs a coroutine on a loop in the background, one for each calling thread, and `synced(f)`
//! gives a sync function. A call from within such a loop needs a loop further. Here the future is polled where it is called, at any depth.
//!
//! Prints:
//!
//! ```text
//! run_sync: data 1
//! synced: data 2
//! awaited: data 3
//! nested: sent `data 4` to 2 people
//! failed: no such data: 13
//! context: data 5 for Ada
//! ```

use std::time::Duration;

use ingather::bridge::synced;
use ingather::clock::sleep;
use ingather::{ContextVar, block_on, run_sync};

static USER: ContextVar<&str> = ContextVar::named("user");

async fn fetch_data(id: u32) -> Result<String, String> {
    sleep(Duration::from_millis(1)).await;
    if id == 13 {
        return Err(format!("no such data: {id}"));
    }
    let user = USER
        .get()
        .map(|user| format!(" for {user}"))
        .unwrap_or_default();
    Ok(format!("data {id}{user}"))
}

async fn send_notification(text: String, people: u32) -> String {
    let mut sent = 0;
    for _ in 0..people {
        sleep(Duration::from_millis(1)).await;
        sent += 1;
    }
    format!("sent `{text}` to {sent} people")
}

/// Sync code, as a plugin may be, that is called from async code and calls async code.
fn notify_sync(id: u32) -> String {
    let text = run_sync(fetch_data(id)).unwrap_or_else(|error| error);
    run_sync(send_notification(text, 2))
}

fn main() {
    let show = |label: &str, data: Result<String, String>| match data {
        Ok(data) => println!("{label}: {data}"),
        Err(error) => println!("failed: {error}"),
    };
    show("run_sync", run_sync(fetch_data(1)));
    let fetch = synced(fetch_data);
    show("synced", fetch.call((2,)));
    show("awaited", block_on(fetch.call_async((3,))));
    println!("nested: {}", run_sync(async { notify_sync(4) }));
    show("failed", fetch.call((13,)));
    show(
        "context",
        USER.sync_scope("Ada", || run_sync(fetch_data(5))),
    );
}
