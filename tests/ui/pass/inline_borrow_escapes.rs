//! A key whose value borrows nothing goes anywhere.

#[expect(clippy::async_yields_async, reason = "it is what escapes")]
pub(crate) fn main() {
    let key = {
        let text = String::from("gone by then");
        ingather::block_on(ingather::inline::scope(|tg| {
            let text = &text;
            async move { tg.spawn(async { text.len() }) }
        }))
    };
    assert_eq!(ingather::block_on(key), Ok(12));
}
