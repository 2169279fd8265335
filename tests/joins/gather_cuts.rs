//! Calls that are cut short: every form by every kind of cancel, as the table of `docs/semantics.md` says, a test a cell.

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::pending;
use std::time::Duration;

use futures::future::{BoxFuture, Either, select};
use futures::stream::{Stream, StreamExt};
use ingather::cancel::CancelKind;
use ingather::joiner::{CallInfo, Joiner, Settled, Verdict};
use ingather::kind::{Cut, Shared};
use ingather::spawner::enter;
use ingather::{CancelToken, GatherIncomplete, GroupError, GroupOptions, Outcome, current_token};

use crate::support::{
    Fault, Gate, HostileSpawner, Mischief, Site, Wound, behaviour, watched, yields,
};

/// What the table says of a form, by the name of the column.
fn cell(form: &str, column: &str) -> String {
    let page = include_str!("../../docs/semantics.md");
    let table = page
        .split("\n## ")
        .find(|part| part.starts_with("Calls that are cut short\n"));
    let row = |line: &str| {
        let line = line.trim().strip_prefix('|')?.strip_suffix('|')?;
        let cells = line.split('|').map(|cell| cell.trim().replace('`', ""));
        Some(cells.collect::<Vec<_>>())
    };
    let mut rows = table.expect("the chapter is there").lines().filter_map(row);
    let head = rows.next().expect("the table has a head");
    let at = head.iter().position(|name| name == column);
    let at = at.unwrap_or_else(|| panic!("no column `{column}` in {head:?}"));
    let is_form = |row: &Vec<String>| row[0].split(", ").any(|name| name == form);
    let row = rows.find(is_form);
    row.unwrap_or_else(|| panic!("no row `{form}`"))[at].clone()
}

/// How a group is cut short from outside.
#[derive(Clone, Copy, Debug)]
enum By {
    Deadline,
    Token,
    /// A token that was cancelled before.
    TokenBefore,
}

impl By {
    const ALL: [Self; 3] = [Self::Deadline, Self::Token, Self::TokenBefore];

    fn column(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Token | Self::TokenBefore => "token",
        }
    }

    fn kind(self) -> CancelKind {
        match self {
            Self::Deadline => CancelKind::Deadline,
            Self::Token | Self::TokenBefore => CancelKind::Explicit,
        }
    }
}

type Options = GroupOptions<Shared, Cut>;

/// Options that nothing cuts short, in the state of those that something may.
fn whole() -> Options {
    GroupOptions::new().name("cut").timeout(None)
}

/// What is needed to cut a group short: options with that in them, and the rest.
struct Shears {
    by: By,
    clock: Wound,
    stop: CancelToken,
    grace: bool,
}

impl Shears {
    fn of(by: By, grace: bool) -> Self {
        let (clock, stop) = (Wound::new(), CancelToken::new());
        if let By::TokenBefore = by {
            stop.cancel();
        }
        Self {
            by,
            clock,
            stop,
            grace,
        }
    }

    fn options(&self, on: &Site) -> Options {
        let options = GroupOptions::new()
            .on(&self.clock.on(&on.spawner))
            .name("cut");
        let options = match self.by {
            By::Deadline => options.timeout(Duration::from_secs(1)),
            By::Token | By::TokenBefore => options.token(&self.stop),
        };
        if self.grace {
            options.grace(Duration::from_secs(1))
        } else {
            options
        }
    }

    /// Cuts when `gate` is open, and lets the grace go by.
    async fn cut(&self, gate: Gate) -> Infallible {
        gate.wait().await;
        self.stop.cancel();
        loop {
            self.clock.wind(Duration::from_secs(2));
            yields(5).await;
        }
    }

    /// Runs a form whose second call opens `gate`. Inline forms go by the clock of the spawner that is current.
    async fn run<F: Future>(&self, on: &Site, gate: Gate, form: F) -> F::Output {
        let spawner = self.clock.on(&on.spawner);
        let mut form = std::pin::pin!(form);
        let form = std::future::poll_fn(|cx| {
            let _current = enter(&spawner);
            form.as_mut().poll(cx)
        });
        let cut = std::pin::pin!(self.cut(gate));
        match select(form, cut).await {
            Either::Left((output, _)) => output,
            Either::Right((never, _)) => match never {},
        }
    }
}

type Made<T> = BoxFuture<'static, T>;

