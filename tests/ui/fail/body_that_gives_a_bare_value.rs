//! The body of a scope that can fail gives a `Result`, nothing, or never ends.

use ingather::try_scope;

async fn seven() -> Result<u32, ingather::GroupError<std::num::ParseIntError>> {
    try_scope(|tg| async move {
        tg.try_spawn(async { "7".parse::<u32>() });
        7
    })
    .await
}

fn main() {
    assert_eq!(ingather::block_on(seven()).unwrap(), 7);
}
