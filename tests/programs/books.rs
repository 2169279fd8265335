//! What is known of a run: who was polled and dropped when, who was cancelled, and where each failure ended.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use super::face::{Handle, Held, Watch};
use super::program::{How, Kind, Options, TOKENS, Units, Until};

/// One run. Clones are the same.
#[derive(Clone)]
pub(crate) struct World(Arc<Inner>);

struct Inner {
    books: Mutex<Books>,
    /// Is nothing set in the context of anybody?
    bare: bool,
    /// The virtual time in units, if time is virtual.
    now: Option<Box<dyn Fn() -> Units + Send + Sync>>,
}

#[derive(Default)]
pub(crate) struct Books {
    pub(crate) actors: Vec<Actor>,
    pub(crate) groups: Vec<Group>,
    pub(crate) flaws: Vec<Flawed>,
    /// Each panic: who threw it, and how often it came to somebody.
    pub(crate) panics: Vec<(usize, usize)>,
    pub(crate) values_made: usize,
    pub(crate) values_gone: usize,
    /// The keys that are held, by child.
    pub(crate) keys: BTreeMap<usize, Held>,
    pub(crate) tokens: [Option<Units>; TOKENS],
    pub(crate) faults: Vec<String>,
    pub(crate) trace: Vec<String>,
    /// How many calls that cancel are on the stack.
    pub(crate) cancelling: usize,
    /// How many hold a permit of the limiter that groups share.
    pub(crate) permits: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Root,
    Body,
    Call,
    Child(Kind),
}

/// What holds off a drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holds {
    Cleanup,
    /// No longer than until a deadline.
    ShieldUntil,
    Shield,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Value,
    Flaw(usize),
    Panic,
}

pub(crate) struct Actor {
    /// The number of the child in the program.
    pub(crate) id: usize,
    pub(crate) role: Role,
    pub(crate) group: Option<usize>,
    pub(crate) spawned_at: Units,
    /// The grace of its own.
    pub(crate) grace: Option<Units>,
    /// Is there nothing in it that ends it early?
    pub(crate) is_simple: bool,
    /// Is it cut short once the others are over?
    pub(crate) optional: bool,
    /// Was there ever a future of it?
    pub(crate) made: bool,
    /// Has the call that spawned it returned? What is dropped before, unpolled, was refused.
    pub(crate) spawned: bool,
    pub(crate) polled: bool,
    pub(crate) polling: bool,
    pub(crate) end: Option<End>,
    /// Its place among all ends.
    pub(crate) ended: usize,
    pub(crate) dropped_at: Option<Units>,
    /// How often it was polled since its group was dropped, if it was not dropped with that.
    pub(crate) behind: Option<usize>,
    /// The destructor of its future panicked.
    pub(crate) blew_up: bool,
    /// That of its value or error did.
    pub(crate) result_blew_up: bool,
    pub(crate) cancelled_at: Option<Units>,
    /// When it was cancelled without grace.
    pub(crate) cancelled_now_at: Option<Units>,
    /// How many shields and clean-ups are in it.
    pub(crate) holds: usize,
    /// Those that stand in itself, and not in a group further in, the innermost last.
    pub(crate) own_holds: Vec<Holds>,
    /// Is it polled now for the sake of what it holds further in alone?
    pub(crate) spared: bool,
    pub(crate) last_hold: Option<Units>,
    pub(crate) started: bool,
    pub(crate) key_held: bool,
    pub(crate) key_held_at_end: bool,
    /// The key is dropped, not only about to be.
    pub(crate) key_gone: bool,
    pub(crate) key_gone_at_end: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Scope,
    Value,
    Gather(How),
    Map,
}

