//! What a child needs is moved into it.

pub(crate) fn main() {
    let len = ingather::block_on(ingather::scope(|tg| async move {
        let text = String::from("the child's own");
        tg.spawn(async move { text.len() }).await
    }));
    assert_eq!(len, Ok(15));
}
