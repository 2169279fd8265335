//! Forms that are dropped at every point: no error and no panic is lost, and destructors that panic harm nothing.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;

use futures::StreamExt;
use futures::future::BoxFuture;
use ingather::joiner::{All, FirstOver, Settled};
use ingather::{CancelToken, GroupError, GroupOptions, OnError, OnPanic, Outcome};

use crate::support::{
    ByHand, Explosive, HostileSpawner, panic_of, stepper, throw, unhandled, unique, watched, yields,
};

type Made<T> = BoxFuture<'static, T>;

/// What its calls end with, and what a form gives of that.
struct Books {
    /// In the text of each panic, of errors that panic when they are dropped, and in the names of groups.
    mark: String,
    errors: AtomicUsize,
    panics: AtomicUsize,
}

/// An error whose destructor panics. The hook is told of its type, which no other test has.
struct Lost(#[expect(dead_code, reason = "it is held for its drop")] Explosive);

impl Debug for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lost")
    }
}

impl Books {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            mark: unique("dropped"),
            errors: AtomicUsize::new(0),
            panics: AtomicUsize::new(0),
        })
    }

    /// A call that yields so often, and then fails, panics, or gives a value that panics when it is dropped.
    async fn call(self: Arc<Self>, n: usize) -> Result<Explosive, Lost> {
        yields(n / 2).await;
        match n % 3 {
            0 => {
                self.errors.fetch_add(1, Relaxed);
                Err(Lost(Explosive(format!("an error of {}", self.mark))))
            }
            1 => Ok(Explosive(format!("a value of {}", self.mark))),
            _ => {
                self.panics.fetch_add(1, Relaxed);
                throw(&format!("a panic of {}", self.mark))
            }
        }
    }
}

/// Calls with all ends there are, in the order that `turn` says.
fn calls(
    books: &Arc<Books>,
    turn: usize,
) -> Vec<impl FnOnce() -> Made<Result<Explosive, Lost>> + use<>> {
    let call = |n: usize| {
        let books = Arc::clone(books);
        move || -> Made<Result<Explosive, Lost>> { Box::pin(books.call(n)) }
    };
    (0..6).map(|n| call((n + turn) % 6)).collect()
}

/// What a form has given: how many errors and panics, which nobody else may tell of.
#[derive(Default)]
struct Given {
    errors: usize,
    panics: usize,
    /// One has won, and the errors of the others do not count.
    won: bool,
}

fn group_error(error: GroupError<Lost>) -> Given {
    let mut given = Given::default();
    for leaf in &error {
        given.errors += usize::from(leaf.failure().error().is_some());
        given.panics += usize::from(leaf.failure().is_panic());
    }
    std::mem::forget(error);
    given
}

fn result<T>(result: Result<T, GroupError<Lost>>) -> Given {
    match result {
        Ok(value) => {
            std::mem::forget(value);
            let won = true;
            Given {
                won,
                ..Given::default()
            }
        }
        Err(error) => group_error(error),
    }
}

fn outcomes(outcomes: Vec<Outcome<Explosive, Lost>>) -> Given {
    let mut given = Given::default();
    for outcome in outcomes {
        given.errors += usize::from(matches!(outcome, Outcome::Err(_)));
        given.panics += usize::from(outcome.is_panicked());
        std::mem::forget(outcome);
    }
    given
}

const FORMS: [&str; 14] = [
    "try_gather",
    "try_inline_gather",
    "gather_settled",
    "tuple_settled",
    "first_ok",
    "inline_first_ok",
    "quorum",
    "inline_quorum",
    "all",
    "settled",
    "inline_settled",
    "first_over",
    "try_map_concurrent",
    "try_map_concurrent_unordered",
];

/// A form that keeps going and collects panics.
fn form(
    name: &str,
    on: &HostileSpawner,
    books: &Arc<Books>,
    turn: usize,
) -> BoxFuture<'static, Given> {
    let options = GroupOptions::new().on(on).name(books.mark.clone());
    let options = options
        .on_error(OnError::KeepGoing)
        .on_panic(OnPanic::Collect);
    let calls = calls(books, turn);
    match name {
        "try_gather" => Box::pin(async move { result(options.try_gather(calls).await) }),
        "try_inline_gather" => {
            Box::pin(async move { result(options.inline().try_gather(calls).await) })
        }
        "gather_settled" => Box::pin(async move { outcomes(options.gather_settled(calls).await) }),
        "tuple_settled" => {
            let mut calls = calls.into_iter();
            let (one, two, three) = (calls.next(), calls.next(), calls.next());
            let calls = (one.unwrap(), two.unwrap(), three.unwrap());
            Box::pin(async move {
                let (one, two, three) = options.gather_settled(calls).await;
                outcomes(vec![one, two, three])
            })
        }
        "first_ok" => Box::pin(async move { result(options.first_ok(calls).await) }),
        "inline_first_ok" => {
            Box::pin(async move { result(options.inline().first_ok(calls).await) })
        }
        "quorum" => Box::pin(async move { result(options.quorum(3, calls).await) }),
        "inline_quorum" => Box::pin(async move { result(options.inline().quorum(3, calls).await) }),
        "all" => Box::pin(async move { result(options.join_with(All::new(), calls).await) }),
        "settled" => {
            Box::pin(async move { outcomes(options.join_with(Settled::new(), calls).await) })
        }
        "inline_settled" => {
            Box::pin(
                async move { outcomes(options.inline().join_with(Settled::new(), calls).await) },
            )
        }
        "first_over" => Box::pin(async move {
            let first = options.join_with(FirstOver::new(), calls).await;
            let won = true;
            Given {
                won,
                ..outcomes(first.into_iter().collect())
            }
        }),
        ordered => {
            let ordered = ordered == "try_map_concurrent";
            Box::pin(async move {
                let mut given = Given::default();
                macro_rules! drain {
                    ($stream:expr) => {{
                        let mut stream = $stream;
                        while let Some(item) = stream.next().await {
                            match item {
                                Ok(value) => std::mem::forget(value),
                                Err(error) => given = group_error(error),
                            }
                        }
                    }};
                }
                // Streams resume panics.
                let calls = calls.into_iter().map(|call| async move {
                    let call = std::panic::AssertUnwindSafe(call());
                    let ended = futures::FutureExt::catch_unwind(call).await;
                    ended.unwrap_or_else(|_| Ok(Explosive("a panic that was taken".into())))
                });
                if ordered {
                    drain!(options.try_map_concurrent(calls, 4, |call| call));
                } else {
                    drain!(
                        options
                            .try_map_concurrent(calls, 4, |call| call)
                            .unordered()
                    );
                }
                given
            })
        }
    }
}

