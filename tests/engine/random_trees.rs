//! Ten thousand random trees of groups in virtual time, whose children do all that children can do.

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use ingather::cancel::{cancel_reason, with_cleanup};
use ingather::clock::{sleep, timeout};
use ingather::kind::{Shared, State};
use ingather::testing::explore;
use ingather::{
    CancelReason, Deadline, GroupError, GroupOptions, OnError, OnPanic, Ready, StartError,
    checkpoint, current_token, shield,
};

use crate::random_world::{
    AnyKey, BACKGROUND, Call, Done, FALLIBLE, Flaw, Group, PLAIN, Tracked, WHO, World,
};
use crate::support::{unhandled, watched_for, yields};

/// How many seeds are run; `INGATHER_TREES` says otherwise.
const TREES: u64 = 10_000;

// Leaving-1, Errors-2, Results-6, Limits-7, Starting-4, Children-1, Children-2, Context-6, Context-7, Shields-1
#[test]
fn random_trees_of_groups_end_with_all_accounts_settled() {
    unhandled::collect();
    let number = |name| std::env::var(name).ok()?.trim().parse().ok();
    let seeds = match number("INGATHER_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("INGATHER_TREES").unwrap_or(TREES),
    };
    watched_for(240, "random trees", || {
        for seed in seeds {
            explore([seed], || tree(seed));
        }
    });
}

async fn tree(seed: u64) {
    let world = World::new(seed);
    for _ in 0..1 + world.below(2) {
        let ended = AssertUnwindSafe(nested(&world, 4, None)).catch_unwind();
        if let Err(payload) = ended.await {
            match payload.downcast::<String>() {
                Ok(text) => world.received(&text),
                Err(other) => resume_unwind(other),
            }
        }
    }
    if WHO.get().is_some() {
        world.wrong("the context of a child is left");
    }
    world.close().await;
}

fn some_time(world: &World) -> Duration {
    Duration::from_millis(u64::try_from(world.below(4) * 700).expect("it fits"))
}

fn options(world: &World) -> (GroupOptions<Shared>, Option<usize>) {
    let mut options = GroupOptions::new();
    let limit = world.chance(40).then(|| 1 + world.below(3));
    if let Some(limit) = limit {
        options = options.limit(limit);
    }
    if world.chance(40) {
        options = options.grace(some_time(world));
    }
    if world.chance(30) {
        options = options.on_error(OnError::KeepGoing);
    }
    if world.chance(30) {
        options = options.on_panic(OnPanic::Collect);
    }
    (options, limit)
}

/// A group inside: a scope, an inline one, or one as a value; some are dropped half-way.
fn nested<'a>(world: &'a World, depth: usize, outer: Option<&'a Group>) -> BoxFuture<'a, ()> {
    let (options, limit) = options(world);
    match world.below(8) {
        0 => opened(
            world,
            options.timeout(some_time(world)),
            limit,
            depth,
            outer,
        ),
        1 => opened(
            world,
            options.move_on_after(some_time(world)),
            limit,
            depth,
            outer,
        ),
        2 => opened(
            world,
            options.deadline(Deadline::NEVER),
            limit,
            depth,
            outer,
        ),
        _ => opened(world, options, limit, depth, outer),
    }
}

fn opened<'a, C: State + 'a>(
    world: &'a World,
    options: GroupOptions<Shared, C>,
    limit: Option<usize>,
    depth: usize,
    outer: Option<&'a Group>,
) -> BoxFuture<'a, ()> {
    Box::pin(async move {
        world.trace(format!("{:?} opens {options:?} {limit:?}", WHO.get()));
        let outer = outer.cloned();
        match world.below(3) {
            0 => {
                let inside = world.clone();
                let scope = options.try_scope(move |tg| async move {
                    let group = Group::new(&inside, tg, limit);
                    body(&inside, &group, depth, outer.as_ref()).await
                });
                leave(world, scope).await;
            }
            1 => {
                let inside = world.clone();
                let scope = options.inline().try_scope(move |tg| async move {
                    let group = Group::new(&inside, tg, limit);
                    body(&inside, &group, depth, outer.as_ref()).await
                });
                leave(world, scope).await;
            }
            _ => as_value(world, options, limit, depth, outer.as_ref()).await,
        }
    })
}

