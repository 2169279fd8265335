//! Options of one child: each in each mode, alone and with the others.

use std::future::pending;
use std::panic::Location;

use futures::future::BoxFuture;
use ingather::types::{ChildOptions, Observed, Supervised};
use ingather::{
    GatherGroup, GatherIncomplete, GroupOptions, Key, Outcome, Ready, Scope, StartError,
};

use crate::support::{Fault, Site, behaviour, throw, yields};

behaviour!(
    options_combine_in_each_mode,
    a_start_that_fails_is_the_callers_in_each_mode,
    what_fails_after_its_start_goes_where_its_mode_says,
    a_ready_that_is_ignored_tells_nobody,
    a_child_that_waits_for_a_slot_has_its_place,
);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Plain,
    Fallible,
    Observed,
    Supervised,
    SupervisedFallible,
}

const MODES: [Mode; 5] = [
    Mode::Plain,
    Mode::Fallible,
    Mode::Observed,
    Mode::Supervised,
    Mode::SupervisedFallible,
];

/// What of a child is told, whatever its mode.
struct Child {
    name: Option<String>,
    line: u32,
    /// Why it gave no value, if it was cancelled.
    end: BoxFuture<'static, Result<u32, GatherIncomplete>>,
}

impl Child {
    fn of<T: Send + 'static>(key: Key<T>, value: fn(T) -> u32) -> Self {
        Self {
            name: key.child().name().map(str::to_owned),
            line: key.location().line(),
            end: Box::pin(async move { key.await.map(value) }),
        }
    }
}

fn of_outcome<E: std::fmt::Debug>(outcome: Outcome<u32, E>) -> u32 {
    outcome.ok().expect("it gave a value")
}

type Tg = Scope<'static, Fault>;
type Options<M = ingather::types::Plain> = ChildOptions<'static, Fault, ingather::kind::Shared, M>;

/// A value after some polls, or never.
async fn work(ends: bool) -> u32 {
    yields(2).await;
    if ends { 7 } else { pending().await }
}

async fn begun(ready: Ready<u32>, ends: bool) -> u32 {
    yields(1).await;
    ready.started(1).unwrap();
    work(ends).await
}

impl Mode {
    async fn start(self, options: Options, starts: bool, ends: bool) -> Child {
        let observed = |options: Options| -> Options<Observed> { options.observed() };
        let supervised = |options: Options| -> Options<Supervised> { options.supervised() };
        let ok = move |ready| async move { Ok::<_, Fault>(begun(ready, ends).await) };
        let tried = async move { Ok::<_, Fault>(work(ends).await) };
        match (self, starts) {
            (Self::Plain, false) => Child::of(options.spawn(work(ends)), |n| n),
            (Self::Plain, true) => {
                let start = options.start(move |ready| begun(ready, ends));
                Child::of(start.await.unwrap().0, |n| n)
            }
            (Self::Fallible, false) => Child::of(options.try_spawn(tried), |n| n),
            (Self::Fallible, true) => Child::of(options.try_start(ok).await.unwrap().0, |n| n),
            // There is no start in this mode: until then its error is the caller's, as it is.
            (Self::Observed, _) => Child::of(observed(options).try_spawn(tried), Result::unwrap),
            (Self::Supervised, false) => {
                Child::of(supervised(options).spawn(work(ends)), of_outcome)
            }
            (Self::Supervised, true) => {
                let start = supervised(options).start(move |ready| begun(ready, ends));
                Child::of(start.await.unwrap().0, of_outcome)
            }
            (Self::SupervisedFallible, false) => {
                Child::of(supervised(options).try_spawn(tried), of_outcome)
            }
            (Self::SupervisedFallible, true) => {
                let start = supervised(options).try_start(ok);
                Child::of(start.await.unwrap().0, of_outcome)
            }
        }
    }
}

// Children-5: modes x start x background x slot, each cell
async fn options_combine_in_each_mode(on: Site) {
    for mode in MODES {
        for starts in [false, true] {
            for background in [false, true] {
                for slot in [false, true] {
                    let cell = format!("{mode:?}, {starts}, {background}, {slot}");
                    one_cell(&on, mode, starts, background, slot, &cell).await;
                }
            }
        }
    }
}

