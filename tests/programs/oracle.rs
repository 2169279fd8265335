//! What the rules of `docs/semantics.md` say about an end, whatever the code does. Each fault begins with its rule.

use std::any::Any;

use super::books::{Books, End, Role, What, World};
use super::face::{Got, Reads};
use super::face_forms::{Failed, Left};
use super::interpret::{panic_received, receive};
use super::program::{How, Kind, Map, Until};

/// A form is over, or was dropped: so is every actor in it.
pub(crate) fn form_over(world: &World, book: usize, dropped: bool) {
    let now = world.now();
    let (handle, watch) = {
        let group = &mut world.books().groups[book];
        (group.handle.take(), group.watch.take())
    };
    drop(watch);
    let account = handle.map(|handle| handle.account());
    let mut faults = Vec::new();
    {
        let mut books = world.books();
        let group = &mut books.groups[book];
        if std::mem::replace(&mut group.over, true) {
            return;
        }
        let (id, what, actors) = (group.id, group.what, group.actors.clone());
        let rule = if dropped { "Dropping-1" } else { "Leaving-1" };
        for &actor in &actors {
            let this = &books.actors[actor];
            let busy = dropped && this.polling && !world.is_exact();
            if this.made && this.dropped_at.is_none() && !busy {
                faults.push((
                    rule,
                    format!("{} is left by group {id}", books.label(actor)),
                ));
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
            Role::Child(Kind::Fallible | Kind::TryWhenFree) => true,
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
            Left::Value(_) | Left::MovedOn if group.can_fail && !expected.is_empty() => {
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
                if flaws != expected {
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
pub(crate) fn form_panicked(world: &World, book: usize) {
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
                "Joins",
                format!("group {id} failed, and is Ok when it is joined again"),
            );
        }
        Ok(left) => left_received(world, left),
        Err(payload) if first => {
            world.fault("Joins", "a join was Ok, and the next panics");
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
                if how == How::TryGather && known != all {
                    faults.push((
                        "Gather-3",
                        format!("gather {id} has {known:?}, not {all:?}"),
                    ));
                }
                if known.windows(2).any(|two| two[0] >= two[1]) {
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
        world.fault("Joining-8", "an item was taken after the cancel");
    }
}

/// A stream gave its item of this number.
pub(crate) fn item(world: &World, book: usize, map: &Map, nth: usize, got: &Got) {
    let wrong = {
        let books = world.books();
        let expected = books.groups[book].actors.get(nth - 1).copied();
        !map.unordered && giver(got).is_some_and(|giver| Some(giver) != expected)
    };
    if wrong {
        world.fault("Joining-7", "a stream gave its items in disorder");
    }
}

/// A stream was read to its end.
pub(crate) fn stream_over(
    world: &World,
    book: usize,
    map: &Map,
    given: usize,
    failed: Option<Failed>,
) {
    let Some(failed) = failed else {
        if given < map.items.len() {
            let what = format!(
                "stream {} gave {given} of {} items, and no error",
                map.id,
                map.items.len()
            );
            world.fault("Joining-8", what);
        }
        return;
    };
    let fault = {
        let books = world.books();
        let known: Vec<_> = failed.flaws.iter().map(|flaw| flaw.number).collect();
        let all = failures(&books, book);
        (known.is_empty() && !failed.cancelled && failed.panics.is_empty())
            .then(|| format!("the error of stream {} holds nothing: {all:?}", map.id))
    };
    if let Some(what) = fault {
        world.fault("Errors-3", what);
    }
    failed_received(world, failed);
}
