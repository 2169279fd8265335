//! The body of an inline scope may be over before its children are: they cannot borrow what it owns.

fn main() {
    ingather::block_on(ingather::inline::scope(|tg| async move {
        let text = String::from("the body's own");
        tg.spawn(async { text.len() }).await
    }));
}
