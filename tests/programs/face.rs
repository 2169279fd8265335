//! Every call to the crate but those that open forms: handles, keys, tokens and time. With `face_forms`, what a change of the
//! crate's face changes.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use futures::future::{BoxFuture, Either};
use ingather::cancel::{CallbackGuard, CancelKind};
use ingather::kind::{Blocking, Inline, InlineLocal, Local, Shared};
use ingather::threads::CapacityLimiter;
use ingather::types::Tally;
use ingather::{CancelToken, ContextVar, GatherIncomplete, Key, Outcome, Ready, Scope, StartError};

pub(crate) use ingather::cancel::with_cleanup;
pub(crate) use ingather::clock::{sleep, timeout};
pub(crate) use ingather::{checkpoint, current_token, shield};

use super::books::World;
use super::home::{Kept, kept, sent};
use super::program::{Kind, PERMITS, TOKENS, Units};
use super::witness::{Done, Flaw, Tracked, Value};

static WHO: ContextVar<usize> = ContextVar::named("who");

/// Which actor's context this is.
pub(crate) fn who() -> Option<usize> {
    WHO.get()
}

/// Runs `f` in the context of an actor, or in none.
pub(crate) fn as_actor<R>(who: Option<usize>, f: impl FnOnce() -> R) -> R {
    match who {
        Some(actor) => WHO.sync_scope(actor, f),
        None => f(),
    }
}

/// Polls a future in the context of an actor, or in none.
pub(crate) fn in_actor<F: Future>(
    who: Option<usize>,
    future: F,
) -> impl Future<Output = F::Output> {
    match who {
        Some(actor) => Either::Left(WHO.scope(actor, future)),
        None => Either::Right(future),
    }
}

/// A call that is there for the sake of the others; whether it was not cut short.
pub(crate) async fn optional<E>(call: impl Future<Output = Result<(), E>>) -> Result<bool, E> {
    let gave = ingather::try_optional(move || call)().await?;
    Ok(gave.is_some())
}

/// A shield that holds no longer than so long.
pub(crate) async fn until<F: Future>(
    shielded: ingather::types::Shield<F>,
    after: Duration,
) -> F::Output {
    shielded.deadline(ingather::Deadline::after(after)).await
}

/// What a unit of time is.
#[derive(Clone, Copy)]
pub(crate) struct Unit(pub(crate) Duration);

impl Unit {
    pub(crate) fn times(self, units: Units) -> Duration {
        self.0 * u32::try_from(units).expect("it fits")
    }
}

/// What groups of a program share.
pub(crate) struct Shares {
    pub(super) tokens: [CancelToken; TOKENS],
    pub(super) limiter: CapacityLimiter,
}

impl Shares {
    pub(crate) fn new() -> Self {
        Self {
            tokens: std::array::from_fn(|_| CancelToken::new()),
            limiter: CapacityLimiter::new(PERMITS),
        }
    }

    pub(crate) fn cancel(&self, number: usize) {
        self.tokens[number].cancel();
    }
}

/// The key of a child, whatever its kind.
enum AnyKey {
    Done(Key<Done>),
    Fallible(Key<Value>),
    Supervised(Key<Outcome<Value, Flaw>>),
}

/// What a key reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    Pending,
    There,
    Failed,
    Panicked,
    Cancelled { by_deadline: bool, abandoned: bool },
    Taken,
    Unknown,
}

fn reads(status: Option<GatherIncomplete>) -> Reads {
    match status {
        None => Reads::There,
        Some(GatherIncomplete::Running | GatherIncomplete::Waiting) => Reads::Pending,
        Some(GatherIncomplete::Failed) => Reads::Failed,
        Some(GatherIncomplete::Panicked) => Reads::Panicked,
        Some(GatherIncomplete::Cancelled(reason)) => Reads::Cancelled {
            by_deadline: reason.kind() == CancelKind::Deadline,
            abandoned: reason.root().kind() == CancelKind::Abandoned,
        },
        Some(GatherIncomplete::Taken) => Reads::Taken,
        _ => Reads::Unknown,
    }
}

/// A key that is held, until it is dropped.
pub(crate) struct Held {
    key: Option<AnyKey>,
    pub(crate) actor: usize,
    world: World,
}

impl Held {
    fn new(key: AnyKey, actor: usize, world: &World) -> Self {
        world.books().actors[actor].key_held = true;
        Self {
            key: Some(key),
            actor,
            world: world.clone(),
        }
    }

    pub(crate) fn cancel(&self, at_once: bool) {
        match (self.key.as_ref().expect("it is held"), at_once) {
            (AnyKey::Done(key), false) => key.cancel(),
            (AnyKey::Fallible(key), false) => key.cancel(),
            (AnyKey::Supervised(key), false) => key.cancel(),
            (AnyKey::Done(key), true) => key.cancel_now(),
            (AnyKey::Fallible(key), true) => key.cancel_now(),
            (AnyKey::Supervised(key), true) => key.cancel_now(),
        }
    }

