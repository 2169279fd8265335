//! What the rules of `docs/semantics.md` say about an end, whatever the code does. Each fault begins with its rule.

use std::any::Any;

use super::books::{Books, End, Role, What, World};
use super::face::{Got, Reads};
use super::face_forms::{Failed, Left};
use super::interpret::{panic_received, receive};
use super::program::{How, Kind, Map, Until};

/// A form is over, or was dropped: so is every actor in it. Of one that is dropped others may be polling the children, or be about
/// to: those are over soon.
pub(crate) fn form_over(world: &World, book: usize, dropped: bool) {
    let now = world.now();
    let (handle, watch, stays) = {
        let group = &mut world.books().groups[book];
        (group.handle.take(), group.watch.take(), group.stays)
    };
    drop(watch);
    let at_once = !dropped || world.is_exact() || stays;
    let account = handle.as_ref().filter(|_| at_once);
    let account = account.map(|handle| handle.account());
    let mut faults = Vec::new();
    {
        let mut books = world.books();
        let group = &mut books.groups[book];
        if std::mem::replace(&mut group.over, true) {
            return;
        }
        let (id, what, actors) = (group.id, group.what, group.actors.clone());
        let rule = if dropped { "Dropping-1" } else { "Leaving-1" };
        if !at_once {
            group.behind = handle;
        }
        for &actor in &actors {
            let this = &mut books.actors[actor];
            if !this.made || this.dropped_at.is_some() {
                continue;
            }
            if at_once {
                let label = books.label(actor);
                faults.push((rule, format!("{label} is left by group {id}")));
            } else {
                this.behind = Some(0);
            }
        }
        if let Some((tally, left)) = account {
            if let Some(what) = books.miscounted(&actors, tally) {
                faults.push(("Results-6", format!("group {id}: {what}, {tally:?}")));
            }
            if left > 0 {
                faults.push((rule, format!("group {id} has {left} children left")));
            }
        }
        let last = actors
            .iter()
            .filter_map(|&actor| books.actors[actor].dropped_at)
            .max();
        let waits_for_all = matches!(
            what,
            What::Scope | What::Gather(How::Gather | How::TryGather | How::Settled)
        );
        if waits_for_all && !dropped && world.is_exact() {
            let late = books.goes_on_alone(&actors);
            faults.extend(late.map(|what| ("Gather-5", what)));
        }
        let is_awaited =
            matches!(what, What::Scope | What::Gather(_)) && !dropped && world.is_exact();
        if let Some(last) = last.filter(|last| is_awaited && *last < now) {
            faults.push((
                "Leaving-2",
                format!("group {id} was over at {last}, and is left later"),
            ));
        }
    }
    world.trace(|| format!("form {book} over, dropped: {dropped}"));
    for (rule, what) in faults {
        world.fault(rule, what);
    }
}

/// The failures that belong to the error of a group, in the order in which they happened.
fn failures(books: &Books, book: usize) -> Vec<usize> {
    let group = &books.groups[book];
    let mut found: Vec<_> = group
        .actors
        .iter()
        .map(|actor| &books.actors[*actor])
        .filter(|actor| match actor.role {
            Role::Body | Role::Call => true,
            Role::Child(Kind::Fallible | Kind::TryWhenFree | Kind::TryInSlot) => true,
            Role::Child(Kind::Observed) => !actor.key_held_at_end,
            Role::Child(Kind::Start) => actor.started,
            _ => false,
        })
        .filter(|actor| !actor.blew_up)
        .filter_map(|actor| match actor.end {
            Some(End::Flaw(number)) => Some((actor.ended, number)),
            _ => None,
        })
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, number)| number).collect()
}

/// Did a panic happen that the group has to give?
fn panicked(books: &Books, book: usize) -> bool {
    let group = &books.groups[book];
    group
        .actors
        .iter()
        .map(|actor| &books.actors[*actor])
        .any(|actor| {
            let counts = match actor.role {
                Role::Child(Kind::Supervised) | Role::Root => false,
                Role::Child(Kind::Start) => actor.started,
                _ => true,
            };
            counts && (actor.end == Some(End::Panic) || (actor.blew_up && actor.polled))
        })
}

