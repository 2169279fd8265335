//! Runs a program: what children and bodies do, step by step.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::accounts;
use super::books::{Holds, Role, World};
use super::face::{self, Call, Got, Handle, Like, Reads, Say, Shares, Start, Unit};
use super::program::{Child, Kind, Program, Step};
use super::witness::{Done, Flaw, Hold, Tracked, Value, throw};
use crate::support::yields;

/// Where code runs.
#[derive(Clone)]
pub(crate) struct Here {
    pub(crate) world: World,
    pub(crate) unit: Unit,
    pub(crate) shares: Arc<Shares>,
    pub(crate) actor: usize,
    /// Can the actor end with an error?
    can_fail: bool,
    result_panics: bool,
    pub(crate) group: Option<Tg>,
    outside: Option<Tg>,
    say: Option<Arc<Say>>,
    /// Is it on the thread on which the program began, and stays there?
    pub(crate) at_home: bool,
    /// Is everything in this program?
    pub(crate) stays: bool,
    /// May it block its thread?
    pub(crate) may_block: bool,
    /// Is it in a child that holds a permit which groups share?
    pub(crate) has_permit: bool,
    /// Is it in a shield or clean-up?
    is_held: bool,
}

/// What of a program stays on the thread on which it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stays {
    Nothing,
    /// And what is in its task, and what is local there.
    Itself,
    Everything,
}

/// Where the children of a group run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At home, and the handle stays there too.
    Home,
    /// At home, since the opener does.
    WithOpener,
    Anywhere,
}

/// The group that code is in.
#[derive(Clone)]
pub(crate) struct Tg {
    pub(crate) book: usize,
    pub(crate) handle: Arc<dyn Handle>,
    pub(crate) place: Place,
    pub(crate) can_fail: bool,
    pub(crate) has_limit: bool,
    /// Is that the one which groups share?
    pub(crate) shares: bool,
}

impl Here {
    /// The same place, with another group to spawn into.
    pub(crate) fn with_group(&self, tg: Tg) -> Self {
        let can_fail = true;
        let outside = self.group.clone();
        Self {
            group: Some(tg),
            outside,
            can_fail,
            say: None,
            may_block: false,
            ..self.clone()
        }
    }

    /// Can the actor fail, and what is the group around its own?
    pub(crate) fn set_fails(&mut self, can_fail: bool, outside: Option<Tg>) {
        self.can_fail = can_fail;
        self.outside = outside;
    }

    fn held(&self) -> Self {
        Self {
            is_held: true,
            ..self.clone()
        }
    }
}

/// Runs a whole program, and asks the oracle. `stays` says what of it does so on a thread that has a home.
pub(crate) async fn run(program: Program, world: World, unit: Unit, stays: Stays) {
    let here = Here {
        world: world.clone(),
        unit,
        shares: Arc::new(Shares::new()),
        actor: 0,
        can_fail: true,
        result_panics: false,
        group: None,
        outside: None,
        say: None,
        at_home: stays != Stays::Nothing,
        stays: stays == Stays::Everything,
        may_block: stays == Stays::Itself,
        has_permit: false,
        is_held: false,
    };
    for step in &program.steps {
        let one = std::slice::from_ref(step);
        let ended = face::in_actor(
            world.who(0),
            AssertUnwindSafe(steps(&here, one)).catch_unwind(),
        );
        match ended.await {
            Ok(Ok(())) => {}
            Ok(Err(flaw)) => flaw.received(),
            Err(payload) => panic_received(&world, payload),
        }
    }
    accounts::keys(&world).await;
}

/// Takes a panic that came out of something.
pub(crate) fn panic_received(world: &World, payload: Box<dyn std::any::Any + Send>) {
    match payload.downcast::<String>() {
        Ok(text) => world.panic_received(&text),
        Err(other) => match other.downcast::<&'static str>() {
            Ok(text) => world.panic_received(&text),
            Err(other) => resume_unwind(other),
        },
    }
}

