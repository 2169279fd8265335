//! Gather: several calls at once, their results in the order of the calls.
//!
//! Prints:
//!
//! ```text
//! [1, 4, 9]
//! (3, "three")
//! not a number: two
//! [Ok(1), Err("not a number: two")]
//! ```

use ingather::{Outcome, block_on, gather, gather_settled, try_gather};

async fn square(n: u64) -> u64 {
    n * n
}

async fn count() -> usize {
    3
}

async fn name() -> &'static str {
    "three"
}

async fn parse(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("not a number: {text}"))
}

fn main() {
    block_on(async {
        // One type of callable: a `Vec`, an array or an iterator.
        let squares = gather((1..=3).map(|n| move || square(n))).await;
        println!("{squares:?}");
        assert_eq!(squares, [1, 4, 9]);

        // Several types: a tuple.
        let both = gather((count, name)).await;
        println!("{both:?}");
        assert_eq!(both, (3, "three"));

        // The first error cancels the other calls, and everything that failed comes out.
        let error = try_gather(["1", "two"].map(|text| move || parse(text)))
            .await
            .unwrap_err();
        println!("{}", error.first());
        assert_eq!(error.first().to_string(), "not a number: two");

        // Neither does anything to the other here.
        let outcomes = gather_settled(["1", "two"].map(|text| move || parse(text))).await;
        println!("{outcomes:?}");
        assert!(matches!(&outcomes[..], [Outcome::Ok(1), Outcome::Err(_)]));
    });
}
