//! Afterwards it can, and a child may change what it alone borrows.

pub(crate) fn main() {
    let mut text = String::from("before");
    ingather::block_on(ingather::inline::scope(|tg| {
        let text = &mut text;
        async move { drop(tg.spawn(async { text.push_str(", meanwhile") })) }
    }));
    text.push_str(" and after");
    assert_eq!(text, "before, meanwhile and after");
}
