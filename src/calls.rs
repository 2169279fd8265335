//! `calls!`: lists calls of different types that give the same.

/// Lists calls whose futures have different types and give the same, for [`gather`](crate::gather()) and its relatives.
///
/// Each is a call such as `f(1)`, whose future is made here, or a closure without arguments that makes it, `|| f(1)`, which is called
/// where the child runs. The results are a `Vec`, in call order. Nothing is boxed.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, calls, gather, race, try_gather};
///
/// async fn one() -> u32 { 1 }
/// async fn double(n: u32) -> u32 { 2 * n }
/// async fn parse(text: &str) -> Result<u32, std::num::ParseIntError> { text.parse() }
///
/// assert_eq!(block_on(gather(calls![one(), double(1), || double(4)])), [1, 2, 8]);
/// assert_eq!(block_on(race(calls![one(), std::future::pending()])), 1);
/// let numbers = block_on(try_gather(calls![parse("1"), async { Ok(one().await) }]));
/// assert_eq!(numbers.unwrap(), [1, 1]);
/// ```
#[macro_export]
macro_rules! calls {
    (@more $list:expr $(,)?) => { $list };
    (@more $list:expr, || $call:expr $(, $($rest:tt)*)?) => {
        $crate::calls!(@more $list.and(|| $call), $($($rest)*)?)
    };
    (@more $list:expr, move || $call:expr $(, $($rest:tt)*)?) => {
        $crate::calls!(@more $list.and(move || $call), $($($rest)*)?)
    };
    (@more $list:expr, $future:expr $(, $($rest:tt)*)?) => {
        $crate::calls!(@more $list.and({ let future = $future; move || future }), $($($rest)*)?)
    };
    (|| $call:expr $(, $($rest:tt)*)?) => {
        $crate::calls!(@more $crate::types::CallList::of(|| $call), $($($rest)*)?)
    };
    (move || $call:expr $(, $($rest:tt)*)?) => {
        $crate::calls!(@more $crate::types::CallList::of(move || $call), $($($rest)*)?)
    };
    ($future:expr $(, $($rest:tt)*)?) => {
        $crate::calls!(
            @more $crate::types::CallList::of({ let future = $future; move || future }), $($($rest)*)?
        )
    };
}
