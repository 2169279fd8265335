//! A child that says when it has started may be moved between threads like any other, so what it holds must be `Send`.

use std::rc::Rc;

async fn serve(ready: ingather::Ready<u16>) {
    let port = Rc::new(80);
    ready.started(*port).unwrap();
    std::future::ready(()).await;
    drop(port);
}

fn main() {
    drop(ingather::scope(|tg| async move {
        let _server = tg.start(serve).await;
    }));
}
