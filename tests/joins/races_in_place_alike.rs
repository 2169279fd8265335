//! Races whose calls are polled where they lie, beside races that are groups from the first: the winner, the order of values and of
//! errors, and shields.

use std::future::pending;

use ingather::{GroupOptions, current_token, inline, shield};

use crate::support::{Fault, Gate, Rng, Site, Trace, behaviour, yield_now, yields};

behaviour!(
    a_race_with_and_without_a_group_has_the_same_winner,
    a_quorum_keeps_the_order_of_its_values_when_it_becomes_a_group,
    a_loser_that_holds_on_when_it_was_asked_ends_before_the_race,
    errors_in_later_polls_count_as_in_a_group,
);

/// What a call does in a poll.
#[derive(Clone, Copy, Debug)]
enum Step {
    Yields(usize),
    AsksToken,
    CancelsItself,
    Nests(usize),
    Races(usize),
}

async fn steps(script: Vec<Step>, number: usize) -> usize {
    for step in script {
        match step {
            Step::Yields(times) => yields(times).await,
            Step::AsksToken => drop(current_token()),
            Step::CancelsItself => {
                current_token().cancel();
                yield_now().await;
                unreachable!("it is dropped at its suspension");
            }
            Step::Nests(times) => {
                let calls = [0, 1].map(|n| move || yields(n * times));
                inline::gather(calls).await;
            }
            Step::Races(times) => {
                let calls = [2, 1].map(|n| {
                    move || async move {
                        yields(n * times).await;
                        n
                    }
                });
                let first = inline::race(calls).await;
                assert!(first == 1 || first == 2);
            }
        }
    }
    number
}

// Joining-6
async fn a_race_with_and_without_a_group_has_the_same_winner(on: Site) {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let scripts: Vec<Vec<_>> = (0..2 + rng.below(4))
            .map(|_| {
                let steps = 1 + rng.below(3);
                let mut step = || match rng.below(12) {
                    0..=5 => Step::Yields(rng.below(4)),
                    6 | 7 => Step::AsksToken,
                    8 => Step::CancelsItself,
                    9 => Step::Nests(rng.below(3)),
                    _ => Step::Races(rng.below(3)),
                };
                (0..steps).map(|_| step()).collect()
            })
            .collect();
        // With other steps one may come sooner: a turn may be over, and those that are pending when one asks are polled anew.
        let yielded = |script: &Vec<Step>| {
            let times = script.iter().map(|step| match step {
                Step::Yields(times) => Some(*times),
                _ => None,
            });
            times.sum::<Option<usize>>()
        };
        let yielded: Option<Vec<_>> = scripts.iter().map(yielded).collect();
        let first = yielded.filter(|_| on.is_in_order()).and_then(|yielded| {
            let least = *yielded.iter().min()?;
            let mut first = (0..yielded.len()).filter(|&at| yielded[at] == least);
            first.next().filter(|_| first.next().is_none())
        });
        let cancels = |script: &Vec<_>| {
            script
                .iter()
                .any(|step| matches!(step, Step::CancelsItself))
        };
        if scripts.iter().all(cancels) {
            continue;
        }
        let mut winners = Vec::new();
        for named in [false, true] {
            let calls = scripts.iter().cloned().enumerate();
            let calls: Vec<_> = calls
                .map(|(number, script)| move || steps(script, number))
                .collect();
            let options = GroupOptions::new();
            let options = if named {
                options.name("a group from the first")
            } else {
                options
            };
            winners.push(options.inline().race(calls).await);
        }
        assert!(
            first.is_none_or(|first| winners == [first, first]),
            "seed {seed}: {winners:?} of {scripts:?}"
        );
        assert!(winners.iter().all(|&winner| !cancels(&scripts[winner])));
    }
}

// Joining-6
async fn a_quorum_keeps_the_order_of_its_values_when_it_becomes_a_group(on: Site) {
    if !on.is_in_order() {
        return;
    }
    // They come in this order, and then one asks, fails, or cancels itself.
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        for way in 0..4 {
            let calls = (0..5).map(|number| {
                move || async move {
                    let at = order.iter().position(|&n| n == number);
                    yields(at.map_or(4, |at| at + 1)).await;
                    match (number, way) {
                        (3, 1) => drop(current_token()),
                        (3, 2) => return Err(Fault("it fails")),
                        (3, 3) => {
                            current_token().cancel();
                            yield_now().await;
                        }
                        (4, _) => yields(3).await,
                        _ => {}
                    }
                    Ok(number)
                }
            });
            let quorum = inline::quorum(4, calls).await.unwrap();
            let indices: Vec<_> = quorum.iter().map(|&(index, _)| index).collect();
            assert_eq!(indices[..3], order, "{way}");
            assert_eq!(indices[3], if way < 2 { 3 } else { 4 });
        }
    }
}

// Joining-2, Shields-1
async fn a_loser_that_holds_on_when_it_was_asked_ends_before_the_race(on: Site) {
    for order in 0..2 {
        let (raised, log) = (Gate::new(), Trace::new());
        let (raised, logs) = (&raised, &log);
        let calls = [0, 1].map(|number| {
            move || async move {
                if number == order {
                    raised.wait().await;
                    logs.log("wins");
                    return number;
                }
                shield(async {
                    raised.open();
                    yields(3).await;
                    logs.log("over");
                })
                .await;
                pending().await
            }
        });
        assert_eq!(inline::race(calls).await, order);
        let mut entries = log.entries();
        if !on.is_in_order() {
            entries.sort_by(|a, b| b.cmp(a));
        }
        assert_eq!(entries, ["wins", "over"]);
    }
}

// Joining-6
async fn errors_in_later_polls_count_as_in_a_group(on: Site) {
    for polls in 0..3 {
        let calls = |wins: usize| {
            (0..4).map(move |number| {
                move || async move {
                    yields(polls * (4 - number)).await;
                    match number {
                        n if n == wins => Ok(number),
                        _ => Err(number),
                    }
                }
            })
        };
        assert_eq!(inline::first_ok(calls(2)).await.unwrap(), 2);
        let error = inline::first_ok(calls(9)).await.unwrap_err();
        let mut failed: Vec<_> = error
            .into_iter()
            .filter_map(|leaf| leaf.into_failure().into_error())
            .collect();
        if !on.is_in_order() {
            failed.sort_by_key(|&number| if polls == 0 { number } else { 3 - number });
        }
        // In the order of their ends.
        let expected = if polls == 0 {
            [0, 1, 2, 3]
        } else {
            [3, 2, 1, 0]
        };
        assert_eq!(failed, expected);
    }
}
