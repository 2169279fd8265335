//! What the rules say of keys, tokens, tallies and the hook, and of everything at the end.

use std::time::{Duration, Instant};

use super::books::{Actor, Books, End, Holds, Role, What, World};
use super::face::{Counts, Got, Reads};
use super::hook::{Told, told};
use super::interpret::receive;
use super::oracle::giver;
use super::program::{How, Kind};

/// A key gave something, or read why not.
pub(crate) fn key_gave(world: &World, actor: usize, got: Result<Got, Reads>) {
    let reads = match &got {
        Ok(Got::Done(Ok(_))) => Reads::There,
        Ok(Got::Done(Err(_))) => Reads::Failed,
        Ok(Got::Panicked(_)) => Reads::Panicked,
        Ok(Got::Cancelled) => Reads::Cancelled {
            by_deadline: false,
            abandoned: false,
        },
        Err(reads) => reads.clone(),
    };
    let giver = got.as_ref().ok().and_then(giver);
    if giver.is_some_and(|giver| giver != actor) {
        world.fault("Results-5", "a key gave the result of another child");
    }
    key_reads(world, actor, &reads, true);
    if let Ok(got) = got {
        receive(world, got);
    }
}

/// Does a key read what its child ended with?
fn key_reads(world: &World, actor: usize, reads: &Reads, strictly: bool) {
    let fault = {
        let books = world.books();
        let this = &books.actors[actor];
        let is_value = matches!(reads, Reads::There | Reads::Taken);
        let is_right = match this.end {
            // Whether a panic in its destructor or the end before counts is another rule's.
            _ if this.blew_up || this.result_blew_up => *reads != Reads::Pending,
            Some(End::Value) => is_value,
            Some(End::Flaw(_)) => *reads == Reads::Failed || (!strictly && *reads == Reads::There),
            Some(End::Panic) => *reads == Reads::Panicked || (!strictly && *reads == Reads::There),
            None => {
                matches!(reads, Reads::Cancelled { .. })
                    || (*reads == Reads::There && this.role == Role::Child(Kind::Supervised))
            }
        };
        let lost = matches!(
            reads,
            Reads::Cancelled {
                abandoned: true,
                ..
            }
        );
        if lost {
            Some((
                "Executors-1",
                format!("{} was abandoned", books.label(actor)),
            ))
        } else {
            let label = books.label(actor);
            (!is_right).then(|| {
                (
                    "Results-1",
                    format!("{label} ended with {:?}, its key reads {reads:?}", this.end),
                )
            })
        }
    };
    if let Some((rule, what)) = fault {
        world.fault(rule, what);
    }
}

/// The program is over: every key is resolved.
pub(crate) async fn keys(world: &World) {
    let keys = std::mem::take(&mut world.books().keys);
    for (id, held) in keys {
        let (actor, reads) = (held.actor, held.reads());
        // What is still polled is over soon.
        if reads == Reads::Pending && world.has_stragglers() {
            let got = held.receive().await;
            key_gave(world, actor, got);
            continue;
        }
        if reads == Reads::Pending {
            world.fault(
                "Results-2",
                format!("the key of c{id} is pending, and everything is over"),
            );
            continue;
        }
        key_reads(world, actor, &reads, false);
        if id % 2 == 0 {
            let got = held.receive().await;
            key_gave(world, actor, got);
        }
    }
}

/// What a checkpoint says of the token of this actor.
pub(crate) fn token_reads(world: &World, actor: usize, reads: bool) {
    if !world.is_exact() {
        return;
    }
    let now = world.now();
    let fault = {
        let books = world.books();
        match books.turned(actor, now) {
            Some(turned) if turned != reads => Some(format!(
                "{}: the token turned: {turned}, it reads {reads}",
                books.label(actor)
            )),
            _ => None,
        }
    };
    if let Some(what) = fault {
        world.fault("Cancelling-5", what);
    }
}

impl Books {
    /// An optional actor that went on when all others of its group were over.
    pub(crate) fn goes_on_alone(&self, actors: &[usize]) -> Option<String> {
        let of = |actor: &usize| &self.actors[*actor];
        let is_other =
            |actor: &&Actor| !actor.optional && actor.role != Role::Child(Kind::Background);
        let others = actors.iter().map(of).filter(is_other);
        let others = others.filter_map(|actor| actor.dropped_at).max()?;
        let late = actors.iter().find(|actor| {
            let this = of(actor);
            let held = this.last_hold.is_some() || this.holds > 0;
            this.optional && this.polled && !held && this.dropped_at > Some(others)
        })?;
        let label = self.label(*late);
        Some(format!("{label} goes on when all others are over"))
    }

