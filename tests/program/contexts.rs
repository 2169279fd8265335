//! Context in groups: what a child was spawned with goes along with it, and nothing else does.

use std::future::pending;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use async_executor::LocalExecutor;
use futures::future::BoxFuture;
use ingather::{
    ContextVar, GatherGroup, GroupOptions, Key, OnError, OnPanic, Outcome, Ready, Scope, inline,
    local, parallel, types::ContextSnapshot,
};

use crate::support::{
    ByHand, Drops, Fault, Gate, HostileSpawner, Mischief, Site, behaviour, stepper, text_of, throw,
    unique, watched, yields,
};

static NUMBER: ContextVar<u32> = ContextVar::named("number");
static TEXT: ContextVar<&str> = ContextVar::new();

behaviour!(
    children_of_every_kind_read_what_was_set_at_their_spawn,
    a_start_reads_what_was_set_at_its_spawn_before_and_after,
    callables_read_what_was_set_at_their_spawn,
    a_child_that_waits_to_be_spawned_reads_what_is_set_then,
    gathers_hand_on_what_is_set,
    inline_scopes_hand_on_what_is_set,
    nested_scopes_hand_on_what_is_set,
    a_body_reads_what_is_set_around_its_scope,
    what_the_owner_has_set_does_not_leak_into_children,
    what_a_child_sets_stays_inside,
    nothing_stays_after_a_panic,
    a_child_is_dropped_with_what_was_set_at_its_spawn,
    a_child_without_context_is_dropped_without,
    values_live_no_longer_than_the_children,
);

behaviour!(outside: blocking_scopes_hand_on_what_is_set);

fn nothing_is_set() -> bool {
    ContextSnapshot::current().is_empty()
}

/// What is set, in each of several polls.
async fn read() -> Vec<Option<u32>> {
    let mut read = vec![NUMBER.get()];
    for _ in 0..2 {
        yields(1).await;
        read.push(NUMBER.get());
    }
    read
}

fn thrice(number: u32) -> Vec<Option<u32>> {
    vec![Some(number); 3]
}

// Context-6
async fn children_of_every_kind_read_what_was_set_at_their_spawn(on: Site) {
    let group = GatherGroup::<Fault>::fallible_on(&on.spawner);
    let tried = || async { Ok::<_, Fault>(read().await) };
    let keys = NUMBER.sync_scope(1, || {
        vec![
            group.spawn(read()),
            group.start_soon(read),
            group.named("named").spawn(read()),
            group.named("named").try_spawn(tried()),
            group.try_spawn(tried()),
            group.child().try_spawn(tried()),
            group.child().background().spawn(read()),
            group.child().spawn_or_return(read()).ok().unwrap(),
        ]
    });
    let (observed, supervised) = NUMBER.sync_scope(2, || {
        let observed = group.child().observed().try_spawn(tried());
        (observed, group.child().supervised().try_spawn(tried()))
    });
    let without = group.spawn(read());
    for key in keys {
        assert_eq!(key.await, Ok(thrice(1)));
    }
    assert_eq!(observed.await, Ok(Ok(thrice(2))));
    assert!(matches!(supervised.await, Ok(Outcome::Ok(read)) if read == thrice(2)));
    assert_eq!(without.await, Ok(vec![None; 3]));
    assert_eq!(group.try_join().await.unwrap().taken, 11);
    assert!(nothing_is_set());
}

// Context-6
async fn a_start_reads_what_was_set_at_its_spawn_before_and_after(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let start = NUMBER.sync_scope(1, || {
        group.start(|ready: Ready<Vec<_>>| {
            let in_callable = NUMBER.get();
            async move {
                let mut before = read().await;
                before.push(in_callable);
                ready.started(before).unwrap();
                read().await
            }
        })
    });
    let (key, before) = NUMBER.scope(2, start).await.unwrap();
    assert_eq!((before, key.await), (vec![Some(1); 4], Ok(thrice(1))));
    group.join().await;
}

// Context-6
async fn callables_read_what_was_set_at_their_spawn(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let key = NUMBER.sync_scope(3, || {
        group.start_soon(|| {
            let read = NUMBER.get();
            async move { read }
        })
    });
    assert_eq!(key.await, Ok(Some(3)));
    group.join().await;
}