/// The future of a child, of a call, or of a body.
pub(crate) fn tracked(here: Here, who: Option<usize>, child: Child) -> Tracked {
    let (world, actor) = (here.world.clone(), here.actor);
    world.books().actors[actor].made = true;
    let panics = child.future_panics;
    world.books().actors[actor].optional = child.optional;
    let future: BoxFuture<'static, Done> = Box::pin(async move {
        if !child.optional {
            steps(&here, &child.steps).await?;
        } else {
            // In it there is a token of its own.
            let inside = here.held();
            if !face::optional(steps(&inside, &child.steps)).await? {
                here.world.cut_short(here.actor);
            }
        }
        Ok(Value::new(&here.world, here.actor, here.result_panics))
    });
    Tracked {
        world,
        actor,
        who,
        future: Some(future),
        panics,
    }
}

/// Where a child or call runs.
pub(crate) fn inside(
    here: &Here,
    actor: usize,
    can_fail: bool,
    child: &Child,
    group: Option<Tg>,
) -> Here {
    let shares = group.as_ref().is_some_and(|tg| tg.shares);
    Here {
        actor,
        can_fail,
        result_panics: child.result_panics,
        outside: here.outside.clone(),
        group,
        say: None,
        may_block: false,
        has_permit: here.has_permit || shares,
        is_held: false,
        ..here.clone()
    }
}

pub(crate) fn steps<'a>(here: &'a Here, all: &'a [Step]) -> BoxFuture<'a, Result<(), Flaw>> {
    Box::pin(async move {
        for one in all {
            step(here, one).await?;
        }
        Ok(())
    })
}

async fn step(here: &Here, step: &Step) -> Result<(), Flaw> {
    let (world, unit) = (&here.world, here.unit);
    match step {
        Step::Yield(times) => yields(*times).await,
        Step::Sleep(units) => face::sleep(unit.times(*units)).await,
        Step::Spawn(child) => {
            if let Some(tg) = &here.group {
                spawn(here, tg, here.outside.clone(), child).await;
            }
        }
        Step::SpawnOutside(child) => {
            if let Some(tg) = &here.outside {
                spawn(here, tg, None, child).await;
            }
        }
        Step::AwaitKey(id) => {
            let held = world.books().keys.remove(id);
            if let Some(held) = held {
                let actor = held.actor;
                let got = held.receive().await;
                accounts::key_gave(world, actor, got);
            }
        }
        Step::TakeKey(id) => {
            let held = world.books().keys.remove(id);
            if let Some((held, tg)) = held.zip(here.group.as_ref()) {
                match tg.handle.take(held) {
                    Ok(value) => value.received(),
                    Err(held) => drop(world.books().keys.insert(*id, held)),
                }
            }
        }
        Step::DropKey(id) => {
            let held = world.books().keys.remove(id);
            drop(held);
        }
        Step::CancelKey(id) => cancel_key(world, *id, false),
        Step::CancelKeyNow(id) => cancel_key(world, *id, true),
        Step::CancelGroup => cancel_group(world, here.group.as_ref(), false),
        Step::CancelGroupNow => cancel_group(world, here.group.as_ref(), true),
        Step::CancelOutside => cancel_group(world, here.outside.as_ref(), false),
        Step::CancelOwnToken => cancel_own(here),
        Step::CancelShared(token) => {
            cancelling(world, || here.shares.cancel(*token));
            world.token_cancelled(*token);
        }
        Step::MoveDeadline(units) => {
            if let Some(tg) = here.group.as_ref().filter(|tg| tg.can_fail) {
                world.deadline_moved(tg.book, *units);
                cancelling(world, || tg.handle.set_deadline(unit.times(*units)));
            }
        }
        Step::SetLimit(limit) => {
            let own = here.group.as_ref().filter(|tg| tg.has_limit && !tg.shares);
            if let Some(tg) = own {
                world.limit_set(tg.book, *limit);
                tg.handle.set_limit(*limit);
            }
        }
        Step::Close => {
            if let Some(tg) = &here.group {
                tg.handle.close();
            }
        }
        Step::Shield(until, all) => {
            let inside = here.held();
            let kind = until.map_or(Holds::Shield, |_| Holds::ShieldUntil);
            let shielded = face::shield(async move {
                let _hold = Hold::new(&inside.world, inside.actor, kind);
                steps(&inside, all).await
            });
            match until {
                Some(units) => face::until(shielded, unit.times(*units)).await?,
                None => shielded.await?,
            }
        }
        Step::CleanUp(work, cleanup) => {
            let inside = here.held();
            let _hold = Hold::new(world, here.actor, Holds::Cleanup);
            let clean = || async {
                if let Err(flaw) = steps(&inside, cleanup).await {
                    flaw.received();
                }
            };
            face::with_cleanup(steps(&inside, work), clean).await?;
        }
        Step::Within(units, all) => {
            let within = face::timeout(unit.times(*units), steps(here, all));
            match within.await {
                Ok(ended) => ended?,
                Err(_) => world.goes_on(here.actor),
            }
        }
        Step::Polls(times, all) => {
            let ended = polls(*times, steps(here, all)).await;
            world.goes_on(here.actor);
            ended?;
        }
        Step::Open(open) => super::forms::open(here, open).await,
        Step::Gather(gather) => super::forms::gather(here, gather).await,
        Step::Map(map) => super::forms::map(here, map).await,
        Step::Checkpoint => {
            let reads = face::checkpoint().await.is_err();
            if !here.is_held {
                accounts::token_reads(world, here.actor, reads);
            }
        }
        Step::UntilCancelled(units) => {
            let told = face::current_token().cancelled_owned();
            let _ = face::timeout(unit.times(*units), told).await;
        }
        Step::Started => {
            if let Some(say) = &here.say {
                if say.started(here.actor) {
                    world.started(here.actor);
                }
            }
        }
        Step::Fail if here.can_fail => {
            return Err(Flaw::new(world, here.actor, here.result_panics));
        }
        Step::Fail => {}
        Step::Panic => throw(world, here.actor),
    }
    Ok(())
}