/// Two calls: the first gives what it is given; the second waits for ever then, or cancels itself.
fn calls<T: Send + 'static>(
    first: T,
    gate: &Gate,
    cancels: bool,
) -> Vec<Box<dyn FnOnce() -> Made<T> + Send>> {
    let (gate, over) = (gate.clone(), Gate::new());
    let gives = over.clone();
    let gives = move || -> Made<T> {
        Box::pin(async move {
            gives.open();
            first
        })
    };
    let waits = move || -> Made<T> {
        Box::pin(async move {
            over.wait().await;
            yields(3).await;
            gate.open();
            if cancels {
                current_token().cancel();
            }
            pending().await
        })
    };
    vec![Box::new(gives), Box::new(waits)]
}

/// What became of a form with a result, in the words of the table.
fn error<T: Debug>(result: Result<T, GroupError<Fault>>, failed: usize) -> (String, CancelKind) {
    let error = result.expect_err("it was cut short");
    assert_eq!(error.name(), Some("cut"));
    let failures = error.iter().filter(|leaf| leaf.failure().error().is_some());
    assert_eq!(failures.count(), failed, "{error:?}");
    let ours = file!();
    let text = format!("{error:?}");
    assert!(
        !text.contains("src/gather") && !text.contains("src/group"),
        "{text}"
    );
    let cancelled = |leaf: &ingather::error::ChildFailure<Fault>| match leaf.failure() {
        ingather::error::Failure::Cancelled(reason) => {
            Some((leaf.child().cloned(), reason.root().kind()))
        }
        _ => None,
    };
    let leaf = error.iter().find_map(cancelled);
    match (error.cut_short(), leaf) {
        (None, Some((Some(child), kind))) => {
            assert!(child.location().file().ends_with(ours), "{child:?}");
            assert!(!error.is_timeout());
            ("error of the call".to_owned(), kind)
        }
        (Some(reason), leaf) => {
            assert_eq!(leaf.is_none(), failed > 0, "{error:?}");
            assert_eq!(error.is_timeout(), reason.kind() == CancelKind::Deadline);
            ("error".to_owned(), reason.root().kind())
        }
        other => panic!("{error:?} says {other:?}"),
    }
}

/// What became of a form with an outcome for each call.
fn outcomes(outcomes: &[Outcome<u32, Fault>], before: bool) -> (String, CancelKind) {
    assert_eq!(outcomes.len(), 2);
    let is_first = |outcome: &Outcome<u32, Fault>| matches!(outcome, Outcome::Ok(1));
    assert_eq!(is_first(&outcomes[0]), !before, "{outcomes:?}");
    match &outcomes[1] {
        Outcome::Cancelled(reason) => ("outcomes".to_owned(), reason.root().kind()),
        other => panic!("{other:?}"),
    }
}

/// A joiner that keeps what it is told.
#[derive(Default)]
struct Told(Vec<Option<CancelKind>>);

impl<T, E> Joiner<T, E> for Told {
    type Output = Vec<Option<CancelKind>>;

    fn completed(&mut self, _: CallInfo<'_>, outcome: Outcome<T, E>) -> Verdict {
        self.0.push(match outcome {
            Outcome::Cancelled(reason) => Some(reason.root().kind()),
            _ => None,
        });
        Verdict::Continue
    }

    fn finish(self) -> Self::Output {
        self.0
    }
}

async fn last<T, S>(stream: S) -> Result<(), GroupError<Fault>>
where
    S: Stream<Item = Result<T, GroupError<Fault>>>,
{
    let mut stream = std::pin::pin!(stream);
    let mut last = Ok(());
    while let Some(item) = stream.next().await {
        assert!(last.is_ok(), "the error is the last item");
        last = item.map(drop);
    }
    last
}

