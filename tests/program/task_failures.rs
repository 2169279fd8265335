//! Failures of tasks: who observes them, and where those end that nobody observed.

use std::future::pending;
use std::sync::{Arc, Mutex};

use ingather::cancel::CancelKind;
use ingather::error::Unhandled;
use ingather::{CancelReason, TaskRegistry};

use crate::support::{ByHand, Gate, Site, behaviour, boom, unhandled, yields};
use crate::tasks::cancelled;

behaviour!(
    a_failure_that_no_handle_gave_goes_to_the_hook,
    a_failure_that_a_handle_gave_does_not,
    a_handle_that_is_dropped_with_a_failure_in_it_tells_the_hook_then,
    without_a_hook_the_process_is_told,
    cancelled_tasks_tell_nobody,
    the_hook_outlives_the_handles_of_the_registry,
    a_hook_that_panics_passes_it_on,
    a_hook_may_use_the_registry,
    destructors_may_panic,
);

/// What a hook was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn of(registry: &TaskRegistry) -> Self {
        let told = Self::default();
        let tells = told.clone();
        registry.on_unhandled(move |lost: &Unhandled<'_>| {
            let name = lost
                .child()
                .and_then(|child| child.name().map(String::from));
            let what = match (lost.error_text(), lost.panic()) {
                (Some(error), None) => format!("error {error}"),
                (None, Some(panic)) => format!("panic {}", panic.message()),
                other => panic!("{}", other.0.is_some()),
            };
            let text = format!("{}: {what}", name.unwrap_or_default());
            tells.0.lock().unwrap().push(text);
        });
        told
    }

    /// What it was told since the last look, sorted.
    fn taken(&self) -> Vec<String> {
        let mut told = std::mem::take(&mut *self.0.lock().unwrap());
        told.sort();
        told
    }
}

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            boom(self.0);
        }
    }
}

// Tasks-4
async fn a_failure_that_no_handle_gave_goes_to_the_hook(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let told = Told::of(&registry);
    drop(
        registry
            .named("a")
            .try_create_task(async { Err::<(), _>("late") }),
    );
    drop(registry.named("b").create_task(async {
        yields(2).await;
        boom("loud")
    }));
    drop(registry.named("c").create_task(async { 1 }));
    registry.wait_idle().await;
    assert_eq!(told.taken(), ["a: error late", "b: panic loud"]);
}

// Tasks-4
async fn a_failure_that_a_handle_gave_does_not(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let told = Told::of(&registry);
    let error = registry.try_create_task(async { Err::<(), _>("seen") });
    let panic = registry.create_task(async { boom("seen") });
    assert!(error.await.is_err());
    let mut panic = ByHand::new(panic);
    registry.wait_idle().await;
    let std::task::Poll::Ready(Err(seen)) = panic.poll() else {
        panic!("it is over")
    };
    drop(panic);
    drop(seen);
    let mut waited = registry.create_task(async { boom("seen") });
    registry.wait_idle().await;
    let seen = waited.wait_timeout(std::time::Duration::ZERO);
    assert!(seen.unwrap().is_err());
    drop(waited);
    assert!(told.taken().is_empty());
}

// Tasks-4
async fn a_handle_that_is_dropped_with_a_failure_in_it_tells_the_hook_then(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let told = Told::of(&registry);
    let task = registry
        .named("kept")
        .try_create_task(async { Err::<(), _>("asked for nothing") });
    registry.wait_idle().await;
    // Looking is not observing.
    assert!(task.is_finished());
    assert!(told.taken().is_empty());
    drop(task);
    assert_eq!(told.taken(), ["kept: error asked for nothing"]);
}

// Tasks-4
async fn without_a_hook_the_process_is_told(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let name = format!("tasks on {:?} {}", on.kind, on.inside);
    drop(
        registry
            .named(&*name)
            .try_create_task(async { Err::<(), _>("an error's text") }),
    );
    drop(
        registry
            .named(&*name)
            .create_task(async { boom("a panic's text") }),
    );
    registry.wait_idle().await;
    let mut told = unhandled::taken(&name);
    told.sort();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("failed: an error's text"), "{told:?}");
    assert!(told[1].contains("panicked: a panic's text"), "{told:?}");
    assert!(told[1].contains("task_failures.rs"), "{told:?}");
}

// Tasks-4
async fn cancelled_tasks_tell_nobody(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let told = Told::of(&registry);
    drop(registry.create_task(pending::<()>()));
    registry.create_task(pending::<()>()).cancel();
    registry.cancel_all(CancelReason::explicit());
    registry.wait_idle().await;
    registry.close();
    drop(registry.create_task(async { boom("never polled") }));
    assert!(told.taken().is_empty());
}

