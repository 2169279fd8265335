//! Background tasks of a run: who holds them, how they are ended, and what is told of those that failed or are stuck.

use std::future::pending;

use ingather::cancel::CancelKind;
use ingather::program::{ExitFault, Run, request_shutdown};
use ingather::tasks::{TaskError, create_named_task, try_create_task};
use ingather::testing::TestExecutor;
use ingather::{CancelReason, TaskRegistry, create_task, current_token, on_shutdown, shield};

use crate::runs::run_on;
use crate::support::{
    Explosive, Gate, MOMENT, SECOND, Site, Trace, behaviour, throw, unhandled, unique, yield_now,
};

behaviour!(
    tasks_end_before_callbacks_are_called,
    no_task_is_taken_once_main_is_over,
    failures_on_the_way_out_are_in_the_report,
    tasks_of_others_are_left_alone,
);

// Shutdown-8, Shutdown-2
async fn tasks_end_before_callbacks_are_called(on: Site) {
    let log = Trace::new();
    let (seen, spawner) = (log.clone(), on.spawner.clone());
    // Far longer than the test: whoever hears the token does not wait for its end.
    let exit = run_on(&on).grace(100 * SECOND).run_async(async move {
        let (callback, task, nested) = (seen.clone(), seen.clone(), seen.clone());
        on_shutdown(|| async move { callback.log("callback") })
            .unwrap()
            .detach();
        create_task(async move {
            let reason = current_token().cancelled().await;
            for _ in 0..5 {
                yield_now().await;
            }
            task.log(format!("task: {:?} {:?}", reason.kind(), reason.message()));
        });
        // From a child, too.
        ingather::on(&spawner)
            .scope(|tg| async move {
                tg.spawn(async move {
                    create_task(async move {
                        current_token().cancelled().await;
                        nested.log("task: of a child");
                    });
                });
            })
            .await;
        assert_eq!(TaskRegistry::current().len(), 2);
        seen.log("main");
        request_shutdown(CancelReason::shutdown_with_message("enough"));
    });
    let exit = exit.await;
    assert!(exit.report().is_clean(), "{}", exit.report());
    let mut entries = log.entries();
    assert_eq!(
        (entries.remove(0), entries.pop()),
        ("main".into(), Some("callback".into()))
    );
    entries.sort();
    assert_eq!(
        entries,
        ["task: Shutdown Some(\"enough\")", "task: of a child"]
    );
}

// Shutdown-8
async fn no_task_is_taken_once_main_is_over(on: Site) {
    let log = Trace::new();
    let seen = log.clone();
    let exit = run_on(&on).run_async(async move {
        let (callback, task) = (seen.clone(), seen.clone());
        let late = || async move {
            let refused = TaskRegistry::current().create_task_or_return(async {});
            callback.log(format!(
                "callback: {:?}",
                refused.unwrap_err().reason().kind()
            ));
            let error = create_task(async {}).await.unwrap_err();
            callback.log(format!("callback: {:?}", error.cancelled().unwrap().kind()));
        };
        on_shutdown(late).unwrap().detach();
        create_task(async move {
            let reason = current_token().cancelled().await;
            let refused = TaskRegistry::current().create_task_or_return(async {});
            task.log(format!("task: {:?} {}", reason.kind(), refused.is_err()));
        });
        // Until then they are, also when the shutdown has begun.
        request_shutdown(CancelReason::with_message("by hand"));
        let opens = Gate::new();
        let gate = opens.clone();
        create_task(async move { opens.open() });
        gate.wait().await;
    });
    assert!(exit.await.report().is_clean());
    let expected = [
        "task: Explicit true",
        "callback: Closed",
        "callback: Closed",
    ];
    assert_eq!(log.entries(), expected);
}