    pub(crate) fn reads(&self) -> Reads {
        reads(match self.key.as_ref().expect("it is held") {
            AnyKey::Done(key) => key.status(),
            AnyKey::Fallible(key) => key.status(),
            AnyKey::Supervised(key) => key.status(),
        })
    }

    /// Awaits it, and receives what it gives.
    pub(crate) async fn receive(mut self) -> Result<Got, Reads> {
        let got = match self.key.as_mut().expect("it is held") {
            AnyKey::Done(key) => key.await.map(Got::Done),
            AnyKey::Fallible(key) => key.await.map(|value| Got::Done(Ok(value))),
            AnyKey::Supervised(key) => match key.await {
                Ok(Outcome::Ok(value)) => Ok(Got::Done(Ok(value))),
                Ok(Outcome::Err(flaw)) => Ok(Got::Done(Err(flaw))),
                Ok(Outcome::Panicked(panic)) => Ok(Got::Panicked(panic.message().to_owned())),
                Ok(_) => return Ok(Got::Cancelled),
                Err(why) => Err(why),
            },
        };
        got.map_err(|why| reads(Some(why)))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.world.books().actors[self.actor].key_held = false;
        drop(self.key.take());
        self.world.books().actors[self.actor].key_gone = true;
    }
}

/// What a key or outcome gave.
pub(crate) enum Got {
    Done(Done),
    Panicked(String),
    Cancelled,
}

pub(crate) type Call = Box<dyn FnOnce(Say) -> Tracked + Send>;
pub(crate) type Begin = Box<dyn FnOnce() -> Tracked + Send>;

/// Says that a child has started.
pub(crate) struct Say(Ready<usize>);

impl Say {
    pub(crate) fn started(&self, actor: usize) -> bool {
        self.0.started(actor).is_ok()
    }
}

/// What came out of a start.
pub(crate) enum Start {
    Started(Held, usize),
    Failed(Flaw),
    Refused,
}

/// A callback of a token.
#[expect(dead_code, reason = "held for its drop")]
pub(crate) struct Watch(CallbackGuard);

/// How many ended how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    /// With a value or an error.
    pub(crate) gave: u64,
    pub(crate) panicked: u64,
    pub(crate) cancelled: u64,
}

impl From<Tally> for Counts {
    fn from(tally: Tally) -> Self {
        let Tally {
            panicked,
            cancelled,
            ..
        } = tally;
        Self {
            gave: tally.ok + tally.failed,
            panicked,
            cancelled,
        }
    }
}

/// How a child differs from others.
pub(crate) struct Like {
    pub(crate) name: String,
    pub(crate) grace: Option<Duration>,
}

macro_rules! like {
    ($scope:expr, $like:expr) => {{
        let child = $scope.named($like.name);
        match $like.grace {
            Some(grace) => child.grace(grace),
            None => child,
        }
    }};
}

/// The handle of a group, whatever its kind.
pub(crate) trait Handle: Send + Sync {
    fn spawn(&self, world: &World, kind: Kind, like: Like, child: Tracked) -> Held;
    fn when_free(
        &self,
        world: &World,
        kind: Kind,
        like: Like,
        child: Tracked,
    ) -> BoxFuture<'static, Held>;
    /// Takes a slot, says so, and spawns the child in it. Nothing if there is none.
    fn in_slot(
        &self,
        world: &World,
        kind: Kind,
        like: Like,
        taken: Box<dyn FnOnce() + Send>,
        child: Tracked,
    ) -> BoxFuture<'static, Option<Held>>;
    fn start(
        &self,
        world: &World,
        like: Like,
        actor: usize,
        call: Call,
    ) -> BoxFuture<'static, Start>;
    /// Cancels it, without grace if it is to be at once.
    fn cancel(&self, at_once: bool);
    fn close(&self);
    fn set_deadline(&self, after: Duration);
    fn set_limit(&self, limit: usize);
    /// Takes the value of a child that is over.
    fn take(&self, held: Held) -> Result<Value, Held>;
    /// Hears of its cancel, if that is not one of what it is in, until what comes back is dropped.
    fn watch(&self, heard: Box<dyn Fn() + Send + Sync>) -> Watch;
    /// How many it took, and how many are left.
    fn account(&self) -> (Counts, usize);
}