/// Did the deadline cut somebody short who can tell?
fn cut_by_deadline(books: &Books, book: usize) -> Option<usize> {
    let mine = |actor: usize| books.actors[actor].group == Some(book);
    let cut = |reads: Reads| {
        matches!(
            reads,
            Reads::Cancelled {
                by_deadline: true,
                ..
            }
        )
    };
    let mut held = books.keys.values();
    held.find(|held| mine(held.actor) && cut(held.reads()))
        .map(|held| held.actor)
}

/// A scope or group was left.
pub(crate) fn scope_left(world: &World, book: usize, left: Left) {
    let mut faults = Vec::new();
    {
        let books = world.books();
        let group = &books.groups[book];
        let expected = failures(&books, book);
        let id = group.id;
        let body_gave = group
            .body
            .is_none_or(|body| books.actors[body].end == Some(End::Value));
        match &left {
            Left::Value(_) | Left::MovedOn
                if group.can_fail && !super::accounts::has_all(world, &books, &[], &expected) =>
            {
                faults.push((
                    "Errors-2",
                    format!("group {id} is Ok, with the flaws {expected:?}"),
                ));
            }
            // Where a panic ends that is collected by what cannot fail, no rule says.
            Left::Value(_)
                if panicked(&books, book) && (group.can_fail || !group.options.collect) =>
            {
                faults.push((
                    "Panics-1",
                    format!("group {id} is Ok, and somebody panicked"),
                ));
            }
            Left::Value(_) => {
                let silent = matches!(group.options.until, Until::MoveOn(_));
                if let Some(actor) = cut_by_deadline(&books, book).filter(|_| !silent) {
                    let label = books.label(actor);
                    faults.push((
                        "Deadlines-4",
                        format!("group {id} is Ok, and cut {label} short"),
                    ));
                }
            }
            Left::MovedOn => {}
            Left::Failed(failed) => {
                let flaws: Vec<_> = failed.flaws.iter().map(|flaw| flaw.number).collect();
                if !super::accounts::has_all(world, &books, &flaws, &expected) {
                    faults.push((
                        "Errors-3",
                        format!("group {id} has {flaws:?}, not {expected:?}"),
                    ));
                }
                let nothing = flaws.is_empty() && failed.panics.is_empty();
                if nothing && !failed.cancelled {
                    faults.push(("Errors-3", format!("the error of group {id} holds nothing")));
                }
                let has_body = group.body.is_some();
                if nothing
                    && has_body
                    && body_gave
                    && !failed.by_deadline
                    && body_was_first(&books, book)
                {
                    faults.push(("Errors-4", format!("group {id} failed, and nothing had")));
                }
            }
        }
    }
    for (rule, what) in faults {
        world.fault(rule, what);
    }
    left_received(world, left);
}

/// Did the body give its value before anybody cancelled its group? Only where that is sure.
fn body_was_first(books: &Books, book: usize) -> bool {
    let group = &books.groups[book];
    group.cancelled_at.is_none() && group.options.token.is_none()
}

fn left_received(world: &World, left: Left) {
    match left {
        Left::Value(all) => all.into_iter().for_each(|got| receive(world, got)),
        Left::MovedOn => {}
        Left::Failed(failed) => failed_received(world, failed),
    }
}

fn failed_received(world: &World, failed: Failed) {
    failed
        .flaws
        .into_iter()
        .for_each(super::witness::Flaw::received);
    failed
        .panics
        .iter()
        .for_each(|text| world.panic_received(text));
}

/// A panic came out of a form.
pub(crate) fn form_panicked(world: &World, book: usize, payload: &(dyn Any + Send)) {
    if let Some(text) = payload
        .downcast_ref::<String>()
        .filter(|text| is_lack(text))
    {
        has_no_value(world, book, text);
        return;
    }
    let fault = {
        let books = world.books();
        let group = &books.groups[book];
        let collects = group.options.collect && group.can_fail;
        let is_scope = matches!(group.what, What::Scope | What::Value);
        (collects && is_scope).then(|| format!("group {} collects panics, and panicked", group.id))
    };
    if let Some(what) = fault {
        world.fault("Panics-2", what);
    }
}

