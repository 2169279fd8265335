//! One whose children run inside the awaiting task does.

pub(crate) fn main() {
    let text = String::from("the caller's own");
    ingather::block_on(ingather::inline::scope(|tg| {
        let text = &text;
        async move { drop(tg.spawn(async { text.len() })) }
    }));
}
