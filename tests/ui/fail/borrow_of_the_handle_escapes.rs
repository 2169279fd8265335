//! A child cannot borrow the handle that its body owns.

use ingather::{block_on, scope};

fn main() {
    block_on(scope(|tg| async move {
        let borrowed = &tg;
        let _key = tg.spawn(async { borrowed.len() });
    }));
}
