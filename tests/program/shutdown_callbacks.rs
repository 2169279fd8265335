//! Callbacks of the end of a run: their order, who registers them where, and what cannot hold up the others.

use std::future::pending;
use std::sync::mpsc::channel;
use std::task::Poll;
use std::thread;

use ingather::program::{ExitFault, OnShutdown, Run, request_shutdown};
use ingather::types::ContextSnapshot;
use ingather::{CancelReason, ContextVar, Spawner, on_shutdown};

use crate::runs::run_on;
use crate::support::{
    ByHand, Explosive, Fault, Gate, SECOND, Site, Trace, behaviour, explodes_after, throw,
    with_wound, yield_now, yields,
};

behaviour!(
    callbacks_are_called_once_in_reverse_order,
    a_callback_that_fails_keeps_no_other_from_its_turn,
    a_callback_over_its_budget_keeps_no_other_from_its_turn,
    callbacks_are_registered_from_anywhere_inside,
    the_innermost_run_counts,
    a_callback_sees_the_context_of_its_registration,
    nothing_is_registered_after_the_shutdown_began,
    a_guard_withdraws_its_callback,
    a_callback_withdraws_another,
    callbacks_run_where_children_do,
);

/// Registers a callback that writes an entry, for good.
#[track_caller]
fn at_end(log: &Trace, entry: impl Into<String>) {
    let (log, entry) = (log.clone(), entry.into());
    let callback = || async move { log.log(entry) };
    on_shutdown(callback).unwrap().detach();
}

/// Panics, with a type that a callback may give.
fn blow(text: &str) {
    throw(text)
}

// Shutdown-2
async fn callbacks_are_called_once_in_reverse_order(on: Site) {
    let log = Trace::new();
    let seen = log.clone();
    let exit = run_on(&on).run_async(async move {
        for number in 0..4 {
            let log = seen.clone();
            let callback = move || async move {
                log.log(format!("begin {number}"));
                yields(number).await;
                log.log(format!("end {number}"));
            };
            let name = format!("number {number}");
            OnShutdown::new()
                .named(name)
                .register(callback)
                .unwrap()
                .detach();
        }
        yield_now().await;
        seen.log("main");
    });
    let exit = exit.await;
    let callbacks = (0..4)
        .rev()
        .flat_map(|n| [format!("begin {n}"), format!("end {n}")]);
    let expected: Vec<_> = std::iter::once("main".to_owned())
        .chain(callbacks)
        .collect();
    assert_eq!(log.entries(), expected);
    let called = exit.report().callbacks().iter().map(|called| called.name());
    assert!(
        called.eq((0..4)
            .rev()
            .map(|n| format!("number {n}"))
            .collect::<Vec<_>>()
            .iter()
            .map(|name| Some(&**name)))
    );
    assert!(exit.report().is_clean());
}

// Shutdown-3
async fn a_callback_that_fails_keeps_no_other_from_its_turn(on: Site) {
    let log = Trace::new();
    let seen = log.clone();
    let exit = run_on(&on).run_async(async move {
        macro_rules! register {
            ($name:literal, $callback:expr) => {
                OnShutdown::new()
                    .named($name)
                    .register($callback)
                    .unwrap()
                    .detach();
                at_end(&seen, "turn");
            };
        }
        register!("error", || async { Err::<(), _>("an error") });
        register!("call", || {
            blow("a call");
            async {}
        });
        register!("poll", || async {
            yield_now().await;
            blow("a poll")
        });
        register!("drop", || explodes_after("a drop".into(), ()));
        let explosive = Explosive("a capture".into());
        register!("capture", move || {
            let _held = explosive;
            async {}
        });
    });
    let exit = exit.await;
    assert_eq!(log.entries(), ["turn"; 5]);
    let report = exit.report();
    let told: Vec<_> = report
        .failures()
        .iter()
        .map(|failure| {
            assert_eq!(failure.location().file(), file!());
            let text = match failure.fault() {
                ExitFault::Error(error) => error.to_string(),
                ExitFault::Panicked(panic) => panic.message().to_owned(),
                other => format!("{other:?}"),
            };
            (failure.name().unwrap().to_owned(), text)
        })
        .collect();
    let expected = [
        ("capture", "a capture"),
        ("drop", "a drop"),
        ("poll", "a poll"),
        ("call", "a call"),
        ("error", "an error"),
    ];
    assert_eq!(
        told,
        expected.map(|(name, text)| (name.to_owned(), text.to_owned()))
    );
    assert_eq!(report.callbacks().len(), 10);
    assert!(report.stuck().is_empty() && !report.is_clean());
    assert_eq!(report.to_string().lines().count(), 6);
}