    /// What is wrong with a tally, where every end of these actors is known.
    pub(crate) fn miscounted(&self, actors: &[usize], tally: Counts) -> Option<&'static str> {
        let children = || {
            let all = actors.iter().map(|actor| &self.actors[*actor]);
            all.filter(|actor| actor.role != Role::Body)
        };
        // Whose a child is that has not started, and how an end counts after which the destructor panics or that goes to a
        // supervisor, is told elsewhere.
        let vague = [Role::Child(Kind::Start), Role::Child(Kind::Supervised)];
        if children()
            .any(|actor| actor.blew_up || actor.result_blew_up || vague.contains(&actor.role))
        {
            return None;
        }
        let count = |is: &dyn Fn(&Actor) -> bool| {
            u64::try_from(children().filter(|actor| actor.made && is(actor)).count())
                .expect("it fits")
        };
        let ended = count(&|actor| matches!(actor.end, Some(End::Value | End::Flaw(_))));
        let panicked = count(&|actor| actor.end == Some(End::Panic));
        let cut = count(&|actor| actor.end.is_none() && actor.polled);
        if tally.gave != ended {
            Some("so many did not end with a value or error")
        } else if tally.panicked != panicked {
            Some("so many did not panic")
        } else if tally.cancelled < cut {
            Some("more were cancelled")
        } else if tally.gave + tally.panicked + tally.cancelled > count(&|_| true) {
            Some("there were not so many")
        } else {
            None
        }
    }

    /// Has the token of this actor turned, as far as that can be told?
    fn turned(&self, actor: usize, now: u64) -> Option<bool> {
        // A call that was cancelled alone may leave what awaits the gather without its value, which ends that.
        let is_lacking = |actor: &Actor| actor.role == Role::Call && actor.cancelled_at.is_some();
        let mut sure = self.panics.is_empty() && !self.actors.iter().any(is_lacking);
        let mut next = actor;
        loop {
            let this = &self.actors[next];
            let Some(at) = this.group else { break };
            let group = &self.groups[at];
            if this.cancelled_at.is_some() {
                return Some(true);
            }
            // Its token turns as soon as the others are over.
            if self.is_starting(next) || this.optional {
                return None;
            }
            if group.cancelled_at.is_some()
                || group.deadline.is_some_and(|at| at < now && !group.moved)
            {
                return Some(true);
            }
            sure &= matches!(group.what, What::Scope | What::Value)
                && this.role != Role::Child(Kind::Background)
                && !group.dropped
                && group.deadline != Some(now)
                && !group.moved;
            match group.shield {
                Some(Holds::Shield) => break,
                Some(_) => return None,
                None => {}
            }
            next = group.opener;
        }
        sure.then_some(false)
    }
}

/// Hears of what reaches the hook, at once.
pub(crate) fn heard(world: &World, told: &Told) {
    let Some(child) = &told.child else { return };
    let is_wrong = {
        let books = world.books();
        books.actors.iter().any(|actor| {
            actor.role == Role::Child(Kind::Supervised)
                && actor.key_held
                && format!("c{}", actor.id) == *child
        })
    };
    if is_wrong && told.panic.is_some() {
        world.fault(
            "Children-2",
            format!("the hook hears of {child}, and its key is held"),
        );
    }
}

/// How long others may take to end a poll in which a group was dropped.
const SOON: Duration = Duration::from_secs(20);

