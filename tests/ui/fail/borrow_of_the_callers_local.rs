//! A scope that is awaited can be forgotten half-way, so its children cannot borrow from the caller either.

fn main() {
    let text = String::from("the caller's own");
    ingather::block_on(ingather::scope(|tg| {
        let text = &text;
        async move { tg.spawn(async move { text.len() }).await }
    }));
}
