//! `assert_pending!` and `assert_ready!`: what a poll gave.

/// Asserts that a poll gave [`Pending`](std::task::Poll::Pending).
///
/// Further arguments are a message, as with [`assert!`]. The feature `testing` brings it.
///
/// # Panics
///
/// If the poll is ready; with the value, which therefore has to have [`Debug`].
///
/// # Examples
///
/// ```
/// use ingather::testing::{ByHand, yield_now};
///
/// let mut suspends = ByHand::new(yield_now());
/// ingather::assert_pending!(suspends.poll());
/// ingather::assert_ready!(suspends.poll(), "it suspends {}", "once");
/// ```
#[macro_export]
macro_rules! assert_pending {
    ($poll:expr $(,)?) => {
        match $poll {
            ::std::task::Poll::Pending => {}
            ::std::task::Poll::Ready(value) => {
                ::std::panic!("it ought to be pending, and is ready with {value:?}")
            }
        }
    };
    ($poll:expr, $($message:tt)+) => {
        match $poll {
            ::std::task::Poll::Pending => {}
            ::std::task::Poll::Ready(value) => ::std::panic!(
                "it ought to be pending, and is ready with {value:?}: {}",
                ::std::format_args!($($message)+)
            ),
        }
    };
}

/// Asserts that a poll is [`Ready`](std::task::Poll::Ready), and gives the value.
///
/// Further arguments are a message, as with [`assert!`]. The feature `testing` brings it.
///
/// # Panics
///
/// If the poll is pending.
///
/// # Examples
///
/// ```
/// use ingather::testing::ByHand;
///
/// let mut ready = ByHand::new(async { 7 });
/// assert_eq!(ingather::assert_ready!(ready.poll()), 7);
/// ```
#[macro_export]
macro_rules! assert_ready {
    ($poll:expr $(,)?) => {
        match $poll {
            ::std::task::Poll::Ready(value) => value,
            ::std::task::Poll::Pending => ::std::panic!("it ought to be ready, and is pending"),
        }
    };
    ($poll:expr, $($message:tt)+) => {
        match $poll {
            ::std::task::Poll::Ready(value) => value,
            ::std::task::Poll::Pending => ::std::panic!(
                "it ought to be ready, and is pending: {}",
                ::std::format_args!($($message)+)
            ),
        }
    };
}
