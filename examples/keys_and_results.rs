//! Keys: each names a child, with the type of its result, and tells why there is none.
//!
//! Prints:
//!
//! ```text
//! before: the child is not over: await its key or join the group
//! after: 42 and "text"
//! again: the result was taken before
//! cancelled: true
//! ```

use std::future::pending;

use futures::channel::oneshot;
use ingather::{GatherGroup, GatherIncomplete, block_on};

fn main() {
    block_on(async {
        let group = GatherGroup::new();
        let (go, gone) = oneshot::channel::<()>();
        let mut number = group.spawn(async { gone.await.map_or(0, |()| 42) }); // Key<u32>
        let text = group.named("text").start_soon(async || "text"); // Key<&str>

        let before = group.get_result(&number);
        println!("before: {}", before.as_ref().unwrap_err());
        assert_eq!(before, Err(GatherIncomplete::Running));

        go.send(()).expect("the child waits");
        let tally = group.join().await;
        assert_eq!((tally.ok, tally.failed), (2, 0));

        // A look leaves the result where it is; an await takes it, and so does `take_result`.
        assert_eq!(group.get_result(&number), Ok(&42));
        let (n, s) = (
            (&mut number).await.unwrap(),
            group.take_result(text).unwrap(),
        );
        println!("after: {n} and {s:?}");
        assert_eq!((n, s), (42, "text"));

        let again = group.get_result(&number);
        println!("again: {}", again.as_ref().unwrap_err());
        assert_eq!(again, Err(GatherIncomplete::Taken));

        let other = GatherGroup::new();
        let never = other.spawn(pending::<()>());
        other.cancel();
        other.join().await;
        let cancelled = never.await.unwrap_err().is_cancelled();
        println!("cancelled: {cancelled}");
        assert!(cancelled);
    });
}