// Context-6
async fn a_child_that_waits_to_be_spawned_reads_what_is_set_then(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).limit(1).group();
    let gate = Gate::new();
    let opened = gate.clone();
    let first = group.spawn(async move { opened.wait().await });
    let waits = NUMBER.sync_scope(1, || group.child().spawn_when_free(read()));
    let mut waits = ByHand::new(NUMBER.scope(2, waits));
    assert!(waits.poll().is_pending());
    gate.open();
    first.await.unwrap();
    let key = waits.into_inner().await;
    assert_eq!(key.await, Ok(thrice(2)));
    group.join().await;
}

// Context-6
async fn gathers_hand_on_what_is_set(on: Site) {
    let calls = || (0..4).map(|_| read);
    let tried = || (0..4).map(|_| || async { Ok::<_, Fault>(read().await) });
    let (spawner, all) = (&on.spawner, vec![thrice(4); 4]);
    NUMBER
        .scope(4, async {
            assert_eq!(ingather::on(spawner).gather(calls()).await, all);
            let tried_on = ingather::on(spawner).try_gather(tried());
            assert_eq!(tried_on.await.unwrap(), all);
            assert_eq!(inline::gather(calls()).await, all);
            for settled in ingather::on(spawner).gather_settled(tried()).await {
                assert_eq!(settled.ok(), Some(thrice(4)));
            }
        })
        .await;
    let gathered = ingather::on(spawner).gather(calls());
    assert_eq!(gathered.await, vec![vec![None; 3]; 4]);
}

// Context-6, Context-7
async fn inline_scopes_hand_on_what_is_set(_: Site) {
    let body = |tg: ingather::inline::Scope<'static>| async move {
        let inside = NUMBER.sync_scope(6, || tg.spawn(read()));
        let outside = tg.spawn(read());
        (inside.await.unwrap(), outside.await.unwrap())
    };
    let expected = (thrice(6), vec![None; 3]);
    assert_eq!(inline::scope(body).await, expected);
    assert_eq!(
        NUMBER.scope(5, inline::scope(body)).await,
        (thrice(6), thrice(5))
    );
    // The owner has other things set at each poll.
    let (polled, gate) = (Gate::new(), Gate::new());
    let (told, opened) = (polled.clone(), gate.clone());
    let mut scope = ByHand::new(inline::scope(|tg| async move {
        let child = tg.spawn(async move {
            told.open();
            opened.wait().await;
            NUMBER.get()
        });
        child.await.unwrap()
    }));
    assert!(scope.poll().is_pending() && polled.is_open());
    gate.open();
    match NUMBER.sync_scope(9, || scope.poll()) {
        std::task::Poll::Ready(read) => assert_eq!(read, None),
        std::task::Poll::Pending => {
            assert_eq!(NUMBER.scope(9, scope.into_inner()).await, None);
        }
    }
}

/// A scope in a scope, so many deep, each child with one more.
fn nested(on: Site, deep: u32) -> BoxFuture<'static, Vec<Option<u32>>> {
    Box::pin(async move {
        let mut all = vec![NUMBER.get()];
        if deep > 0 {
            let spawner = on.spawner.clone();
            let inner = ingather::on(&spawner).scope(|tg| async move {
                let next = NUMBER.get().unwrap_or(0) + 1;
                let key = NUMBER.sync_scope(next, || tg.spawn(nested(on, deep - 1)));
                key.await.unwrap()
            });
            all.extend(inner.await);
            all.push(NUMBER.get());
        }
        all
    })
}

// Context-6, Context-8
async fn nested_scopes_hand_on_what_is_set(on: Site) {
    let read = nested(on, 3).await;
    let numbers = [None, Some(1), Some(2), Some(3), Some(2), Some(1), None];
    assert_eq!(read, numbers);
}

// Context-6, Blocking-1
async fn blocking_scopes_hand_on_what_is_set(on: Site) {
    let read = NUMBER.sync_scope(7, || {
        parallel::on(&on.spawner).scope(|tg| {
            let inherits = tg.spawn(read());
            let other = NUMBER.sync_scope(8, || tg.spawn(read()));
            let reads = (NUMBER.get(), tg.wait(inherits), tg.wait(other));
            TEXT.sync_scope("the thread helps", || {
                let without =
                    ContextSnapshot::default().run(|| tg.spawn(async { nothing_is_set() }));
                (reads, tg.wait(without))
            })
        })
    });
    assert_eq!(read, ((Some(7), Ok(thrice(7)), Ok(thrice(8))), Ok(true)));
    assert!(nothing_is_set());
}