// Shutdown-8
async fn failures_on_the_way_out_are_in_the_report(on: Site) {
    let before = unique("before the end of main");
    let (text, seen) = (before.clone(), before.clone());
    let exit = run_on(&on).grace(100 * SECOND).run_async(async move {
        try_create_task(async { Err::<(), _>(text) });
        while unhandled::taken(&seen).is_empty() {
            yield_now().await;
        }
        let waits = || async { current_token().cancelled().await };
        let registry = TaskRegistry::current();
        registry.named("fails").try_create_task(async move {
            waits().await;
            Err::<(), _>("an error")
        });
        create_named_task("panics", async move {
            waits().await;
            throw("a panic");
        });
        create_named_task("drops", async move {
            let _held = Explosive("a drop".into());
            waits().await;
        });
        // Observed, by a callback.
        let observed = registry.named("observed").try_create_task(async move {
            waits().await;
            Err::<(), _>("observed")
        });
        on_shutdown(|| async move {
            assert!(matches!(observed.await, Err(TaskError::Failed("observed"))));
        })
        .unwrap()
        .detach();
        on_shutdown(|| async { Err::<(), _>("a callback") })
            .unwrap()
            .detach();
    });
    let exit = exit.await;
    let report = exit.report();
    let mut told: Vec<_> = report
        .failures()
        .iter()
        .map(|failure| {
            assert_eq!(failure.location().file(), file!());
            let text = match failure.fault() {
                ExitFault::Error(error) => error.to_string(),
                ExitFault::Panicked(panic) => format!("panic: {}", panic.message()),
                other => format!("{other:?}"),
            };
            (failure.name().map(str::to_owned), text)
        })
        .collect();
    assert_eq!(
        told.pop(),
        Some((None, "a callback".into())),
        "callbacks come last"
    );
    told.sort();
    let expected = [
        ("drops", "panic: a drop"),
        ("fails", "an error"),
        ("panics", "panic: a panic"),
    ];
    assert_eq!(
        told,
        expected.map(|(name, text)| (Some(name.to_owned()), text.to_owned()))
    );
    assert!(report.stuck().is_empty(), "{report}");

    // Of one that does not hear the token and is dropped when the grace is over.
    let exit = run_on(&on).grace(MOMENT).run_async(async move {
        let begun = Gate::new();
        let begins = begun.clone();
        create_named_task("deaf", async move {
            let _held = Explosive("a drop".into());
            begins.open();
            pending::<()>().await;
        });
        begun.wait().await;
    });
    let exit = exit.await;
    assert_eq!(exit.report().failures().len(), 1, "{}", exit.report());
    assert_eq!(exit.report().failures()[0].name(), Some("deaf"));
}

// Shutdown-8
async fn tasks_of_others_are_left_alone(on: Site) {
    let (own, gate) = (TaskRegistry::on(&on.spawner), Gate::new());
    let (outside, inner, waits) = (own.clone(), own.clone(), gate.clone());
    let task = outside.create_task(async move { waits.wait().await });
    let exit = run_on(&on).grace(MOMENT).run_async(async move {
        // Not everything that is started inside belongs to the run.
        let task = inner.create_task(async { current_token().cancelled().await });
        let of_run = create_task(pending::<()>());
        (task, of_run)
    });
    let (inside, of_run) = exit.await.into_value().unwrap();
    assert_eq!(own.len(), 2);
    assert!(!task.is_finished() && !inside.is_finished() && of_run.is_finished());
    assert_eq!(
        of_run.await.unwrap_err().cancelled().unwrap().kind(),
        CancelKind::Shutdown
    );
    gate.open();
    task.await.unwrap();
    own.cancel_all(CancelReason::explicit());
    own.wait_idle().await;
}

// Shutdown-8
#[test]
fn who_is_stuck_is_named_and_left_behind() {
    for seed in 0..20 {
        let executor = TestExecutor::seeded(seed).allow_leaks();
        let log = Trace::new();
        let seen = log.clone();
        let run = Run::builder()
            .on(&executor)
            .grace(3 * SECOND)
            .budget(4 * SECOND);
        let exit = executor.block_on(run.run_async(async move {
            create_named_task("shielded", shield(pending::<()>()));
            let held = seen.at_drop("dropped");
            create_named_task("deaf", async move {
                let _held = held;
                pending::<()>().await;
            });
            on_shutdown(|| async move { seen.log("callback") })
                .unwrap()
                .detach();
        }));
        let report = exit.report();
        assert_eq!(executor.elapsed(), 7 * SECOND);
        assert_eq!(report.tasks_took(), 7 * SECOND);
        let stuck: Vec<_> = report.stuck().iter().map(|stuck| stuck.name()).collect();
        assert_eq!(stuck, [Some("shielded")]);
        assert!(
            report.to_string().contains("stuck: task `shielded` of"),
            "{report}"
        );
        assert_eq!(log.entries(), ["dropped", "callback"]);
        // Those that end by themselves cost nothing.
        let before = executor.elapsed();
        let run = Run::builder().on(&executor);
        let exit = executor.block_on(run.run_async(async {
            drop(create_task(async { current_token().cancelled().await }));
        }));
        assert!(exit.report().is_clean());
        assert_eq!(executor.elapsed(), before);
    }
}
