//! What cannot give its value ends what awaits it: the child, the body that can fail, or, where there is neither, this program.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use ingather::cancel::{CancelKind, with_cleanup};
use ingather::error::Failure;
use ingather::{
    CancelReason, GatherIncomplete, GroupOptions, StartError, create_task, current_token, inline,
    run_sync, shield,
};

use crate::support::{Drops, Fault, Gate, Site, behaviour, payload_of, yields};

behaviour!(
    the_child_that_it_is_in_ends,
    a_body_that_cannot_fail_is_passed_over,
    the_body_of_a_scope_that_can_fail_ends,
    a_shield_around_it_holds_nothing_any_more,
    a_shield_beside_it_holds,
    the_grace_is_not_waited_for_but_clean_ups_have_it,
    a_child_that_is_starting_ends,
    without_surroundings_it_panics_and_says_what_to_do,
    one_call_is_enough_and_the_others_are_cancelled,
    a_race_goes_on_as_long_as_a_call_does,
    a_panic_comes_first,
    a_call_that_blocks_its_thread_panics,
);

/// A call that cancels itself.
async fn cancels_itself() -> u32 {
    current_token().cancel();
    pending().await
}

/// The forms that cannot fail, each with a call that cancels itself.
#[derive(Clone, Copy, Debug)]
enum Form {
    Gather,
    Tuple,
    InlineGather,
    Race,
    InlineRace,
    Map,
    Unordered,
}

impl Form {
    const ALL: [Self; 7] = [
        Self::Gather,
        Self::Tuple,
        Self::InlineGather,
        Self::Race,
        Self::InlineRace,
        Self::Map,
        Self::Unordered,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Gather | Self::Tuple | Self::InlineGather => "gather",
            Self::Race | Self::InlineRace => "race",
            Self::Map | Self::Unordered => "map_concurrent",
        }
    }

    async fn run(self, on: Site) -> u32 {
        let spawner = &on.spawner;
        match self {
            Self::Gather => ingather::on(spawner).gather([cancels_itself]).await[0],
            Self::Tuple => {
                ingather::on(spawner)
                    .gather((cancels_itself, || async { 1 }))
                    .await
                    .0
            }
            Self::InlineGather => inline::gather([cancels_itself]).await[0],
            Self::Race => {
                ingather::on(spawner)
                    .race([cancels_itself, cancels_itself])
                    .await
            }
            Self::InlineRace => inline::race([cancels_itself, cancels_itself]).await,
            Self::Map => {
                let stream = ingather::on(spawner).map_concurrent(0..3, 2, |_| cancels_itself());
                stream
                    .map(|_| 1)
                    .fold(0, |sum, n| async move { sum + n })
                    .await
            }
            Self::Unordered => {
                let stream = ingather::on(spawner)
                    .map_concurrent(0..3, 2, |_| cancels_itself())
                    .unordered();
                stream
                    .map(|_| 1)
                    .fold(0, |sum, n| async move { sum + n })
                    .await
            }
        }
    }
}

fn says(reason: &CancelReason, form: Form) {
    assert_eq!(reason.kind(), CancelKind::NoValue, "{form:?}: {reason:?}");
    assert_eq!(
        reason.root().kind(),
        CancelKind::Explicit,
        "{form:?}: {reason:?}"
    );
    let text = reason.to_string();
    let call = format!("a call of `{}` at ", form.name());
    assert!(text.contains(&call), "{text}");
    assert!(text.contains("gather_lacks.rs"), "{text}");
    assert!(
        reason
            .location()
            .unwrap()
            .file()
            .ends_with("gather_lacks.rs")
    );
}

fn cancelled<T: std::fmt::Debug>(result: Result<T, GatherIncomplete>, form: Form) {
    match result {
        Err(GatherIncomplete::Cancelled(reason)) => says(&reason, form),
        other => panic!("{form:?}: {other:?}"),
    }
}

// Cuts-3
async fn the_child_that_it_is_in_ends(on: Site) {
    for form in Form::ALL {
        let inner = on.clone();
        let (result, sibling) = ingather::on(&on.spawner)
            .scope(|tg| async move {
                let gate = Gate::new();
                let waits = gate.clone();
                let sibling = tg.spawn(async move {
                    waits.wait().await;
                    7
                });
                let result = tg.spawn(form.run(inner)).await;
                gate.open();
                (result, sibling.await)
            })
            .await;
        cancelled(result, form);
        assert_eq!(sibling, Ok(7));
    }
    let task = {
        let _current = ingather::spawner::enter(&on.spawner);
        create_task(Form::Gather.run(on.clone()))
    };
    let reason = task.await.unwrap_err();
    assert!(
        format!("{reason}").contains("cannot give its value"),
        "{reason}"
    );
}