// Context-9
async fn a_body_reads_what_is_set_around_its_scope(on: Site) {
    let body = |tg: Scope<'static>| async move {
        let mut all = read().await;
        // Also after it waited for a child that has other things set.
        let child = NUMBER.sync_scope(2, || tg.spawn(read()));
        assert_eq!(child.await, Ok(thrice(2)));
        all.push(NUMBER.get());
        all
    };
    assert_eq!(ingather::on(&on.spawner).scope(body).await, [None; 4]);
    assert_eq!(
        NUMBER.scope(1, ingather::on(&on.spawner).scope(body)).await,
        [Some(1); 4]
    );
}

// Context-7
async fn what_the_owner_has_set_does_not_leak_into_children(on: Site) {
    let group = GatherGroup::on(&on.spawner);
    let gate = Gate::new();
    let keys: Vec<Key<_>> = (0..20)
        .map(|n| {
            let opened = gate.clone();
            group.spawn(async move {
                yields(n % 3).await;
                let before = nothing_is_set();
                opened.wait().await;
                yields(n % 4).await;
                before && nothing_is_set()
            })
        })
        .collect();
    gate.open();
    // Where it is on the spawner, it polls them itself.
    let tally = NUMBER
        .scope(1, TEXT.scope("the owner's", group.join()))
        .await;
    assert_eq!(tally.ok, 20);
    for key in keys {
        assert_eq!(key.await, Ok(true));
    }
}

// Context-8
async fn what_a_child_sets_stays_inside(on: Site) {
    let clean = NUMBER
        .scope(
            1,
            ingather::on(&on.spawner).scope(|tg| async move {
                let mut clean = true;
                let siblings: Vec<_> = (0..10)
                    .map(|n| {
                        let inside = tg.clone();
                        tg.spawn(async move {
                            let own = NUMBER.scope(n, async {
                                yields(2).await;
                                // Its own children have it.
                                let key = inside.spawn(read());
                                key.await == Ok(thrice(n))
                            });
                            own.await && NUMBER.get() == Some(1)
                        })
                    })
                    .collect();
                for key in siblings {
                    clean &= key.await.unwrap() && NUMBER.get() == Some(1);
                }
                clean
            }),
        )
        .await;
    assert!(clean && nothing_is_set());
}

// Context-8, Panics-3
async fn nothing_stays_after_a_panic(on: Site) {
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_panic(OnPanic::Collect)
        .on_error(OnError::KeepGoing);
    let group = options.fallible_group::<Fault>();
    let text = unique("with context");
    NUMBER.sync_scope(1, || {
        for _ in 0..20 {
            let thrown = text.clone();
            drop(group.spawn(TEXT.scope("inner", async move {
                yields(1).await;
                throw(&thrown)
            })));
        }
    });
    assert_eq!(group.try_join().await.unwrap_err().len(), 20);
    let clean = ingather::on(&on.spawner).scope(|tg| async move {
        let keys: Vec<_> = (0..20)
            .map(|_| tg.spawn(async { nothing_is_set() }))
            .collect();
        let mut clean = nothing_is_set();
        for key in keys {
            clean &= key.await.unwrap();
        }
        clean
    });
    assert!(clean.await && nothing_is_set());
    // The same where the panic is resumed in the owner.
    let group = GatherGroup::on(&on.spawner);
    let thrown = text.clone();
    drop(NUMBER.sync_scope(1, || group.spawn(async move { throw(&thrown) })));
    assert_eq!(text_of(group.join()).await, text);
    assert!(nothing_is_set());
}

/// Remembers what was set when it was dropped.
#[derive(Clone)]
struct Reads(Arc<Mutex<Vec<Option<u32>>>>);

struct Reader(Reads);

impl Reads {
    fn new() -> Self {
        Self(Arc::default())
    }

    fn reader(&self) -> Reader {
        Reader(self.clone())
    }

    fn seen(&self) -> Vec<Option<u32>> {
        self.0.lock().unwrap().clone()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().push(NUMBER.get());
    }
}

/// Starts one child that is polled and one that is not, with a reader each.
async fn two_children(on: &Site, reads: &Reads) -> GatherGroup {
    let group = GroupOptions::new().on(&on.spawner).limit(1).group();
    let polled = Gate::new();
    let (told, first, second) = (polled.clone(), reads.reader(), reads.reader());
    drop(group.spawn(async move {
        let _held = first;
        told.open();
        pending::<()>().await;
    }));
    drop(group.spawn(async move { drop(second) }));
    polled.wait().await;
    group
}

