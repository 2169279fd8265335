//! Executors that ingather has no feature for, each made a spawner.
//!
//! Each file stands by itself: copy the one that you need into your program, and its test with it.
//!
//! - `bevy`: a `TaskPool` of bevy_tasks, and what it runs on each of its threads
//! - `compio`: the runtime of compio
//! - `glib`: a `MainContext` of GLib
//! - `glommio`: the executor of glommio
//! - `monoio`: the runtime of monoio
//!
//! How one is written is told in `docs/adapters.md` of ingather.

#[cfg(feature = "bevy")]
pub mod bevy;
#[cfg(feature = "compio")]
pub mod compio;
#[cfg(feature = "glib")]
pub mod glib;
#[cfg(all(feature = "glommio", target_os = "linux"))]
pub mod glommio;
#[cfg(all(feature = "monoio", target_os = "linux"))]
pub mod monoio;
