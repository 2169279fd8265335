//! The children of a blocking scope go on after its body: they cannot borrow what that owns.

fn main() {
    ingather::parallel::scope(|tg| {
        let text = String::from("the body's own");
        drop(tg.spawn(async { text.len() }));
    });
}