/// Polls the form and steps its spawner in the order of these bits, drops it, and compares the books.
fn drop_after(name: &str, turn: usize, steps: usize, bits: usize) -> bool {
    let (on, books) = (stepper(), Books::new());
    let mut form = ByHand::new(form(name, &on, &books, turn));
    let mut given = None;
    for step in 0..steps {
        if bits >> step & 1 == 0 {
            on.step();
        } else if let Poll::Ready(gave) = form.poll() {
            given = Some(gave);
            break;
        }
    }
    let is_over = given.is_some();
    assert_eq!(panic_of(|| drop(form)), None);
    on.run_until_idle();
    let told = unhandled::taken(&books.mark);
    let panics_told = told
        .iter()
        .filter(|text| text.contains("a panic of"))
        .count();
    let lost = unhandled::taken("gather_drops::Lost`").len();
    let Given {
        errors,
        panics,
        won,
    } = given.unwrap_or_default();
    let at = format!("{name}, turned by {turn}, with {steps} steps {bits:b}");
    let (made, panicked) = (books.errors.load(Relaxed), books.panics.load(Relaxed));
    // Errors of losers do not count, whether or not the winner's is given.
    if won || name == "first_over" {
        assert!(errors + lost <= made, "errors of {at}");
    } else {
        assert_eq!(errors + lost, made, "errors of {at}");
    }
    // Streams resume panics, so their calls have none.
    if !name.starts_with("try_map") {
        assert_eq!(panics + panics_told, panicked, "panics of {at}");
    }
    is_over
}

// Cuts-6, Errors-2, Joining-5
#[test]
fn no_error_and_no_panic_is_lost_wherever_a_form_is_dropped() {
    unhandled::collect();
    for name in FORMS {
        watched(name, || {
            let mut over = 0;
            for turn in 0..6 {
                for bits in 0..1 << 7 {
                    over += usize::from(drop_after(name, turn, 7, bits));
                }
                // Long ones to their ends.
                for steps in 7..40 {
                    over += usize::from(drop_after(name, turn, steps, usize::MAX));
                    over += usize::from(drop_after(name, turn, steps, 0x5555_5555_5555_5555));
                }
            }
            assert!(over > 0, "`{name}` was never over");
        });
    }
}

// Cuts-1, Joining-2
#[test]
fn a_join_that_opens_cancelled_ends_whatever_the_destructors_of_its_calls_do() {
    unhandled::collect();
    let mark = unique("refused");
    let bomb = |n: u32| {
        let bomb = Explosive(format!("a call of {mark}"));
        move || async move {
            let _held = bomb;
            Ok::<_, &str>(n)
        }
    };
    let bombs = || [bomb(1), bomb(2), bomb(3)];
    for collects in [false, true] {
        let stop = CancelToken::new();
        stop.cancel();
        let options = || {
            let on_panic = if collects {
                OnPanic::Collect
            } else {
                OnPanic::Resume
            };
            GroupOptions::new().token(&stop).on_panic(on_panic)
        };
        watched("a join that opens cancelled", || {
            let block_on = ingather::block_on::<std::pin::Pin<Box<dyn Future<Output = ()>>>>;
            block_on(Box::pin(async {
                let error = options().first_ok(bombs()).await.unwrap_err();
                assert!(collects || error.cut_short().is_some());
                let error = options().quorum(2, bombs()).await.unwrap_err();
                assert!(collects || error.cut_short().is_some());
                let outcomes = options().join_with(Settled::new(), bombs()).await;
                assert_eq!(outcomes.len(), 3);
                let error = options().inline().first_ok(bombs()).await.unwrap_err();
                assert!(collects || error.cut_short().is_some());
                let outcomes = options().gather_settled(bombs()).await;
                // Told-1: the call was refused, and the destructor of what it held panicked.
                let ended =
                    |outcome: &Outcome<_, _>| outcome.is_cancelled() || outcome.is_panicked();
                assert!(outcomes.iter().all(ended));
                let error = options().try_gather(bombs()).await.unwrap_err();
                assert!(error.cut_short().is_some());
                let stream = options().try_map_concurrent(0..3, 2, |n| bomb(n)());
                let mut stream = Box::pin(stream);
                assert!(
                    stream
                        .next()
                        .await
                        .unwrap()
                        .unwrap_err()
                        .cut_short()
                        .is_some()
                );
                assert!(stream.next().await.is_none());
            }));
        });
    }
    unhandled::taken(&mark);
}
