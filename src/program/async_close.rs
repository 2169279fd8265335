//! Values that take time to be closed.

use std::error::Error;
use std::future::Future;

/// A value whose end takes time, and may fail: a connection that says goodbye, a file that is flushed.
///
/// A destructor can neither await nor give an error. [`ExitStack::push_close`](crate::program::ExitStack::push_close) takes such a
/// value and closes it at its turn. For a value of another crate there is
/// [`push_with`](crate::program::ExitStack::push_with), which takes the closing along as a callback.
///
/// # Cancel safety
///
/// What a `close` that was dropped half-way leaves undone is up to the type. It should at least release what it holds.
///
/// # Examples
///
/// ```
/// use std::convert::Infallible;
/// use std::sync::mpsc::Sender;
///
/// use ingather::program::{AsyncClose, ExitStack};
/// use ingather::block_on;
///
/// struct Connection(Sender<&'static str>);
///
/// impl AsyncClose for Connection {
///     type Error = Infallible;
///
///     async fn close(self) -> Result<(), Infallible> {
///         self.0.send("goodbye").unwrap();
///         Ok(())
///     }
/// }
///
/// let (said, words) = std::sync::mpsc::channel();
/// let mut stack = ExitStack::new();
/// stack.push_close(Connection(said));
/// block_on(stack.close()).unwrap();
/// assert_eq!(words.recv(), Ok("goodbye"));
/// ```
pub trait AsyncClose: Send {
    /// What may go wrong.
    type Error: Into<Box<dyn Error + Send + Sync>>;

    /// Ends the value.
    fn close(self) -> impl Future<Output = Result<(), Self::Error>> + Send;
}
