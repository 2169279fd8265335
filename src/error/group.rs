//! All failures of a group in one error.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::one_by_one::{Each, OneByOne};
use super::{ChildInfo, Report, boxed};
use crate::panic::Panic;
use crate::shows::shows;
use crate::token::{CancelKind, CancelReason};

/// How a child or a body failed.
///
/// # Examples
///
/// ```
/// use ingather::error::Failure;
///
/// fn retry(failure: &Failure<std::io::Error>) -> bool {
///     match failure {
///         Failure::Error(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
///         _ => false, // a panic, or a cancel
///     }
/// }
///
/// let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
/// assert!(retry(&Failure::Error(reset)));
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure<E> {
    /// It gave an error.
    Error(E),
    /// It panicked; only under [`OnPanic::Collect`](crate::OnPanic::Collect), otherwise the panic is resumed.
    Panicked(Panic),
    /// Nothing failed, but the group was cancelled before its body could give a value; then it is the only leaf of its
    /// [`GroupError`], and no child's. Or the group has failed, and an earlier join was given its failures: the reason names
    /// the first child that failed. Or a call was cancelled alone, and what it would have given is needed, by
    /// [`try_gather`](crate::try_gather) for example; then it is the leaf of that call.
    ///
    /// Children that were cancelled because something else went wrong are not failures and are left out.
    Cancelled(CancelReason),
}

impl<E> Failure<E> {
    /// The error, if it was one.
    pub fn error(&self) -> Option<&E> {
        match self {
            Self::Error(error) => Some(error),
            _ => None,
        }
    }

    /// The error, if it was one.
    pub fn into_error(self) -> Option<E> {
        match self {
            Self::Error(error) => Some(error),
            _ => None,
        }
    }

    /// Was the group cancelled, rather than failed?
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled(_))
    }

    /// Was it a panic?
    pub fn is_panic(&self) -> bool {
        matches!(self, Self::Panicked(_))
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => fmt::Display::fmt(error, f),
            Self::Panicked(panic) => fmt::Display::fmt(panic, f),
            Self::Cancelled(reason) => fmt::Display::fmt(reason, f),
        }
    }
}

/// One leaf of a [`GroupError`]: who failed, and how.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, try_scope};
///
/// let result = block_on(try_scope(|tg| async move {
///     tg.child().name("parser").try_spawn(async { Err::<(), _>("line 3") });
///     Ok(())
/// }));
/// let error = result.expect_err("a child failed");
/// let first = error.iter().next().expect("there is a cause");
/// assert_eq!(first.child().and_then(|child| child.name()), Some("parser"));
/// assert_eq!(first.failure().error(), Some(&"line 3"));
/// ```
#[derive(Debug)]
pub struct ChildFailure<E> {
    pub(crate) child: Option<ChildInfo>,
    pub(crate) failure: Failure<E>,
}

impl<E> ChildFailure<E> {
    /// The child that failed; `None` for the body of the scope and for a group that was cancelled as a whole.
    pub fn child(&self) -> Option<&ChildInfo> {
        self.child.as_ref()
    }

    /// How it failed.
    pub fn failure(&self) -> &Failure<E> {
        &self.failure
    }

    /// How it failed.
    pub fn into_failure(self) -> Failure<E> {
        self.failure
    }
}

impl<E: fmt::Display> fmt::Display for ChildFailure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.child {
            Some(child) => write!(f, "{} ({child})", self.failure),
            None => fmt::Display::fmt(&self.failure, f),
        }
    }
}

/// Everything that failed in a group, in the order in which it happened.
///
/// Always a group, also of one, and never empty: the first leaf is the cause. Children that were cancelled are left out. If
/// the group was cut short, by a deadline, a token or a call of `cancel`, [`cut_short`](Self::cut_short) says so beside
/// whatever failed.
/// A group inside a group keeps its nesting where `E` can hold a `GroupError`, as `Box<dyn Error + Send + Sync>` can.
///
/// The idea is Python's `ExceptionGroup`, as trio and anyio raise it.
///
/// It implements [`Error`] for each `E` that displays, so that `?` works into `Box<dyn Error>` and the like, also where
/// `E` itself is such a box. Its display is the cause, followed by the number of the other failures; `{:#}` lists
/// them. Both end with why the group was cut short, if it was.
///
/// # Examples
///
/// ```
/// use ingather::{block_on, try_scope};
///
/// let error = block_on(try_scope(|tg| async move {
///     tg.named("config").try_spawn(async { Err::<(), _>("no such file") });
///     tg.spawn(std::future::pending::<()>());
///     Ok(())
/// }))
/// .unwrap_err();
///
/// assert_eq!(error.len(), 1);
/// let leaf = error.iter().next().unwrap();
/// assert_eq!(leaf.child().unwrap().name(), Some("config"));
/// assert_eq!(error.into_first().into_error(), Some("no such file"));
/// ```
pub struct GroupError<E> {
    pub(crate) group: Option<Arc<str>>,
    /// Never empty.
    leaves: OneByOne<ChildFailure<E>>,
    cut_short: Option<CancelReason>,
}