/// Polls a future so many times, and drops it.
async fn polls(times: usize, future: impl Future<Output = Result<(), Flaw>>) -> Result<(), Flaw> {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(Ok(()));
        }
        left -= 1;
        let poll = future.as_mut().poll(cx);
        if poll.is_pending() && left == 0 {
            return Poll::Ready(Ok(()));
        }
        poll
    })
    .await
}

/// A call that cancels; no destructor runs in it.
fn cancelling<R>(world: &World, call: impl FnOnce() -> R) -> R {
    world.books().cancelling += 1;
    let result = call();
    world.books().cancelling -= 1;
    result
}

fn cancel_group(world: &World, tg: Option<&Tg>, at_once: bool) {
    if let Some(tg) = tg {
        cancelling(world, || tg.handle.cancel(at_once));
        world.cancelled(tg.book, true);
        if at_once {
            world.cancelled_now(tg.book);
        }
    }
}

fn cancel_key(world: &World, id: usize, at_once: bool) {
    let held = world.books().keys.remove(&id);
    let Some(held) = held else { return };
    cancelling(world, || held.cancel(at_once));
    world.actor_cancelled(held.actor, at_once);
    let old = world.books().keys.insert(id, held);
    drop(old);
}

fn cancel_own(here: &Here) {
    // In a shield it is another token.
    if here.is_held {
        return;
    }
    let world = &here.world;
    let (role, group) = {
        let books = world.books();
        let actor = &books.actors[here.actor];
        (actor.role, actor.group)
    };
    let Some(group) = group else { return };
    // Of a token that has turned before nothing becomes of that.
    if !cancelling(world, || face::current_token().cancel()) {
        return;
    }
    if role == Role::Body {
        world.cancelled(group, false);
    } else {
        world.actor_cancelled(here.actor, false);
    }
}

