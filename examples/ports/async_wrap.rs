//! The `async_wrap` pattern: blocking functions on a bounded pool, gathered with async ones. A job over a directory.
//!
//! There, a decorator runs `os` functions by `loop.run_in_executor`, so that `await getsize(path)` works, and `gather` awaits many.
//!
//! Prints:
//!
//! ```text
//! 10 files, 450 bytes, while the clock ticked
//! no more than 3 threads: true
//! a file that is not there: true
//! ```

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use ingather::clock::sleep;
use ingather::threads::{BlockingPool, asynced};
use ingather::{block_on, gather, scope};

/// What the pattern wraps: a function that blocks.
fn size_of(path: PathBuf) -> io::Result<u64> {
    Ok(fs::metadata(path)?.len())
}

fn main() -> io::Result<()> {
    let folder = std::env::temp_dir().join(format!("ingather-async-wrap-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    for n in 0..10_usize {
        fs::write(folder.join(format!("{n}.txt")), vec![b'x'; n * 10])?;
    }

    let pool = BlockingPool::new(3);
    let size_of = asynced(size_of).on(&pool);
    let paths = fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.path()));
    let paths: Vec<_> = paths.collect::<io::Result<_>>()?;
    let missing = folder.join("missing.txt");
    let (sizes, ticked, missing) = block_on(scope(|tg| async move {
        let ticks = tg.spawn(async {
            sleep(Duration::from_millis(1)).await;
            true
        });
        let calls = paths.into_iter().map(|path| {
            let size_of = size_of.clone();
            move || size_of.call(path)
        });
        let calls: Vec<_> = calls.collect();
        let sizes = gather(calls).await;
        (
            sizes,
            ticks.await.unwrap_or(false),
            size_of.call(missing).await,
        )
    }));

    let sizes: Vec<u64> = sizes.into_iter().collect::<io::Result<_>>()?;
    let bytes: u64 = sizes.iter().sum();
    let clock = if ticked {
        "while the clock ticked"
    } else {
        "and the clock stood still"
    };
    println!("{} files, {bytes} bytes, {clock}", sizes.len());
    let is_bounded = pool.statistics().threads() <= 3;
    println!("no more than 3 threads: {is_bounded}");
    println!("a file that is not there: {}", missing.is_err());
    fs::remove_dir_all(&folder)
}