/// Is this what a form panics with that cannot give its value?
pub(crate) fn is_lack(text: &str) -> bool {
    text.contains("cannot give its value")
}

/// A form that has no place for it had no value to give, and nothing around it could say so.
fn has_no_value(world: &World, book: usize, text: &str) {
    let fault = {
        let books = world.books();
        let group = &books.groups[book];
        let gave = |actor: &usize| {
            let this = &books.actors[*actor];
            this.end == Some(End::Value) && !this.blew_up
        };
        let has_value = match group.what {
            What::Gather(How::Race) => group.actors.iter().any(gave),
            What::Gather(How::Gather) => group.actors.iter().all(gave),
            What::Map => !group.can_fail && group.actors.iter().all(gave),
            // What was passed on by a scope around it.
            What::Scope => group.can_fail,
            What::Value | What::Gather(_) => true,
        };
        (has_value || books.says_so(group.opener))
            .then(|| format!("group {} panicked: {text}", group.id))
    };
    if let Some(what) = fault {
        world.fault("Cuts-3", what);
    }
}

impl Books {
    /// Can this actor, or something around it, end without a value?
    fn says_so(&self, actor: usize) -> bool {
        let this = &self.actors[actor];
        match this.role {
            Role::Root => false,
            Role::Call | Role::Child(_) => true,
            Role::Body => this.group.is_some_and(|group| {
                let group = &self.groups[group];
                !group.blocks && (group.can_fail || self.says_so(group.opener))
            }),
        }
    }
}

/// A group was joined once more.
pub(crate) fn joined_again(
    world: &World,
    book: usize,
    first: bool,
    again: Result<Left, Box<dyn Any + Send>>,
) {
    match again {
        Ok(Left::Value(_)) if !first => {
            let id = world.books().groups[book].id;
            world.fault(
                "Errors-9",
                format!("group {id} failed, and is Ok when it is joined again"),
            );
        }
        Ok(left) => left_received(world, left),
        Err(payload) if first => {
            world.fault("Errors-9", "a join was Ok, and the next panics");
            panic_received(world, payload);
        }
        // What the group keeps to fail with need not be the panic itself.
        Err(payload) => drop(payload),
    }
}

/// A gather or one of its relatives gave something.
pub(crate) fn gather_left(world: &World, book: usize, how: How, actors: &[usize], left: Left) {
    let mut faults = Vec::new();
    {
        let books = world.books();
        let id = books.groups[book].id;
        let collects = books.groups[book].options.collect || how == How::Settled;
        let gave = |end: fn(End) -> bool| {
            let of = |actor: &usize| &books.actors[*actor];
            let mut these: Vec<_> = actors.iter().filter(|actor| !of(actor).blew_up).collect();
            these.retain(|actor| of(actor).end.is_some_and(end));
            these.sort_unstable_by_key(|actor| books.actors[**actor].ended);
            these
        };
        let values = gave(|end| end == End::Value);
        match &left {
            Left::Value(all) => {
                let got: Vec<_> = all.iter().map(giver).collect();
                let expected: Vec<_> = match how {
                    How::Gather | How::TryGather | How::Settled => actors.to_vec(),
                    How::Race => gave(|end| end != End::Panic)
                        .into_iter()
                        .take(1)
                        .copied()
                        .collect(),
                    How::FirstOk => values.into_iter().take(1).copied().collect(),
                    How::Quorum(needed) => values.into_iter().take(needed).copied().collect(),
                };
                let is_right = got.len() == expected.len()
                    && got
                        .iter()
                        .zip(&expected)
                        .all(|(got, expected)| got.is_none_or(|got| got == *expected));
                // With a limit or several at one instant another may have come first.
                let rule = match how {
                    How::Gather | How::TryGather | How::Settled => "Gather-1",
                    _ => "Joining-6",
                };
                if !is_right {
                    faults.push((
                        rule,
                        format!("gather {id} gave the values of {got:?}, not {expected:?}"),
                    ));
                }
                if panicked(&books, book) && !collects {
                    faults.push((
                        "Joining-4",
                        format!("gather {id} gives a value, and a call panicked"),
                    ));
                }
            }
            Left::MovedOn => {}
            Left::Failed(failed) => {
                let nothing = failed.flaws.is_empty() && failed.panics.is_empty();
                if nothing && !failed.cancelled {
                    faults.push((
                        "Errors-3",
                        format!("the error of gather {id} holds nothing"),
                    ));
                }
                let known: Vec<_> = failed.flaws.iter().map(|flaw| flaw.number).collect();
                let all = failures(&books, book);
                if how == How::TryGather && !super::accounts::has_all(world, &books, &known, &all) {
                    faults.push((
                        "Gather-3",
                        format!("gather {id} has {known:?}, not {all:?}"),
                    ));
                }
                if world.is_exact() && known.windows(2).any(|two| two[0] >= two[1]) {
                    let order = |number: &usize| all.iter().position(|one| one == number);
                    let order: Vec<_> = known.iter().map(order).collect();
                    if order.windows(2).any(|two| two[0] > two[1]) {
                        faults.push((
                            "Joining-6",
                            format!("the errors of gather {id} are in disorder"),
                        ));
                    }
                }
            }
        }
    }
    for (rule, what) in faults {
        world.fault(rule, what);
    }
    left_received(world, left);
}