// Cuts-3
async fn a_call_that_blocks_its_thread_panics(on: Site) {
    for form in [Form::InlineGather, Form::InlineRace] {
        for in_body in [false, true] {
            let (inner, texts) = (on.clone(), Arc::new(Mutex::new(Vec::new())));
            let said = Arc::clone(&texts);
            let blocks = async move {
                let run = AssertUnwindSafe(|| run_sync(form.run(inner)));
                let panic = catch_unwind(run).expect_err("there is no value");
                let text = panic.downcast::<String>().expect("it is a text");
                said.lock().unwrap().push(*text);
            };
            if in_body {
                let body = ingather::on(&on.spawner).try_scope(|_| async {
                    blocks.await;
                    Ok::<_, Fault>(())
                });
                // It was ended, and may be over before it is dropped.
                drop(body.await);
            } else {
                drop(
                    ingather::on(&on.spawner)
                        .scope(|tg| async move { tg.spawn(blocks).await })
                        .await,
                );
            }
            let texts = texts.lock().unwrap();
            let text = texts.first().expect("it came back");
            assert!(text.contains("cannot give its value"), "{text}");
            assert!(text.contains(&format!("`{}` at ", form.name())), "{text}");
        }
    }
}

// Cuts-3
async fn a_body_that_cannot_fail_is_passed_over(on: Site) {
    for form in Form::ALL {
        let inner = on.clone();
        let drops = Drops::new();
        let (body, child) = (drops.witness(), drops.witness());
        let result = ingather::on(&on.spawner)
            .scope(|tg| async move {
                let spawner = inner.spawner.clone();
                let within = ingather::on(&spawner).scope(move |tg| async move {
                    let _held = body;
                    tg.spawn(async move {
                        let _held = child;
                        pending::<()>().await
                    });
                    inline::scope(move |_| form.run(inner)).await
                });
                tg.spawn(within).await
            })
            .await;
        cancelled(result, form);
        assert!(drops.all(), "{form:?}");
    }
}

// Cuts-3
async fn the_body_of_a_scope_that_can_fail_ends(on: Site) {
    for form in Form::ALL {
        let (inner, drops) = (on.clone(), Drops::new());
        let witness = drops.witness();
        let result = ingather::on(&on.spawner).try_scope(|tg| async move {
            tg.spawn(async move {
                let _held = witness;
                pending::<()>().await
            });
            Ok::<_, Fault>(form.run(inner).await)
        });
        let error = result.await.unwrap_err();
        assert!(drops.all());
        says(error.cancelled().unwrap(), form);
        says(error.cut_short().unwrap(), form);
        assert!(matches!(error.into_first(), Failure::Cancelled(_)));
    }
}

// Cuts-3
async fn a_shield_around_it_holds_nothing_any_more(on: Site) {
    for form in Form::ALL {
        let inner = on.clone();
        let result = ingather::on(&on.spawner)
            .scope(|tg| async move {
                tg.spawn(shield(async move { shield(form.run(inner)).await }))
                    .await
            })
            .await;
        cancelled(result, form);
        let inner = on.clone();
        let result = ingather::on(&on.spawner)
            .try_scope(|_| async move { Ok::<_, Fault>(shield(form.run(inner)).await) });
        says(result.await.unwrap_err().cut_short().unwrap(), form);
    }
}

// Cuts-3, Shields-1
async fn a_shield_beside_it_holds(on: Site) {
    for form in Form::ALL {
        let (inner, gate, done) = (on.clone(), Gate::new(), Arc::new(AtomicBool::new(false)));
        let (waits, sets) = (gate.clone(), Arc::clone(&done));
        let (spawner, stuck) = (on.spawner.clone(), Gate::new());
        let reached = stuck.clone();
        let result = ingather::on(&spawner)
            .scope(|tg| async move {
                let key = tg.spawn(async move {
                    let flush = shield(async move {
                        waits.wait().await;
                        sets.store(true, Relaxed);
                    });
                    let call = async move {
                        reached.open();
                        form.run(inner).await
                    };
                    futures::join!(call, flush).0
                });
                stuck.wait().await;
                yields(10).await;
                gate.open();
                key.await
            })
            .await;
        cancelled(result, form);
        assert!(done.load(Relaxed), "{form:?}");
    }
}