// Shutdown-3
async fn a_callback_over_its_budget_keeps_no_other_from_its_turn(on: Site) {
    with_wound(on, |clock| async move {
        let log = Trace::new();
        let seen = log.clone();
        let main = async move {
            at_end(&seen, "last");
            let held = seen.at_drop("dropped with the budget of the run");
            let hangs = || async move {
                let _held = held;
                pending::<()>().await;
            };
            on_shutdown(hangs).unwrap().detach();
            at_end(&seen, "between");
            let held = seen.at_drop("dropped with its own");
            let hangs = || async move {
                let _held = held;
                pending::<()>().await;
            };
            OnShutdown::new()
                .named("hangs")
                .budget(5 * SECOND)
                .register(hangs)
                .unwrap()
                .detach();
        };
        let mut run = ByHand::new(Run::builder().budget(2 * SECOND).run_async(main));
        let mut at = 0;
        let mut trace = Vec::new();
        let exit = loop {
            match run.poll() {
                Poll::Ready(exit) => break exit,
                Poll::Pending if clock.waiting() == 0 => yield_now().await,
                Poll::Pending => {
                    clock.wind(SECOND);
                    at += 1;
                }
            }
            trace.push((at, log.entries().len()));
        };
        let expected = [
            "dropped with its own",
            "between",
            "dropped with the budget of the run",
            "last",
        ];
        assert_eq!(log.entries(), expected);
        assert!(
            trace.contains(&(5, 0)),
            "the budget was cut short: {trace:?}"
        );
        assert_eq!(at, 7);
        let report = exit.report();
        let took: Vec<_> = report
            .callbacks()
            .iter()
            .map(|called| called.took().as_secs())
            .collect();
        assert_eq!(took, [5, 0, 2, 0]);
        assert_eq!(
            (report.stuck().len(), report.stuck()[0].name()),
            (2, Some("hangs"))
        );
        let over = |fault: &ExitFault| matches!(fault, ExitFault::OverBudget(_));
        assert!(
            report
                .failures()
                .iter()
                .all(|failure| over(failure.fault()))
        );
        assert_eq!(clock.waiting(), 0);
    })
    .await;
}

// Shutdown-4
async fn callbacks_are_registered_from_anywhere_inside(on: Site) {
    let (log, spawner) = (Trace::new(), on.spawner.clone());
    let inside = spawner.clone();
    let seen = log.clone();
    let exit = run_on(&on).run_async(async move {
        at_end(&seen, "main");
        let inner = seen.clone();
        ingather::on(&spawner)
            .scope(|tg| async move {
                at_end(&inner, "body");
                let (child, grandchild) = (inner.clone(), inner.clone());
                tg.spawn(async move { at_end(&child, "child") })
                    .await
                    .unwrap();
                let key = tg.spawn(ingather::on(&inside).scope(|tg| async move {
                    tg.spawn(async move { at_end(&grandchild, "grandchild") })
                        .await
                        .unwrap();
                }));
                key.await.unwrap();
            })
            .await;
        let context = ContextSnapshot::current();
        let there = seen.clone();
        thread::spawn(move || context.run(|| at_end(&there, "thread")))
            .join()
            .unwrap();
        let naked = thread::spawn(|| on_shutdown(|| async {}).unwrap_err().is_outside());
        assert!(naked.join().unwrap());
    });
    assert!(exit.await.report().is_clean());
    assert_eq!(
        log.entries(),
        ["thread", "grandchild", "child", "body", "main"]
    );
}

// Shutdown-4
async fn the_innermost_run_counts(on: Site) {
    let log = Trace::new();
    let (seen, site) = (log.clone(), on.clone());
    let exit = run_on(&on).run_async(async move {
        at_end(&seen, "outer");
        let inner = seen.clone();
        let exit = run_on(&site).run_async(async move {
            at_end(&inner, "inner");
            request_shutdown(CancelReason::shutdown());
        });
        assert!(exit.await.report().reason().is_some());
        at_end(&seen, "outer again");
    });
    assert!(exit.await.report().reason().is_none());
    assert_eq!(log.entries(), ["inner", "outer again", "outer"]);
}

