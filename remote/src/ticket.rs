//! The names of remote work: which scope, which child of it, which job.

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The identity of a remote scope, under which its children are known to the engine.
///
/// A random one is made for each [`Remote`](crate::Remote) unless one is given. Give one where an owner that was restarted is to
/// find its children again; see [`OnLost::Keep`](crate::OnLost::Keep).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScopeId(Arc<str>);

impl ScopeId {
    /// A scope with a name that is known beforehand.
    ///
    /// # Panics
    ///
    /// If the name is empty, longer than 64 bytes or has other characters than ASCII letters, digits, `-` and `_`.
    #[track_caller]
    pub fn new(name: &str) -> Self {
        assert!(
            Self::is_valid(name),
            "a scope id is 1 to 64 ASCII letters, digits, '-' and '_', and this is {name:?}"
        );
        Self(name.into())
    }

    /// A name that no other scope has: 128 random bits.
    pub fn random() -> Self {
        let time = SystemTime::now().duration_since(UNIX_EPOCH);
        let seed = (time.unwrap_or_default().as_nanos(), std::process::id());
        let half = || RandomState::new().hash_one(seed);
        Self(format!("{:016x}{:016x}", half(), half()).into())
    }

    /// The scope as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::is_valid(name).then(|| Self(name.into()))
    }

    fn is_valid(name: &str) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=64).contains(&name.len()) && name.bytes().all(is_plain)
    }
}

impl fmt::Display for ScopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ScopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScopeId({self})")
    }
}

/// A piece of remote work: the scope that it belongs to, its number there, its job, and the engine's own name for it once it is
/// known.
///
/// It is a mere name: to hold or drop it does nothing to the work. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Ticket(Arc<Parts>);

#[derive(Clone, PartialEq, Eq, Hash)]
struct Parts {
    scope: ScopeId,
    number: u64,
    job: JobName,
    id: Option<Arc<str>>,
}

/// The name of a job, which is a constant where it is called.
#[derive(Clone)]
pub(crate) enum JobName {
    Constant(&'static str),
    Read(Arc<str>),
}

impl JobName {
    fn as_str(&self) -> &str {
        match self {
            Self::Constant(name) => name,
            Self::Read(name) => name,
        }
    }
}

impl PartialEq for JobName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for JobName {}

impl Hash for JobName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Ticket {
    /// The ticket of a child of a scope.
    pub fn new(scope: ScopeId, number: u64, job: impl Into<Arc<str>>) -> Self {
        Self::named(scope, number, JobName::Read(job.into()))
    }

    pub(crate) fn named(scope: ScopeId, number: u64, job: JobName) -> Self {
        Self(Arc::new(Parts {
            scope,
            number,
            job,
            id: None,
        }))
    }

    /// The same job under another number.
    pub(crate) fn numbered(&self, number: u64) -> Self {
        Self::named(self.0.scope.clone(), number, self.0.job.clone())
    }

    /// The same, with the engine's own name for it.
    pub fn with_id(&self, id: impl Into<Arc<str>>) -> Self {
        Self(Arc::new(Parts {
            id: Some(id.into()),
            ..Parts::clone(&self.0)
        }))
    }

    /// The scope that it belongs to.
    pub fn scope(&self) -> &ScopeId {
        &self.0.scope
    }

    /// Its number among the children of the scope.
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// The name of its job.
    pub fn job(&self) -> &str {
        self.0.job.as_str()
    }

    /// The engine's own name for it, once the engine has given one.
    pub fn id(&self) -> Option<&str> {
        self.0.id.as_deref()
    }

    /// Scope and number, which stay the same however often it is submitted.
    pub fn key(&self) -> String {
        format!("{}/{}", self.0.scope, self.0.number)
    }

    /// The scope and number of a [`key`](Self::key).
    pub fn parse_key(key: &str) -> Option<(ScopeId, u64)> {
        let (scope, number) = key.split_once('/')?;
        Some((ScopeId::parse(scope)?, number.parse().ok()?))
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.job(), self.key())?;
        match self.id() {
            Some(id) => write!(f, " ({id})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_back() {
        let ticket = Ticket::new(ScopeId::new("nightly-7"), 12, "Work/hash");
        assert_eq!(ticket.key(), "nightly-7/12");
        let read = Ticket::parse_key(&ticket.key());
        assert_eq!(read, Some((ticket.scope().clone(), 12)));
        for bad in ["", "a", "a/", "/1", "a b/1", "a/b/1", "a/-1"] {
            assert_eq!(Ticket::parse_key(bad), None, "{bad:?}");
        }
        assert_eq!(ticket.to_string(), "Work/hash nightly-7/12");
        assert_eq!(
            ticket.with_id("x").to_string(),
            "Work/hash nightly-7/12 (x)"
        );
    }

    #[test]
    fn a_job_has_one_name_however_it_is_held() {
        let scope = ScopeId::new("s");
        let constant = Ticket::named(scope.clone(), 1, JobName::Constant("Work/hash"));
        let read = Ticket::new(scope, 1, "Work/hash");
        let hashes = RandomState::new();
        assert_eq!(constant, read);
        assert_eq!(hashes.hash_one(&constant), hashes.hash_one(&read));
        assert_eq!(constant.numbered(2), read.numbered(2));
        assert_ne!(constant, read.numbered(2));
    }

    #[test]
    fn random_scopes_differ() {
        let (a, b) = (ScopeId::random(), ScopeId::random());
        assert_ne!(a, b);
        assert_eq!(ScopeId::parse(a.as_str()), Some(a));
    }
}
