//! A runner with a tokio runtime inside.

use super::AsyncRunnerOptions;
use crate::spawner::LoopKind;

impl AsyncRunnerOptions {
    /// Runs a tokio runtime of its own, so that tokio's timers and sockets work in its tasks: a current-thread one, or with several
    /// [threads](Self::threads) a multi-thread one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ingather::bridge::AsyncRunner;
    ///
    /// let runner = AsyncRunner::builder().tokio().start()?;
    /// runner.run(async { tokio::time::sleep(Duration::from_millis(1)).await }).unwrap();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn tokio(mut self) -> Self {
        self.kind = LoopKind::Runtime;
        self
    }
}
