//! Why something was cancelled: the first cause, kept for good.

use std::error::Error;
use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Weak};

use super::who;
use crate::error::ChildInfo;

/// What made a group or a child end before its time.
///
/// The first cause wins: a group that was cancelled because a child failed stays so, whatever happens afterwards. Where it
/// reaches groups and tokens further in, they read [`Parent`](CancelKind::Parent), and [`root`](Self::root) leads back to
/// the first cause. Cloning is cheap.
///
/// Two reasons are equal if they tell of the same cause: kind, child, message and source.
///
/// # Examples
///
/// ```
/// use ingather::cancel::CancelKind;
/// use ingather::{GatherGroup, GatherIncomplete, block_on};
///
/// block_on(async {
///     let group = GatherGroup::new();
///     let key = group.spawn(std::future::pending::<()>());
///     group.cancel();
///     group.join().await;
///     let Err(GatherIncomplete::Cancelled(reason)) = group.get_result(&key) else { unreachable!() };
///     assert_eq!(reason.kind(), CancelKind::Explicit);
/// });
/// ```
pub struct CancelReason(Arc<Cause>);

struct Cause {
    kind: CancelKind,
    child: Option<ChildInfo>,
    message: Option<String>,
    location: Option<&'static Location<'static>>,
    source: Option<CancelReason>,
    /// Of one that was handed out: what it is a copy of.
    original: Option<CancelReason>,
}

/// A reason that was handed out, by value. It is held as long as the code that has it keeps it, or what it was moved into.
pub(crate) struct Handed {
    cause: Weak<Cause>,
    own: CancelReason,
}

impl Handed {
    pub(crate) fn is_held(&self) -> bool {
        self.cause.strong_count() > 0
    }

    /// Why the code that has it is cancelled, if it is held.
    pub(crate) fn reason(&self) -> Option<CancelReason> {
        self.is_held().then(|| self.own.clone())
    }
}

/// The kinds of [`CancelReason`].
///
/// # Examples
///
/// ```
/// use ingather::cancel::CancelKind;
/// use ingather::{CancelReason, CancelToken};
///
/// /// Is this worth a line in the log?
/// fn is_news(reason: &CancelReason) -> bool {
///     !matches!(reason.kind(), CancelKind::NotNeeded | CancelKind::Shutdown)
/// }
///
/// let token = CancelToken::new();
/// token.cancel();
/// let reason = token.reason().expect("it is cancelled");
/// assert_eq!(reason.kind(), CancelKind::Explicit);
/// assert!(is_news(&reason));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelKind {
    /// Somebody called `cancel`.
    Explicit,
    /// The deadline passed.
    Deadline,
    /// A child of the same group failed or panicked; [`CancelReason::child`] says which.
    SiblingFailed,
    /// The body of the scope failed or panicked.
    BodyFailed,
    /// Whatever this belongs to was cancelled; [`CancelReason::source`] says why.
    Parent,
    /// It had done its part: the others of its group have what they need.
    NotNeeded,
    /// The scope or group was dropped before its end.
    Dropped,
    /// The group was closed before the child could be spawned.
    Closed,
    /// The program, or the part of it that this belongs to, is shutting down.
    Shutdown,
    /// The spawner refused or dropped the group's jobs, and nobody was left to run its children.
    Abandoned,
    /// It awaited something that cannot give its value, such as a [`gather`](crate::gather()) one of whose calls was
    /// cancelled; [`CancelReason::source`] says why that was.
    NoValue,
}

impl CancelReason {
    /// A request to cancel, from this place.
    #[track_caller]
    pub fn explicit() -> Self {
        Self::request(CancelKind::Explicit, None)
    }

    /// A request to cancel, from this place, with some words for those who ask why.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::cancel::CancelKind;
    /// use ingather::CancelReason;
    ///
    /// let reason = CancelReason::with_message("the client hung up");
    /// assert_eq!(reason.kind(), CancelKind::Explicit);
    /// assert_eq!(reason.to_string(), "cancelled by request: the client hung up");
    /// ```
    #[track_caller]
    pub fn with_message(message: impl Into<String>) -> Self {
        Self::request(CancelKind::Explicit, Some(message.into()))
    }

