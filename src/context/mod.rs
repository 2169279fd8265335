//! Context: values that are set around a piece of work and can be read everywhere in it.
//!
//! - `variable`: [`ContextVar`], the key of one value
//! - `vars`: all that is set, shared and never changed
//! - `current`: what is set on this thread right now
//! - `snapshot`: [`ContextSnapshot`], what was set at some time, to be taken elsewhere
//! - `with_context`: a future around which something is set

mod current;
mod snapshot;
mod variable;
mod vars;
mod with_context;

pub(crate) use current::{enter, is_set, snapshot};
pub use snapshot::ContextSnapshot;
pub use variable::ContextVar;
pub(crate) use vars::Vars;
pub use with_context::WithContext;
