//! A `vec!` for calls of any functions, so that they can be written as a list.
//!
//! A `Vec` has one type of element, and each closure and each `async fn` has a type of its own. So `gather(vec![|| f1(), || f2()])` of
//! two different functions is the error E0308 inside of `std`'s `vec!`. With this one in its place, which has to be imported by
//! name, a list of closures without arguments becomes [`calls!`](crate::calls); everything else goes to `std`'s.
//!
//! # Examples
//!
//! ```
//! use ingather::literal::vec;
//! use ingather::{block_on, gather};
//!
//! async fn f1() -> u32 { 1 }
//! async fn f2() -> u32 { 2 }
//!
//! assert_eq!(block_on(gather(vec![|| f1(), || f2()])), vec![1, 2]);
//! ```

#[doc(inline)]
pub use super::__literal_vec as vec;

/// `calls!` for a list of closures without arguments, `std`'s `vec!` for everything else.
#[doc(hidden)]
#[macro_export]
macro_rules! __literal_vec {
    ($(|| $call:expr),+ $(,)?) => { $crate::calls![$(|| $call),+] };
    ($($all:tt)*) => { ::std::vec![$($all)*] };
}