    /// A shutdown, asked for at this place.
    #[track_caller]
    pub fn shutdown() -> Self {
        Self::request(CancelKind::Shutdown, None)
    }

    /// A shutdown, asked for at this place, with some words for those who ask why: the name of a signal, for example.
    #[track_caller]
    pub fn shutdown_with_message(message: impl Into<String>) -> Self {
        Self::request(CancelKind::Shutdown, Some(message.into()))
    }

    pub(crate) fn new(kind: CancelKind) -> Self {
        Self::make(Cause::new(kind))
    }

    pub(crate) fn from_here(kind: CancelKind, location: &'static Location<'static>) -> Self {
        Self::make(Cause {
            location: Some(location),
            ..Cause::new(kind)
        })
    }

    pub(crate) fn sibling_failed(child: ChildInfo) -> Self {
        Self::make(Cause {
            child: Some(child),
            ..Cause::new(CancelKind::SiblingFailed)
        })
    }

    /// Of a group that has failed, for those to whom its failures were not given.
    pub(crate) fn failed_before(child: ChildInfo) -> Self {
        Self::make(Cause {
            child: Some(child),
            message: Some("an earlier join was given its failures".to_owned()),
            ..Cause::new(CancelKind::SiblingFailed)
        })
    }

    /// A sibling of this child was cancelled for that reason, and what it would have given is needed.
    pub(crate) fn sibling_cancelled(child: ChildInfo, source: Self) -> Self {
        Self::make(Cause {
            child: Some(child),
            source: Some(source),
            ..Cause::new(CancelKind::SiblingFailed)
        })
    }

    /// The reason of what awaits something that has no value to give for this reason.
    pub(crate) fn leaves_no_value(&self, what: &str, location: &'static Location<'static>) -> Self {
        Self::make(Cause {
            message: Some(format!("a call of `{what}` at {location}")),
            location: Some(location),
            source: Some(self.clone()),
            ..Cause::new(CancelKind::NoValue)
        })
    }

    /// The reason of what lacks a value that will not come.
    pub(crate) fn no_value(message: String) -> Self {
        Self::make(Cause {
            message: Some(message),
            ..Cause::new(CancelKind::NoValue)
        })
    }

    pub(crate) fn abandoned(message: String) -> Self {
        Self::make(Cause {
            message: Some(message),
            ..Cause::new(CancelKind::Abandoned)
        })
    }

    /// The reason of what belongs to something that was cancelled with this one.
    pub(crate) fn inherited(&self) -> Self {
        match self.kind() {
            CancelKind::Parent => self.clone(),
            _ => Self::make(Cause {
                source: Some(self.clone()),
                ..Cause::new(CancelKind::Parent)
            }),
        }
    }

    /// Did it come from outside of what was going on in the group, rather than from a failure in it or its success?
    pub(crate) fn cuts_short(&self) -> bool {
        !matches!(
            self.kind(),
            CancelKind::SiblingFailed | CancelKind::BodyFailed | CancelKind::NotNeeded
        )
    }

    /// What somebody asks for at the place of the caller: a child, if that is where it runs.
    #[track_caller]
    fn request(kind: CancelKind, message: Option<String>) -> Self {
        Self::make(Cause {
            child: who::runs_here(),
            message,
            location: Some(Location::caller()),
            ..Cause::new(kind)
        })
    }

    /// One like it that can be told from its clones, and what tells whether somebody holds it. `own` is what the code to which it is
    /// given reads.
    pub(crate) fn hand_out(self, own: Self) -> (Self, Handed) {
        let original = self.clone();
        let handed = Arc::new(Cause {
            kind: original.0.kind,
            child: original.0.child.clone(),
            message: original.0.message.clone(),
            location: original.0.location,
            source: original.0.source.clone(),
            original: Some(original),
        });
        let watched = Handed {
            cause: Arc::downgrade(&handed),
            own,
        };
        (Self(handed), watched)
    }

    /// Do both lead back to one and the same first cause?
    pub(crate) fn has_root_of(&self, other: &Self) -> bool {
        let first = |reason: &Self| {
            let root = reason.root();
            let root = root.0.original.as_ref().unwrap_or(root);
            Arc::as_ptr(&root.0)
        };
        first(self) == first(other)
    }

