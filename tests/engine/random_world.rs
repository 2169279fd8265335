//! What random trees of groups are made of, and the books that are kept of them: who was dropped, and where each failure ended.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use ingather::kind::{Inline, Shared};
use ingather::types::Tally;
use ingather::{ContextVar, GatherIncomplete, GroupError, Key, Outcome, Ready, Scope, StartError};

use crate::support::{Rng, unhandled};

/// Which child runs.
pub(crate) static WHO: ContextVar<usize> = ContextVar::named("who");

/// What a child ends with.
pub(crate) type Done = Result<(), Flaw>;
/// The callable of a start.
pub(crate) type Call = Box<dyn FnOnce(Ready<u32>) -> Tracked + Send>;
/// What a start gives.
pub(crate) type Started = Result<(Key<()>, u32), StartError<Flaw>>;

/// One run. Clones are the same.
#[derive(Clone)]
pub(crate) struct World(Arc<Inner>);

struct Inner {
    /// Has it larger trees than others?
    is_rich: bool,
    rng: Mutex<Rng>,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    /// How many children there were to be so far.
    children: usize,
    made: usize,
    dropped: usize,
    flaws: usize,
    flaws_received: usize,
    flaws_dropped: usize,
    /// Each panic that was thrown, and how often it came to somebody.
    panics: BTreeMap<usize, usize>,
    keys: Vec<AnyKey>,
    groups: Vec<Group>,
    wrong: Vec<String>,
}

/// An error that knows whether it was received.
pub(crate) struct Flaw {
    world: World,
    received: bool,
}

impl Flaw {
    pub(crate) fn received(mut self) {
        self.received = true;
        self.world.books().flaws_received += 1;
    }
}

impl Drop for Flaw {
    fn drop(&mut self) {
        if !self.received {
            self.world.books().flaws_dropped += 1;
        }
    }
}

/// The key of a child, whatever its kind.
pub(crate) enum AnyKey {
    Plain(Key<Done>),
    Fallible(Key<()>),
    Observed(Key<Done>),
    Supervised(Key<Outcome<(), Flaw>>),
}

impl AnyKey {
    pub(crate) fn cancel(&self) {
        match self {
            Self::Plain(key) | Self::Observed(key) => key.cancel(),
            Self::Fallible(key) => key.cancel(),
            Self::Supervised(key) => key.cancel(),
        }
    }

    fn status(&self) -> Option<GatherIncomplete> {
        match self {
            Self::Plain(key) | Self::Observed(key) => key.status(),
            Self::Fallible(key) => key.status(),
            Self::Supervised(key) => key.status(),
        }
    }

    /// Awaits it, and receives what it gives.
    pub(crate) async fn receive(self, world: &World) {
        match self {
            Self::Fallible(key) => drop(key.await),
            Self::Plain(key) | Self::Observed(key) => {
                if let Ok(Err(flaw)) = key.await {
                    flaw.received();
                }
            }
            Self::Supervised(key) => match key.await {
                Ok(Outcome::Err(flaw)) => flaw.received(),
                Ok(Outcome::Panicked(panic)) => world.received(panic.message()),
                _ => {}
            },
        }
    }
}

/// The handle of a group, whatever its kind.
pub(crate) trait Handle: Send + Sync {
    fn spawn(&self, how: usize, child: Tracked) -> AnyKey;
    fn spawn_when_free(&self, child: Tracked) -> Pin<Box<dyn Future<Output = Key<Done>> + Send>>;
    fn start(&self, call: Call) -> BoxFuture<'static, Started>;
    fn cancel(&self);
    fn set_deadline(&self, seconds: f32);
    /// How many children it took, how many are left, and how many of them in line.
    fn account(&self) -> (Tally, usize, usize);
}

/// How a child may be spawned; the last two cannot fail.
pub(crate) const FALLIBLE: usize = 4;
pub(crate) const BACKGROUND: usize = 4;
pub(crate) const PLAIN: usize = 5;

macro_rules! handle {
    ($kind:ty) => {
        impl Handle for Scope<'static, Flaw, $kind> {
            fn spawn(&self, how: usize, child: Tracked) -> AnyKey {
                match how {
                    0 => AnyKey::Fallible(self.try_spawn(child)),
                    1 => AnyKey::Fallible(self.child().try_spawn(child)),
                    2 => AnyKey::Observed(self.child().observed().try_spawn(child)),
                    3 => AnyKey::Supervised(self.child().supervised().try_spawn(child)),
                    BACKGROUND => AnyKey::Plain(self.child().background().spawn(child)),
                    _ => AnyKey::Plain(self.spawn(child)),
                }
            }

            fn spawn_when_free(
                &self,
                child: Tracked,
            ) -> Pin<Box<dyn Future<Output = Key<Done>> + Send>> {
                Box::pin(self.child().spawn_when_free(child))
            }

            fn start(&self, call: Call) -> BoxFuture<'static, Started> {
                Box::pin(self.try_start(call))
            }

            fn cancel(&self) {
                Scope::cancel(self);
            }

            fn set_deadline(&self, seconds: f32) {
                let time = std::time::Duration::from_secs_f32(seconds);
                Scope::set_deadline(self, ingather::Deadline::after(time));
            }

            fn account(&self) -> (Tally, usize, usize) {
                (self.tally(), self.len(), self.waiting())
            }
        }
    };
}
handle!(Shared);
handle!(Inline);

