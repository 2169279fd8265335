//! Runs: how they leave, however `main` ends, and who can ask for that.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::task::Poll;

use futures::FutureExt;
use ingather::cancel::CancelKind;
use ingather::program::{ExitKind, Run, request_shutdown};
use ingather::spawner::{SpawnError, current_spawner, from_fn};
use ingather::testing::TestExecutor;
use ingather::{CancelReason, GroupOptions, current_token, on_shutdown, timeout};

use crate::support::{
    ByHand, Explosive, Fault, Gate, MOMENT, SECOND, Site, Trace, behaviour, explodes_waiting,
    panic_of, text_of, throw, unhandled, unique, with_wound, yield_now,
};

behaviour!(
    a_run_leaves_however_main_ends,
    main_has_the_grace_when_a_shutdown_is_asked_for,
    a_main_that_cancels_itself_is_cancelled,
    a_run_that_is_dropped_leaves_in_a_job,
    a_cancel_around_a_run_asks_for_the_shutdown,
    a_run_whose_spawner_takes_no_job_says_so,
    a_panic_on_the_way_out_harms_nobody,
);
behaviour!(outside: a_run_waits_on_its_thread);

pub(crate) fn run_on(on: &Site) -> Run {
    Run::builder().on(&on.spawner)
}

/// Registers a callback that writes an entry, for good.
fn at_end(log: &Trace, entry: &'static str) {
    let log = log.clone();
    let callback = move || async move {
        yield_now().await;
        log.log(entry);
    };
    on_shutdown(callback).unwrap().detach();
}

// Shutdown-1
async fn a_run_leaves_however_main_ends(on: Site) {
    let log = Trace::new();
    let seen = log.clone();
    let exit = run_on(&on).run_async(async move {
        at_end(&seen, "value");
        yield_now().await;
        7
    });
    let exit = exit.await;
    assert_eq!(
        (exit.value(), exit.report().kind()),
        (Some(&7), ExitKind::Finished)
    );

    let seen = log.clone();
    let exit = run_on(&on).run_async(async move {
        at_end(&seen, "error");
        Err::<(), _>(Fault("main"))?;
        Ok::<_, Fault>(())
    });
    assert_eq!(exit.await.into_result(), Ok(Err(Fault("main"))));

    let (seen, told) = (log.clone(), log.clone());
    let run = run_on(&on).on_exit(move |report| told.log(format!("{:?}", report.kind())));
    let main = run.run_async(async move {
        at_end(&seen, "panic");
        yield_now().await;
        throw("main panics");
    });
    assert_eq!(
        text_of(main.map(|_: ingather::program::Exit<()>| ())).await,
        "main panics"
    );

    let seen = log.clone();
    let exit = run_on(&on).grace(MOMENT).run_async(async move {
        at_end(&seen, "cancel");
        request_shutdown(CancelReason::with_message("enough"));
        pending::<()>().await;
    });
    let exit = exit.await;
    assert_eq!(exit.report().kind(), ExitKind::Cancelled);
    assert_eq!(exit.into_result().unwrap_err().message(), Some("enough"));

    let expected = ["value", "error", "panic", "Panicked", "cancel"];
    assert_eq!(log.entries(), expected);
}

// Shutdown-7
async fn main_has_the_grace_when_a_shutdown_is_asked_for(on: Site) {
    with_wound(on, |clock| async move {
        let log = Trace::new();
        let seen = log.clone();
        let run = || Run::builder().grace(3 * SECOND);
        // It ends by itself.
        let mut polite = ByHand::new(run().run_async(async move {
            request_shutdown(CancelReason::shutdown_with_message("first"));
            request_shutdown(CancelReason::shutdown_with_message("second"));
            let reason = current_token().cancelled().await;
            assert_eq!(
                (reason.kind(), reason.message()),
                (CancelKind::Shutdown, Some("first"))
            );
            yield_now().await;
            seen.log("ended by itself");
            7
        }));
        let exit = loop {
            match polite.poll() {
                Poll::Ready(exit) => break exit,
                Poll::Pending => yield_now().await,
            }
        };
        assert_eq!(exit.report().reason().unwrap().message(), Some("first"));
        assert_eq!(exit.into_value(), Some(7));
        // It does not.
        let held = log.at_drop("dropped");
        let seen = log.clone();
        let mut deaf = ByHand::new(run().run_async(async move {
            at_end(&seen, "callback");
            let _held = held;
            request_shutdown(CancelReason::shutdown());
            pending::<()>().await;
        }));
        assert!(deaf.poll().is_pending());
        clock.wind(2 * SECOND);
        assert!(deaf.poll().is_pending());
        assert_eq!(log.entries(), ["ended by itself"]);
        clock.wind(SECOND);
        let exit = loop {
            match deaf.poll() {
                Poll::Ready(exit) => break exit,
                Poll::Pending => yield_now().await,
            }
        };
        assert_eq!(
            (exit.report().kind(), exit.report().main_took()),
            (ExitKind::Cancelled, 3 * SECOND)
        );
        assert_eq!(log.entries(), ["ended by itself", "dropped", "callback"]);
        assert_eq!(clock.waiting(), 0);
    })
    .await;
}

