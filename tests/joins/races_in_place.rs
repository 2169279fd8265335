//! Races whose calls are polled where they lie: who wins, what losers find in their drops, and what becomes of panics there.
//!
//! The cells are: the form, what the calls come in, who wins and when, and what each loser does when it is dropped.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use ingather::cancel::{CancelKind, cancel_reason};
use ingather::{GroupOptions, calls, current_token, inline};

use crate::support::{
    AtDrop, ByHand, Explosive, Fault, Kind, Site, Trace, behaviour, panic_text, payload_of, throw,
    unhandled, unique, yield_now, yields,
};

behaviour!(
    losers_are_dropped_in_their_order_and_told_why,
    a_loser_that_panics_in_its_drop_panics_the_race,
    a_race_on_a_spawner_ends_as_an_inline_one_does,
    a_race_that_is_decided_in_a_cancelled_child_loses_no_value,
);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Race,
    FirstOk,
    Quorum,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Array,
    Tuple,
    List,
}

/// What a call does that does not win.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Loser {
    IsDropped,
    AsksInDrop,
    PanicsInDrop,
    AsksAndPanicsInDrop,
}

const FORMS: [Form; 3] = [Form::Race, Form::FirstOk, Form::Quorum];
const SHAPES: [Shape; 3] = [Shape::Array, Shape::Tuple, Shape::List];
const LOSERS: [Loser; 4] = [
    Loser::IsDropped,
    Loser::AsksInDrop,
    Loser::PanicsInDrop,
    Loser::AsksAndPanicsInDrop,
];

/// What one call does.
#[derive(Clone)]
struct Part {
    number: usize,
    /// It gives its number after so many yields; or it loses.
    role: Result<usize, Loser>,
    log: Trace,
    text: String,
}

impl Part {
    fn log(&self, what: &str) {
        self.log.log(format!("{} {what}", self.number));
    }
}

async fn play(part: Part) -> Result<usize, Fault> {
    part.log("begins");
    let loser = match part.role {
        Ok(polls) => {
            yields(polls).await;
            part.log("wins");
            return Ok(part.number);
        }
        Err(loser) => loser,
    };
    let asks = matches!(loser, Loser::AsksInDrop | Loser::AsksAndPanicsInDrop);
    let panics = matches!(loser, Loser::PanicsInDrop | Loser::AsksAndPanicsInDrop);
    let _bomb = panics.then(|| Explosive(part.text.clone()));
    let _dropped = AtDrop(Some(move || {
        if asks {
            let token = current_token();
            let kind = cancel_reason().map(|reason| reason.kind());
            part.log(&format!("{kind:?}, {}", token.is_cancelled()));
        } else {
            part.log("is dropped");
        }
    }));
    pending().await
}

/// Runs three calls in this form and shape, and gives the numbers of those that won.
macro_rules! runs {
    ($options:expr, $form:expr, $shape:expr, $parts:expr) => {{
        let options = $options;
        let parts: [Part; 3] = $parts;
        let [a, b, c] = parts.map(|part| move || play(part));
        match $shape {
            Shape::Array => ends!(options, $form, [a, b, c]),
            Shape::Tuple => ends!(options, $form, (a, b, c)),
            Shape::List => ends!(options, $form, calls![|| a(), || b(), || c()]),
        }
    }};
}

macro_rules! ends {
    ($options:expr, $form:expr, $calls:expr) => {
        match $form {
            Form::Race => vec![$options.race($calls).await.unwrap()],
            Form::FirstOk => vec![$options.first_ok($calls).await.unwrap()],
            Form::Quorum => {
                let values = $options.quorum(2, $calls).await.unwrap();
                assert!(values.iter().all(|&(index, number)| index == number));
                values.into_iter().map(|(index, _)| index).collect()
            }
        }
    };
}

/// Three calls, of which those before `winners` of a turn around lose.
fn parts(form: Form, first: usize, polls: usize, loser: Loser, text: &str) -> [Part; 3] {
    let log = Trace::new();
    let winners = if form == Form::Quorum { 2 } else { 1 };
    std::array::from_fn(|number| {
        let wins = (number + 3 - first) % 3 < winners;
        Part {
            number,
            role: if wins { Ok(polls) } else { Err(loser) },
            log: log.clone(),
            text: text.to_owned(),
        }
    })
}

