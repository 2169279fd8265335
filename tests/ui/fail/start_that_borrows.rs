//! A child that has started goes on after its `start` is over, so in a scope it cannot borrow.

fn main() {
    let name = String::from("server");
    drop(ingather::scope(|tg| {
        let name = &name;
        async move {
            let _server = tg
                .start(move |ready| async move { ready.started(name.len()).unwrap() })
                .await;
        }
    }));
}
