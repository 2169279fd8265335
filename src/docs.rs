//! The guides that come with the crate, as pages.

#[doc = include_str!("../docs/guide.md")]
pub mod guide {}
#[doc = include_str!("../docs/tasks.md")]
pub mod tasks {}
/// Coming from another library: a piece of code before and after, and what is called what.
pub mod porting {
    #[doc = include_str!("../docs/porting/joinset.md")]
    pub mod joinset {}
    #[doc = include_str!("../docs/porting/futures_unordered.md")]
    pub mod futures_unordered {}
    #[doc = include_str!("../docs/porting/moro.md")]
    pub mod moro {}
    #[doc = include_str!("../docs/porting/trio.md")]
    pub mod trio {}
    #[doc = include_str!("../docs/porting/kotlin.md")]
    pub mod kotlin {}
    #[doc = include_str!("../docs/porting/prefect.md")]
    pub mod prefect {}
}
#[doc = include_str!("../docs/semantics.md")]
pub mod semantics {}
#[doc = include_str!("../docs/capabilities.md")]
pub mod capabilities {}
#[doc = include_str!("../docs/comparison.md")]
pub mod comparison {}
#[cfg(feature = "testing")]
#[doc = include_str!("../docs/adapters.md")]
pub mod adapters {}
#[cfg(feature = "testing")]
#[doc = include_str!("../docs/testing.md")]
pub mod testing {}
#[doc = include_str!("../docs/design.md")]
pub mod design {}
#[doc = include_str!("../docs/internals.md")]
pub mod internals {}
#[doc = include_str!("../docs/benchmarks.md")]
pub mod benchmarks {}