/// Runs a form by its name, and says what became of it.
async fn becomes(
    form: &str,
    options: Options,
    gate: &Gate,
    cancels: bool,
    before: bool,
) -> (String, CancelKind) {
    let ok = |gate: &Gate| calls(Ok::<u32, Fault>(1), gate, cancels);
    let err = |gate: &Gate| calls(Err::<u32, _>(Fault("failed")), gate, cancels);
    let failed = usize::from(!before);
    match form {
        "try_gather" => error(options.try_gather(ok(gate)).await, 0),
        "try_inline_gather" => error(options.inline().try_gather(ok(gate)).await, 0),
        "gather_settled" => outcomes(&options.gather_settled(ok(gate)).await, before),
        "first_ok" => error(options.first_ok(err(gate)).await, failed),
        "inline_first_ok" => error(options.inline().first_ok(err(gate)).await, failed),
        "quorum" => error(options.quorum(2, ok(gate)).await, 0),
        "inline_quorum" => error(options.inline().quorum(2, ok(gate)).await, 0),
        "join_with" => tell(options.join_with(Told::default(), ok(gate)).await),
        "inline_join_with" => tell(options.inline().join_with(Told::default(), ok(gate)).await),
        "settled" => outcomes(&options.join_with(Settled::new(), ok(gate)).await, before),
        "try_map_concurrent" => {
            let items = calls(Ok::<u32, Fault>(1), gate, cancels);
            error(
                last(options.try_map_concurrent(items, 2, |call| call())).await,
                0,
            )
        }
        "try_map_concurrent_unordered" => {
            let items = calls(Ok::<u32, Fault>(1), gate, cancels);
            let stream = options.try_map_concurrent(items, 2, |call| call());
            error(last(stream.unordered()).await, 0)
        }
        other => panic!("there is no form `{other}`"),
    }
}

/// The same for the forms whose calls need not be `Send`.
async fn becomes_local(
    form: &str,
    options: Options,
    gate: &Gate,
    cancels: bool,
    before: bool,
) -> (String, CancelKind) {
    let ok = || calls(Ok::<u32, Fault>(1), gate, cancels);
    let err = || calls(Err::<u32, _>(Fault("failed")), gate, cancels);
    match form {
        "try_gather" => error(options.inline_local().try_gather(ok()).await, 0),
        "first_ok" => error(
            options.inline_local().first_ok(err()).await,
            usize::from(!before),
        ),
        "quorum" => error(options.inline_local().quorum(2, ok()).await, 0),
        "join_with" => tell(
            options
                .inline_local()
                .join_with(Told::default(), ok())
                .await,
        ),
        other => panic!("there is no form `{other}`"),
    }
}

/// What became of a form that tells a joiner.
fn tell(told: Vec<Option<CancelKind>>) -> (String, CancelKind) {
    assert_eq!(told.len(), 2);
    let kind = told.into_iter().flatten().next_back();
    ("told".to_owned(), kind.expect("one of them was cancelled"))
}

/// The forms of the table, with their twins on other ground.
const FORMS: [(&str, &str); 12] = [
    ("try_gather", "try_gather"),
    ("try_gather", "try_inline_gather"),
    ("gather_settled", "gather_settled"),
    ("gather_settled", "settled"),
    ("first_ok", "first_ok"),
    ("first_ok", "inline_first_ok"),
    ("quorum", "quorum"),
    ("quorum", "inline_quorum"),
    ("join_with", "join_with"),
    ("join_with", "inline_join_with"),
    ("try_map_concurrent", "try_map_concurrent"),
    ("try_map_concurrent", "try_map_concurrent_unordered"),
];

behaviour!(
    what_is_cut_short_ends_as_the_table_says,
    what_has_a_call_that_cancels_itself_ends_as_the_table_says,
    what_its_executor_lost_ends_as_the_table_says,
    what_moves_on_ends_as_the_table_says,
    what_is_in_a_child_that_is_cancelled_is_dropped_with_it,
);

// Cuts-1
async fn what_is_cut_short_ends_as_the_table_says(on: Site) {
    for by in By::ALL {
        for grace in [false, true] {
            for (row, form) in FORMS {
                let at = format!("{form} by {by:?}, with grace: {grace}");
                let (shears, gate) = (Shears::of(by, grace), Gate::new());
                let before = matches!(by, By::TokenBefore);
                let options = shears.options(&on);
                let form_ends = becomes(form, options, &gate, false, before);
                let (text, kind) = shears.run(&on, gate.clone(), form_ends).await;

                assert_eq!(text, cell(row, by.column()), "{at}");
                assert_eq!(kind, by.kind(), "{at}");
            }
        }
    }
}

// Cuts-1
async fn what_has_a_call_that_cancels_itself_ends_as_the_table_says(on: Site) {
    for (row, form) in FORMS {
        let options = whole().on(&on.spawner);
        let (text, kind) = becomes(form, options, &Gate::new(), true, false).await;
        assert_eq!(text, cell(row, "a call cancels itself"), "{form}");
        assert_eq!(kind, CancelKind::Explicit, "{form}");
    }
}