macro_rules! handle {
    ($owner:ty, $way:ident, $start:ident, |$tg:ident, $how:ident, $child:ident| $spawn:expr, |$free:ident, $call:ident| $when_free:expr) => {
        impl Handle for $owner {
            fn spawn(&self, world: &World, kind: Kind, like: Like, child: Tracked) -> Held {
                let actor = child.actor;
                let ($tg, $how, $child) =
                    (like!($way::scope(self), like), kind, $way::child(child));
                let key = match $how {
                    Kind::Supervised => AnyKey::Supervised($tg.supervised().try_spawn($child)),
                    Kind::Background => AnyKey::Done($tg.background().spawn($child)),
                    Kind::Plain => AnyKey::Done($tg.spawn($child)),
                    _ => $spawn,
                };
                Held::new(key, actor, world)
            }

            fn when_free(
                &self,
                world: &World,
                kind: Kind,
                like: Like,
                child: Tracked,
            ) -> BoxFuture<'static, Held> {
                let (world, actor) = (world.clone(), child.actor);
                let ($free, $call) = (like!($way::scope(self), like), $way::child(child));
                if kind == Kind::TryWhenFree {
                    return $when_free(world, actor);
                }
                let spawning = $free.spawn_when_free($call);
                $way::future(async move { Held::new(AnyKey::Done(spawning.await), actor, &world) })
            }

            fn in_slot(
                &self,
                world: &World,
                kind: Kind,
                like: Like,
                taken: Box<dyn FnOnce() + Send>,
                child: Tracked,
            ) -> BoxFuture<'static, Option<Held>> {
                let (world, actor) = (world.clone(), child.actor);
                let slot = like!($way::scope(self), like).slot();
                $way::future(async move {
                    let $tg = slot.await?;
                    let ($how, $child) = (kind, $way::child(child));
                    taken();
                    let key = match $how {
                        Kind::InSlot => AnyKey::Done($tg.spawn($child)),
                        _ => $spawn,
                    };
                    Some(Held::new(key, actor, &world))
                })
            }

            fn start(
                &self,
                world: &World,
                like: Like,
                actor: usize,
                call: Call,
            ) -> BoxFuture<'static, Start> {
                let (world, tg) = (world.clone(), like!($way::scope(self), like));
                let starting = tg.$start(move |ready| $way::child(call(Say(ready))));
                $way::future(async move {
                    match starting.await {
                        Ok((key, said)) => {
                            Start::Started(Held::new(key.into(), actor, &world), said)
                        }
                        Err(StartError::Failed(flaw)) => Start::Failed(flaw.into()),
                        Err(_) => Start::Refused,
                    }
                })
            }

            fn cancel(&self, at_once: bool) {
                if at_once {
                    $way::scope(self).cancel_now();
                } else {
                    $way::scope(self).cancel();
                }
            }

            fn close(&self) {
                $way::scope(self).close();
            }

            fn set_deadline(&self, after: Duration) {
                $way::scope(self).set_deadline(ingather::Deadline::after(after));
            }

            fn set_limit(&self, limit: usize) {
                $way::scope(self).set_limit(limit);
            }

            fn take(&self, mut held: Held) -> Result<Value, Held> {
                match held.key.take().expect("it is held") {
                    AnyKey::Fallible(key) => $way::scope(self).take_result(key).map_err(|error| {
                        held.key = Some(AnyKey::Fallible(error.into_key()));
                        held
                    }),
                    other => {
                        held.key = Some(other);
                        Err(held)
                    }
                }
            }

            fn watch(&self, heard: Box<dyn Fn() + Send + Sync>) -> Watch {
                Watch($way::scope(self).token().on_cancel(move |reason| {
                    if reason.kind() != CancelKind::Parent {
                        heard();
                    }
                }))
            }

            fn account(&self) -> (Counts, usize) {
                let scope = $way::scope(self);
                (scope.tally().into(), scope.len())
            }
        }
    };
}

macro_rules! fallible {
    ($owner:ty, $way:ident) => {
        handle!(
            $owner,
            $way,
            try_start,
            |tg, how, child| match how {
                Kind::Observed => AnyKey::Done(tg.observed().try_spawn(child)),
                _ => AnyKey::Fallible(tg.try_spawn(child)),
            },
            |tg, child| |world: World, actor: usize| -> BoxFuture<'static, Held> {
                let spawning = tg.try_spawn_when_free(child);
                $way::future(
                    async move { Held::new(AnyKey::Fallible(spawning.await), actor, &world) },
                )
            }
        );
    };
}

macro_rules! infallible {
    ($owner:ty, $way:ident) => {
        handle!(
            $owner,
            $way,
            start,
            |tg, _how, child| AnyKey::Done(tg.spawn(child)),
            |tg, child| |world: World, actor: usize| -> BoxFuture<'static, Held> {
                let spawning = tg.spawn_when_free(child);
                $way::future(async move { Held::new(AnyKey::Done(spawning.await), actor, &world) })
            }
        );
    };
}

impl From<Key<Value>> for AnyKey {
    fn from(key: Key<Value>) -> Self {
        Self::Fallible(key)
    }
}

impl From<Key<Done>> for AnyKey {
    fn from(key: Key<Done>) -> Self {
        Self::Done(key)
    }
}

impl From<Infallible> for Flaw {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

fallible!(Scope<'static, Flaw, Shared>, sent);
fallible!(Scope<'static, Flaw, Inline>, sent);
fallible!(Scope<'static, Flaw, Blocking>, sent);
fallible!(Kept<Scope<'static, Flaw, Local>>, kept);
fallible!(Kept<Scope<'static, Flaw, InlineLocal>>, kept);
infallible!(Scope<'static, Infallible, Shared>, sent);
infallible!(Scope<'static, Infallible, Inline>, sent);
infallible!(Scope<'static, Infallible, Blocking>, sent);
infallible!(Kept<Scope<'static, Infallible, Local>>, kept);
infallible!(Kept<Scope<'static, Infallible, InlineLocal>>, kept);
