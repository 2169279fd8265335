//! What is polled and dropped in a run, and notes it: futures, values and errors, some of which panic in their destructors.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::BoxFuture;

use super::books::{End, Holds, Role, What, World};
use super::face::who;
use super::oracle::is_lack;
use super::program::{How, PERMITS};

/// What every actor ends with.
pub(crate) type Done = Result<Value, Flaw>;

/// A value that knows who gave it.
pub(crate) struct Value {
    world: World,
    pub(crate) actor: usize,
    panics: bool,
}

impl Value {
    pub(crate) fn new(world: &World, actor: usize, panics: bool) -> Self {
        world.books().values_made += 1;
        Self {
            world: world.clone(),
            actor,
            panics,
        }
    }

    /// Somebody has it now.
    pub(crate) fn received(mut self) {
        self.panics = false;
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.world.books().values_gone += 1;
        if self.panics {
            self.world.books().actors[self.actor].result_blew_up = true;
            throw(&self.world, self.actor);
        }
    }
}

/// An error that knows who made it, and whether somebody received it.
pub(crate) struct Flaw {
    world: World,
    pub(crate) number: usize,
    pub(crate) actor: usize,
    panics: bool,
}

impl Flaw {
    pub(crate) fn new(world: &World, actor: usize, panics: bool) -> Self {
        let mut books = world.books();
        let number = books.flaws.len();
        books.flaws.push(super::books::Flawed {
            actor,
            received: false,
            dropped: false,
        });
        drop(books);
        Self {
            world: world.clone(),
            number,
            actor,
            panics,
        }
    }

    pub(crate) fn received(mut self) {
        self.panics = false;
        let twice = std::mem::replace(&mut self.world.books().flaws[self.number].received, true);
        if twice {
            self.world.fault(
                "Errors-2",
                format!("flaw {} was received twice", self.number),
            );
        }
    }
}

impl Drop for Flaw {
    fn drop(&mut self) {
        let was = {
            let flaw = &mut self.world.books().flaws[self.number];
            std::mem::replace(&mut flaw.dropped, !flaw.received)
        };
        if was {
            self.world.fault(
                "Errors-2",
                format!("flaw {} was dropped twice", self.number),
            );
        }
        if self.panics {
            self.world.books().actors[self.actor].result_blew_up = true;
            throw(&self.world, self.actor);
        }
    }
}

impl fmt::Debug for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flaw({})", self.number)
    }
}

/// Panics, with a number that no other panic of this run has.
pub(crate) fn throw(world: &World, actor: usize) -> ! {
    let number = {
        let mut books = world.books();
        books.panics.push((actor, 0));
        books.panics.len() - 1
    };
    let label = world.books().label(actor);
    world.trace(|| format!("panic {number} by {label}"));
    resume_unwind(Box::new(format!("[panic {number}]")))
}

/// The number of a panic, by its text.
pub(crate) fn number_of(text: &str) -> Option<usize> {
    let (_, rest) = text.split_once("[panic ")?;
    rest.split_once(']')?.0.parse().ok()
}

impl World {
    /// A panic with this text has come to somebody.
    pub(crate) fn panic_received(&self, text: &str) {
        match number_of(text) {
            Some(number) => self.books().panics[number].1 += 1,
            None if is_lack(text) => {}
            None => self.fault("Panics-3", format!("nobody threw {text:?}")),
        }
    }
}

/// The future of an actor: it notes its polls, its end and its drop.
pub(crate) struct Tracked {
    pub(crate) world: World,
    pub(crate) actor: usize,
    /// What the context variable reads in it.
    pub(crate) who: Option<usize>,
    pub(crate) future: Option<BoxFuture<'static, Done>>,
    pub(crate) panics: bool,
}

impl Future for Tracked {
    type Output = Done;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Done> {
        let this = &mut *self;
        this.begin();
        let future = this.future.as_mut().expect("it is there until the drop");
        let poll = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        let end = match &poll {
            Ok(Poll::Pending) => None,
            Ok(Poll::Ready(Ok(_))) => Some(End::Value),
            Ok(Poll::Ready(Err(flaw))) => Some(End::Flaw(flaw.number)),
            Err(_) => Some(End::Panic),
        };
        this.pause(end);
        poll.unwrap_or_else(|payload| resume_unwind(payload))
    }
}