pub(crate) struct Group {
    pub(crate) id: usize,
    pub(crate) what: What,
    pub(crate) can_fail: bool,
    pub(crate) options: Options,
    pub(crate) opener: usize,
    /// Was it opened in a shield or clean-up of its opener?
    pub(crate) in_hold: bool,
    /// In a shield, behind which nothing reads that it is cancelled, or not before its own deadline?
    pub(crate) shield: Option<Holds>,
    pub(crate) deadline: Option<Units>,
    /// Was the deadline moved at its own instant, so that nobody can tell whether it passed?
    pub(crate) moved: bool,
    pub(crate) cancelled_at: Option<Units>,
    /// When it was cancelled without grace.
    pub(crate) cancelled_now_at: Option<Units>,
    /// Was every step of that cancel made when its call returned?
    pub(crate) at_once: bool,
    pub(crate) handle: Option<Arc<dyn Handle>>,
    pub(crate) watch: Option<Watch>,
    pub(crate) body: Option<usize>,
    pub(crate) actors: Vec<usize>,
    pub(crate) under_way: usize,
    /// No limit of it was higher.
    pub(crate) most: Option<usize>,
    pub(crate) over: bool,
    pub(crate) dropped: bool,
    /// Do its children stay on the thread of its owner, so that nobody else polls them?
    pub(crate) stays: bool,
    /// Does a thread wait for it and its body, so that a cancel does not drop the body?
    pub(crate) blocks: bool,
    /// Its handle, if it was dropped while others may have polled its children: they are over soon.
    pub(crate) behind: Option<Arc<dyn Handle>>,
}

pub(crate) struct Flawed {
    pub(crate) actor: usize,
    pub(crate) received: bool,
    pub(crate) dropped: bool,
}

