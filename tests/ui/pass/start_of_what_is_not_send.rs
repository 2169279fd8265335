//! What is gone before the first `.await` need not be `Send`.

use std::rc::Rc;

async fn serve(ready: ingather::Ready<u16>) {
    let port = *Rc::new(80);
    ready.started(port).unwrap();
    std::future::ready(()).await;
}

pub(crate) fn main() {
    ingather::block_on(ingather::scope(|tg| async move {
        let (_server, port) = tg.start(serve).await.unwrap();
        assert_eq!(port, 80);
    }));
}