impl Tracked {
    fn begin(&self) {
        let now = self.world.now();
        let mut wrong = Vec::new();
        let mut books = self.world.books();
        let label = books.label(self.actor);
        let cut = books.cut(self.actor).filter(|_| self.world.is_exact());
        let spared = self.world.is_exact() && books.is_spared(self.actor, now);
        let actor = &mut books.actors[self.actor];
        actor.spared = spared;
        if actor.end.is_some() {
            wrong.push(("Polls", "polled after its end"));
        }
        if actor.polling {
            wrong.push(("Polls", "polled while it is polled"));
        }
        if let Some(cut) = cut {
            let rule = if actor.last_hold.is_some() {
                "Shields-2"
            } else {
                "Cancelling-2"
            };
            if actor.polled && (now > cut.at || (now == cut.at && cut.at_once)) {
                wrong.push((rule, "polled after it was to be dropped"));
            }
            if !actor.polled && cut.at_once && actor.role != Role::Body {
                wrong.push(("Cancelling-6", "polled first after the cancel"));
            }
        }
        // Whoever was about to poll it does so.
        if let Some(polls) = &mut actor.behind {
            *polls += 1;
            if *polls > 1 {
                wrong.push(("Dropping-2", "polled again after its group was dropped"));
            }
        }
        let first = !std::mem::replace(&mut actor.polled, true);
        actor.polling = true;
        let group = actor.group;
        // One that waits for the others lends its slot.
        let counts = actor.role != Role::Body && !actor.optional;
        if let Some(group) = group.filter(|_| first && counts) {
            let group = &mut books.groups[group];
            group.under_way += 1;
            if group.most.is_some_and(|most| group.under_way > most) {
                wrong.push(("Limits-2", "more are under way than the limit allows"));
            }
            if group.options.shares {
                books.permits += 1;
                if books.permits > PERMITS {
                    wrong.push(("Limits-11", "more are under way than there are permits"));
                }
            }
        }
        drop(books);
        self.world.trace(|| format!("{label} polled"));
        if who() != self.who {
            wrong.push(("Context-6", "a poll reads the context of another"));
        }
        for (rule, what) in wrong {
            self.world.fault(rule, format!("{label}: {what}"));
        }
    }

    /// The poll is over.
    fn pause(&self, end: Option<End>) {
        let now = self.world.now();
        let mut books = self.world.books();
        let ended = books
            .actors
            .iter()
            .filter(|actor| actor.end.is_some())
            .count();
        let actor = &mut books.actors[self.actor];
        actor.polling = false;
        let Some(end) = end else { return };
        actor.end = Some(end);
        actor.ended = ended + 1;
        actor.key_held_at_end = actor.key_held;
        actor.key_gone_at_end = actor.key_gone;
        let was_spared = actor.spared && end == End::Value;
        let label = books.label(self.actor);
        books.failed(self.actor, now);
        drop(books);
        if was_spared {
            let what = format!("{label} went on after what held off its drop was over");
            self.world.fault("Shields-2", what);
        }
        self.world.trace(|| format!("{label} ends with {end:?}"));
    }
}

