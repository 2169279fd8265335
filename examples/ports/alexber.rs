//! AlexBerUtils' `thread_locals`: its five cases of running functions, sync and async ones, on an executor of threads.
//!
//! There, `exec_in_executor` runs a function on a pool's thread and gives an asyncio future, `exec_in_executor_threading_future` gives one
//! for threads, each worker may have an event loop for async functions, context goes along, and the executor is the one that is named,
//! or was set, or a default.
//!
//! Prints:
//!
//! ```text
//! 1. a sync function on a thread of the pool: workers-0
//! 2. an async function on a thread of the pool, with a loop: workers-0
//! 3. waited for by a thread: 42
//! 4. the context goes along: Ada
//! 5. the executor is resolved: workers-0, then the one that is current
//! ```

use std::time::Duration;

use ingather::clock::sleep;
use ingather::spawner::{current_spawner, enter};
use ingather::threads::BlockingPool;
use ingather::{ContextVar, TaskRegistry, block_on, run_sync, to_thread};

static USER: ContextVar<&str> = ContextVar::named("user");

fn thread_name() -> String {
    let thread = std::thread::current();
    thread.name().unwrap_or("?").to_owned()
}

async fn name_later() -> String {
    sleep(Duration::from_millis(1)).await;
    thread_name()
}

fn main() {
    let pool = BlockingPool::builder().name("workers").threads(1).build();

    let name = block_on(to_thread(thread_name).on(&pool));
    println!("1. a sync function on a thread of the pool: {name}");

    // A worker needs no loop of its own: the future is polled where it is called.
    let name = block_on(to_thread(|| run_sync(name_later())).on(&pool));
    println!("2. an async function on a thread of the pool, with a loop: {name}");

    let task = TaskRegistry::on(&pool).create_task(async { 6 * 7 });
    println!(
        "3. waited for by a thread: {}",
        task.wait().expect("it ends")
    );

    let user = USER.sync_scope("Ada", || {
        let user = to_thread(|| run_sync(async { USER.get() })).on(&pool);
        block_on(user)
    });
    println!("4. the context goes along: {}", user.unwrap_or("nobody"));

    let named = TaskRegistry::on(&pool).create_task(async { thread_name() });
    let named = named.wait().expect("it ends");
    let _current = enter(&pool);
    let current = TaskRegistry::new();
    let is_current = current.spawner().same_as(&current_spawner());
    let then = if is_current {
        "the one that is current"
    } else {
        "another"
    };
    println!("5. the executor is resolved: {named}, then {then}");
}
