//! Every call to the crate that opens a form: scopes, groups, gathers and streams.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt};
use ingather::error::Failure;
use ingather::kind::{Blocking, Cut, FailingStream, Inline, InlineLocal, Local, MovesOn, Shared};
use ingather::{GatherGroup, GroupError, GroupOptions, OnError, OnPanic, Outcome, Scope, calls};

use super::face::{Begin, Got, Handle, Shares, Unit};
use super::home::{self, Kept, kept, sent};
use super::program::{How, Options, Shape, Until};
use super::witness::{Done, Flaw, Tracked, Value};

/// Options, by what their forms give.
enum Start {
    Whole(GroupOptions),
    Cut(GroupOptions<Shared, Cut>),
    MovesOn(GroupOptions<Shared, MovesOn>),
}

/// Those that cut nothing short.
fn whole(of: &Options, unit: Unit, shares: &Shares) -> GroupOptions {
    let mut options = GroupOptions::new();
    if of.name {
        options = options.name("group");
    }
    if of.shares {
        options = options.limiter(&shares.limiter);
    } else if let Some(limit) = of.limit {
        options = options.limit(limit);
    }
    if of.grace > 0 {
        options = options.grace(unit.times(of.grace));
    }
    if of.keep_going {
        options = options.on_error(OnError::KeepGoing);
    }
    if of.collect {
        options = options.on_panic(OnPanic::Collect);
    }
    options
}

fn options(of: &Options, unit: Unit, shares: &Shares) -> Start {
    let whole = whole(of, unit, shares);
    match (of.token, of.until) {
        (None, Until::Unset) => Start::Whole(whole),
        (None, Until::Timeout(after)) => Start::Cut(whole.timeout(unit.times(after))),
        (None, Until::MoveOn(after)) => Start::MovesOn(whole.move_on_after(unit.times(after))),
        (Some(token), until) => {
            let follows = whole.token(&shares.tokens[token]);
            match until {
                Until::Unset => Start::Cut(follows),
                Until::Timeout(after) => Start::Cut(follows.timeout(unit.times(after))),
                Until::MoveOn(after) => Start::MovesOn(follows.move_on_after(unit.times(after))),
            }
        }
    }
}

/// Opens a form with options, whatever they are.
macro_rules! each {
    ($start:expr, |$options:ident| $form:expr) => {
        match $start {
            Start::Whole($options) => $form,
            Start::Cut($options) => $form,
            Start::MovesOn($options) => $form,
        }
    };
}

/// What calls give, whatever they came in.
trait Row<T> {
    fn in_a_row(self) -> Vec<T>;
}

impl<T> Row<T> for Vec<T> {
    fn in_a_row(self) -> Self {
        self
    }
}

impl<T> Row<T> for (T, T, T) {
    fn in_a_row(self) -> Vec<T> {
        <[T; 3]>::from(self).into()
    }
}

/// What comes out of a form where all went well: a value, or nothing if it has moved on.
trait Gives {
    fn got(self) -> Vec<Got>;
}

impl Gives for Value {
    fn got(self) -> Vec<Got> {
        vec![Got::Done(Ok(self))]
    }
}

impl Gives for Vec<Value> {
    fn got(self) -> Vec<Got> {
        values(self)
    }
}

impl Gives for (Value, Value, Value) {
    fn got(self) -> Vec<Got> {
        values(self.in_a_row())
    }
}

impl Gives for Vec<(usize, Value)> {
    fn got(self) -> Vec<Got> {
        ranked(self)
    }
}

/// How a form ended that did not panic.
pub(crate) enum Left {
    Value(Vec<Got>),
    MovedOn,
    Failed(Failed),
}

/// What an error of a group holds.
pub(crate) struct Failed {
    pub(crate) flaws: Vec<Flaw>,
    pub(crate) panics: Vec<String>,
    pub(crate) by_deadline: bool,
    pub(crate) cancelled: bool,
}

impl From<GroupError<Flaw>> for Failed {
    fn from(error: GroupError<Flaw>) -> Self {
        let by_deadline = error.is_timeout();
        let cancelled = error.cancelled().is_some();
        let mut failed = Self {
            flaws: Vec::new(),
            panics: Vec::new(),
            by_deadline,
            cancelled,
        };
        for leaf in error {
            match leaf.into_failure() {
                Failure::Error(flaw) => failed.flaws.push(flaw),
                Failure::Panicked(panic) => failed.panics.push(panic.message().to_owned()),
                _ => {}
            }
        }
        failed
    }
}

impl<T: Gives> From<Result<T, GroupError<Flaw>>> for Left {
    fn from(result: Result<T, GroupError<Flaw>>) -> Self {
        match result {
            Ok(value) => Self::Value(value.got()),
            Err(error) => Self::Failed(error.into()),
        }
    }
}

impl<T: Gives> From<Result<Option<T>, GroupError<Flaw>>> for Left {
    fn from(result: Result<Option<T>, GroupError<Flaw>>) -> Self {
        match result {
            Ok(Some(value)) => Self::Value(value.got()),
            Ok(None) => Self::MovedOn,
            Err(error) => Self::Failed(error.into()),
        }
    }
}