impl World {
    pub(crate) fn new(bare: bool, now: Option<Box<dyn Fn() -> Units + Send + Sync>>) -> Self {
        let world = Self(Arc::new(Inner {
            books: Mutex::default(),
            bare,
            now,
        }));
        world.actor(0, Role::Root, None);
        world
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.0
            .books
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// What is set in the context of an actor: who it is, if anything is set in this program.
    pub(crate) fn who(&self, actor: usize) -> Option<usize> {
        (!self.0.bare).then_some(actor)
    }

    pub(crate) fn now(&self) -> Units {
        self.0.now.as_ref().map_or(0, |now| now())
    }

    /// Is time virtual, so that every instant can be told?
    pub(crate) fn is_exact(&self) -> bool {
        self.0.now.is_some()
    }

    pub(crate) fn trace(&self, what: impl FnOnce() -> String) {
        let now = self.now();
        let text = format!("{now:4}  {}", what());
        self.books().trace.push(text);
    }

    pub(crate) fn fault(&self, rule: &str, what: impl Into<String>) {
        let now = self.now();
        let text = format!("{rule}: {} (at {now})", what.into());
        let mut books = self.books();
        books.trace.push(format!("FAULT {text}"));
        books.faults.push(text);
    }

    /// A new actor: a child, a call, a body, or the program.
    pub(crate) fn actor(&self, id: usize, role: Role, group: Option<usize>) -> usize {
        let spawned_at = self.now();
        let mut books = self.books();
        let actor = books.actors.len();
        books.actors.push(Actor {
            id,
            role,
            group,
            spawned_at,
            grace: None,
            is_simple: false,
            optional: false,
            made: false,
            spawned: false,
            polled: false,
            polling: false,
            end: None,
            ended: 0,
            dropped_at: None,
            behind: None,
            blew_up: false,
            result_blew_up: false,
            cancelled_at: None,
            cancelled_now_at: None,
            holds: 0,
            own_holds: Vec::new(),
            spared: false,
            last_hold: None,
            started: false,
            key_held: false,
            key_held_at_end: false,
            key_gone: false,
            key_gone_at_end: false,
        });
        if let Some(group) = group {
            books.groups[group].actors.push(actor);
            if role == Role::Body {
                books.groups[group].body = Some(actor);
            }
        }
        actor
    }

    pub(crate) fn group(
        &self,
        id: usize,
        what: What,
        can_fail: bool,
        options: &Options,
        opener: usize,
    ) -> usize {
        let now = self.now();
        let mut books = self.books();
        let in_hold = books.actors[opener].holds > 0;
        let is_shield = |kind: &&Holds| **kind != Holds::Cleanup;
        let own = books.actors[opener].own_holds.iter();
        let shield = own.filter(is_shield).max().copied();
        let cancelled_at = options.token.and_then(|token| books.tokens[token]);
        let deadline = match options.until {
            Until::Timeout(after) | Until::MoveOn(after) => Some(now + after),
            Until::Unset => None,
        };
        books.groups.push(Group {
            id,
            what,
            can_fail,
            options: options.clone(),
            opener,
            in_hold,
            shield,
            deadline,
            moved: false,
            cancelled_at: cancelled_at.map(|_| now),
            cancelled_now_at: None,
            at_once: false,
            handle: None,
            watch: None,
            body: None,
            actors: Vec::new(),
            under_way: 0,
            most: options.limit.filter(|_| !options.shares),
            over: false,
            dropped: false,
            stays: false,
            blocks: false,
            behind: None,
        });
        books.groups.len() - 1
    }

    /// The group is cancelled from now on.
    pub(crate) fn cancelled(&self, group: usize, at_once: bool) {
        let now = self.now();
        let mut books = self.books();
        let group = &mut books.groups[group];
        if group.cancelled_at.is_none() && !group.over {
            group.cancelled_at = Some(now);
            group.at_once = at_once;
        }
    }

    /// A group was cancelled without grace, perhaps once more.
    pub(crate) fn cancelled_now(&self, group: usize) {
        let now = self.now();
        let group = &mut self.books().groups[group];
        if !group.over {
            group.cancelled_now_at.get_or_insert(now);
        }
    }

    /// An optional actor was cut short. Where nobody was cancelled all others are over.
    pub(crate) fn cut_short(&self, actor: usize) {
        let fault = {
            let books = self.books();
            let group = books.actors[actor].group.expect("it is in a group");
            let may_be_cancelled = |group: &Group| {
                let may_be = group.deadline.is_some() || group.options.token.is_some();
                // The winner of a race cancels the others.
                let races = matches!(
                    group.what,
                    What::Gather(How::Race | How::FirstOk | How::Quorum(_))
                );
                may_be || races || group.cancelled_at.is_some() || group.dropped
            };
            let nobody_was = books.panics.is_empty()
                && books
                    .actors
                    .iter()
                    .all(|actor| actor.cancelled_at.is_none())
                && !books.groups.iter().any(may_be_cancelled);
            let of = books.groups[group]
                .actors
                .iter()
                .map(|of| &books.actors[*of]);
            let is_left = of
                .filter(|of| of.made && !of.optional)
                .filter(|of| of.role != Role::Child(Kind::Background))
                .any(|of| of.dropped_at.is_none());
            (nobody_was && is_left && self.is_exact())
                .then(|| format!("{} was cut short before the others", books.label(actor)))
        };
        if let Some(what) = fault {
            self.fault("Gather-5", what);
        }
    }

    /// A group has another limit from now on.
    pub(crate) fn limit_set(&self, group: usize, limit: usize) {
        let most = &mut self.books().groups[group].most;
        *most = most.map(|most| most.max(limit));
    }

    /// The actor has a slot, and is spawned in it.
    pub(crate) fn started_in_slot(&self, actor: usize, grace: Option<Units>) {
        let now = self.now();
        let actor = &mut self.books().actors[actor];
        (actor.spawned_at, actor.grace) = (now, grace);
    }

    /// From now on the actor is a child of its group like any other.
    pub(crate) fn started(&self, actor: usize) {
        let now = self.now();
        let actor = &mut self.books().actors[actor];
        (actor.started, actor.spawned_at) = (true, now);
    }

    /// Was a group dropped while others may have polled its children, so that some may not be over yet?
    pub(crate) fn has_stragglers(&self) -> bool {
        !self.is_exact() && self.books().groups.iter().any(|group| group.dropped)
    }

    /// The code of an actor goes on: something in it was dropped half-way.
    pub(crate) fn goes_on(&self, actor: usize) {
        self.books().actors[actor].spared = false;
    }

    pub(crate) fn actor_cancelled(&self, actor: usize, at_once: bool) {
        let now = self.now();
        let mut books = self.books();
        let actor = &mut books.actors[actor];
        if actor.end.is_none() {
            actor.cancelled_at.get_or_insert(now);
            if at_once {
                actor.cancelled_now_at.get_or_insert(now);
            }
        }
    }

    pub(crate) fn deadline_moved(&self, group: usize, after: Units) {
        let now = self.now();
        let mut books = self.books();
        let group = &mut books.groups[group];
        // One that passes at this very instant may have been noticed, or not.
        let old = group.deadline.filter(|old| *old <= now);
        if group.cancelled_at.is_none() && old.is_none() {
            group.deadline = Some(now + after);
        }
        group.moved = group.moved || old == Some(now);
    }

    pub(crate) fn token_cancelled(&self, token: usize) {
        let now = self.now();
        let mut books = self.books();
        books.tokens[token].get_or_insert(now);
        for group in &mut books.groups {
            if group.options.token == Some(token) && group.cancelled_at.is_none() {
                group.cancelled_at = Some(now);
            }
        }
    }

    /// A shield or clean-up begins or ends in this actor.
    pub(crate) fn hold(&self, actor: usize, begins: bool, kind: Holds) {
        let now = self.now();
        let mut books = self.books();
        {
            let this = &mut books.actors[actor];
            if begins {
                this.own_holds.push(kind);
            } else {
                this.own_holds.pop();
            }
        }
        let mut next = Some(actor);
        while let Some(at) = next {
            books.held(at, begins, now);
            let group = books.actors[at].group;
            // The body of a group is not dropped as long as one of its children is held.
            if let Some(body) = group.and_then(|group| books.groups[group].body) {
                if body != at {
                    books.held(body, begins, now);
                }
            }
            next = group.map(|group| books.groups[group].opener);
        }
    }
}

impl Books {
    fn held(&mut self, actor: usize, begins: bool, now: Units) {
        let actor = &mut self.actors[actor];
        if begins {
            actor.holds += 1;
        } else {
            actor.holds -= 1;
            actor.last_hold = Some(now);
        }
    }