/// A group, and what it ought to have in its books. Clones are the same.
#[derive(Clone)]
pub(crate) struct Group {
    handle: Arc<dyn Handle>,
    limit: Option<usize>,
    taken: Arc<AtomicUsize>,
    under_way: Arc<AtomicUsize>,
}

impl Group {
    pub(crate) fn new(world: &World, handle: impl Handle + 'static, limit: Option<usize>) -> Self {
        let group = Self {
            handle: Arc::new(handle),
            limit,
            taken: Arc::default(),
            under_way: Arc::default(),
        };
        world.books().groups.push(group.clone());
        group
    }

    pub(crate) fn is_unlimited(&self) -> bool {
        self.limit.is_none()
    }

    pub(crate) fn handle(&self) -> &dyn Handle {
        &*self.handle
    }

    fn ever(&self) -> usize {
        let (tally, len, _) = self.handle.account();
        usize::try_from(tally.total()).expect("it fits") + len
    }

    /// Counts the children that it takes meanwhile. Nothing runs in between.
    fn counted<R>(&self, f: impl FnOnce(&dyn Handle) -> R) -> R {
        let before = self.ever();
        let result = f(&*self.handle);
        self.taken.fetch_add(self.ever() - before, Relaxed);
        result
    }

    pub(crate) fn spawn(&self, how: usize, child: Tracked) -> AnyKey {
        child
            .world
            .trace(format!("{:?} spawns {} how {how}", WHO.get(), child.id));
        WHO.sync_scope(child.id, || self.counted(|handle| handle.spawn(how, child)))
    }

    pub(crate) async fn spawn_when_free(&self, child: Tracked) -> AnyKey {
        let id = child.id;
        let mut spawning = self.handle.spawn_when_free(child);
        // Dropped half-way, it drops the child inside of the scope.
        let counted = poll_fn(move |cx| self.counted(|_| spawning.as_mut().poll(cx)));
        AnyKey::Plain(WHO.scope(id, counted).await)
    }

    pub(crate) fn start(&self, id: usize, call: Call) -> BoxFuture<'static, Started> {
        WHO.sync_scope(id, || self.counted(|handle| handle.start(call)))
    }

    /// What is wrong with it, now that it is over.
    fn fault(&self) -> Option<String> {
        let (tally, len, waiting) = self.handle.account();
        let taken = self.taken.load(Relaxed);
        let is_right = usize::try_from(tally.total()) == Ok(taken)
            && (len, waiting, self.under_way.load(Relaxed)) == (0, 0, 0);
        let say =
            || format!("a group took {taken}, and has {tally:?}, {len} left, {waiting} in line");
        (!is_right).then(say)
    }
}

/// The future of a child: it notes its polls and its drop.
pub(crate) struct Tracked {
    pub(crate) id: usize,
    world: World,
    group: Group,
    future: BoxFuture<'static, Done>,
    was_polled: bool,
    is_over: bool,
    explodes: bool,
}