// Shutdown-7
async fn a_main_that_cancels_itself_is_cancelled(on: Site) {
    let log = Trace::new();
    let seen = log.clone();
    let exit = run_on(&on).grace(MOMENT).run_async(async move {
        at_end(&seen, "callback");
        current_token().cancel();
        pending::<()>().await;
    });
    let exit = exit.await;
    assert_eq!(exit.report().kind(), ExitKind::Cancelled);
    assert_eq!(exit.report().reason().unwrap().kind(), CancelKind::Explicit);
    assert_eq!(log.entries(), ["callback"]);
}

// Shutdown-9
async fn a_run_that_is_dropped_leaves_in_a_job(on: Site) {
    // In `main`, and while it leaves.
    for leaves in [false, true] {
        let (log, gate, done) = (Trace::new(), Gate::new(), Gate::new());
        let (seen, opens, inner) = (log.clone(), done.clone(), gate.clone());
        let failing = unique("a callback of a run that was dropped");
        let error = failing.clone();
        let told = log.clone();
        let run = run_on(&on).on_exit(move |report| {
            told.log(format!("{:?} {}", report.kind(), report.callbacks().len()));
            opens.open();
        });
        let mut run = ByHand::new(run.run_async(async move {
            let _held = seen.at_drop("main dropped");
            at_end(&seen, "callback");
            on_shutdown(|| async { Err::<(), _>(error) })
                .unwrap()
                .detach();
            let waits = seen.clone();
            let callback = || async move {
                waits.log("begun");
                inner.wait().await;
                waits.log("ended");
            };
            on_shutdown(callback).unwrap().detach();
            if !leaves {
                pending::<()>().await;
            }
        }));
        assert!(run.poll().is_pending());
        while leaves && log.entries().len() < 2 {
            assert!(run.poll().is_pending());
            yield_now().await;
        }
        drop(run);
        assert_eq!(log.entries()[0], "main dropped");
        gate.open();
        done.wait().await;
        let kind = if leaves { "Finished 3" } else { "Cancelled 3" };
        assert_eq!(
            log.entries(),
            ["main dropped", "begun", "ended", "callback", kind]
        );
        while unhandled::taken(&failing).is_empty() {
            yield_now().await;
        }
    }
    // One that was never polled has nothing to leave.
    drop(
        run_on(&on)
            .on_exit(|_| unreachable!("it was never polled"))
            .run_async(async {}),
    );
}

// Shutdown-10
async fn a_cancel_around_a_run_asks_for_the_shutdown(on: Site) {
    let (log, site, ready) = (Trace::new(), on.clone(), Gate::new());
    let (seen, opens) = (log.clone(), ready.clone());
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            let key = tg.spawn(run_on(&site).run_async(async move {
                at_end(&seen, "callback");
                opens.open();
                let reason = current_token().cancelled().await;
                yield_now().await;
                seen.log(format!(
                    "{:?} of {:?}",
                    reason.kind(),
                    reason.root().message()
                ));
            }));
            ready.wait().await;
            key.cancel_with(CancelReason::with_message("around"));
            // The shield holds it until it has left; then it is over with its value, or dropped.
            let _ = key.await;
        })
        .await;
    assert_eq!(log.entries(), ["Parent of Some(\"around\")", "callback"]);

    // A timeout drops it, and no shield holds that off.
    let (log, done) = (Trace::new(), Gate::new());
    let (seen, opens) = (log.clone(), done.clone());
    let run = run_on(&on).on_exit(move |_| opens.open());
    let hangs = run.run_async(async move {
        at_end(&seen, "callback");
        pending::<()>().await;
    });
    assert!(
        ingather::on(&on.spawner)
            .scope(|_| timeout(MOMENT, hangs))
            .await
            .is_err()
    );
    done.wait().await;
    assert_eq!(log.entries(), ["callback"]);
}

// Shutdown-9
async fn a_run_whose_spawner_takes_no_job_says_so(_: Site) {
    let refuses = from_fn(|_| Err(SpawnError::shut_down()));
    let log = Trace::new();
    let seen = log.clone();
    let mut run = ByHand::new(Run::builder().on(&refuses).run_async(async move {
        let held = seen.at_drop("callback dropped");
        let callback = || async move { drop(held) };
        on_shutdown(callback).unwrap().detach();
        pending::<()>().await;
    }));
    assert!(run.poll().is_pending());
    #[cfg(feature = "tracing")]
    {
        let ((), warnings) = crate::support::warnings::of(|| drop(run));
        let [warning] = &warnings[..] else {
            panic!("{warnings:?}")
        };
        assert!(
            warning.contains("1 callbacks were not called") && warning.contains(file!()),
            "{warning}"
        );
    }
    #[cfg(not(feature = "tracing"))]
    drop(run);
    assert_eq!(log.entries(), ["callback dropped"]);
    // Leaving itself needs no job.
    let seen = log.clone();
    let exit = Run::builder()
        .on(&refuses)
        .run_async(async move { at_end(&seen, "callback") });
    assert!(exit.await.report().is_clean());
    assert_eq!(log.entries(), ["callback dropped", "callback"]);
}