pub(crate) fn giver(got: &Got) -> Option<usize> {
    match got {
        Got::Done(Ok(value)) => Some(value.actor),
        Got::Done(Err(flaw)) => Some(flaw.actor),
        Got::Panicked(_) | Got::Cancelled => None,
    }
}

/// A stream took an item.
pub(crate) fn taken(world: &World, book: usize) {
    let now = world.now();
    let late = {
        let books = world.books();
        books
            .cancelled_at(book)
            .is_some_and(|at| at < now && world.is_exact())
    };
    if late {
        world.fault("Cuts-5", "an item was taken after the cancel");
    }
}

/// A stream gave an item: in the order in which they were taken, unless it is one that gives them as they come. What is left out
/// gave no value.
pub(crate) fn item(world: &World, book: usize, map: &Map, before: &mut Option<usize>, got: &Got) {
    let Some(giver) = giver(got) else { return };
    let before = before.replace(giver);
    let wrong = {
        let books = world.books();
        let of = &books.groups[book].actors;
        let at = |actor: usize| of.iter().position(|one| *one == actor);
        let first = before.map_or(Some(0), |before| Some(at(before)? + 1));
        let between = first.zip(at(giver));
        let between = between.and_then(|(first, last)| of.get(first..last));
        !map.unordered
            && between.is_none_or(|all| {
                let gave = |actor: &usize| {
                    let this = &books.actors[*actor];
                    this.end == Some(End::Value) && !this.blew_up
                };
                all.iter().any(gave)
            })
    };
    if wrong {
        world.fault("Joining-7", "a stream gave its items in disorder");
    }
}

/// How many items of a stream are over and gave no value: it says so at its end.
pub(crate) fn failed_items(world: &World, book: usize) -> usize {
    let books = world.books();
    let failed = |actor: &&usize| {
        let this = &books.actors[**actor];
        this.dropped_at.is_some() && (this.end != Some(End::Value) || this.blew_up)
    };
    books.groups[book].actors.iter().filter(failed).count()
}

/// A stream gave an error.
pub(crate) fn stream_failed(world: &World, book: usize, map: &Map, failed: Failed) {
    let is_empty = failed.flaws.is_empty() && !failed.cancelled && failed.panics.is_empty();
    if is_empty {
        let all = failures(&world.books(), book);
        let what = format!("the error of stream {} holds nothing: {all:?}", map.id);
        world.fault("Errors-3", what);
    }
    failed_received(world, failed);
}

/// A stream was read to its end.
pub(crate) fn stream_over(world: &World, map: &Map, given: usize, failed: bool) {
    if !failed && given < map.items.len() {
        let what = format!(
            "stream {} gave {given} of {} items, and no error",
            map.id,
            map.items.len()
        );
        world.fault("Cuts-5", what);
    }
}