impl<E> GroupError<E> {
    /// What failed in a group that was cancelled for that reason, if it was. If nothing failed, that is all there is.
    pub(crate) fn of(
        group: Option<Arc<str>>,
        mut leaves: OneByOne<ChildFailure<E>>,
        cancelled: Option<CancelReason>,
    ) -> Self {
        if leaves.is_empty() {
            let reason = cancelled.clone();
            let reason = reason.unwrap_or_else(|| CancelReason::new(CancelKind::Explicit));
            leaves.push(ChildFailure {
                child: None,
                failure: Failure::Cancelled(reason),
            });
        }
        Self {
            group,
            leaves,
            cut_short: cancelled.filter(CancelReason::cuts_short),
        }
    }

    /// The same for the code to which it is given. If nothing has failed and all that it holds is cancels, that is told as `tell` says.
    pub(crate) fn told_with(mut self, tell: impl FnOnce(CancelReason) -> CancelReason) -> Self {
        if self.leaves.iter().all(|leaf| leaf.failure.is_cancelled()) {
            if let Failure::Cancelled(reason) = &mut self.leaves[0].failure {
                *reason = tell(reason.clone());
            }
        }
        self
    }

    /// The cause: what failed first.
    pub fn first(&self) -> &Failure<E> {
        &self.leaves[0].failure
    }

    /// The cause alone; the other failures are dropped.
    pub fn into_first(mut self) -> Failure<E> {
        self.leaves.swap_remove(0).failure
    }

    /// All failures with the names and places of their children, the cause first.
    pub fn iter(&self) -> std::slice::Iter<'_, ChildFailure<E>> {
        self.leaves.iter()
    }

    /// Parts the failures in those of which `which` is true and the others. `None`: there are none of them.
    ///
    /// Both keep the name of the group, and why it was cut short. The idea is that of `ExceptionGroup.split` in Python.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{GroupOptions, OnError, block_on};
    ///
    /// let options = GroupOptions::new().on_error(OnError::KeepGoing);
    /// let error = block_on(options.try_scope(|tg| async move {
    ///     for code in [404, 500, 404] {
    ///         tg.try_spawn(async move { Err::<(), u16>(code) });
    ///     }
    /// }))
    /// .unwrap_err();
    /// let (missing, others) = error.split(|leaf| leaf.failure().error() == Some(&404));
    /// assert_eq!(missing.unwrap().len(), 2);
    /// assert_eq!(others.unwrap().len(), 1);
    /// ```
    pub fn split(
        self,
        mut which: impl FnMut(&ChildFailure<E>) -> bool,
    ) -> (Option<Self>, Option<Self>) {
        let (mut yes, mut no) = (OneByOne::new(), OneByOne::new());
        for leaf in self.leaves {
            if which(&leaf) {
                yes.push(leaf);
            } else {
                no.push(leaf);
            }
        }
        let part = |leaves: OneByOne<_>| {
            (!leaves.is_empty()).then(|| Self {
                group: self.group.clone(),
                leaves,
                cut_short: self.cut_short.clone(),
            })
        };
        (part(yes), part(no))
    }

    /// Puts the leaves of groups inside in their place: `inside` takes such a group out of an error, or gives the error back.
    ///
    /// Also those of groups inside of these. For boxed errors see [`flatten`](GroupError::flatten).
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{GroupError, block_on, try_scope};
    ///
    /// #[derive(Debug)]
    /// enum App {
    ///     Io(&'static str),
    ///     Group(Box<GroupError<App>>),
    /// }
    ///
    /// async fn inner() -> Result<(), App> {
    ///     let scope = try_scope(|tg| async move {
    ///         tg.try_spawn(async { Err::<(), _>(App::Io("torn")) });
    ///     });
    ///     scope.await.map_err(|error| App::Group(Box::new(error)))
    /// }
    ///
    /// let error = block_on(try_scope(|tg| async move { drop(tg.try_spawn(inner())) })).unwrap_err();
    /// let flat = error.flatten_with(|error| match error {
    ///     App::Group(group) => Ok(*group),
    ///     other => Err(other),
    /// });
    /// assert!(matches!(flat.first().error(), Some(App::Io("torn"))));
    /// ```
    #[must_use]
    pub fn flatten_with(self, mut inside: impl FnMut(E) -> Result<Self, E>) -> Self {
        let mut leaves = OneByOne::new();
        // The next is at the end. A group inside may be as deep as it likes.
        let mut left: Vec<_> = self.leaves.give().into_iter().rev().collect();
        while let Some(ChildFailure { child, failure }) = left.pop() {
            let failure = match failure {
                Failure::Error(error) => match inside(error) {
                    Ok(group) => {
                        left.extend(group.leaves.give().into_iter().rev());
                        continue;
                    }
                    Err(error) => Failure::Error(error),
                },
                failure => failure,
            };
            leaves.push(ChildFailure { child, failure });
        }
        Self {
            group: self.group,
            leaves,
            cut_short: self.cut_short,
        }
    }

    /// How many failures there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// The name of the group, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// Was the group cut short by its deadline? Whatever failed besides: see [`cut_short`](Self::cut_short).
    pub fn is_timeout(&self) -> bool {
        self.cut_short()
            .is_some_and(|reason| reason.kind() == CancelKind::Deadline)
    }

    /// Why the group was cut short, whether or not something failed besides: its deadline, a token, a call of `cancel`, its
    /// spawner, or what it is in. `None` if it was cancelled only because something in it failed, or not at all.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::pending;
    /// use std::time::Duration;
    ///
    /// use ingather::cancel::CancelKind;
    /// use ingather::{GroupOptions, block_on};
    ///
    /// let mirrors = [false, true].map(|answers| move || async move {
    ///     if answers { Err::<u32, _>("not found") } else { pending().await }
    /// });
    /// let options = GroupOptions::new().timeout(Duration::from_millis(100));
    /// let error = block_on(async { options.first_ok(mirrors).await }).unwrap_err();
    /// assert_eq!(error.first().error(), Some(&"not found"));
    /// assert_eq!(error.cut_short().unwrap().kind(), CancelKind::Deadline);
    /// assert!(error.is_timeout());
    /// ```
    pub fn cut_short(&self) -> Option<&CancelReason> {
        self.cut_short.as_ref()
    }

    /// The reason of a cancel, where that is the cause: nothing failed before the group was cancelled as a whole, or a call that
    /// is needed was cancelled alone.
    pub fn cancelled(&self) -> Option<&CancelReason> {
        match self.first() {
            Failure::Cancelled(reason) => Some(reason),
            _ => None,
        }
    }
}

