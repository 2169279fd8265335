//! Random calls, gathered in place and as a group from the first: what each does and how it ends is the same. Inline, and on spawners
//! that run one job at a time.

use std::future::ready;

use ingather::cancel::cancel_reason;
use ingather::{GroupOptions, Outcome, calls, current_token, inline};

use crate::support::{
    Explosive, Fault, Rng, Site, Trace, behaviour, throw, unhandled, yield_now, yields,
};

behaviour!(
    a_gather_with_and_without_a_group_gives_the_same,
    a_tuple_with_and_without_a_group_gives_the_same,
    listed_calls_with_and_without_a_group_give_the_same,
    driven_calls_with_and_without_a_group_give_the_same,
    a_driven_tuple_with_and_without_a_group_gives_the_same,
);

/// What a call does in a poll, after it has yielded so often.
#[derive(Clone, Copy, Debug)]
enum Step {
    Yields(usize),
    AsksToken,
    CancelsItself,
    Nests(usize),
    Scopes,
    Fails,
    Panics,
    PanicsInDrop,
}

fn script(rng: &mut Rng) -> Vec<Step> {
    let steps = 1 + rng.below(4);
    (0..steps)
        .map(|_| match rng.below(14) {
            0..=4 => Step::Yields(rng.below(3)),
            5 | 6 => Step::AsksToken,
            7 => Step::CancelsItself,
            8 | 9 => Step::Nests(rng.below(3)),
            10 => Step::Scopes,
            11 => Step::Fails,
            12 => Step::Panics,
            _ => Step::PanicsInDrop,
        })
        .collect()
}

async fn play(script: Vec<Step>, log: Trace) -> Result<usize, Fault> {
    let _dropped = log.at_drop("dropped");
    let mut bomb = None;
    for step in script {
        log.log(format!("{step:?}, cancelled: {}", cancel_reason_if(&step)));
        match step {
            Step::Yields(times) => yields(times).await,
            Step::AsksToken => drop(current_token()),
            Step::CancelsItself => {
                current_token().cancel();
                yield_now().await;
            }
            Step::Nests(times) => {
                let calls = [0, 1, 2].map(|number| {
                    move || async move {
                        yields(if number == 1 { times } else { 0 }).await;
                        (number == times).then(current_token).is_some()
                    }
                });
                let asked = inline::gather(calls).await;
                log.log(format!("{asked:?}"));
            }
            Step::Scopes => {
                let value = inline::scope(|tg| async move { tg.spawn(ready(7)).await });
                log.log(format!("{:?}", value.await));
            }
            Step::Fails => return Err(Fault("it fails")),
            // Two panics at once are no business of ours.
            Step::Panics if bomb.is_none() => throw("it panics"),
            Step::Panics => {}
            Step::PanicsInDrop if bomb.is_none() => {
                bomb = Some(Explosive(String::from("in a drop")))
            }
            Step::PanicsInDrop => {}
        }
    }
    Ok(usize::from(bomb.is_some()))
}

/// Only some ask: to ask is to need a group.
fn cancel_reason_if(step: &Step) -> bool {
    matches!(step, Step::AsksToken | Step::Fails) && cancel_reason().is_some()
}

fn in_words(outcome: &Outcome<usize, Fault>) -> String {
    match outcome {
        Outcome::Ok(value) => format!("{value}"),
        Outcome::Err(error) => format!("{error:?}"),
        Outcome::Panicked(panic) => panic.message().to_owned(),
        Outcome::Cancelled(reason) => format!("{:?}", reason.kind()),
        other => format!("{other:?}"),
    }
}

/// Gathers three calls as `$gathers` says, with a group from the first and without, over seeds.
macro_rules! three_alike {
    (|$options:ident, $a:ident, $b:ident, $c:ident| $gathers:expr) => {
        unhandled::collect();
        for seed in 0..200 {
            let mut rng = Rng::new(seed);
            let scripts = [(); 3].map(|()| script(&mut rng));
            let mut seen = Vec::new();
            for named in [false, true] {
                let logs = [(); 3].map(|()| Trace::new());
                let [$a, $b, $c] = [0, 1, 2].map(|at: usize| {
                    let (script, log) = (scripts[at].clone(), logs[at].clone());
                    move || play(script, log)
                });
                let $options = options(named);
                let outcomes: [_; 3] = $gathers;
                let logs = logs.each_ref().map(Trace::entries);
                seen.push((outcomes.each_ref().map(in_words), logs));
            }
            assert_eq!(seen[0], seen[1], "seed {seed}: {scripts:?}");
        }
    };
}

/// The same for up to six calls of one type.
macro_rules! some_alike {
    (|$options:ident, $calls:ident| $gathers:expr) => {
        unhandled::collect();
        for seed in 0..300 {
            let mut rng = Rng::new(seed);
            let scripts: Vec<_> = (0..1 + rng.below(6)).map(|_| script(&mut rng)).collect();
            let mut seen = Vec::new();
            for named in [false, true] {
                let logs: Vec<_> = scripts.iter().map(|_| Trace::new()).collect();
                let $calls: Vec<_> = scripts
                    .iter()
                    .zip(&logs)
                    .map(|(script, log)| {
                        let (script, log) = (script.clone(), log.clone());
                        move || play(script, log)
                    })
                    .collect();
                let $options = options(named);
                let outcomes = $gathers;
                let outcomes: Vec<_> = outcomes.iter().map(in_words).collect();
                let logs: Vec<_> = logs.iter().map(Trace::entries).collect();
                seen.push((outcomes, logs));
            }
            assert_eq!(seen[0], seen[1], "seed {seed}: {scripts:?}");
        }
    };
}

/// A group with a name is there from the first.
fn options(named: bool) -> GroupOptions {
    let options = GroupOptions::new();
    if named {
        options.name("a group from the first")
    } else {
        options
    }
}

// Gather-2, Gather-3, Gather-4
async fn a_tuple_with_and_without_a_group_gives_the_same(_: Site) {
    three_alike!(|options, a, b, c| options.inline().gather_settled((a, b, c)).await.into());
}

// Gather-2, Gather-3, Gather-4
async fn listed_calls_with_and_without_a_group_give_the_same(_: Site) {
    three_alike!(|options, a, b, c| {
        let listed = calls![|| a(), || b(), || c()];
        let outcomes = options.inline().gather_settled(listed).await;
        outcomes.try_into().unwrap()
    });
}

// Gather-2, Gather-3, Gather-4
async fn a_gather_with_and_without_a_group_gives_the_same(_: Site) {
    some_alike!(|options, calls| options.inline().gather_settled(calls).await);
}

// Gather-2, Gather-3, Gather-4, Executors-3
async fn driven_calls_with_and_without_a_group_give_the_same(on: Site) {
    if on.kind.is_one_thread() {
        some_alike!(|options, calls| options.gather_settled(calls).await);
    }
}

// Gather-2, Gather-3, Gather-4, Executors-3
async fn a_driven_tuple_with_and_without_a_group_gives_the_same(on: Site) {
    if on.kind.is_one_thread() {
        three_alike!(|options, a, b, c| options.gather_settled((a, b, c)).await.into());
    }
}