    pub(crate) fn label(&self, actor: usize) -> String {
        let actor = &self.actors[actor];
        match (actor.role, actor.group) {
            (Role::Body, Some(group)) => format!("the body of group {}", self.groups[group].id),
            (Role::Root, _) => "the program".to_owned(),
            _ => format!("c{}", actor.id),
        }
    }

    /// When a group is cancelled, as far as that is known.
    pub(crate) fn cancelled_at(&self, group: usize) -> Option<Units> {
        let group = &self.groups[group];
        let deadline = group.deadline.filter(|_| !group.moved);
        match (group.cancelled_at, deadline) {
            (Some(at), Some(deadline)) => Some(at.min(deadline)),
            (at, deadline) => at.or(deadline),
        }
    }

    /// Is the actor a child of this group, or in one?
    pub(crate) fn is_within(&self, actor: usize, group: usize) -> bool {
        let mut next = actor;
        loop {
            let this = &self.actors[next];
            let Some(at) = this.group else { return false };
            if at == group && this.role != Role::Body {
                return true;
            }
            next = self.groups[at].opener;
        }
    }

    /// Does a pending start keep the cancels of its group from this actor?
    pub(crate) fn is_starting(&self, actor: usize) -> bool {
        let actor = &self.actors[actor];
        actor.role == Role::Child(Kind::Start) && !actor.started
    }
}