// Shutdown-4
async fn a_callback_sees_the_context_of_its_registration(on: Site) {
    static USER: ContextVar<&str> = ContextVar::new();
    let log = Trace::new();
    let seen = log.clone();
    let main = async move {
        let callback = move || {
            let at_call = USER.get();
            async move {
                yield_now().await;
                seen.log(format!("{at_call:?} {:?}", USER.get()));
            }
        };
        USER.sync_scope("Ada", || on_shutdown(callback))
            .unwrap()
            .detach();
    };
    let exit = USER.scope("Grace", run_on(&on).run_async(main)).await;
    assert!(exit.report().is_clean());
    assert_eq!(log.entries(), [r#"Some("Ada") Some("Ada")"#]);
}

// Shutdown-5
async fn nothing_is_registered_after_the_shutdown_began(on: Site) {
    let outside = on_shutdown(|| async {}).unwrap_err();
    assert!(outside.is_outside() && !outside.has_begun());
    outside.into_callback()().await;
    let log = Trace::new();
    let seen = log.clone();
    let exit = run_on(&on).run_async(async move {
        let inner = seen.clone();
        let registers = || async move {
            let error = on_shutdown(|| async {}).unwrap_err();
            inner.log(format!("in a callback: {}", error.has_begun()));
            assert!(!request_shutdown(CancelReason::shutdown()));
            yield_now().await;
            error.into_callback()().await;
        };
        on_shutdown(registers).unwrap().detach();
        assert!(request_shutdown(CancelReason::with_message("first")));
        assert!(!request_shutdown(CancelReason::with_message("second")));
        let error = on_shutdown(|| async {}).unwrap_err();
        seen.log(format!("in main: {}", error.has_begun()));
    });
    let exit = exit.await;
    assert_eq!(exit.report().reason().unwrap().message(), Some("first"));
    assert_eq!(log.entries(), ["in main: true", "in a callback: true"]);
    assert!(exit.report().failures().is_empty());
    assert!(
        !request_shutdown(CancelReason::shutdown()),
        "outside of all runs"
    );
}

// Shutdown-6
async fn a_guard_withdraws_its_callback(on: Site) {
    let log = Trace::new();
    let seen = log.clone();
    let exit = run_on(&on).run_async(async move {
        let guard = |text: &'static str| {
            let (log, held) = (seen.clone(), seen.at_drop(format!("{text} dropped")));
            let callback = move || async move {
                let _held = held;
                log.log(text);
            };
            on_shutdown(callback).unwrap()
        };
        guard("detached").detach();
        let (one, two, three) = (guard("one"), guard("two"), guard("three"));
        drop(two);
        seen.log("withdrawn");
        drop(guard("at once"));
        three.detach();
        // It outlives main.
        one
    });
    let exit = exit.await;
    assert_eq!(exit.report().callbacks().len(), 3);
    drop(exit.into_value());
    let expected = [
        "two dropped",
        "withdrawn",
        "at once dropped",
        "three",
        "three dropped",
        "one",
        "one dropped",
        "detached",
        "detached dropped",
    ];
    assert_eq!(log.entries(), expected);
}

// Shutdown-6
async fn a_callback_withdraws_another(on: Site) {
    let log = Trace::new();
    let seen = log.clone();
    let exit = run_on(&on).run_async(async move {
        at_end(&seen, "first");
        let withdrawn = on_shutdown(|| async { blow("it is withdrawn") }).unwrap();
        let withdraws = || async move {
            yield_now().await;
            drop(withdrawn);
        };
        on_shutdown(withdraws).unwrap().detach();
        // A guard of the callback that is being called: too late to withdraw it.
        let (give, given) = channel();
        let inner = seen.clone();
        let itself = || async move {
            drop(given.recv());
            yield_now().await;
            inner.log("itself");
        };
        give.send(on_shutdown(itself).unwrap()).unwrap();
    });
    assert!(exit.await.report().is_clean());
    assert_eq!(log.entries(), ["itself", "first"]);
}

// Shutdown-2
async fn callbacks_run_where_children_do(on: Site) {
    let log = Trace::new();
    let (seen, site, gate) = (log.clone(), on.clone(), Gate::new());
    let exit = run_on(&on).run_async(async move {
        let callback = || async move {
            let current = ingather::spawner::current_spawner();
            seen.log(format!("current {}", current.same_as(&site.spawner)));
            // A job of the spawner can be waited for.
            let opens = gate.clone();
            let job = async move { opens.open() };
            current
                .spawn(Box::pin(job))
                .map_err(|error| error.to_string())?;
            gate.wait().await;
            seen.log(format!(
                "cancelled {}",
                ingather::current_token().is_cancelled()
            ));
            Err::<(), _>("seen".to_owned())
        };
        on_shutdown(callback).unwrap().detach();
        request_shutdown(CancelReason::shutdown());
        Err::<(), _>(Fault("main"))
    });
    let exit = exit.await;
    assert_eq!(
        exit.report().failures()[0].to_string().rsplit(": ").next(),
        Some("seen")
    );
    assert_eq!(exit.into_value(), Some(Err(Fault("main"))));
    assert_eq!(log.entries(), ["current true", "cancelled false"]);
}
