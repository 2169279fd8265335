//! What the children of a scope borrow has to outlive the scope's future.

fn main() {
    let scope = {
        let text = String::from("gone too early");
        ingather::inline::scope(|tg| {
            let text = &text;
            async move { drop(tg.spawn(async { text.len() })) }
        })
    };
    ingather::block_on(scope);
}
