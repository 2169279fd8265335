//! Jobs that call other jobs: however the first one ends, none of the others is left.

use std::thread;
use std::time::{Duration, Instant};

use ingather::{CancelToken, GroupOptions, block_on};
use ingather_remote::{Job, Remote, RemoteErrorKind, ScopeId};

use crate::fleet::{Fleet, begun, clear, until};
use crate::jobs::{self, CHAIN, DOUBLE, Stay, TREE, Tree, marks};
use crate::owner;
use crate::server::Kind;

const LONG: Duration = Duration::from_secs(30);

/// A job with another below it, which stays for so long.
fn tree(fleet: &mut Fleet, millis: u64) -> Tree {
    Tree {
        scope: fleet.scope().to_string(),
        stay: fleet.stay(millis),
        deaf: None,
    }
}

/// With one beside that which does not listen.
fn tree_of_two(fleet: &mut Fleet, millis: u64) -> (Tree, Stay) {
    let deaf = fleet.stay(millis);
    let tree = Tree {
        deaf: Some(deaf.clone()),
        ..tree(fleet, millis)
    };
    (tree, deaf)
}

fn is_live(fleet: &Fleet, tree: &Tree) -> bool {
    let scope = ScopeId::new(&tree.scope);
    !block_on(fleet.engine().live(&scope)).unwrap().is_empty()
}

fn cancel_once_begun<I>(far: &Remote, job: &'static Job<I, u32>, input: I, stays: &[&Stay])
where
    I: serde::Serialize + Send + 'static,
{
    let (there, marks) = (far.clone(), stays.iter().map(|stay| stay.mark.clone()));
    let marks: Vec<_> = marks.collect();
    block_on(GroupOptions::new().grace(LONG).scope(|tg| async move {
        let child = tg.spawn(there.call(job, input));
        ingather::to_thread(move || marks.iter().for_each(begun)).await;
        tg.cancel();
        assert!(child.await.unwrap_err().is_cancelled());
    }));
}

/// Kills it at the engine, beside its owner.
fn kill_once_begun<I>(fleet: &Fleet, far: &Remote, job: &Job<I, u32>, input: I, stays: &[&Stay])
where
    I: serde::Serialize,
{
    let call = far.call(job, input);
    let owner = thread::spawn(move || block_on(call));
    stays.iter().for_each(|stay| begun(&stay.mark));
    let ticket = block_on(far.live()).unwrap().remove(0);
    let engine = fleet.engine();
    // It is asked again, as an owner does it.
    until("the end of the call", || {
        block_on(engine.kill(&ticket)).unwrap();
        owner.is_finished()
    });
    let error = owner.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), RemoteErrorKind::Killed, "{error}");
}

fn ended_once(stay: &Stay) {
    until("the end of the run", || marks(&stay.mark) == (1, 1));
}

pub(crate) fn a_tree_gives_its_value(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let (tree, _) = tree_of_two(fleet, 10);
    assert_eq!(block_on(far.call(&TREE, tree.clone())).unwrap(), 2);
    assert!(!is_live(fleet, &tree));
    block_on(far.close()).unwrap();
}

pub(crate) fn a_tree_is_cancelled(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let tree = tree(fleet, 60_000);
    let begin = Instant::now();
    cancel_once_begun(&far, &TREE, tree.clone(), &[&tree.stay]);
    // It is over when they are, long before it would have been killed.
    assert!(!is_live(fleet, &tree));
    assert!(begin.elapsed() < LONG);
    ended_once(&tree.stay);
}

pub(crate) fn a_tree_is_killed(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let (tree, deaf) = tree_of_two(fleet, 60_000);
    kill_once_begun(fleet, &far, &TREE, tree.clone(), &[&tree.stay, &deaf]);
    if fleet.kind == Kind::Nats {
        assert!(!is_live(fleet, &tree));
    }
    // Restate knows nothing of them: they are ended by the worker, a moment later.
    until("the end of the tree", || !is_live(fleet, &tree));
    ended_once(&tree.stay);
    ended_once(&deaf);
}

/// The worker had all of it. What nobody asks about any more ends with its lease, once there is a worker again.
pub(crate) fn a_tree_is_cancelled_when_its_worker_is_lost(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let (tree, deaf) = tree_of_two(fleet, 60_000);
    let (token, call) = (CancelToken::new(), far.call(&TREE, tree.clone()));
    let grace = Duration::from_millis(500);
    let options = GroupOptions::new().grace(grace).token(&token);
    let owner = thread::spawn(move || {
        block_on(options.scope_or_cut(|tg| async move { tg.spawn(call).await.is_ok() }))
    });
    begun(&tree.stay.mark);
    begun(&deaf.mark);
    fleet.kill_worker();
    token.cancel();
    assert!(owner.join().unwrap().is_err());
    assert!(block_on(far.live()).unwrap().is_empty());
    fleet.start_worker();
    until("the end of the tree", || !is_live(fleet, &tree));
}

/// A call of Restate's own, which needs nothing of ours.
pub(crate) fn a_chain_is_cancelled(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let stay = fleet.stay(60_000);
    cancel_once_begun(&far, &CHAIN, stay.clone(), &[&stay]);
    until("the end of the chain", || {
        fleet.server.unfinished("Test") == 0
    });
    ended_once(&stay);
}

pub(crate) fn a_chain_is_killed(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let stay = fleet.stay(60_000);
    assert_eq!(fleet.server.unfinished("Test"), 0);
    kill_once_begun(fleet, &far, &CHAIN, stay.clone(), &[&stay]);
    until("the end of the chain", || {
        fleet.server.unfinished("Test") == 0
    });
    ended_once(&stay);
}

pub(crate) fn the_owner_is_killed_when_there_is_no_worker(fleet: &mut Fleet) {
    let scope_id = ScopeId::random();
    let mut owner = fleet.owner(&scope_id, "60000 cancel");
    let all = (0..4).map(|n| owner::mark(&fleet.server.folder, n));
    let all: Vec<_> = all.collect();
    all.iter().for_each(begun);
    fleet.kill_worker();
    owner.kill();
    let lost = Instant::now();
    let engine = fleet.engine();
    // The lease runs out unseen: there is nobody who could end them.
    until("the end of the lease", || lost.elapsed() > owner::LEASE);
    assert_eq!(block_on(engine.live(&scope_id)).unwrap().len(), 4);
    fleet.start_worker();
    let took = until("the end of the tree", || {
        block_on(engine.live(&scope_id)).unwrap().is_empty()
    });
    println!(
        "{}: the tree was gone {:.1} s after the first worker came",
        fleet.kind.name(),
        took.as_secs_f32()
    );
    let far = fleet.remote(|options| options);
    assert_eq!(block_on(far.call(&DOUBLE, 1)).unwrap(), 2);
    for mark in &all {
        until("the end of the run", || {
            let (begins, ends) = jobs::marks(mark);
            // The first run was killed with its worker.
            begins == ends + 1
        });
        clear(mark);
    }
}