async fn one_cell(on: &Site, mode: Mode, starts: bool, background: bool, slot: bool, cell: &str) {
    let place = Location::caller();
    let options = GroupOptions::new().on(&on.spawner).limit(1);
    let scope = options.try_scope(|tg: Tg| async move {
        let mut options = tg.child().name("it").at(place);
        if background {
            options = options.background();
        }
        let mut in_line = None;
        if slot {
            options = options.slot().await.unwrap();
            in_line = Some(tg.spawn(async { 1 }));
            yields(3).await;
            let waits = in_line.as_ref().and_then(Key::status);
            assert_eq!(waits, Some(GatherIncomplete::Waiting));
        }
        let child = mode.start(options, starts, !background).await;
        // The slot is its own, also while it is in the background; whoever is in line comes after it.
        assert_eq!(
            (child.name.as_deref(), child.line),
            (Some("it"), place.line())
        );
        if let Some(key) = in_line.filter(|_| background) {
            key.cancel();
        }
        Ok(child.end)
    });
    let end = scope.await.unwrap().await;
    match end {
        Ok(7) if !background => {}
        Err(GatherIncomplete::Cancelled(_)) if background => {}
        end => panic!("{cell}: {end:?}"),
    }
}

// Starting-4
async fn a_start_that_fails_is_the_callers_in_each_mode(on: Site) {
    let scope = ingather::on(&on.spawner).try_scope(|tg: Tg| async move {
        let fails = |_: Ready<()>| async { Err::<(), _>(Fault("early")) };
        let plain = tg.child().try_start(fails).await;
        assert!(matches!(plain, Err(StartError::Failed(Fault("early")))));
        let supervised = tg.child().supervised().try_start(fails).await;
        assert!(matches!(
            supervised,
            Err(StartError::Failed(Fault("early")))
        ));
        let over = tg.child().supervised().start(|_: Ready<()>| async {}).await;
        assert!(matches!(over, Err(StartError::NotStarted)));
    });
    scope.await.unwrap();
}

// Starting-9, Children-2
async fn what_fails_after_its_start_goes_where_its_mode_says(on: Site) {
    let scope = ingather::on(&on.spawner).try_scope(|tg: Tg| async move {
        let fails = |ready: Ready<()>| async move {
            ready.started(()).unwrap();
            Err::<(), _>(Fault("late"))
        };
        let panics = |ready: Ready<()>| async move {
            ready.started(()).unwrap();
            yields(1).await;
            throw("late")
        };
        let (key, ()) = tg.child().supervised().try_start(fails).await.unwrap();
        assert!(matches!(key.await, Ok(Outcome::Err(Fault("late")))));
        let (key, ()) = tg.child().supervised().start(panics).await.unwrap();
        let Ok(Outcome::<(), _>::Panicked(panic)) = key.await else {
            panic!("it panicked");
        };
        assert_eq!(panic.message(), "late");
        let (_, ()) = tg.child().try_start(fails).await.unwrap();
        pending::<()>().await;
    });
    let error = scope.await.unwrap_err();
    assert_eq!(error.first().error(), Some(&Fault("late")));
}

// Starting-10
async fn a_ready_that_is_ignored_tells_nobody(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let key = group.spawn(async {
        let ready = Ready::ignored();
        ready.started("one").unwrap();
        ready.started("two").unwrap();
        begun(Ready::ignored(), true).await
    });
    assert_eq!(key.await, Ok(7));
    group.join().await;
}

// Children-5
async fn a_child_that_waits_for_a_slot_has_its_place(on: Site) {
    let place = Location::caller();
    let options = GroupOptions::new().on(&on.spawner).limit(1);
    let scope = options.try_scope(|tg: Tg| async move {
        let plain = tg.child().at(place).spawn_when_free(async {}).await;
        let fallible = tg.child().at(place).try_spawn_when_free(async { Ok(()) });
        let lines = [plain.location().line(), fallible.await.location().line()];
        assert_eq!(lines, [place.line(); 2]);
    });
    scope.await.unwrap();
}
