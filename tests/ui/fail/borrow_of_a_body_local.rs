//! A child runs elsewhere and may outlive the body: it cannot borrow what the body owns.

fn main() {
    ingather::block_on(ingather::scope(|tg| async move {
        let text = String::from("the body's own");
        tg.spawn(async { text.len() }).await
    }));
}