// Context-6
async fn a_child_is_dropped_with_what_was_set_at_its_spawn(on: Site) {
    let reads = Reads::new();
    let group = NUMBER.scope(1, two_children(&on, &reads)).await;
    NUMBER.sync_scope(2, || group.cancel());
    NUMBER.scope(3, group.join()).await;
    assert_eq!(reads.seen(), [Some(1), Some(1)]);
    let group = NUMBER.scope(1, two_children(&on, &reads)).await;
    NUMBER.sync_scope(2, || drop(group));
    while reads.seen().len() < 4 {
        yields(1).await;
    }
    assert_eq!(reads.seen(), [Some(1); 4]);
}

// Context-7
async fn a_child_without_context_is_dropped_without(on: Site) {
    let reads = Reads::new();
    let group = two_children(&on, &reads).await;
    NUMBER.sync_scope(2, || group.cancel());
    NUMBER.scope(3, group.join()).await;
    let group = two_children(&on, &reads).await;
    NUMBER.sync_scope(2, || drop(group));
    while reads.seen().len() < 4 {
        yields(1).await;
    }
    assert_eq!(reads.seen(), [None; 4]);
}

// Context-5, Context-6
async fn values_live_no_longer_than_the_children(on: Site) {
    static HELD: ContextVar<Arc<crate::support::Witness>> = ContextVar::new();
    let drops = Drops::new();
    let group = GatherGroup::on(&on.spawner);
    let gate = Gate::new();
    let value = Arc::new(drops.witness());
    HELD.sync_scope(value, || {
        for _ in 0..5 {
            let opened = gate.clone();
            drop(group.spawn(async move { opened.wait().await }));
        }
    });
    assert_eq!(drops.count(), 0);
    gate.open();
    assert_eq!(group.join().await.ok, 5);
    drop(group);
    while !drops.all() {
        // A driver may hold the last of them for a moment.
        yields(1).await;
    }
}

// Context-6
#[test]
fn local_groups_hand_on_what_is_set() {
    watched("context in a local group", || {
        let executor = Rc::new(LocalExecutor::new());
        let group = local::on(&executor).group();
        let shared = Rc::new(());
        let key = NUMBER.sync_scope(1, || {
            let held = Rc::clone(&shared);
            group.spawn(async move {
                let _held = held;
                read().await
            })
        });
        let without = group.spawn(read());
        let owner = NUMBER.scope(2, group.join());
        futures::executor::block_on(executor.run(owner));
        assert_eq!(group.get_result(&key), Ok(&thrice(1)));
        assert_eq!(group.get_result(&without), Ok(&vec![None; 3]));
        assert!(nothing_is_set());
    });
}

// Context-6, Errors-1
#[test]
fn a_body_that_is_dropped_by_a_cancel_reads_its_own() {
    watched("context of a body", || {
        let stepper = stepper();
        let reads = Reads::new();
        let reader = reads.reader();
        let scope = ingather::on(&stepper).try_scope(|tg| async move {
            let _held = reader;
            drop(tg.try_spawn(async { Err::<(), _>(Fault("it")) }));
            pending::<Result<(), Fault>>().await
        });
        let scope = NUMBER.scope(1, scope);
        assert!(crate::support::finish(&stepper, scope).is_err());
        assert_eq!(reads.seen(), [Some(1)]);
    });
}

// Context-7, Executors-1
#[test]
fn a_spawner_that_polls_at_once_does_not_hand_on_what_is_set() {
    watched("a spawner that polls in spawn", || {
        let stepper = HostileSpawner::stepped(Mischief::honest().inline(100), 0);
        let group = GatherGroup::on(&stepper);
        let key = NUMBER.sync_scope(1, || {
            // The driver is polled within the spawn.
            TEXT.sync_scope("around the driver", || {
                group.spawn(async { (NUMBER.get(), TEXT.get()) })
            })
        });
        let without = group.spawn(async { nothing_is_set() });
        NUMBER.sync_scope(2, || stepper.run_until_idle());
        let read = group.take_result(key).unwrap();
        assert_eq!(read, (Some(1), Some("around the driver")));
        assert!(group.take_result(without).unwrap());
    });
}
