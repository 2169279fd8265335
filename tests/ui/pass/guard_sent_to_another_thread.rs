//! The spawner goes to the other thread, which enters it itself.

use ingather::spawner::{Embedded, current_spawner, enter};

pub(crate) fn main() {
    let _guard = enter(&Embedded);
    let spawner = current_spawner();
    std::thread::spawn(move || drop(enter(&spawner)))
        .join()
        .unwrap();
}