pub(crate) type Form = BoxFuture<'static, Left>;
pub(crate) type Body<F> = Box<dyn FnOnce(Arc<dyn Handle>) -> F + Send>;

/// What the children of a scope are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Children {
    Sent,
    /// They need not be `Send`.
    Local,
    /// A thread waits for them.
    Awaited,
}

/// Opens a scope.
pub(crate) fn open(
    form: super::program::Form,
    children: Children,
    of: &Options,
    unit: Unit,
    shares: &Shares,
    body: Body<Tracked>,
) -> Form {
    use super::program::Form as Forms;
    macro_rules! scope {
        ($options:expr, $way:ident) => {{
            let scope = $options.scope(move |tg| $way::child(body($way::handle(tg))));
            $way::future(async move { Left::Value(vec![Got::Done(scope.await)]) })
        }};
    }
    macro_rules! tries {
        ($kind:ty, $way:ident, |$options:ident| $there:expr) => {{
            let body = move |tg: Scope<'static, Flaw, $kind>| $way::child(body($way::handle(tg)));
            each!(options(of, unit, shares), |$options| {
                let scope = $there.try_scope(body);
                $way::future(async move { scope.await.into() })
            })
        }};
    }
    let local = match children {
        Children::Awaited => return block(form, of, unit, shares, body),
        other => other == Children::Local,
    };
    match (form, local) {
        (Forms::Scope, false) => scope!(whole(of, unit, shares), sent),
        (Forms::Scope, true) => scope!(whole(of, unit, shares).local(&home::spawner()), kept),
        (Forms::InlineScope, false) => scope!(whole(of, unit, shares).inline(), sent),
        (Forms::InlineScope, true) => scope!(whole(of, unit, shares).inline_local(), kept),
        (Forms::TryScope, false) => tries!(Shared, sent, |options| options),
        (Forms::TryScope, true) => {
            tries!(Local, kept, |options| options.local(&home::spawner()))
        }
        (Forms::TryInlineScope | Forms::Value, false) => {
            tries!(Inline, sent, |options| options.inline())
        }
        (Forms::TryInlineScope | Forms::Value, true) => {
            tries!(InlineLocal, kept, |options| options.inline_local())
        }
    }
}

/// A blocking scope, whose body blocks the thread, too.
fn block(
    form: super::program::Form,
    of: &Options,
    unit: Unit,
    shares: &Shares,
    body: Body<Tracked>,
) -> Form {
    let wait = smol::future::block_on::<Done>;
    if !form.can_fail() {
        let options = whole(of, unit, shares).parallel();
        let scope = move || options.scope(move |tg| wait(body(sent::handle(tg))));
        return Box::pin(async move { Left::Value(vec![Got::Done(scope())]) });
    }
    let body = move |tg: Scope<'static, Flaw, Blocking>| wait(body(sent::handle(tg)));
    each!(options(of, unit, shares), |options| {
        let scope = move || options.parallel().try_scope(body);
        Box::pin(async move { scope().into() })
    })
}

/// A group as a value.
pub(crate) enum Owned {
    Sent(GatherGroup<Flaw>),
    Kept(Kept<GatherGroup<Flaw, Local>>),
}

impl Owned {
    pub(crate) fn new(local: bool, of: &Options, unit: Unit, shares: &Shares) -> Self {
        each!(options(of, unit, shares), |options| if local {
            Self::Kept(Kept::new(options.local(&home::spawner()).fallible_group()))
        } else {
            Self::Sent(options.fallible_group())
        })
    }

    pub(crate) fn handle(&self) -> Arc<dyn Handle> {
        match self {
            Self::Sent(group) => sent::handle(group.handle()),
            Self::Kept(group) => kept::handle(group.get().handle()),
        }
    }

    pub(crate) async fn join(&self) -> Left {
        let joined = match self {
            Self::Sent(group) => group.try_join().await,
            Self::Kept(group) => {
                let group = group.get();
                kept::future(async move { group.try_join().await }).await
            }
        };
        match joined {
            Ok(_) => Left::Value(Vec::new()),
            Err(error) => Left::Failed(error.into()),
        }
    }

    pub(crate) async fn next(&self) {
        match self {
            Self::Sent(group) => drop(group.next().await),
            Self::Kept(group) => {
                let group = group.get();
                kept::future(async move { drop(group.next().await) }).await;
            }
        }
    }

    pub(crate) fn close(&self) {
        match self {
            Self::Sent(group) => group.close(),
            Self::Kept(group) => group.get().close(),
        }
    }
}

fn done(results: Vec<Done>) -> Vec<Got> {
    results.into_iter().map(Got::Done).collect()
}

fn values(results: Vec<Value>) -> Vec<Got> {
    results
        .into_iter()
        .map(|value| Got::Done(Ok(value)))
        .collect()
}

/// Values with the index of their call.
fn ranked(results: Vec<(usize, Value)>) -> Vec<Got> {
    values(results.into_iter().map(|(_, value)| value).collect())
}

