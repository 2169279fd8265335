//! A group that is dropped inside of another while a child of it is in a poll on another thread: who waits for that.
//!
//! The group inside runs on threads of its own, so that its child may block one, wherever the group around runs.

use std::future::{Future, pending};
use std::thread;

use futures::executor::block_on;
use futures::future::BoxFuture;
use ingather::spawner::{FromFn, from_fn};
use ingather::{CancelToken, GatherGroup, GroupError, TaskRegistry, on};

use crate::support::{ByHand, Drops, Fault, Gate, Site, Witness, behaviour, yield_now};

behaviour!(
    a_group_waits_for_a_poll_further_in,
    a_body_may_go_on_but_its_scope_is_not_left,
    levels_of_dropped_groups_end_from_the_inside,
    a_registry_waits_too,
    a_child_drops_the_group_that_it_is_in,
    what_has_ended_counts_nobody,
);

/// A thread for each job.
fn threads() -> impl ingather::Spawner + Clone {
    fn spawn(job: ingather::spawner::Job) -> Result<(), ingather::spawner::SpawnError> {
        thread::spawn(|| block_on(job));
        Ok(())
    }
    let spawner: FromFn<_> = from_fn(spawn as fn(_) -> _);
    spawner
}

/// A child that blocks its thread in a poll.
#[derive(Clone)]
struct Busy {
    entered: Gate,
    may_go: Gate,
    drops: Drops,
}

impl Busy {
    fn new() -> Self {
        Self {
            entered: Gate::new(),
            may_go: Gate::new(),
            drops: Drops::new(),
        }
    }

    async fn run(self, _held: Witness) {
        self.entered.open();
        self.may_go.block();
        pending::<()>().await;
    }

    /// A scope on threads of its own in which it runs, so many levels deep.
    fn in_scope(&self, levels: usize) -> BoxFuture<'static, ()> {
        let (busy, held) = (self.clone(), self.drops.witness());
        Box::pin(async move {
            if levels == 0 {
                return busy.run(held).await;
            }
            let below = busy.in_scope(levels - 1);
            on(&threads())
                .scope(|tg| async move {
                    let _held = held;
                    drop(tg.spawn(below));
                    pending::<()>().await;
                })
                .await;
        })
    }

    /// What waits for it is not ready before the poll is over, and then it is gone.
    async fn is_waited_for<F: Future>(&self, waits: F) -> F::Output {
        let mut waits = ByHand::new(waits);
        for _ in 0..50 {
            assert!(waits.poll().is_pending(), "the poll is not over");
            yield_now().await;
        }
        assert!(!self.drops.all());
        self.may_go.open();
        let output = waits.into_inner().await;
        assert!(self.drops.all());
        output
    }
}

// Dropping-2, Leaving-1
async fn a_group_waits_for_a_poll_further_in(at: Site) {
    let _hold = at.hold();
    for levels in [1, 3] {
        for alone in [false, true] {
            let busy = Busy::new();
            let group = GatherGroup::on(&at.spawner);
            let key = group.spawn(busy.in_scope(levels));
            busy.entered.wait().await;
            if alone {
                key.cancel();
            } else {
                group.cancel();
            }
            assert!(key.await.unwrap_err().is_cancelled());
            assert_eq!(group.len(), 1);
            busy.is_waited_for(group.join()).await;
        }
    }
}

// Dropping-2, Leaving-1
async fn a_body_may_go_on_but_its_scope_is_not_left(at: Site) {
    let _hold = at.hold();
    for is_cut in [false, true] {
        let (busy, token, gone) = (Busy::new(), CancelToken::new(), Gate::new());
        let (inside, seen, options) = (busy.clone(), gone.clone(), on(&at.spawner).token(&token));
        let scope: BoxFuture<'static, Result<(), GroupError<Fault>>> =
            Box::pin(options.try_scope(move |_| async move {
                let opened = inside.in_scope(1);
                if is_cut {
                    opened.await;
                } else {
                    let mut opened = ByHand::new(opened);
                    while !inside.entered.is_open() {
                        assert!(opened.poll().is_pending());
                        yield_now().await;
                    }
                }
                seen.open();
                Ok(())
            }));
        let mut scope = ByHand::new(scope);
        while !(busy.entered.is_open() && (is_cut || gone.is_open())) {
            assert!(scope.poll().is_pending());
            yield_now().await;
        }
        if is_cut {
            token.cancel();
        }
        assert_eq!(
            busy.is_waited_for(scope.into_inner()).await.is_err(),
            is_cut
        );
    }
}

// Dropping-2
async fn levels_of_dropped_groups_end_from_the_inside(at: Site) {
    let _hold = at.hold();
    let busy = Busy::new();
    let outer = GatherGroup::on(&at.spawner);
    let (inner, spawner) = (busy.in_scope(2), at.spawner.clone());
    drop(outer.spawn(async move {
        let group = GatherGroup::on(&spawner);
        drop(group.spawn(inner));
        pending::<()>().await;
        drop(group);
    }));
    busy.entered.wait().await;
    outer.cancel();
    busy.is_waited_for(outer.join()).await;
}

// Dropping-2, Tasks-11
async fn a_registry_waits_too(at: Site) {
    let _hold = at.hold();
    let busy = Busy::new();
    let registry = TaskRegistry::on(&at.spawner);
    let task = registry.create_task(busy.in_scope(1));
    busy.entered.wait().await;
    task.cancel();
    assert!(task.await.unwrap_err().is_cancelled());
    busy.is_waited_for(registry.wait_idle()).await;
}

// Dropping-2
async fn a_child_drops_the_group_that_it_is_in(at: Site) {
    let _hold = at.hold();
    let (outer, drops, done) = (GatherGroup::on(&at.spawner), Drops::new(), Gate::new());
    let (held, ended) = (drops.witness(), done.clone());
    drop(outer.spawn(async move {
        let group = GatherGroup::on(&threads());
        let handle = group.handle();
        let waits = ended.clone();
        drop(handle.spawn(async move {
            let _held = held;
            drop(group);
            ended.open();
        }));
        waits.wait().await;
    }));
    done.wait().await;
    outer.join().await;
    assert!(drops.all());
}

// Dropping-2, Leaving-4
async fn what_has_ended_counts_nobody(at: Site) {
    let _hold = at.hold();
    let busy = Busy::new();
    let outer = GatherGroup::on(&at.spawner);
    let inside = busy.clone();
    // It is opened in a child, and outlives the group of that.
    let group = outer.spawn(async move {
        let group = GatherGroup::on(&threads());
        let held = inside.drops.witness();
        drop(group.spawn(inside.run(held)));
        group
    });
    let group = group.await.expect("it is over");
    busy.entered.wait().await;
    outer.join().await;
    drop(group);
    assert!(!busy.drops.all());
    busy.may_go.open();
    while !busy.drops.all() {
        yield_now().await;
    }
}