// Tasks-1, Tasks-4
async fn the_hook_outlives_the_handles_of_the_registry(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let (told, gate) = (Told::of(&registry), Gate::new());
    let opened = gate.clone();
    drop(registry.named("late").create_task(async move {
        opened.wait().await;
        boom("late")
    }));
    drop(registry);
    gate.open();
    while told.0.lock().unwrap().is_empty() {
        yields(1).await;
    }
    assert_eq!(told.taken(), ["late: panic late"]);
}

// Tasks-6
async fn a_hook_that_panics_passes_it_on(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let name = format!("passed on {:?} {}", on.kind, on.inside);
    let text: &'static str = Box::leak(format!("of the hook of {name}").into_boxed_str());
    registry.on_unhandled(move |_| boom(text));
    drop(
        registry
            .named(&*name)
            .try_create_task(async { Err::<(), _>("?") }),
    );
    registry.wait_idle().await;
    assert_eq!(unhandled::taken(&name).len(), 2);
    assert_eq!(registry.create_task(async { 1 }).await.unwrap(), 1);
}

// Tasks-6
async fn a_hook_may_use_the_registry(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let (weak, done) = (Mutex::new(Some(registry.clone())), Gate::new());
    let tells = done.clone();
    registry.on_unhandled(move |_| {
        let registry = weak.lock().unwrap().take().unwrap();
        assert!(registry.len() <= 1);
        registry.on_unhandled(|_| {});
        registry.cancel_all(CancelReason::explicit());
        let tells = tells.clone();
        drop(registry.create_task(async move { tells.open() }));
        registry.close();
    });
    drop(registry.create_task(async { boom("first") }));
    done.wait().await;
    registry.wait_idle().await;
    assert!(registry.is_closed());
}

// Tasks-5
async fn destructors_may_panic(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    let told = Told::of(&registry);
    // Of the future of a task that is cancelled.
    let bomb = Bomb("in a cancelled task");
    let task = registry.named("cancelled").create_task(async move {
        let _bomb = bomb;
        pending::<()>().await;
    });
    yields(2).await;
    task.cancel();
    assert_eq!(cancelled(task).await, CancelKind::Explicit);
    assert_eq!(told.taken(), ["cancelled: panic in a cancelled task"]);
    // After an error: the task has panicked, and the error is lost.
    let task = registry
        .named("failed")
        .try_create_task(HasBomb(Bomb("after an error"), || Err::<(), _>("an error")));
    let panic = task.await.unwrap_err().into_panic().unwrap();
    assert_eq!(panic.message(), "after an error");
    assert_eq!(told.taken(), ["failed: error an error"]);
    // After a panic: the first is the task's.
    let task = registry
        .named("panicked")
        .create_task(HasBomb(Bomb("second"), || boom("first")));
    let panic = task.await.unwrap_err().into_panic().unwrap();
    assert_eq!(panic.message(), "first");
    assert_eq!(told.taken(), ["panicked: panic second"]);
    // Of a value that nobody takes, before the handle is gone and after.
    drop(
        registry
            .named("value")
            .create_task(async { Bomb("of a value") }),
    );
    registry.wait_idle().await;
    let task = registry
        .named("value")
        .create_task(async { Bomb("of a value") });
    registry.wait_idle().await;
    drop(task);
    // Of an error that nobody takes.
    drop(
        registry
            .named("error")
            .try_create_task(async { Err::<(), _>(Loud(Bomb("of an error"))) }),
    );
    registry.wait_idle().await;
    assert_eq!(
        told.taken(),
        [
            "error: error loud",
            "error: panic of an error",
            "value: panic of a value",
            "value: panic of a value",
        ]
    );
    // Of a future that is not taken.
    registry.close();
    let bomb = Bomb("of a future that was not taken");
    let task = registry.create_task(async move {
        let _bomb = bomb;
    });
    assert_eq!(cancelled(task).await, CancelKind::Closed);
    assert_eq!(told.taken(), [": panic of a future that was not taken"]);
}

/// An error with a bomb.
struct Loud(#[expect(dead_code, reason = "held for its drop")] Bomb);

impl std::fmt::Display for Loud {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("loud")
    }
}

/// Holds a bomb until it is dropped, and is over at its first poll.
struct HasBomb<O>(
    #[expect(dead_code, reason = "held for its drop")] Bomb,
    fn() -> O,
);

impl<O> Future for HasBomb<O> {
    type Output = O;

    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<O> {
        std::task::Poll::Ready(self.1())
    }
}
