//! The scope is over before what its children borrow is gone.

pub(crate) fn main() {
    let text = String::from("there long enough");
    let scope = ingather::inline::scope(|tg| {
        let text = &text;
        async move { drop(tg.spawn(async { text.len() })) }
    });
    ingather::block_on(scope);
    drop(text);
}