fn cells() -> impl Iterator<Item = (Form, Shape, usize, usize, Loser)> {
    let cells = FORMS
        .into_iter()
        .flat_map(|form| SHAPES.map(|shape| (form, shape)));
    let cells = cells.flat_map(|(form, shape)| (0..9).map(move |at| (form, shape, at % 3, at / 3)));
    cells.flat_map(|(form, shape, first, polls)| {
        LOSERS.map(|loser| (form, shape, first, polls, loser))
    })
}

// Joining-2, Joining-6, Cancelling-8
async fn losers_are_dropped_in_their_order_and_told_why(on: Site) {
    for (form, shape, first, polls, loser) in cells() {
        if !matches!(loser, Loser::IsDropped | Loser::AsksInDrop) {
            continue;
        }
        let what = format!("{form:?} of a {shape:?}, {first} wins after {polls}, {loser:?}");
        let parts = parts(form, first, polls, loser, "");
        let log = parts[0].log.clone();
        let mut winners = runs!(GroupOptions::new().inline(), form, shape, parts.clone());
        if !on.is_in_order() {
            winners.sort();
        }
        let expected: Vec<_> = (0..3).filter(|&n| parts[n].role.is_ok()).collect();
        assert_eq!(winners, expected, "{what}");
        let begun = |n: usize| log.entries().contains(&format!("{n} begins"));
        let last = *winners.last().unwrap();
        for n in (0..3).filter(|&n| parts[n].role.is_err()) {
            // Those behind the call that decides are not polled any more. (A test executor is told of all groups.)
            assert!(
                on.kind == Kind::Test || begun(n) == (polls > 0 || n < last),
                "{what}"
            );
        }
        let word = match loser {
            Loser::AsksInDrop => format!("{:?}, true", Some(CancelKind::NotNeeded)),
            _ => String::from("is dropped"),
        };
        let dropped: Vec<_> = (0..3)
            .filter(|&n| parts[n].role.is_err() && begun(n))
            .map(|n| format!("{n} {word}"))
            .collect();
        let entries = log.entries();
        let drops: Vec<_> = entries
            .iter()
            .filter(|entry| entry.ends_with(&word))
            .collect();
        assert_eq!(drops, dropped.iter().collect::<Vec<_>>(), "{what}");
    }
}

// Joining-4
async fn a_loser_that_panics_in_its_drop_panics_the_race(_: Site) {
    for (form, shape, first, polls, loser) in cells() {
        if !matches!(loser, Loser::PanicsInDrop | Loser::AsksAndPanicsInDrop) {
            continue;
        }
        let text = unique("a loser");
        let parts = parts(form, first, polls, loser, &text);
        let log = parts[0].log.clone();
        let race = async { runs!(GroupOptions::new().inline(), form, shape, parts.clone()) };
        let result = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(race)).await;
        let lost = (0..3).filter(|&n| parts[n].role.is_err());
        let begun = lost.filter(|n| log.entries().contains(&format!("{n} begins")));
        let begun = begun.count();
        let what = format!("{form:?} of a {shape:?}, {first} wins after {polls}, {loser:?}");
        match result {
            Ok(_) => assert_eq!(begun, 0, "{what}"),
            Err(payload) => assert_eq!(panic_text(payload), text, "{what}"),
        }
        // One panic goes on, and the others are reported.
        let reported = unhandled::taken(&text).len();
        assert_eq!(reported, begun.saturating_sub(1), "{what}");
    }
}

// Joining-2, Joining-6
async fn a_race_on_a_spawner_ends_as_an_inline_one_does(on: Site) {
    for (form, shape, first, polls, loser) in cells() {
        let text = unique("a loser");
        let parts = parts(form, first, polls, loser, &text);
        let log = parts[0].log.clone();
        let race = async {
            let options = GroupOptions::new().on(&on.spawner);
            runs!(options, form, shape, parts.clone())
        };
        let result = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(race)).await;
        let entries = log.entries();
        let lost = (0..3).filter(|&n| parts[n].role.is_err());
        let begun: Vec<_> = lost
            .filter(|n| entries.contains(&format!("{n} begins")))
            .collect();
        let panics = matches!(loser, Loser::PanicsInDrop | Loser::AsksAndPanicsInDrop);
        assert_eq!(result.is_err(), panics && !begun.is_empty());
        // Whoever has begun is over.
        let ends = |n: &usize| {
            let of_it = entries
                .iter()
                .filter(|entry| entry.starts_with(&n.to_string()));
            of_it.count()
        };
        assert!(begun.iter().all(|n| ends(n) == 2), "{entries:?}");
        unhandled::taken(&text);
    }
}

