//! They can borrow from the frame around it, and change what each of them borrows alone.

pub(crate) fn main() {
    let (text, mut lens) = (String::from("the caller's own"), [0, 0]);
    ingather::parallel::scope(|tg| {
        for len in &mut lens {
            drop(tg.spawn(async { *len = text.len() }));
        }
    });
    assert_eq!(lens, [16, 16]);
}