/// Spawns a child, in the way of its kind.
async fn spawn(here: &Here, tg: &Tg, outside: Option<Tg>, child: &Child) {
    let world = &here.world;
    let mut kind = child.kind;
    if !tg.can_fail {
        kind = kind.without_errors();
    }
    // Whoever holds a slot must not wait for one.
    if tg.has_limit && world.books().is_within(here.actor, tg.book) {
        kind = match kind {
            Kind::WhenFree | Kind::InSlot => Kind::Plain,
            Kind::TryWhenFree | Kind::TryInSlot => Kind::Fallible,
            Kind::Start if tg.can_fail => Kind::Fallible,
            Kind::Start => Kind::Plain,
            other => other,
        };
    }
    let actor = world.actor(child.id, Role::Child(kind), Some(tg.book));
    let can_fail = kind.can_fail() || (kind == Kind::Start && tg.can_fail);
    let mut inner = inside(here, actor, can_fail, child, Some(tg.clone()));
    inner.at_home = here.stays || tg.place != Place::Anywhere;
    // What is at home is out of reach for what is not.
    inner.outside = outside.filter(|tg| inner.at_home || tg.place != Place::Home);
    // What waits for a slot before it is a child has its time from then on, and nobody here knows when that is.
    let waits = matches!(kind, Kind::WhenFree | Kind::TryWhenFree);
    let grace = child.grace.filter(|_| !waits);
    let in_slot = matches!(kind, Kind::InSlot | Kind::TryInSlot);
    {
        let this = &mut world.books().actors[actor];
        // It has none as long as it waits for its slot.
        this.grace = grace.filter(|_| !in_slot);
        this.is_simple = Step::are_simple(&child.steps);
    }
    let like = Like {
        name: format!("c{}", child.id),
        grace: grace.map(|units| here.unit.times(units)),
    };
    world.trace(|| format!("c{} is spawned, {kind:?}", child.id));
    let (who, child_of) = (world.who(actor), child.clone());
    let held = match kind {
        Kind::WhenFree | Kind::TryWhenFree => {
            let future = tracked(inner, who, child_of);
            let spawning = tg.handle.when_free(world, kind, like, future);
            face::in_actor(who, spawning).await
        }
        Kind::InSlot | Kind::TryInSlot => {
            let spawned = world.clone();
            let taken = Box::new(move || spawned.started_in_slot(actor, grace));
            let future = tracked(inner, who, child_of);
            let spawning = tg.handle.in_slot(world, kind, like, taken, future);
            match face::in_actor(who, spawning).await {
                Some(held) => held,
                None => return,
            }
        }
        Kind::Start => {
            let call: Call = Box::new(move |say| {
                inner.say = Some(Arc::new(say));
                tracked(inner, who, child_of)
            });
            let starting = face::as_actor(who, || tg.handle.start(world, like, actor, call));
            match face::in_actor(who, starting).await {
                Start::Started(held, said) => {
                    if said != actor {
                        world.fault("Starting-6", "a start gave the value of another");
                    }
                    held
                }
                Start::Failed(flaw) => return flaw.received(),
                Start::Refused => return,
            }
        }
        _ => {
            let future = tracked(inner, who, child_of);
            face::as_actor(who, || tg.handle.spawn(world, kind, like, future))
        }
    };
    world.books().actors[actor].spawned = true;
    if held.reads() == Reads::Unknown {
        world.fault("Results-1", format!("the key of c{} is unknown", child.id));
    }
    if child.drops_key {
        drop(held);
    } else {
        let old = world.books().keys.insert(child.id, held);
        drop(old);
    }
}

/// Receives whatever something gave.
pub(crate) fn receive(world: &World, got: Got) {
    match got {
        Got::Done(Ok(value)) => value.received(),
        Got::Done(Err(flaw)) => flaw.received(),
        Got::Panicked(text) => world.panic_received(&text),
        Got::Cancelled => {}
    }
}