/// Leaves a group, or drops it half-way, and receives what it fails with.
async fn leave<T>(world: &World, left: impl Future<Output = Result<T, GroupError<Flaw>>>) {
    let left = async {
        if world.chance(20) {
            timeout(some_time(world), left).await.ok()
        } else {
            Some(left.await)
        }
    };
    match AssertUnwindSafe(left).catch_unwind().await {
        Ok(Some(Err(error))) => world.received_all(error),
        Ok(_) => {}
        Err(payload) if world.chance(50) => resume_unwind(payload),
        Err(payload) => match payload.downcast::<String>() {
            Ok(text) => world.received(&text),
            Err(other) => resume_unwind(other),
        },
    }
}

async fn as_value<C: State>(
    world: &World,
    options: GroupOptions<Shared, C>,
    limit: Option<usize>,
    depth: usize,
    outer: Option<&Group>,
) {
    let owned = options.fallible_group::<Flaw>();
    let group = Group::new(world, owned.handle(), limit);
    if let Err(flaw) = body(world, &group, depth, outer).await {
        flaw.received();
    }
    match world.below(5) {
        0 => drop(owned),
        1 => {
            // Nobody but background children may be left, who are not told of before they are cancelled.
            let _ = timeout(some_time(world), owned.next()).await;
            leave(world, owned.try_join()).await;
        }
        2 => {
            let _ = timeout(some_time(world), owned.next()).await;
            owned.close();
            yields(2).await;
            leave(world, owned.try_join()).await;
        }
        _ => leave(world, owned.try_join()).await,
    }
}