// Shutdown-1
async fn a_panic_on_the_way_out_harms_nobody(on: Site) {
    // In `on_exit`, in the drop of what main holds, and in the drop of its value.
    let (exit_text, drop_text) = (unique("in on_exit"), unique("in the drop of main"));
    let (log, text) = (Trace::new(), exit_text.clone());
    let seen = log.clone();
    let run = run_on(&on).grace(MOMENT).on_exit(move |_| throw(&text));
    let text = drop_text.clone();
    let main = run.run_async(async move {
        at_end(&seen, "callback");
        request_shutdown(CancelReason::shutdown());
        explodes_waiting::<()>(text).await;
    });
    // A destructor that panics is main's own panic.
    assert_eq!(text_of(main.map(|_| ())).await, drop_text);
    assert_eq!(unhandled::taken(&exit_text).len(), 1);
    assert_eq!(log.entries(), ["callback"]);

    let (log, text) = (Trace::new(), unique("in the value of main"));
    let (seen, value) = (log.clone(), Explosive(text.clone()));
    let (gate, done) = (Gate::new(), Gate::new());
    let (inner, opens) = (gate.clone(), done.clone());
    let run = run_on(&on).on_exit(move |_| opens.open());
    let mut run = ByHand::new(run.run_async(async move {
        at_end(&seen, "callback");
        on_shutdown(|| async move { inner.wait().await })
            .unwrap()
            .detach();
        value
    }));
    for _ in 0..3 {
        assert!(run.poll().is_pending());
    }
    drop(run);
    gate.open();
    done.wait().await;
    assert_eq!(unhandled::taken(&text).len(), 1);
    assert_eq!(log.entries(), ["callback"]);
}

// Shutdown-1
async fn a_run_waits_on_its_thread(on: Site) {
    let log = Trace::new();
    let local = Rc::new(Cell::new(0));
    let here = std::thread::current().id();
    // Neither `Send` nor `'static`.
    let main = async {
        assert!(current_spawner().same_as(&on.spawner));
        local.set(local.get() + 1);
        let there =
            ingather::on(&on.spawner).scope(|tg| async move { tg.spawn(async { 7 }).await });
        at_end(&log, "callback");
        let seven = there.await.unwrap();
        assert_eq!(std::thread::current().id(), here);
        (seven, Rc::clone(&local))
    };
    let (value, report) = run_on(&on).name("test").run(main).into_parts();
    let (seven, again) = value.unwrap();
    assert_eq!((seven, again.get()), (7, 1));
    assert_eq!((report.name(), report.is_clean()), (Some("test"), true));
    assert_eq!(log.entries(), ["callback"]);
    let text = panic_of(|| run_on(&on).run(async { crate::support::boom("main") }));
    assert_eq!(text, Some("main"));
}

// Shutdown-1
#[test]
fn a_run_refuses_to_block_the_only_thread() {
    let executor = TestExecutor::new();
    let text = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        executor.block_on(async { drop(Run::builder().run(async {})) });
    }));
    let text = text.unwrap_err();
    assert!(text.downcast_ref::<&str>().unwrap().contains("run_async"));
}

// Shutdown-2, Shutdown-7
#[test]
fn the_bounds_add_up_in_virtual_time() {
    for seed in 0..20 {
        let executor = TestExecutor::seeded(seed);
        let run = Run::builder()
            .on(&executor)
            .grace(10 * SECOND)
            .budget(7 * SECOND);
        let exit = executor.block_on(run.run_async(async {
            for _ in 0..3 {
                on_shutdown(pending::<()>).unwrap().detach();
            }
            request_shutdown(CancelReason::shutdown());
            pending::<()>().await;
        }));
        assert_eq!(executor.elapsed(), (10 + 3 * 7) * SECOND);
        assert_eq!(exit.report().stuck().len(), 3);
        // It works in a group with a deadline all the same.
        let run = Run::builder().on(&executor).grace(SECOND);
        let options = GroupOptions::new().on(&executor).timeout(5 * SECOND);
        let before = executor.elapsed();
        let late = executor.block_on(options.try_scope(|_| async move {
            let exit = run.run_async(pending::<()>()).await;
            assert_eq!(
                exit.report().reason().unwrap().root().kind(),
                CancelKind::Deadline
            );
            Ok::<_, Fault>(())
        }));
        assert!(late.is_ok() || late.is_err_and(|error| error.is_timeout()));
        assert_eq!(executor.elapsed() - before, 6 * SECOND);
    }
}
