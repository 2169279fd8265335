//! `Job`: what can be asked of a worker, by name and types.

use std::fmt;
use std::marker::PhantomData;

/// A job that workers know by its name, with the types of what goes there and what comes back.
///
/// The name is `Service/handler`. Input and output travel as JSON. A job is a name and never a closure: the worker's program has
/// the code.
///
/// # Examples
///
/// ```
/// use ingather_remote::Job;
///
/// static DOUBLE: Job<u32, u32> = Job::new("Numbers/double");
/// assert_eq!((DOUBLE.service(), DOUBLE.handler()), ("Numbers", "double"));
/// ```
pub struct Job<I, O> {
    name: &'static str,
    slash: usize,
    types: PhantomData<fn(I) -> O>,
}

impl<I, O> Job<I, O> {
    /// The job with this name.
    ///
    /// # Panics
    ///
    /// If the name is not `Service/handler`, each of at least one ASCII letter, digit, `-` or `_`. In a `static` that is an error of
    /// the compiler.
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        let mut slash = bytes.len();
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                b'/' => {
                    assert!(slash == bytes.len(), "the name of a job has one slash");
                    slash = at;
                }
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {}
                _ => panic!("the name of a job has ASCII letters, digits, '-' and '_'"),
            }
            at += 1;
        }
        assert!(
            slash > 0 && slash + 1 < bytes.len(),
            "the name of a job is Service/handler"
        );
        Self {
            name,
            slash,
            types: PhantomData,
        }
    }

    /// `Service/handler`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The part of the name before the slash.
    pub fn service(&self) -> &'static str {
        &self.name[..self.slash]
    }

    /// The part of the name after the slash.
    pub fn handler(&self) -> &'static str {
        &self.name[self.slash + 1..]
    }
}

impl<I, O> fmt::Debug for Job<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job({})", self.name)
    }
}
