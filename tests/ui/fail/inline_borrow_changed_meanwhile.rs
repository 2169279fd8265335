//! What the children of a scope borrow cannot be changed while the scope is there.

fn main() {
    let mut text = String::from("before");
    let scope = ingather::inline::scope(|tg| {
        let text = &text;
        async move { drop(tg.spawn(async { text.len() })) }
    });
    text.push_str(" and after");
    ingather::block_on(scope);
}
