//! Exit stacks: the order in which they are closed, what cannot hold that up, and what is done if nobody closes them.

use std::future::{pending, poll_fn};
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use ingather::program::{AsyncClose, ExitErrors, ExitFault, ExitStack};

use crate::support::{
    AtOnce, ByHand, Explosive, Fault, Gate, SECOND, Site, Trace, behaviour, explodes_after, throw,
    unhandled, unique, with_wound, yield_now,
};

behaviour!(
    everything_is_done_once_in_reverse_order,
    what_fails_keeps_no_other_from_its_turn,
    a_close_that_was_dropped_goes_on,
    everything_can_be_handed_over,
    what_needs_no_waiting_is_done_in_the_drop,
    a_callback_over_its_budget_is_dropped,
    a_close_runs_where_a_child_does,
);

/// Panics, with a type that a callback may give.
fn blow(text: &str) {
    throw(text)
}

/// Says goodbye.
struct Guest(Trace, &'static str);

impl AsyncClose for Guest {
    type Error = std::fmt::Error;

    async fn close(self) -> Result<(), std::fmt::Error> {
        yield_now().await;
        self.0.log(self.1);
        Ok(())
    }
}

/// What failed, each with its name.
fn told(errors: &ExitErrors) -> Vec<String> {
    let tell = |fault: &ExitFault| match fault {
        ExitFault::Error(error) => format!("error {error}"),
        ExitFault::Panicked(panic) => format!("panic {}", panic.message()),
        ExitFault::OverBudget(budget) => format!("over {budget:?}"),
        other => format!("{other:?}"),
    };
    let failures = errors.iter();
    let told = failures.map(|failure| {
        format!(
            "{}: {}",
            failure.name().unwrap_or("?"),
            tell(failure.fault())
        )
    });
    told.collect()
}

// Exits-1
async fn everything_is_done_once_in_reverse_order(_: Site) {
    let log = Trace::new();
    let mut stack = ExitStack::new();
    for round in 0..2 {
        let add = |text| {
            let log = log.clone();
            move || log.log(text)
        };
        stack.push_fn(add("fn"));
        stack.push_async(|| async {
            // The one below waits until this is over.
            for _ in 0..3 {
                yield_now().await;
            }
            log.log("async");
        });
        stack.push_close(Guest(log.clone(), "close"));
        stack.push_guard(log.at_drop("guard"));
        stack.push_with(add("with"), |add| async move {
            yield_now().await;
            add();
        });
        assert_eq!(stack.len(), 5);
        assert!(stack.close().await.is_ok());
        let expected = ["with", "guard", "close", "async", "fn"];
        assert_eq!(log.entries()[5 * round..], expected);
        // It can be closed again, and used again.
        assert!(stack.is_empty() && stack.close().await.is_ok());
    }
    drop(stack);
    assert_eq!(log.entries().len(), 10);
}

// Exits-2
async fn what_fails_keeps_no_other_from_its_turn(_: Site) {
    let log = Trace::new();
    let mut stack = ExitStack::new();
    let mut expected = Vec::new();
    macro_rules! push {
        ($name:literal, $how:ident($what:expr), $told:literal) => {
            stack.$how($what).named($name);
            expected.push(concat!($name, ": ", $told));
            stack.push_fn(|| log.log("turn"));
        };
    }
    push!("call", push_fn(|| blow("1")), "panic 1");
    push!("result", push_fn(|| Err::<(), _>("2")), "error 2");
    push!("guard", push_guard(Explosive("3".into())), "panic 3");
    push!(
        "maker",
        push_async(|| {
            blow("4");
            async {}
        }),
        "panic 4"
    );
    push!("first poll", push_async(|| async { blow("5") }), "panic 5");
    push!(
        "second poll",
        push_async(|| async {
            yield_now().await;
            blow("6")
        }),
        "panic 6"
    );
    push!(
        "future's drop",
        push_async(|| explodes_after("7".into(), ())),
        "panic 7"
    );
    push!(
        "async result",
        push_async(|| async {
            yield_now().await;
            Err::<(), _>(std::fmt::Error)
        }),
        "error an error occurred when formatting an argument"
    );
    let errors = stack.close().await.unwrap_err();
    expected.reverse();
    assert_eq!(told(&errors), expected);
    assert_eq!(log.entries().len(), expected.len());
    assert_eq!(errors.first().location().file(), file!());
    let text = format!("{errors:#}");
    assert_eq!(text.lines().count(), errors.len());
    assert!(format!("{errors}").ends_with("(and 7 more)"), "{errors}");
    assert!(stack.close().await.is_ok(), "failures are told of once");
}

// Exits-3
async fn a_close_that_was_dropped_goes_on(_: Site) {
    let (log, gate) = (Trace::new(), Gate::new());
    let mut stack = ExitStack::new();
    stack.push_fn(|| log.log("last"));
    stack.push_async(|| async {
        log.log("begun");
        gate.wait().await;
        log.log("ended");
        Err("late")
    });
    stack.push_fn(|| Err::<(), _>("early"));
    for _ in 0..3 {
        let mut close = ByHand::new(stack.close());
        assert!(close.poll().is_pending());
        drop(close);
        assert_eq!(stack.len(), 2);
        assert_eq!(log.entries(), ["begun"]);
    }
    gate.open();
    let errors = stack.close().await.unwrap_err();
    assert_eq!(told(&errors), ["?: error early", "?: error late"]);
    assert_eq!(log.entries(), ["begun", "ended", "last"]);
}

// Exits-4
async fn everything_can_be_handed_over(_: Site) {
    let (log, gate) = (Trace::new(), Gate::new());
    let mut one = ExitStack::new();
    one.push_fn(|| log.log("first"));
    one.push_async(|| async {
        gate.wait().await;
        log.log("second");
    });
    one.push_fn(|| Err::<(), _>("early"));
    assert!(one.close().at_once().is_none());
    let mut two = one.take();
    assert!(one.is_empty() && two.len() == 2);
    drop(one);
    assert_eq!(log.entries().len(), 0);
    gate.open();
    let errors = two.close().await.unwrap_err();
    assert_eq!(told(&errors), ["?: error early"]);
    assert_eq!(log.entries(), ["second", "first"]);
}

// Exits-5
async fn what_needs_no_waiting_is_done_in_the_drop(_: Site) {
    let log = Trace::new();
    let (failed, panicked) = (unique("a failed callback"), unique("a panicked one"));
    let fill = |stack: &mut ExitStack<'_>| {
        let add = |text: &'static str| {
            let log = log.clone();
            move || log.log(text)
        };
        stack.push_fn(add("first"));
        stack.push_guard(log.at_drop("guard"));
        let held = log.at_drop("async dropped");
        let called = add("called");
        stack.push_async(move || async move {
            let _held = held;
            called();
        });
        let error = failed.clone();
        stack.push_fn(|| Err::<(), _>(error));
        let text = panicked.clone();
        stack.push_fn(move || blow(&text));
        let held = log.at_drop("begun dropped");
        stack.push_async(|| async {
            let _held = held;
            pending::<()>().await;
        });
    };
    let dropped = ["async dropped", "guard", "first"];

    let mut stack = ExitStack::new();
    fill(&mut stack);
    assert!(stack.close().at_once().is_none());
    let line = line!() - 3;
    let begun = || std::iter::once("begun dropped").chain(dropped);
    #[cfg(feature = "tracing")]
    {
        let ((), warnings) = crate::support::warnings::of(|| drop(stack));
        let [warning] = &warnings[..] else {
            panic!("{warnings:?}")
        };
        assert!(
            warning.contains(&format!("{}:{line}:", file!())),
            "{warning}"
        );
        assert!(warning.contains("did not do 2 of"), "{warning}");
    }
    #[cfg(not(feature = "tracing"))]
    {
        let _ = line;
        drop(stack);
    }
    assert!(log.entries().into_iter().eq(begun()), "{:?}", log.entries());
    for text in [&failed, &panicked] {
        let told = unhandled::taken(text);
        assert!(told.len() == 1 && told[0].contains(file!()), "{told:?}");
    }

    // In an unwinding, too.
    let log_before = log.entries().len();
    let unwinding = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut stack = ExitStack::new();
        fill(&mut stack);
        throw("with a stack");
    }));
    assert!(unwinding.is_err());
    assert_eq!(
        log.entries()[log_before..],
        ["begun dropped", "async dropped", "guard", "first"]
    );
    assert_eq!(
        unhandled::taken(&failed).len() + unhandled::taken(&panicked).len(),
        2
    );

    // A panic in the drop of one that was begun keeps nothing from being done.
    let text = unique("in the drop of one that was begun");
    let explosive = Explosive(text.clone());
    let log = Trace::new();
    let mut stack = ExitStack::new();
    stack.push_fn(|| log.log("done"));
    stack.push_async(|| {
        poll_fn(move |_| {
            let _held = &explosive;
            Poll::<()>::Pending
        })
    });
    assert!(stack.close().at_once().is_none());
    drop(stack);
    assert_eq!(log.entries(), ["done"]);
    assert_eq!(unhandled::taken(&text).len(), 1);
}