/// Of groups that were dropped while their children were polled the children are over now, or soon.
fn settle(world: &World) {
    let begin = Instant::now();
    let waits_while = |is_left: &dyn Fn() -> bool| {
        while is_left() && begin.elapsed() < SOON {
            std::thread::yield_now();
        }
    };
    let is_left = |actor: &Actor| actor.made && actor.dropped_at.is_none();
    waits_while(&|| !world.is_exact() && world.books().actors.iter().any(is_left));
    // Those who went on for a while may have left keys behind.
    let keys = std::mem::take(&mut world.books().keys);
    for (id, held) in keys {
        waits_while(&|| held.reads() == Reads::Pending);
        match held.reads() {
            Reads::Pending => world.fault("Results-2", format!("the key of c{id} is pending")),
            reads => key_reads(world, held.actor, &reads, false),
        }
    }
    let groups = world.books().groups.len();
    for book in 0..groups {
        let Some(handle) = world.books().groups[book].behind.take() else {
            continue;
        };
        waits_while(&|| handle.account().1 > 0);
        let (tally, left) = handle.account();
        let (id, wrong) = {
            let books = world.books();
            let group = &books.groups[book];
            (group.id, books.miscounted(&group.actors, tally))
        };
        if left > 0 {
            world.fault("Dropping-2", format!("group {id} has {left} children left"));
        } else if let Some(what) = wrong {
            world.fault("Results-6", format!("group {id}: {what}, {tally:?}"));
        }
    }
}

/// Everything is over: nothing may be left, lost or doubled. Where others ended a poll just now, they tell of it soon.
pub(crate) fn close(world: &World) {
    settle(world);
    let (begin, mut flaws_told) = (Instant::now(), 0);
    let faults = loop {
        let told = told();
        for panic in told.iter().filter_map(|told| told.panic.as_ref()) {
            world.panic_received(panic);
        }
        flaws_told += told.iter().filter(|told| told.is_flaw).count();
        let faults = world.books().left_over(flaws_told);
        if faults.is_empty() || world.is_exact() || begin.elapsed() > SOON {
            break faults;
        }
        std::thread::yield_now();
    };
    for (rule, what) in faults {
        world.fault(rule, what);
    }
}

impl Books {
    /// What is left, lost or doubled, where the hook has heard of so many errors.
    fn left_over(&self, flaws_told: usize) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        for (number, actor) in self.actors.iter().enumerate() {
            if actor.made && actor.dropped_at.is_none() {
                let label = self.label(number);
                faults.push(("Leaving-1", format!("{label} was never dropped")));
            }
        }
        for (number, (actor, times)) in self.panics.iter().enumerate() {
            if *times != 1 {
                let label = self.label(*actor);
                faults.push((
                    "Panics-4",
                    format!("panic {number} of {label} ended in {times} places"),
                ));
            }
        }
        if self.values_made != self.values_gone {
            let (made, gone) = (self.values_made, self.values_gone);
            faults.push(("Results-4", format!("of {made} values {gone} were dropped")));
        }
        let mut lost = 0;
        let mut excused = 0;
        for (number, flaw) in self.flaws.iter().enumerate() {
            match (flaw.received, flaw.dropped) {
                (true, false) => {}
                (false, true) => {
                    lost += 1;
                    excused += usize::from(self.may_lose(flaw.actor));
                }
                _ => faults.push(("Errors-2", format!("flaw {number} is left somewhere"))),
            }
        }
        if flaws_told > lost || flaws_told + excused < lost {
            let what = format!(
                "{lost} errors were received by nobody, {excused} of which may be dropped, and the hook heard of {flaws_told}"
            );
            faults.push(("Errors-2", what));
        }
        faults
    }

    /// May an error of this actor be dropped without a word? Where somebody else has won, it may.
    fn may_lose(&self, actor: usize) -> bool {
        let Some(group) = self.actors[actor].group else {
            return false;
        };
        match self.groups[group].what {
            What::Gather(How::Race | How::Gather) => true,
            What::Gather(How::FirstOk | How::Quorum(_)) => {
                let of = &self.groups[group].actors;
                of.iter()
                    .any(|actor| self.actors[*actor].end == Some(End::Value))
            }
            What::Map => !self.groups[group].can_fail,
            _ => false,
        }
    }
}

/// Does a group have the failures that it should? On a spawner two children may end at one instant, in either order; and an
/// observed child may end while its key is being dropped, so that its error is the group's or the key's.
pub(crate) fn has_all(world: &World, books: &Books, found: &[usize], expected: &[usize]) -> bool {
    if world.is_exact() {
        return found == expected;
    }
    let is_sure = |number: &&usize| {
        let actor = &books.actors[books.flaws[**number].actor];
        actor.role != Role::Child(Kind::Observed) || actor.key_gone_at_end
    };
    let sure = |numbers: &[usize]| {
        let mut sure: Vec<_> = numbers.iter().filter(is_sure).copied().collect();
        sure.sort_unstable();
        sure
    };
    sure(found) == sure(expected)
}