// Cuts-1, Executors-1
async fn what_its_executor_lost_ends_as_the_table_says(on: Site) {
    for (row, form) in FORMS
        .into_iter()
        .filter(|(_, form)| !form.contains("inline"))
    {
        let lossy = HostileSpawner::stepped(Mischief::honest(), 0);
        lossy.shut_down();
        let options = whole().on(&lossy);
        let (text, kind) = becomes(form, options, &Gate::new(), false, true).await;
        assert_eq!(text, cell(row, "executor lost"), "{form}");
        assert_eq!(kind, CancelKind::Abandoned, "{form}");
    }
    drop(on);
}

// Cuts-2
async fn what_is_in_a_child_that_is_cancelled_is_dropped_with_it(on: Site) {
    let spawner = on.spawner.clone();
    let forms = FORMS.map(|(_, form)| form);
    let kinds = ingather::on(&spawner).scope(|tg| async move {
        let mut kinds = Vec::new();
        for form in forms {
            let (gate, options) = (Gate::new(), whole().on(&on.spawner));
            let reached = gate.clone();
            let key = tg.spawn(async move { becomes(form, options, &gate, false, false).await });
            reached.wait().await;
            key.cancel();
            kinds.push((form, key.await));
        }
        kinds
    });
    for (form, kind) in kinds.await {
        let Err(GatherIncomplete::Cancelled(reason)) = kind else {
            panic!("{form}: {kind:?}");
        };
        assert_eq!(reason.kind(), CancelKind::Explicit, "{form}");
    }
}

// Cuts-1
#[test]
fn calls_that_are_not_send_end_as_the_table_says() {
    for form in ["try_gather", "first_ok", "quorum", "join_with"] {
        let options = whole();
        let (text, kind) = watched(form, || {
            let gate = Gate::new();
            futures::executor::block_on(becomes_local(form, options, &gate, true, false))
        });
        assert_eq!(text, cell(form, "a call cancels itself"), "{form}");
        assert_eq!(kind, CancelKind::Explicit, "{form}");
        for (before, column) in [(false, "token"), (true, "token")] {
            let (text, kind) = watched(form, || {
                let (stop, gate) = (CancelToken::new(), Gate::new());
                if before {
                    stop.cancel();
                }
                let options = whole().token(&stop);
                let becomes = becomes_local(form, options, &gate, false, before);
                let cuts = async {
                    if !before {
                        gate.wait().await;
                        stop.cancel();
                    }
                };
                futures::executor::block_on(async { futures::join!(becomes, cuts).0 })
            });
            assert_eq!(text, cell(form, column), "{form}");
            assert_eq!(kind, CancelKind::Explicit, "{form}");
        }
    }
}

// Cuts-1, Deadlines-6
async fn what_moves_on_ends_as_the_table_says(on: Site) {
    let forms = [
        "try_gather",
        "gather",
        "race",
        "gather_settled",
        "first_ok",
        "quorum",
        "join_with",
    ];
    for form in forms {
        for grace in [Duration::ZERO, Duration::from_secs(1)] {
            let (shears, gate) = (Shears::of(By::Deadline, false), Gate::new());
            let options = GroupOptions::new()
                .on(&shears.clock.on(&on.spawner))
                .name("cut");
            let options = options.move_on_after(Duration::from_secs(1)).grace(grace);
            let opens = gate.clone();
            let becomes = async {
                let calls = || self::calls(Ok::<u32, Fault>(1), &opens, false);
                let fails = || self::calls(Err::<u32, _>(Fault("failed")), &opens, false);
                let pends = [(); 2].map(|()| {
                    let gate = opens.clone();
                    move || async move {
                        gate.open();
                        pending::<u32>().await
                    }
                });
                let none = ("none".to_owned(), CancelKind::Deadline);
                match form {
                    "try_gather" => {
                        assert!(options.try_gather(calls()).await.unwrap().is_none());
                        none
                    }
                    "gather" => {
                        assert_eq!(options.gather(pends).await, None);
                        none
                    }
                    "race" => {
                        assert_eq!(options.race(pends).await, None);
                        none
                    }
                    "gather_settled" => outcomes(&options.gather_settled(calls()).await, false),
                    "first_ok" => error(options.first_ok(fails()).await, 1),
                    "quorum" => error(options.quorum(2, calls()).await, 0),
                    _ => tell(options.join_with(Told::default(), calls()).await),
                }
            };
            let (text, kind) = shears.run(&on, gate.clone(), becomes).await;
            assert_eq!(text, cell(form, "move_on_after"), "{form}");
            assert_eq!(kind, CancelKind::Deadline, "{form}");
        }
    }
}
