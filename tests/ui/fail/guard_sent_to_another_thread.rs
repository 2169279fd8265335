//! The guard of `enter` restores the spawner of its own thread.

use ingather::{enter, spawner::Embedded};

fn main() {
    let guard = enter(&Embedded);
    std::thread::spawn(move || drop(guard)).join().unwrap();
}