impl Future for Tracked {
    type Output = Done;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Done> {
        let this = &mut *self;
        if this.is_over {
            this.world.wrong("a child was polled after its end");
        }
        if !this.was_polled {
            this.was_polled = true;
            let under_way = this.group.under_way.fetch_add(1, Relaxed) + 1;
            if this.group.limit.is_some_and(|limit| under_way > limit) {
                this.world
                    .wrong("more children are under way than the limit allows");
            }
        }
        this.world.expect_who(this.id, "a poll");
        this.is_over = true;
        let poll = this.future.as_mut().poll(cx);
        this.is_over = poll.is_ready();
        poll
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.world.trace(format!("{} dropped", self.id));
        self.world.books().dropped += 1;
        if self.was_polled {
            self.group.under_way.fetch_sub(1, Relaxed);
        }
        self.world.expect_who(self.id, "a drop");
        if self.explodes && !std::thread::panicking() {
            self.world.throw();
        }
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Inner {
            is_rich: seed % 8 == 7,
            rng: Mutex::new(Rng::new(seed)),
            books: Mutex::default(),
        }))
    }

    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.0.books.lock().unwrap()
    }

    pub(crate) fn trace(&self, what: String) {
        if std::env::var_os("TRACE").is_some() {
            eprintln!("{what}");
        }
    }

    pub(crate) fn below(&self, end: usize) -> usize {
        self.0.rng.lock().unwrap().below(end)
    }

    /// A number below `end`, or below twice as much in one run of eight.
    pub(crate) fn some(&self, end: usize) -> usize {
        self.below(if self.0.is_rich { 2 * end } else { end })
    }

    pub(crate) fn chance(&self, per_cent: u8) -> bool {
        self.0.rng.lock().unwrap().chance(per_cent)
    }

    /// The number of a new child, if there may be one more.
    pub(crate) fn next_child(&self) -> Option<usize> {
        let mut books = self.books();
        books.children += 1;
        (books.children <= 60).then_some(books.children)
    }

    pub(crate) fn track(
        &self,
        id: usize,
        group: &Group,
        explodes: bool,
        future: BoxFuture<'static, Done>,
    ) -> Tracked {
        self.books().made += 1;
        Tracked {
            id,
            world: self.clone(),
            group: group.clone(),
            future,
            was_polled: false,
            is_over: false,
            explodes,
        }
    }

    pub(crate) fn flaw(&self) -> Flaw {
        self.books().flaws += 1;
        Flaw {
            world: self.clone(),
            received: false,
        }
    }

    /// Panics, with a number that no other panic of this run has.
    pub(crate) fn throw(&self) -> ! {
        let number = {
            let mut books = self.books();
            let number = books.panics.len();
            books.panics.insert(number, 0);
            number
        };
        resume_unwind(Box::new(format!("[tree {number}]")))
    }

    /// Notes that the panic with this text has come to somebody.
    pub(crate) fn received(&self, text: &str) {
        let number = text
            .split_once("[tree ")
            .and_then(|(_, rest)| rest.split_once(']'));
        let number = number.and_then(|(number, _)| number.parse().ok());
        let mut books = self.books();
        match number.and_then(|number: usize| books.panics.get_mut(&number)) {
            Some(times) => *times += 1,
            None => books.wrong.push(format!("nobody threw {text:?}")),
        }
    }

    /// Receives all that a group failed with.
    pub(crate) fn received_all(&self, error: GroupError<Flaw>) {
        for leaf in error {
            match leaf.into_failure() {
                ingather::error::Failure::Error(flaw) => flaw.received(),
                ingather::error::Failure::Panicked(panic) => self.received(panic.message()),
                _ => {}
            }
        }
    }

    pub(crate) fn wrong(&self, what: impl Into<String>) {
        self.books().wrong.push(what.into());
    }

    pub(crate) fn expect_who(&self, id: usize, at: &str) {
        let who = WHO.get();
        if who != Some(id) {
            self.wrong(format!("{at} of child {id} reads {who:?}"));
        }
    }

    pub(crate) fn keep(&self, key: AnyKey) {
        self.books().keys.push(key);
    }

    /// Takes one of the keys that are kept.
    pub(crate) fn some_key(&self) -> Option<AnyKey> {
        let kept = self.books().keys.len();
        let at = (kept > 0).then(|| self.below(kept))?;
        Some(self.books().keys.swap_remove(at))
    }

    /// Closes the books, and panics if they are not in order.
    pub(crate) async fn close(&self) {
        let keys = std::mem::take(&mut self.books().keys);
        for key in keys {
            if key.status().is_some_and(|why| why.is_pending()) {
                self.wrong("a key is pending, and everything is over");
            } else if self.chance(50) {
                key.receive(self).await;
            }
        }
        let told = unhandled::taken("[tree ");
        told.iter().for_each(|text| self.received(text));
        let flaws = unhandled::taken("random_world::Flaw").len();
        let groups = std::mem::take(&mut self.books().groups);
        let books = self.books();
        let mut wrong: Vec<_> = books.wrong.clone();
        wrong.extend(groups.iter().filter_map(Group::fault));
        if (books.made, flaws) != (books.dropped, books.flaws_dropped)
            || books.flaws != books.flaws_received + books.flaws_dropped
        {
            wrong.push(format!(
                "{} children were made and {} dropped; of {} errors {} were received and {} dropped, {flaws} with a report",
                books.made, books.dropped, books.flaws, books.flaws_received, books.flaws_dropped
            ));
        }
        let lost = books.panics.iter().filter(|(_, times)| **times != 1);
        wrong.extend(lost.map(|(number, times)| format!("panic {number} ended in {times} places")));
        drop(books);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
