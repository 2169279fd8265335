//! A task can gather calls whose values, captures and errors have a lifetime in their type, as long as it is `'static`.

use std::error::Error;

use ingather::{block_on, gather, gather_settled, scope, try_gather};

type Boxed = Box<dyn Error + Send + Sync>;

async fn text(text: &'static str) -> &'static str {
    text
}

pub(crate) fn main() {
    let all = block_on(scope(|tg| async move {
        let key = tg.spawn(async {
            let texts = gather(vec![|| text("one"), || text("two")]).await;
            let pair = gather((
                || text("three"),
                || async { Box::<dyn Fn() + Send>::from(Box::new(|| ())) },
            ))
            .await;
            let tried = try_gather([|| async { Ok::<_, Boxed>("four") }])
                .await
                .unwrap();
            let settled = gather_settled([|| async { Err::<(), _>("five") }]).await;
            (
                texts,
                pair.0,
                tried,
                settled.into_iter().map(|one| one.err()).collect::<Vec<_>>(),
            )
        });
        key.await.unwrap()
    }));
    assert_eq!(
        all,
        (
            vec!["one", "two"],
            "three",
            vec!["four"],
            vec![Some("five")]
        )
    );
}
