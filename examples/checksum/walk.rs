//! The walk: a scope for each directory, whose children are its files and the walks of its directories.
//!
//! Two kinds of errors are kept apart. A file that cannot be read is a result like any other: it has its [`Line`], and
//! nobody else is disturbed. What makes the walk itself impossible (no thread to read files with, an executor that is
//! gone) is the error of a child: it cancels the child's siblings, and comes out of one scope after the other.

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use futures::future::{BoxFuture, FutureExt};
use indicatif::ProgressBar;
use ingather::threads::BlockingPool;
use ingather::{GroupOptions, Spawner, to_thread};

use crate::disk::{self, Entry, Sum};

/// What stops a walk. A scope's `GroupError` becomes one with `?`, and so does what a key says that has no result.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// What is to be said of a file, or of a directory that cannot be read.
pub(crate) struct Line {
    pub(crate) path: PathBuf,
    pub(crate) sum: io::Result<Sum>,
}

impl Line {
    fn bytes(&self) -> &[u8] {
        self.path.as_os_str().as_encoded_bytes()
    }
}

/// What all parts of a walk need; clones share it.
#[derive(Clone)]
pub(crate) struct Walk {
    limit: NonZeroUsize,
    pool: BlockingPool,
    bar: ProgressBar,
}

impl Walk {
    /// A walk that reads at most `limit` files and directories at a time.
    pub(crate) fn new(limit: NonZeroUsize, bar: ProgressBar) -> Self {
        let pool = BlockingPool::builder()
            .name("checksum")
            .threads(limit.get());
        let pool = pool.build();
        Self { limit, pool, bar }
    }

    /// The lines of all that is below these paths, sorted by the bytes of theirs.
    pub(crate) async fn run<S>(self, spawner: &S, paths: Vec<PathBuf>) -> Result<Vec<Line>, Error>
    where
        S: Spawner + Clone + 'static,
    {
        let look = move || paths.into_iter().map(disk::named).collect();
        let entries = self.call(look).await?;
        // Only here is the spawner named: the scopes inside find it as the current one.
        let options = GroupOptions::new().on(spawner);
        let mut lines = self.level(options, entries).await?;
        lines.sort_by(|a, b| a.bytes().cmp(b.bytes()));
        Ok(lines)
    }

    /// The lines of some entries: one scope.
    ///
    /// Boxed, because inside are the futures of the levels below.
    fn level(
        self,
        options: GroupOptions,
        entries: Vec<Entry>,
    ) -> BoxFuture<'static, Result<Vec<Line>, Error>> {
        // Children above the limit wait in line, unpolled: the pool could not serve more of them.
        let scope = options.limit(self.limit.get()).try_scope(|tg| async move {
            let (mut lines, mut files, mut directories) = (Vec::new(), Vec::new(), Vec::new());
            for entry in entries {
                match entry {
                    Entry::File(path) => {
                        self.bar.inc_length(1);
                        files.push(tg.try_spawn(self.clone().file(path)));
                    }
                    Entry::Directory(path) => {
                        directories.push(tg.try_spawn(self.clone().directory(path)));
                    }
                    Entry::Closed(path, error) => lines.push(Line {
                        path,
                        sum: Err(error),
                    }),
                }
            }
            for key in files {
                lines.push(key.await?);
            }
            for key in directories {
                lines.append(&mut key.await?);
            }
            Ok(lines)
        });
        scope.map(|lines| Ok(lines?)).boxed()
    }

    /// Calls what blocks on one of the threads. The error: there is none, nor can one be started.
    async fn call<T: Send + 'static>(
        &self,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let called = to_thread(call).on(&self.pool).or_refused().await;
        called.map_err(|refused| refused.to_string().into())
    }

    async fn file(self, path: PathBuf) -> Result<Line, Error> {
        let read = move || Line {
            sum: disk::sum(&path),
            path,
        };
        let line = self.call(read).await?;
        self.bar.inc(1);
        Ok(line)
    }

    async fn directory(self, path: PathBuf) -> Result<Vec<Line>, Error> {
        let entries = self.call(move || disk::list(&path)).await?;
        self.level(GroupOptions::new(), entries).await
    }
}