// Leaving-8, Joining-5
async fn a_race_that_is_decided_in_a_cancelled_child_loses_no_value(_: Site) {
    let text = unique("a value");
    let told = inline::scope(|tg| {
        let text = text.clone();
        async move {
            let key = tg.spawn(async move {
                current_token().cancel();
                let calls = [0, 1].map(|number| {
                    let bomb = Explosive(text.clone());
                    move || async move {
                        if number == 1 {
                            pending::<()>().await;
                        }
                        bomb
                    }
                });
                let _value = inline::race(calls).await;
                unreachable!("it is dropped at this suspension");
            });
            key.await.is_err()
        }
    });
    assert!(told.await);
    // Both bombs: that of the value that nobody received, and that of the loser, which are dropped quietly or panic the child.
    assert!(unhandled::taken(&text).len() <= 2);
}

/// The waker of this task.
async fn waker() -> Waker {
    poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
}

// Gather-2
#[test]
fn nobody_asks_and_there_is_no_group() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let calls = [2, 1, 3].map(|polls| {
        let seen = Arc::clone(&seen);
        move || async move {
            for _ in 0..polls {
                yield_now().await;
                let waker = waker().await;
                seen.lock().unwrap().push(waker);
            }
            polls
        }
    });
    let mut race = ByHand::new(inline::race(calls));
    let own = race.counter().waker();
    assert!(race.poll().is_pending());
    let mut ended = race.poll();
    while ended.is_pending() {
        ended = race.poll();
    }
    assert!(matches!(ended, Poll::Ready(1)));
    let seen = seen.lock().unwrap();
    // The first and the second call, and nobody behind the second.
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|waker| waker.will_wake(&own)));
}

// Dropping-1, Joining-5
#[test]
fn a_race_that_is_dropped_half_way_drops_its_calls_as_children() {
    for (form, asks) in FORMS
        .into_iter()
        .flat_map(|form| [(form, false), (form, true)])
    {
        let log = Trace::new();
        let part = |number| Part {
            number,
            role: Err(if asks {
                Loser::AsksInDrop
            } else {
                Loser::IsDropped
            }),
            log: log.clone(),
            text: String::new(),
        };
        let parts = [part(0), part(1), part(2)];
        let race = async { runs!(GroupOptions::new().inline(), form, Shape::Array, parts) };
        let mut race = ByHand::new(Box::pin(race));
        assert!(race.poll().is_pending());
        drop(race);
        let kind = Some(CancelKind::Dropped);
        let word = if asks {
            format!("{kind:?}, true")
        } else {
            String::from("is dropped")
        };
        let expected: Vec<_> = (0..3)
            .map(|n| format!("{n} begins"))
            .chain((0..3).map(|n| format!("{n} {word}")))
            .collect();
        assert_eq!(log.entries(), expected, "{form:?}");
    }
}

// Joining-4
#[test]
fn a_callable_that_panics_or_was_never_called_ends_as_in_a_group() {
    for named in [false, true] {
        let options = || {
            let options = GroupOptions::new();
            if named {
                options.name("a group")
            } else {
                options
            }
            .inline()
        };
        let text = unique("a callable");
        let calls = [0, 1].map(|number| {
            let text = text.clone();
            move || {
                if number == 1 {
                    throw(&text);
                }
                pending::<()>()
            }
        });
        let payload = futures::executor::block_on(payload_of(options().race(calls)));
        assert_eq!(panic_text(payload), text);
        // What a call holds goes with it, and a panic of that is the race's, in both.
        let bomb = unique("what a callable holds");
        let held = Explosive(bomb.clone());
        let calls = calls![|| async { 1 }, || async move {
            let _held = held;
            pending().await
        }];
        let race = pin!(options().race(calls));
        let payload = futures::executor::block_on(payload_of(race));
        assert_eq!(panic_text(payload), bomb);
        assert!(unhandled::taken(&bomb).is_empty());
    }
}
