//! Mapped streams that are cut short: nothing is taken any more, and nothing is missing in silence.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use ingather::cancel::CancelKind;
use ingather::error::Failure;
use ingather::{CancelToken, GroupError, GroupOptions, OnError, current_token};

use crate::support::{Fault, Gate, Site, behaviour, over_seeds, text_of, throw, unique, yields};

behaviour!(
    a_stream_that_a_token_stops_says_so,
    an_item_that_cancels_itself_is_an_error,
    nothing_is_taken_within_the_grace,
    what_is_whole_is_given_whole,
);

const HOUR: Duration = Duration::from_secs(3600);

fn says<T: std::fmt::Debug>(result: Result<T, GroupError<Fault>>) -> GroupError<Fault> {
    let error = result.expect_err("items are missing");
    let reason = error.cut_short().unwrap_or_else(|| panic!("{error:?}"));
    assert_eq!(reason.root().kind(), CancelKind::Explicit);
    error
}

// Cuts-5
async fn a_stream_that_a_token_stops_says_so(on: Site) {
    for grace in [Duration::ZERO, HOUR] {
        for ordered in [false, true] {
            let stop = CancelToken::new();
            let options = GroupOptions::new()
                .on(&on.spawner)
                .token(&stop)
                .grace(grace);
            let f = |n: u32| {
                let stop = stop.clone();
                async move {
                    yields(n as usize % 3).await;
                    match n {
                        10 => {
                            stop.cancel();
                        }
                        // However long the tenth takes, they do not overtake it to the last item.
                        51.. => {
                            stop.cancelled().await;
                        }
                        _ => {}
                    }
                    Ok::<_, Fault>(n)
                }
            };
            let result: Result<Vec<_>, _> = if ordered {
                options
                    .try_map_concurrent(1..=100, 4, f)
                    .try_collect()
                    .await
            } else {
                options
                    .try_map_concurrent(1..=100, 4, f)
                    .unordered()
                    .try_collect()
                    .await
            };
            assert_eq!(says(result).len(), 1);
        }
    }
}

// Cuts-4
async fn an_item_that_cancels_itself_is_an_error(on: Site) {
    for keeps_going in [false, true] {
        let options = GroupOptions::new().on(&on.spawner);
        let options = if keeps_going {
            options.on_error(OnError::KeepGoing)
        } else {
            options
        };
        let stream = options.try_map_concurrent(0..20_u32, 4, |n| async move {
            if n == 7 {
                current_token().cancel();
                pending::<()>().await;
            }
            Ok::<_, Fault>(n)
        });
        let items: Vec<_> = stream.collect().await;
        let (last, values) = items.split_last().unwrap();
        let error = last.as_ref().unwrap_err();
        assert_eq!((error.len(), error.cut_short()), (1, None));
        let leaf = error.iter().next().unwrap();
        assert!(
            leaf.child()
                .unwrap()
                .location()
                .file()
                .ends_with("map_cuts.rs")
        );
        assert!(
            matches!(leaf.failure(), Failure::Cancelled(reason) if reason.kind() == CancelKind::Explicit)
        );
        let values: Vec<_> = values.iter().map(|item| *item.as_ref().unwrap()).collect();
        if keeps_going {
            assert!((0..20).filter(|n| *n != 7).eq(values));
        } else {
            assert!(
                (0..).zip(&values).all(|(n, value)| n == *value),
                "{values:?}"
            );
        }
    }
}

/// What ends a stream whose children have some grace.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Error,
    Panic,
    Token,
    Alone,
}

