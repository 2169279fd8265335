//! The jobs of the workers. What they do leaves marks in files, so that a scenario knows what really ran.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use ingather::clock::sleep;
use ingather::cancel::current_deadline;
use ingather::{ContextVar, current_token, try_scope};
use ingather_remote::{Carried, Engine, Job, JobError, RemoteError, RemoteOptions, ScopeId, Work};
use serde::{Deserialize, Serialize};

pub(crate) static DOUBLE: Job<u32, u32> = Job::new("Test/double");
/// Goes on for so long, or until its token turns.
pub(crate) static STAY: Job<Stay, u32> = Job::new("Test/stay");
/// Goes on for so long, whatever its token says.
pub(crate) static DEAF: Job<Stay, u32> = Job::new("Test/deaf");
pub(crate) static FAIL: Job<Stay, u32> = Job::new("Test/fail");
pub(crate) static REFUSE: Job<u32, u32> = Job::new("Test/refuse");
pub(crate) static PANIC: Job<u32, u32> = Job::new("Test/panic");
pub(crate) static TELL: Job<u32, Told> = Job::new("Test/tell");
/// Calls `stay` and `deaf` in a scope of its own, and waits for them.
pub(crate) static TREE: Job<Tree, u32> = Job::new("Test/tree");
/// Calls `stay` as Restate's own handlers do, and waits for it.
pub(crate) static CHAIN: Job<Stay, u32> = Job::new("Test/chain");
/// A text of so many bytes.
pub(crate) static LARGE: Job<u32, String> = Job::new("Test/large");
/// What comes is no number.
pub(crate) static TEXT: Job<u32, u32> = Job::new("Test/text");
/// No worker has it.
pub(crate) static NOBODY: Job<u32, u32> = Job::new("Nobody/knows");

const TREE_LEASE: Duration = Duration::from_millis(1500);
const TREE_GRACE: Duration = Duration::from_millis(300);

static USER: ContextVar<String> = ContextVar::named("user");

pub(crate) fn carried() -> Carried {
    Carried::new().var(&USER)
}

pub(crate) fn as_user<F: Future>(name: &str, future: F) -> impl Future<Output = F::Output> {
    USER.scope(name.to_owned(), future)
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Stay {
    pub(crate) millis: u64,
    pub(crate) mark: PathBuf,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Tree {
    pub(crate) scope: String,
    pub(crate) stay: Stay,
    pub(crate) deaf: Option<Stay>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told {
    pub(crate) user: Option<String>,
    pub(crate) has_deadline: bool,
    pub(crate) scope: Option<String>,
    pub(crate) number: Option<u64>,
}

/// Begin and end of a run.
struct Mark(PathBuf);

impl Mark {
    fn set(path: PathBuf) -> Self {
        append(&path, "begin");
        Self(path)
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        append(&self.0, "end");
    }
}

fn append(path: &PathBuf, word: &str) {
    let file = OpenOptions::new().append(true).create(true).open(path);
    let _ = writeln!(file.unwrap(), "{word}");
}

/// How often a run began, and how often one ended.
pub(crate) fn marks(path: &PathBuf) -> (usize, usize) {
    let text = fs::read_to_string(path).unwrap_or_default();
    let count = |word: &str| text.lines().filter(|line| *line == word).count();
    (count("begin"), count("end"))
}

pub(crate) async fn double(n: u32) -> Result<u32, JobError> {
    Ok(2 * n)
}

pub(crate) async fn stay(stay: Stay) -> Result<u32, JobError> {
    let _mark = Mark::set(stay.mark);
    let time = sleep(Duration::from_millis(stay.millis));
    match current_token().run_until_cancelled(time).await {
        Ok(()) => Ok(1),
        Err(_) => Err(JobError::fatal(499, "cancelled")),
    }
}

pub(crate) async fn deaf(stay: Stay) -> Result<u32, JobError> {
    let _mark = Mark::set(stay.mark);
    sleep(Duration::from_millis(stay.millis)).await;
    Ok(1)
}

pub(crate) async fn fail(stay: Stay) -> Result<u32, JobError> {
    let _mark = Mark::set(stay.mark);
    Err(JobError::again("no disk"))
}

pub(crate) async fn refuse(_: u32) -> Result<u32, JobError> {
    Err(JobError::fatal(422, "no such number"))
}

pub(crate) async fn panic(_: u32) -> Result<u32, JobError> {
    panic!("by design")
}

pub(crate) async fn text(_: u32) -> Result<String, JobError> {
    Ok("seven".into())
}

pub(crate) async fn large(bytes: u32) -> Result<String, JobError> {
    Ok("x".repeat(bytes as usize))
}

pub(crate) async fn tree(tree: Tree, work: Work, engine: impl Engine) -> Result<u32, JobError> {
    let options = RemoteOptions::new(engine)
        .scope_id(ScopeId::new(&tree.scope))
        .lease(TREE_LEASE)
        .drop_grace(TREE_GRACE);
    let far = work.remote(options);
    let sum = try_scope(|tg| async move {
        let stays = tg.try_spawn(far.call(&STAY, tree.stay));
        let deaf = tree.deaf.map(|deaf| tg.try_spawn(far.call(&DEAF, deaf)));
        let mut sum = stays.await.unwrap_or(0);
        if let Some(deaf) = deaf {
            sum += deaf.await.unwrap_or(0);
        }
        Ok::<_, RemoteError>(sum)
    });
    match (sum.await, current_token().is_cancelled()) {
        (_, true) => Err(JobError::fatal(499, "cancelled")),
        (sum, _) => Ok(sum?),
    }
}

pub(crate) async fn tell(work: Work) -> Result<Told, JobError> {
    Ok(Told {
        user: USER.get(),
        has_deadline: !current_deadline().is_never(),
        scope: work.scope().map(|scope| scope.to_string()),
        number: work.number(),
    })
}
