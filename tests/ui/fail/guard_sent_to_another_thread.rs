//! The guard of `enter` restores the spawner of its own thread.

use ingather::spawner::{Embedded, enter};

fn main() {
    let guard = enter(&Embedded);
    std::thread::spawn(move || drop(guard)).join().unwrap();
}