// Exits-6
async fn a_callback_over_its_budget_is_dropped(on: Site) {
    with_wound(on, |clock| async move {
        let log = Trace::new();
        let mut stack = ExitStack::new();
        let add = log.clone();
        stack.push_fn(move || add.log("last"));
        stack
            .push_async(|| async { yield_now().await })
            .named("in time")
            .budget(Duration::ZERO.max(SECOND));
        let held = log.at_drop("dropped");
        stack
            .push_async(move || async move {
                let _held = held;
                pending::<()>().await;
            })
            .named("hangs")
            .budget(3 * SECOND);
        stack
            .push_async(|| async { Ok::<(), Fault>(()) }.map(|_| ()))
            .budget(Duration::ZERO);
        let mut close = ByHand::new(async move { (stack.close().await, stack) });
        assert!(close.poll().is_pending());
        clock.wind(2 * SECOND);
        assert!(close.poll().is_pending());
        assert_eq!(log.entries().len(), 0);
        clock.wind(SECOND);
        let errors = loop {
            match close.poll() {
                Poll::Ready((errors, _)) => break errors.unwrap_err(),
                Poll::Pending => yield_now().await,
            }
        };
        assert_eq!(told(&errors), ["hangs: over 3s"]);
        assert_eq!(log.entries(), ["dropped", "last"]);
        assert_eq!(clock.waiting(), 0);
    })
    .await;
}

// Exits-1
async fn a_close_runs_where_a_child_does(on: Site) {
    let log = Trace::new();
    let mut stack = ExitStack::new();
    let (seen, site) = (log.clone(), on.clone());
    stack.push_async(move || async move {
        yield_now().await;
        seen.log(format!("{}", site.is_here()));
    });
    let closed = ingather::on(&on.spawner)
        .scope(|tg| async move { tg.spawn(async move { stack.close().await.is_ok() }).await });
    assert_eq!(closed.await, Ok(true));
    assert_eq!(log.entries(), ["true"]);
}
