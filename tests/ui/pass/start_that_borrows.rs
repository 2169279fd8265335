//! In an inline scope it can: dropped or forgotten with the scope, it runs no more.

pub(crate) fn main() {
    let name = String::from("server");
    ingather::block_on(ingather::inline::scope(|tg| {
        let name = &name;
        async move {
            let (_server, length) = tg
                .start(move |ready| async move { ready.started(name.len()).unwrap() })
                .await
                .unwrap();
            assert_eq!(length, 6);
        }
    }));
}
