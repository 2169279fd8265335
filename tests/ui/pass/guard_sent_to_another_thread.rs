//! The spawner goes to the other thread, which enters it itself.

use ingather::{current_spawner, enter, spawner::Embedded};

fn main() {
    let _guard = enter(&Embedded);
    let spawner = current_spawner();
    std::thread::spawn(move || drop(enter(&spawner)))
        .join()
        .unwrap();
}