/// The body of a group, which has no slot and may wait for whoever has.
async fn body(world: &World, group: &Group, depth: usize, outer: Option<&Group>) -> Done {
    let mut keys = Vec::new();
    for _ in 0..1 + world.some(4) {
        match world.below(10) {
            0 => start(world, group, depth).await,
            1 => {
                let Some(id) = world.next_child() else { break };
                let child = child(world, group, id, depth, false, None, true);
                let child = world.track(id, group, false, child);
                let spawned = group.spawn_when_free(child);
                if world.chance(40) {
                    keys.extend(timeout(some_time(world), spawned).await.ok());
                } else {
                    keys.push(spawned.await);
                }
            }
            _ => keys.extend(spawn(world, group, depth)),
        }
    }
    if world.chance(30) {
        step(world, group, depth, outer).await;
    }
    for key in keys {
        match world.below(4) {
            0 => key.receive(world).await,
            1 => drop(key),
            2 => {
                key.cancel();
                world.keep(key);
            }
            _ => world.keep(key),
        }
    }
    match world.below(20) {
        0 => Err(world.flaw()),
        1 => world.throw(),
        2 => {
            group.handle().cancel();
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Spawns a child. Its key comes back if it may be awaited.
fn spawn(world: &World, group: &Group, depth: usize) -> Option<AnyKey> {
    let id = world.next_child()?;
    let how = world.below(PLAIN + 1);
    let ends = how != BACKGROUND || !group.is_unlimited() || world.chance(50);
    let future = child(world, group, id, depth, how < FALLIBLE, None, ends);
    let child = world.track(id, group, world.chance(4), future);
    let key = group.spawn(how, child);
    if how == BACKGROUND {
        world.keep(key);
        return None;
    }
    Some(key)
}

/// Starts a child, and waits until it has started; sometimes not so long.
async fn start(world: &World, group: &Group, depth: usize) {
    let Some(id) = world.next_child() else { return };
    let (inside, own) = (world.clone(), group.clone());
    let call: Call = Box::new(move |ready: Ready<u32>| -> Tracked {
        if inside.chance(3) {
            inside.throw();
        }
        let future = child(&inside, &own, id, depth, true, Some(ready), true);
        inside.track(id, &own, inside.chance(4), future)
    });
    let start = group.start(id, call);
    let started = async {
        if world.chance(25) {
            timeout(some_time(world), start).await.ok()
        } else {
            Some(start.await)
        }
    };
    match AssertUnwindSafe(started).catch_unwind().await {
        Ok(Some(Ok((key, number)))) => {
            if number != u32::try_from(id).expect("it fits") {
                world.wrong("a start gave the value of another");
            }
            world.keep(AnyKey::Fallible(key));
        }
        Ok(Some(Err(StartError::Failed(flaw)))) => flaw.received(),
        Ok(_) => {}
        Err(payload) => match payload.downcast::<String>() {
            Ok(text) => world.received(&text),
            Err(other) => resume_unwind(other),
        },
    }
}

/// What a child does.
fn child(
    world: &World,
    group: &Group,
    id: usize,
    depth: usize,
    fails: bool,
    ready: Option<Ready<u32>>,
    ends: bool,
) -> BoxFuture<'static, Done> {
    let (world, group, mut ready) = (world.clone(), group.clone(), ready);
    Box::pin(async move {
        for _ in 0..world.some(5) {
            if let Some(ready) = ready.take_if(|_| world.chance(40)) {
                say(&world, &ready, id);
            }
            step(&world, &group, depth.saturating_sub(1), None).await;
            world.expect_who(id, "a step");
            if fails && world.chance(8) {
                return Err(world.flaw());
            }
        }
        if let Some(ready) = ready.take_if(|_| world.chance(70)) {
            say(&world, &ready, id);
            yields(world.below(2)).await;
        }
        world.trace(format!("{id} at its end, ends {ends}"));
        if !ends {
            pending::<()>().await;
        }
        Ok(())
    })
}

fn say(world: &World, ready: &Ready<u32>, id: usize) {
    let number = u32::try_from(id).expect("it fits");
    let first = ready.started(number);
    if let Err(error) = &first {
        // The caller has gone, and so the child is cancelled.
        if !error.is_deserted() || cancel_reason().is_none() {
            world.wrong("a start was refused to a child that nobody has deserted");
        }
    } else if ready.started(number).is_ok() {
        world.wrong("a start was taken twice");
    }
}

/// One of the things that children and bodies do.
async fn step(world: &World, group: &Group, depth: usize, outer: Option<&Group>) {
    let what = world.below(26);
    world.trace(format!("{:?} step {what}", WHO.get()));
    match what {
        0..=2 => yields(world.below(3)).await,
        3..=5 => sleep(some_time(world)).await,
        6 => world.throw(),
        7..=9 => {
            // A child that waits for one of the slots of its own group may wait for ever.
            let key = spawn(world, group, depth);
            key.into_iter().for_each(|key| world.keep(key));
        }
        10 => {
            if let Some(outer) = outer {
                let key = spawn(world, outer, depth);
                key.into_iter().for_each(|key| world.keep(key));
            }
        }
        11 | 12 if group.is_unlimited() => start(world, group, depth).await,
        13 => shield(sleep(some_time(world))).await,
        14 => {
            let time = some_time(world);
            shield(sleep(some_time(world)))
                .deadline(Deadline::after(time))
                .await;
        }
        15 => {
            let (work, cleanup) = (some_time(world), some_time(world));
            with_cleanup(sleep(work), move || sleep(cleanup)).await;
        }
        16 => group.handle().cancel(),
        17 => {
            current_token().cancel_with(CancelReason::with_message("its own"));
        }
        18 => group.handle().set_deadline(some_time(world).as_secs_f32()),
        19 => {
            if let Some(key) = world.some_key() {
                key.cancel();
                world.keep(key);
            }
        }
        20 => drop(world.some_key()),
        21 => yields(usize::from(checkpoint().await.is_err())).await,
        22 => {
            let waits = current_token().cancelled_owned();
            let _ = timeout(some_time(world), waits).await;
        }
        _ if depth > 0 => {
            nested(world, depth - 1, Some(group)).await;
        }
        _ => {}
    }
}
