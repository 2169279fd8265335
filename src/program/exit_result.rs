//! What a callback may give: nothing, or a result.

use super::exit_error::BoxError;

/// What a callback of an [`ExitStack`](crate::program::ExitStack) or of [`on_shutdown`](crate::on_shutdown) may give: `()` if it
/// cannot fail, or a `Result<(), E>` with any error that fits into a `Box<dyn Error + Send + Sync>`.
///
/// # Examples
///
/// ```
/// use ingather::program::ExitStack;
/// use ingather::block_on;
///
/// let mut stack = ExitStack::new();
/// stack.push_fn(|| {});
/// stack.push_fn(|| "seven".parse::<u8>().map(drop));
/// stack.push_fn(|| Err("a text is an error, too"));
/// assert_eq!(block_on(stack.close()).unwrap_err().len(), 2);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a callback may give",
    label = "neither `()` nor a `Result<(), E>`",
    note = "a callback gives `()`, or a `Result<(), E>` whose error fits into a `Box<dyn Error + Send + Sync>`"
)]
pub trait ExitResult: sealed::Sealed {}

impl ExitResult for () {}
impl<E: Into<BoxError>> ExitResult for Result<(), E> {}

pub(super) mod sealed {
    use super::BoxError;

    #[expect(unnameable_types, reason = "the trait is sealed")]
    pub trait Sealed {
        fn into_result(self) -> Result<(), BoxError>;
    }

    impl Sealed for () {
        fn into_result(self) -> Result<(), BoxError> {
            Ok(())
        }
    }

    impl<E: Into<BoxError>> Sealed for Result<(), E> {
        fn into_result(self) -> Result<(), BoxError> {
            self.map_err(Into::into)
        }
    }
}
