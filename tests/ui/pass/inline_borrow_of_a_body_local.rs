//! What outlives the scope's future can be borrowed, whoever owns it.

pub(crate) fn main() {
    let text = String::from("the caller's own");
    let len = ingather::block_on(ingather::inline::scope(|tg| {
        let text = &text;
        async move { tg.spawn(async { text.len() }).await }
    }));
    assert_eq!(len, Ok(16));
}
