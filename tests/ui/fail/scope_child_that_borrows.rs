//! A scope that can be awaited, and whose children run elsewhere, lends them nothing.

fn main() {
    let text = String::from("the caller's own");
    ingather::block_on(ingather::scope(|tg| {
        let text = &text;
        async move { drop(tg.spawn(async { text.len() })) }
    }));
}
