//! The body itself runs in the caller's future and may borrow from the caller.

pub(crate) fn main() {
    let text = String::from("the caller's own");
    let len = ingather::block_on(ingather::scope(|tg| {
        let text = &text;
        async move { text.len() + tg.spawn(async { 1 }).await.unwrap() }
    }));
    assert_eq!(len, 17);
}