impl super::books::Books {
    /// The end of this actor may cancel its group.
    fn failed(&mut self, actor: usize, now: u64) {
        use super::program::Kind;
        let this = &self.actors[actor];
        let (Some(end), Some(group)) = (this.end, this.group) else {
            return;
        };
        if self.is_starting(actor) {
            return;
        }
        let book = &self.groups[group];
        let keeps_going = book.options.keep_going;
        let cancels = match (this.role, end) {
            (_, End::Value) => false,
            (Role::Child(Kind::Supervised), _) => false,
            (Role::Child(Kind::Observed), End::Flaw(_)) => !this.key_held && !keeps_going,
            (
                Role::Child(Kind::Plain | Kind::Background | Kind::WhenFree | Kind::InSlot),
                End::Flaw(_),
            ) => false,
            (Role::Call, End::Flaw(_)) => {
                let fails = book.what == What::Map && book.can_fail;
                (fails || book.what == What::Gather(How::TryGather)) && !keeps_going
            }
            (Role::Call, End::Panic) => {
                !matches!(book.what, What::Gather(How::Settled)) && !book.options.collect
            }
            (_, End::Flaw(_)) => book.can_fail && !keeps_going,
            (_, End::Panic) => !keeps_going,
        };
        let at_once = matches!(book.what, What::Scope | What::Value) && this.role != Role::Body;
        let book = &mut self.groups[group];
        if cancels && book.cancelled_at.is_none() {
            book.cancelled_at = Some(now);
            book.at_once =
                at_once && !matches!(this_kind(self.actors[actor].role), Some(Kind::Observed));
        }
    }
}

fn this_kind(role: Role) -> Option<super::program::Kind> {
    match role {
        Role::Child(kind) => Some(kind),
        _ => None,
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        let now = self.world.now();
        {
            let mut wrong = Vec::new();
            let mut books = self.world.books();
            let label = books.label(self.actor);
            let cut = books.cut(self.actor).filter(|_| self.world.is_exact());
            let cancelling = books.cancelling > 0 && self.world.is_exact();
            let time = books
                .has_time_until(self.actor, now)
                .filter(|_| self.world.is_exact());
            if let Some(time) = time.filter(|time| now < *time) {
                wrong.push(("Cancelling-17", format!("dropped earlier than {time}")));
            }
            let actor = &mut books.actors[self.actor];
            if actor.dropped_at.replace(now).is_some() {
                wrong.push(("Dropping", "dropped twice".to_owned()));
            }
            if cancelling && !actor.polling {
                wrong.push((
                    "Cancelling",
                    "dropped within the call that cancels".to_owned(),
                ));
            }
            if let Some(cut) = cut.filter(|cut| now > cut.at) {
                wrong.push(("Cancelling-2", format!("dropped later than {}", cut.at)));
            }
            let (polled, role, group) = (actor.polled, actor.role, actor.group);
            let counts = polled && role != Role::Body && !actor.optional;
            if let Some(group) = group.filter(|_| counts) {
                books.groups[group].under_way -= 1;
                books.permits -= usize::from(books.groups[group].options.shares);
            }
            drop(books);
            self.world.trace(|| format!("{label} dropped"));
            if who() != self.who {
                wrong.push((
                    "Context-6",
                    "the drop reads the context of another".to_owned(),
                ));
            }
            for (rule, what) in wrong {
                self.world.fault(rule, format!("{label}: {what}"));
            }
        }
        let future = self.future.take();
        let inner = catch_unwind(AssertUnwindSafe(|| drop(future)));
        if inner.is_err() || self.panics {
            let mut books = self.world.books();
            books.actors[self.actor].blew_up = true;
            let this = &books.actors[self.actor];
            let group = this.group;
            let supervised = this_kind(this.role) == Some(super::program::Kind::Supervised);
            let is_refused = !this.polled && !this.spawned;
            let apart = supervised || is_refused || books.is_starting(self.actor);
            if let Some(group) = group.filter(|_| !apart) {
                let book = &mut books.groups[group];
                let collects = book.options.collect || book.what == What::Gather(How::Settled);
                if book.cancelled_at.is_none() && !book.options.keep_going && !collects {
                    book.cancelled_at = Some(now);
                }
            }
        }
        match inner {
            Err(payload) => resume_unwind(payload),
            Ok(()) if self.panics => throw(&self.world, self.actor),
            Ok(()) => {}
        }
    }
}

/// A shield or clean-up in an actor.
pub(crate) struct Hold {
    world: World,
    actor: usize,
    kind: Holds,
}

impl Hold {
    pub(crate) fn new(world: &World, actor: usize, kind: Holds) -> Self {
        world.hold(actor, true, kind);
        Self {
            world: world.clone(),
            actor,
            kind,
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.world.hold(self.actor, false, self.kind);
    }
}
