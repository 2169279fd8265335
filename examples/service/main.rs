//! A job server: each line that comes over TCP is a job, and no job that was accepted is lost when the program leaves.
//!
//! ```sh
//! cargo run --example service -- --address 127.0.0.1:7000 --journal /tmp/journal
//! ```
//!
//! Then `echo some words | nc 127.0.0.1 7000`, and Ctrl-C. The first leaves in order; a second would not wait.

mod journal;
mod server;

use std::io;
use std::path::PathBuf;
use std::process::exit;

use ingather::program::Exit;
use server::Options;

fn main() -> Exit<io::Result<()>> {
    server::serve(options(), |address| println!("listening on {address}"))
}

fn options() -> Options {
    let mut options = Options {
        address: "127.0.0.1:0".to_owned(),
        journal: PathBuf::from("journal"),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match (word.as_str(), words.next()) {
            ("--address", Some(address)) => options.address = address,
            ("--journal", Some(path)) => options.journal = path.into(),
            _ => {
                eprintln!("usage: service [--address HOST:PORT] [--journal FILE]");
                exit(2);
            }
        }
    }
    options
}