    fn make(cause: Cause) -> Self {
        Self(Arc::new(cause))
    }

    /// What kind of cause it was.
    pub fn kind(&self) -> CancelKind {
        self.0.kind
    }

    /// The child that was the cause, if one was: the one that failed, or in which somebody asked for the cancel.
    pub fn child(&self) -> Option<&ChildInfo> {
        self.0.child.as_ref()
    }

    /// What is known besides: what the caller said, or the error with which a spawner refused.
    pub fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// The call that cancelled, or that set the deadline, if it was one.
    pub fn location(&self) -> Option<&'static Location<'static>> {
        self.0.location
    }

    /// Why that was cancelled to which this belongs, for [`CancelKind::Parent`]; or that which was needed, for
    /// [`CancelKind::NoValue`] and for a sibling that was cancelled alone.
    pub fn source(&self) -> Option<&CancelReason> {
        self.0.source.as_ref()
    }

    /// The first cause of all: this reason itself, or the one that its sources lead back to.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::CancelReason;
    ///
    /// let reason = CancelReason::explicit();
    /// assert_eq!(reason.root(), &reason);
    /// ```
    pub fn root(&self) -> &CancelReason {
        let mut reason = self;
        while let Some(source) = reason.source() {
            reason = source;
        }
        reason
    }
}

impl Cause {
    fn new(kind: CancelKind) -> Self {
        Self {
            kind,
            child: None,
            message: None,
            location: None,
            source: None,
            original: None,
        }
    }
}

/// A clone of one that was handed out is not that one.
impl Clone for CancelReason {
    fn clone(&self) -> Self {
        let cause = match &self.0.original {
            Some(original) => &original.0,
            None => &self.0,
        };
        Self(Arc::clone(cause))
    }
}

impl PartialEq for CancelReason {
    fn eq(&self, other: &Self) -> bool {
        let (one, two) = (&*self.0, &*other.0);
        (one.kind, &one.child, &one.message, &one.source)
            == (two.kind, &two.child, &two.message, &two.source)
    }
}

impl Eq for CancelReason {}

/// So that [`checkpoint`](crate::checkpoint) and the like can go through `?`.
impl Error for CancelReason {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source().map(|source| source as &dyn Error)
    }
}

impl fmt::Debug for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("CancelReason");
        out.field("kind", &self.0.kind);
        if let Some(child) = self.child() {
            out.field("child", child);
        }
        if let Some(message) = self.message() {
            out.field("message", &message);
        }
        if let Some(location) = self.location() {
            out.field("location", &format_args!("{location}"));
        }
        if let Some(source) = self.source() {
            out.field("source", source);
        }
        out.finish()
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.kind() {
            CancelKind::Explicit => "cancelled by request",
            CancelKind::Deadline => "cancelled because its deadline passed",
            CancelKind::SiblingFailed => "cancelled because a sibling failed",
            CancelKind::BodyFailed => "cancelled because the scope's body failed",
            CancelKind::Parent => "cancelled with what it belongs to",
            CancelKind::NotNeeded => "cancelled because it is not needed any more",
            CancelKind::Dropped => "cancelled because the group was dropped",
            CancelKind::Closed => "not started because the group was closed",
            CancelKind::Shutdown => "cancelled because of a shutdown",
            CancelKind::Abandoned => "cancelled because the spawner runs no jobs of the group",
            CancelKind::NoValue => "cancelled because what it awaited cannot give its value",
        };
        f.write_str(text)?;
        match (self.kind(), self.child(), self.location()) {
            (CancelKind::Explicit | CancelKind::Shutdown, Some(child), Some(place)) => {
                write!(f, ", at {place} by the {child}")?;
            }
            (_, Some(child), _) => write!(f, ": {child}")?,
            (_, None, _) => {}
        }
        if let Some(message) = self.message() {
            write!(f, ": {message}")?;
        }
        if let Some(source) = self.source() {
            write!(f, ", which was {source}")?;
        }
        Ok(())
    }
}
