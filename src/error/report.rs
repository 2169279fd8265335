//! A group error as a tree: each leaf with its sources, and with what failed in groups inside.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::iter::successors;
use std::sync::Arc;

use super::{Failure, GroupError};
use crate::shows::shows;

/// An error as such, where its type is a box of one. For a type that need not be an error nothing else can be known.
pub(crate) fn boxed<E: 'static>(error: &E) -> Option<&(dyn Error + 'static)> {
    let error: &dyn Any = error;
    let shared = error.downcast_ref::<Box<dyn Error + Send + Sync>>();
    let shared = shared.map(|error| &**error as &(dyn Error + 'static));
    let sent = || {
        error
            .downcast_ref::<Box<dyn Error + Send>>()
            .map(|error| &**error as _)
    };
    let local = || error.downcast_ref::<Box<dyn Error>>().map(|error| &**error);
    let counted = || {
        error
            .downcast_ref::<Arc<dyn Error + Send + Sync>>()
            .map(|error| &**error as _)
    };
    shared.or_else(sent).or_else(local).or_else(counted)
}

/// The text of [`GroupError::report`].
pub struct Report<'a, E>(&'a GroupError<E>);

impl<'a, E> Report<'a, E> {
    pub(super) fn new(error: &'a GroupError<E>) -> Self {
        Self(error)
    }
}

impl<E: Error + 'static> fmt::Display for Report<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tree(self.0, 0, f)
    }
}

fn tree<E: Error + 'static>(
    group: &GroupError<E>,
    depth: usize,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    match group.name() {
        Some(name) => write!(f, "group `{name}`")?,
        None => f.write_str("a group")?,
    }
    match group.cut_short() {
        Some(reason) => write!(f, ", which was {reason}:")?,
        None => f.write_str(" failed:")?,
    }
    for leaf in group {
        write!(f, "\n{:depth$}- ", "")?;
        match leaf.child() {
            Some(child) => write!(f, "{child}: ")?,
            None if leaf.failure().is_cancelled() => {}
            None => f.write_str("the body: ")?,
        }
        let first: &(dyn Error + 'static) = match leaf.failure() {
            Failure::Error(error) => error,
            Failure::Panicked(panic) => panic,
            Failure::Cancelled(reason) => reason,
        };
        let mut text = String::new();
        for error in successors(Some(first), |error| (**error).source()) {
            if let Some(inside) = error.downcast_ref::<GroupError<E>>() {
                if !text.is_empty() {
                    write!(f, "\n{:depth$}  caused by: ", "")?;
                }
                tree(inside, depth + 2, f)?;
                break;
            }
            let said = error.to_string();
            // An error that is transparent says what its source says.
            if text.is_empty() {
                f.write_str(&said)?;
            } else if said != text {
                write!(f, "\n{:depth$}  caused by: {said}", "")?;
            }
            text = said;
        }
    }
    Ok(())
}

shows!([E] Report<'_, E>, ..);