// Cuts-5, Cancelling-6
async fn nothing_is_taken_within_the_grace(on: Site) {
    for ending in [Ending::Error, Ending::Panic, Ending::Token, Ending::Alone] {
        let stop = CancelToken::new();
        let (calls, taken) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let options = GroupOptions::new().on(&on.spawner).token(&stop).grace(HOUR);
        let text = unique("the function");
        let (counts, takes, thrown) = (Arc::clone(&calls), Arc::clone(&taken), text.clone());
        let source = (0..).inspect(move |_| {
            takes.fetch_add(1, Relaxed);
        });
        let stops = stop.clone();
        let f = move |n: u32| {
            counts.fetch_add(1, Relaxed);
            if n == 3 && matches!(ending, Ending::Panic) {
                throw(&thrown);
            }
            let stop = stops.clone();
            async move {
                match (n, ending) {
                    (0, Ending::Error) => return Err(Fault("early")),
                    (0, Ending::Token) => {
                        stop.cancel();
                    }
                    (0, Ending::Alone) => {
                        current_token().cancel();
                        return Ok(0);
                    }
                    _ => {}
                }
                current_token().cancelled().await;
                yields(10).await;
                Ok(n)
            }
        };
        let mut stream = Box::pin(options.try_map_concurrent(source, 4, f));
        let drains = async {
            let mut last = None;
            while let Some(item) = stream.next().await {
                last = Some(item);
                if matches!(ending, Ending::Alone) {
                    stop.cancel();
                }
            }
            last
        };
        if let Ending::Panic = ending {
            let told = text_of(drains).await;
            assert_eq!(told, text);
        } else {
            let error = drains.await.unwrap().unwrap_err();
            match ending {
                Ending::Error => assert_eq!(error.into_first().into_error(), Some(Fault("early"))),
                _ => drop(says(Err::<(), _>(error))),
            }
        }
        // The limit, and what has come in place of one that was over before the cancel.
        assert!(
            calls.load(Relaxed) <= 9,
            "{ending:?}: {} calls",
            calls.load(Relaxed)
        );
        assert!(taken.load(Relaxed) <= calls.load(Relaxed) + 1);
    }
}

// Cuts-5
async fn what_is_whole_is_given_whole(on: Site) {
    // All items were taken, and all end within the grace.
    let (stop, gate) = (CancelToken::new(), Gate::new());
    let options = GroupOptions::new().on(&on.spawner).token(&stop).grace(HOUR);
    let waits = gate.clone();
    let stream = options.try_map_concurrent(0..4, 4, |n| {
        let gate = waits.clone();
        async move {
            gate.wait().await;
            Ok::<_, Fault>(n)
        }
    });
    let mut stream = Box::pin(stream);
    assert!(futures::poll!(stream.next()).is_pending());
    stop.cancel();
    gate.open();
    assert_eq!(stream.try_collect::<Vec<_>>().await.unwrap(), [0, 1, 2, 3]);
    // All have ended before, and nobody has asked.
    let (stop, over) = (CancelToken::new(), Gate::new());
    let options = GroupOptions::new().on(&on.spawner).token(&stop);
    let opens = over.clone();
    let stream = options.try_map_concurrent(0..4, 8, |n| {
        let over = opens.clone();
        async move {
            if n == 3 {
                over.open();
            }
            Ok::<_, Fault>(n)
        }
    });
    let mut stream = Box::pin(stream);
    let first = stream.next().await;
    assert_eq!(first.unwrap().unwrap(), 0);
    over.wait().await;
    yields(50).await;
    stop.cancel();
    match stream.try_collect::<Vec<_>>().await {
        Ok(values) => assert_eq!(values, [1, 2, 3]),
        // Unless the end of the last was not seen before.
        Err(error) => drop(says(Err::<(), _>(error))),
    }
}

// Cuts-5
#[test]
fn an_endless_source_is_not_asked_for_ever() {
    over_seeds("an endless source", || async {
        let options = GroupOptions::new()
            .timeout(Duration::from_secs(10))
            .grace(HOUR);
        let stream = options.try_map_concurrent(0.., 3, |n| async move {
            ingather::clock::sleep(Duration::from_secs(4)).await;
            Ok::<_, Fault>(n)
        });
        let items: Vec<_> = stream.collect().await;
        assert_eq!(items.len(), 10, "three at 4, 8 and 12 s, and the error");
        assert!(items.last().unwrap().as_ref().unwrap_err().is_timeout());
    });
}