impl<E: Error + 'static> GroupError<E> {
    /// All failures, one below the other, each with its sources and with what failed in groups inside, for people.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{block_on, try_scope};
    ///
    /// let error = block_on(try_scope(|tg| async move {
    ///     tg.named("parser").try_spawn(async { "1x".parse::<u32>() });
    /// }))
    /// .unwrap_err();
    /// let report = error.report().to_string();
    /// assert!(report.contains("- child `parser`"), "{report}");
    /// ```
    pub fn report(&self) -> Report<'_, E> {
        Report::new(self)
    }
}

impl GroupError<Box<dyn Error + Send + Sync>> {
    /// Puts the leaves of groups inside, whose errors are of this type too, in their place.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::error::Error;
    ///
    /// use ingather::{block_on, try_scope};
    ///
    /// type AnyError = Box<dyn Error + Send + Sync>;
    ///
    /// async fn inner() -> Result<(), AnyError> {
    ///     Ok(try_scope(|tg| async move { drop(tg.try_spawn(async { Err::<(), AnyError>("torn".into()) })) }).await?)
    /// }
    ///
    /// let error = block_on(try_scope(|tg| async move { drop(tg.try_spawn(inner())) })).unwrap_err();
    /// assert_eq!(error.flatten().first().to_string(), "torn");
    /// ```
    #[must_use]
    pub fn flatten(self) -> Self {
        self.flatten_with(|error| error.downcast().map(|group| *group))
    }
}

/// The failures of a [`GroupError`] by value, the cause first.
#[derive(Debug)]
pub struct Failures<E>(Each<ChildFailure<E>>);

impl<E> Iterator for Failures<E> {
    type Item = ChildFailure<E>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<E> ExactSizeIterator for Failures<E> {}

impl<E> IntoIterator for GroupError<E> {
    type Item = ChildFailure<E>;
    type IntoIter = Failures<E>;

    fn into_iter(self) -> Self::IntoIter {
        Failures(self.leaves.into_iter())
    }
}

impl<'a, E> IntoIterator for &'a GroupError<E> {
    type Item = &'a ChildFailure<E>;
    type IntoIter = std::slice::Iter<'a, ChildFailure<E>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

shows!([E: fmt::Debug] GroupError<E>, this => group, leaves, cut_short);

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.group {
            write!(f, "group `{name}`: ")?;
        }
        write!(f, "{}", self.leaves[0])?;
        let others = &self.leaves[1..];
        let besides = self.cut_short().filter(|_| self.cancelled().is_none());
        if f.alternate() {
            let mut others = others.iter();
            others.try_for_each(|leaf| write!(f, "\n  and {leaf}"))?;
            besides.map_or(Ok(()), |reason| write!(f, "\n  and the group was {reason}"))
        } else {
            if !others.is_empty() {
                write!(f, " (and {} more)", others.len())?;
            }
            besides.map_or(Ok(()), |reason| write!(f, "; the group was {reason}"))
        }
    }
}

impl<E: fmt::Debug + fmt::Display + 'static> Error for GroupError<E> {
    /// The cause: a panic, the reason of a cancel, and an error where that is a boxed one. An error of another type is in
    /// [`first`](Self::first), and [`report`](Self::report) has all that is behind each leaf.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self.first() {
            Failure::Error(error) => boxed(error),
            Failure::Panicked(panic) => Some(panic),
            Failure::Cancelled(reason) => Some(reason),
        }
    }
}
