//! A child's value that borrows does not leave what it borrows from.

fn main() {
    let key = {
        let text = String::from("gone too early");
        ingather::block_on(ingather::inline::scope(|tg| {
            let text = &text;
            async move { tg.spawn(async { text.as_str() }) }
        }))
    };
    let _text = ingather::block_on(key);
}
