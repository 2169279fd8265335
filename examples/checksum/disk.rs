//! What is asked of the file system. All of it blocks, so it is called on the threads of the pool.

use std::cell::RefCell;
use std::fs::{self, DirEntry, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// How much of a file is in memory at a time.
const PIECE: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; PIECE].into());
}

pub(crate) type Sum = [u8; 32];

/// What there is to do about a path.
pub(crate) enum Entry {
    File(PathBuf),
    Directory(PathBuf),
    /// It cannot be looked at.
    Closed(PathBuf, io::Error),
}

/// What the user named: a link leads to where it points, and whatever is no directory is read like a file.
pub(crate) fn named(path: PathBuf) -> Entry {
    match fs::metadata(&path) {
        Ok(data) if data.is_dir() => Entry::Directory(path),
        Ok(_) => Entry::File(path),
        Err(error) => Entry::Closed(path, error),
    }
}

/// The regular files and the directories in a directory; links are neither.
///
/// Where the system gives up half way, what it has told by then is there, and the error.
pub(crate) fn list(directory: &Path) -> Vec<Entry> {
    let closed = |error| Entry::Closed(directory.into(), error);
    match fs::read_dir(directory) {
        Ok(entries) => entries
            .filter_map(|found| entry(found).unwrap_or_else(|error| Some(closed(error))))
            .collect(),
        Err(error) => vec![closed(error)],
    }
}

fn entry(found: io::Result<DirEntry>) -> io::Result<Option<Entry>> {
    let found = found?;
    let kind = found.file_type()?;
    Ok(if kind.is_file() {
        Some(Entry::File(found.path()))
    } else if kind.is_dir() {
        Some(Entry::Directory(found.path()))
    } else {
        None
    })
}

/// The SHA-256 of what is in a file.
pub(crate) fn sum(path: &Path) -> io::Result<Sum> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    BUFFER.with_borrow_mut(|buffer| {
        loop {
            match file.read(buffer) {
                Ok(0) => return Ok(hash.finalize().into()),
                Ok(length) => hash.update(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    })
}
