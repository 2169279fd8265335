//! The guides that come with the crate, as pages.

#[doc = include_str!("../docs/guide.md")]
pub mod guide {}
#[doc = include_str!("../docs/semantics.md")]
pub mod semantics {}
#[doc = include_str!("../docs/capabilities.md")]
pub mod capabilities {}
#[doc = include_str!("../docs/comparison.md")]
pub mod comparison {}
#[cfg(feature = "testing")]
#[doc = include_str!("../docs/testing.md")]
pub mod testing {}
#[doc = include_str!("../docs/design.md")]
pub mod design {}
#[doc = include_str!("../docs/internals.md")]
pub mod internals {}
#[doc = include_str!("../docs/benchmarks.md")]
pub mod benchmarks {}