// Cuts-3, Cancelling-11
async fn the_grace_is_not_waited_for_but_clean_ups_have_it(on: Site) {
    for form in Form::ALL {
        let options = || {
            GroupOptions::new()
                .on(&on.spawner)
                .grace(Duration::from_secs(3600))
        };
        let inner = on.clone();
        let scope = options().scope(|tg| async move { tg.spawn(form.run(inner)).await });
        cancelled(scope.await, form);
        let cleaned = Arc::new(AtomicUsize::new(0));
        let (inner, cleans) = (on.clone(), Arc::clone(&cleaned));
        let scope = options().scope(|tg| async move {
            let cleanup = move || async move {
                yields(5).await;
                cleans.fetch_add(1, Relaxed);
            };
            tg.spawn(with_cleanup(form.run(inner), cleanup)).await
        });
        cancelled(scope.await, form);
        assert_eq!(cleaned.load(Relaxed), 1, "{form:?}");
        let inner = on.clone();
        let scope = options().try_scope(|_| async move { Ok::<_, Fault>(form.run(inner).await) });
        says(scope.await.unwrap_err().cut_short().unwrap(), form);
    }
}

// Cuts-3, Starting-2
async fn a_child_that_is_starting_ends(on: Site) {
    for form in Form::ALL {
        let inner = on.clone();
        let result = ingather::on(&on.spawner).scope(|tg| async move {
            tg.start(move |ready| async move {
                form.run(inner).await;
                let _ = ready.started(());
            })
            .await
            .map(drop)
        });
        match result.await {
            Err(StartError::Cancelled(reason)) => says(&reason, form),
            other => panic!("{form:?}: {other:?}"),
        }
    }
}

// Cuts-3
async fn without_surroundings_it_panics_and_says_what_to_do(on: Site) {
    for form in Form::ALL {
        let payload = payload_of(form.run(on.clone())).await;
        let text = payload.downcast::<String>().unwrap();
        let first = format!("`{}` at ", form.name());
        assert!(text.starts_with(&first), "{text}");
        assert!(text.contains("gather_lacks.rs:"), "{text}");
        assert!(text.contains("cancelled by request"), "{text}");
        assert!(text.contains("instead"), "{text}");
        // The body of a scope that cannot fail is none.
        let inner = on.clone();
        let payload = payload_of(ingather::on(&on.spawner).scope(|_| form.run(inner))).await;
        assert_eq!(payload.downcast::<String>().unwrap()[..first.len()], first);
    }
}

// Cuts-3, Cuts-4
async fn one_call_is_enough_and_the_others_are_cancelled(on: Site) {
    for last in [false, true] {
        let drops = Drops::new();
        let made = (0..5).map(|n| {
            let witness = drops.witness();
            move || async move {
                let _held = witness;
                if n == if last { 4 } else { 0 } {
                    cancels_itself().await
                } else {
                    pending().await
                }
            }
        });
        let made: Vec<_> = made.collect();
        let spawner = on.spawner.clone();
        let result = ingather::on(&on.spawner).scope(|tg| async move {
            tg.spawn(async move { ingather::on(&spawner).gather(made).await })
                .await
        });
        cancelled(result.await, Form::Gather);
        assert!(drops.all());
    }
}

// Cuts-3
async fn a_race_goes_on_as_long_as_a_call_does(on: Site) {
    let calls = (0..5).map(|n| {
        move || async move {
            if n == 3 {
                yields(10).await;
                n
            } else {
                cancels_itself().await
            }
        }
    });
    let calls: Vec<_> = calls.collect();
    assert_eq!(ingather::on(&on.spawner).race(calls).await, 3);
}

// Cuts-3, Panics-1
async fn a_panic_comes_first(on: Site) {
    let calls = (0..2).map(|n| {
        move || async move {
            if n == 0 {
                crate::support::throw("a call that panics")
            }
            cancels_itself().await
        }
    });
    let calls: Vec<_> = calls.collect();
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_error(ingather::OnError::KeepGoing);
    let text = crate::support::text_of(options.gather(calls)).await;
    assert_eq!(text, "a call that panics");
}