fn outcome(outcome: Outcome<Value, Flaw>) -> Got {
    match outcome {
        Outcome::Ok(value) => Got::Done(Ok(value)),
        Outcome::Err(flaw) => Got::Done(Err(flaw)),
        Outcome::Panicked(panic) => Got::Panicked(panic.message().to_owned()),
        _ => Got::Cancelled,
    }
}

/// Where the calls of a gather run, and what they come in.
#[derive(Clone, Copy)]
pub(crate) struct Site {
    pub(crate) inline: bool,
    /// Need they not be `Send`?
    pub(crate) local: bool,
    pub(crate) shape: Shape,
}

pub(crate) fn gather(
    how: How,
    site: Site,
    of: &Options,
    unit: Unit,
    shares: &Shares,
    calls: Vec<Begin>,
) -> Form {
    let sure = whole(of, unit, shares);
    let told = options(of, unit, shares);
    /// Awaits the form, and makes of its result what the oracle reads.
    macro_rules! form {
        ($way:ident, $form:expr, |$result:ident| $left:expr) => {{
            let form = $form;
            $way::future(async move {
                let $result = form.await;
                $left
            })
        }};
    }
    /// The form of these calls that is asked for.
    macro_rules! gathers {
        ($calls:expr, $way:ident, |$options:ident| $there:expr) => {{
            macro_rules! sure {
                () => {{
                    let $options = sure;
                    $there
                }};
            }
            match how {
                How::Gather => form!($way, sure!().gather($calls), |all| Left::Value(done(
                    all.in_a_row()
                ))),
                How::Race => form!($way, sure!().race($calls), |one| Left::Value(done(vec![
                    one
                ]))),
                How::Settled => each!(told, |$options| form!(
                    $way,
                    $there.gather_settled($calls),
                    |all| Left::Value(all.in_a_row().into_iter().map(outcome).collect())
                )),
                How::TryGather => each!(told, |$options| form!(
                    $way,
                    $there.try_gather($calls),
                    |all| all.into()
                )),
                How::FirstOk => each!(told, |$options| form!(
                    $way,
                    $there.first_ok($calls),
                    |one| one.into()
                )),
                How::Quorum(needed) => each!(told, |$options| form!(
                    $way,
                    $there.quorum(needed, $calls),
                    |some| some.into()
                )),
            }
        }};
    }
    /// In what they come in.
    macro_rules! shapes {
        ($way:ident, |$options:ident| $there:expr) => {{
            let calls = $way::calls(calls);
            if site.shape == Shape::Row {
                return gathers!(calls, $way, |$options| $there);
            }
            let Ok([a, b, c]) = <[_; 3]>::try_from(calls) else {
                unreachable!("others come in a `Vec`")
            };
            match site.shape {
                Shape::Listed => gathers!(
                    calls![move || a(), move || b(), move || c()],
                    $way,
                    |$options| $there
                ),
                _ => gathers!((a, b, c), $way, |$options| $there),
            }
        }};
    }
    match (site.local, site.inline) {
        (false, false) => shapes!(sent, |options| options),
        (false, true) => shapes!(sent, |options| options.inline()),
        (true, false) => shapes!(kept, |options| options.local(&home::spawner())),
        (true, true) => shapes!(kept, |options| options.inline_local()),
    }
}

/// An item of a mapped stream.
pub(crate) enum Item {
    Got(Got),
    Failed(Failed),
}

pub(crate) fn map(
    fallible: bool,
    unordered: bool,
    of: &Options,
    unit: Unit,
    shares: &Shares,
    limit: usize,
    items: Box<dyn Iterator<Item = Begin> + Send>,
) -> BoxStream<'static, Item> {
    let sure = whole(of, unit, shares);
    let one = |done: Done| Item::Got(Got::Done(done));
    let begin = |call: Begin| call();
    match (fallible, unordered) {
        (false, false) => sure.map_concurrent(items, limit, begin).map(one).boxed(),
        (false, true) => sure
            .map_concurrent(items, limit, begin)
            .unordered()
            .map(one)
            .boxed(),
        (true, _) => match options(of, unit, shares) {
            Start::Whole(options) => tries(options, unordered, limit, items),
            Start::Cut(options) => tries(options, unordered, limit, items),
            Start::MovesOn(_) => unreachable!("a stream does not move on"),
        },
    }
}

fn tries<C: FailingStream>(
    options: GroupOptions<Shared, C>,
    unordered: bool,
    limit: usize,
    items: Box<dyn Iterator<Item = Begin> + Send>,
) -> BoxStream<'static, Item> {
    let begin = |call: Begin| call();
    let tried = |result: Result<Value, GroupError<Flaw>>| match result {
        Ok(value) => Item::Got(Got::Done(Ok(value))),
        Err(error) => Item::Failed(error.into()),
    };
    if unordered {
        let stream = options.try_map_concurrent(items, limit, begin).unordered();
        stream.map(tried).boxed()
    } else {
        options
            .try_map_concurrent(items, limit, begin)
            .map(tried)
            .boxed()
    }
}
