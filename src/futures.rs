//! The named futures and streams that the functions of this crate give, and the markers in their types.

pub use crate::gather::{Settling, Trying, Values};
pub use crate::group::{Completions, Join, Next, SpawnWhenFree, TryJoin};
pub use crate::scope::{Fallible, Form, ScopeFuture, Value};
