//! Dropping a group before its end: what is dropped when, where, and what its keys read.

use std::future::{pending, poll_fn};
use std::mem::forget;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;

use ingather::cancel::CancelKind;
use ingather::{GatherGroup, GatherIncomplete, GroupOptions, Key, Spawner, local};

use crate::support::{
    AtDrop, ByHand, Drops, Gate, Site, Trace, behaviour, boom, kind, stepper, unhandled, watched,
    yield_now, yields,
};

behaviour!(
    a_child_that_was_never_polled_is_dropped_here_before_drop_returns,
    a_child_that_is_suspended_is_dropped_here_before_drop_returns,
    a_scope_that_was_never_polled_drops_its_body_unpolled,
    a_scope_that_is_dropped_half_way_drops_children_and_body,
    the_keys_of_a_dropped_group_read_so,
    whoever_awaits_a_key_of_a_dropped_group_is_woken_once,
    a_forgotten_scope_goes_on,
    a_forgotten_group_goes_on,
    a_panic_in_the_drop_of_a_child_stops_no_other_drop,
    a_child_that_drops_its_own_group_is_dropped_at_the_end_of_its_poll,
    a_child_whose_drop_spawns_and_cancels_is_dropped_once,
);

behaviour!(outside:
    a_child_in_its_poll_is_dropped_at_the_end_of_that_poll,
    a_child_that_ends_in_the_poll_during_which_its_group_is_dropped_gives_its_value,
);

const MANY: usize = 1_000;

// Dropping-1
async fn a_child_that_was_never_polled_is_dropped_here_before_drop_returns(on: Site) {
    let (polled, drops) = (Trace::new(), Drops::new());
    let group = GroupOptions::new().on(&on.spawner).limit(1).group();
    // Takes the only slot, so that nobody polls the others.
    drop(group.spawn(pending::<()>()));
    let keys: Vec<_> = (0..MANY)
        .map(|_| {
            let (polled, held) = (polled.clone(), drops.witness());
            group.spawn(async move {
                let _held = held;
                polled.log("polled");
            })
        })
        .collect();
    drop(group);
    assert_eq!((drops.made(), drops.count()), (MANY, MANY));
    assert!(drops.all_here(), "some were dropped on another thread");
    assert_eq!(polled.entries(), [""; 0]);
    assert!(
        keys.iter()
            .all(|key| kind(key) == Some(CancelKind::Dropped))
    );
}

// Dropping-1, Dropping-2
async fn a_child_that_is_suspended_is_dropped_here_before_drop_returns(on: Site) {
    let (drops, suspended) = (Drops::new(), Trace::new());
    let all = Gate::new();
    let group = GatherGroup::on(&on.spawner);
    for _ in 0..MANY {
        let (held, suspended, all) = (drops.witness(), suspended.clone(), all.clone());
        drop(group.spawn(async move {
            let _held = held;
            suspended.log("");
            if suspended.entries().len() == MANY {
                all.open();
            }
            pending::<()>().await;
        }));
    }
    all.wait().await;
    drop(group);
    // At most one child a driver was still in its poll, and is dropped by that driver.
    let in_progress = on.spawner.parallelism().get();
    let (here, there): (Vec<_>, Vec<_>) = {
        let threads = drops.threads();
        let here = thread::current().id();
        threads.into_iter().partition(|thread| *thread == here)
    };
    assert!(
        here.len() >= MANY - in_progress && there.len() <= in_progress,
        "{} dropped here and {} on other threads, of {MANY}",
        here.len(),
        there.len()
    );
    while !drops.all() {
        yield_now().await;
    }
}

// Dropping-1
#[test]
fn what_is_dropped_and_in_which_order_is_fixed_for_each_number_of_polls() {
    watched("what_is_dropped_and_in_which_order", || {
        for jobs in 0..8 {
            let log = Trace::new();
            let stepper = stepper();
            let trace = log.clone();
            let mut scope = ByHand::new(ingather::on(&stepper).scope(|tg| async move {
                let _body = trace.at_drop("body dropped");
                for number in 0..3 {
                    let held = trace.at_drop(format!("{number} dropped"));
                    let trace = trace.clone();
                    drop(tg.spawn(async move {
                        let _held = held;
                        trace.log(format!("{number} polled"));
                        yields(1_000).await;
                    }));
                }
                pending::<()>().await;
            }));
            assert!(scope.poll().is_pending());
            let steps = (0..jobs).filter(|_| stepper.step()).count();
            assert!(scope.poll().is_pending());
            let before = log.entries();
            drop(scope);
            let dropped = ["0 dropped", "1 dropped", "2 dropped", "body dropped"];
            assert_eq!(log.entries()[before.len()..], dropped, "after {steps} jobs");
            // No child starts another poll, and the job goes home.
            stepper.run_until_idle();
            assert_eq!(log.entries().len(), before.len() + 4);
            assert_eq!(stepper.jobs(), 0);
        }
    });
}

// Dropping-1
async fn a_scope_that_was_never_polled_drops_its_body_unpolled(on: Site) {
    let (log, drops) = (Trace::new(), Drops::new());
    let (held, polled) = (drops.witness(), log.clone());
    let scope = ingather::on(&on.spawner).scope(|_| {
        polled.log("called");
        async move { drop(held) }
    });
    drop(scope);
    assert!(drops.all() && drops.all_here());
    assert_eq!(log.entries(), [""; 0]);
}

// Dropping-1
async fn a_scope_that_is_dropped_half_way_drops_children_and_body(on: Site) {
    for polls in 1..20 {
        let drops = Drops::new();
        let (held, of_body) = (drops.clone(), drops.witness());
        let mut scope = ByHand::new(ingather::on(&on.spawner).try_scope(|tg| async move {
            let _of_body = of_body;
            for number in 0..10 {
                let (held, nested) = (held.witness(), held.clone());
                let inner = tg.clone();
                drop(tg.spawn(async move {
                    let _held = held;
                    yields(number).await;
                    let held = nested.witness();
                    drop(inner.spawn(async move {
                        let _held = held;
                        pending::<()>().await;
                    }));
                    pending::<()>().await;
                }));
            }
            yields(10).await;
            pending::<Result<(), u8>>().await
        }));
        for _ in 0..polls {
            assert!(scope.poll().is_pending());
        }
        drop(scope);
        // What was in its poll on another thread is dropped at the end of it.
        while !drops.all() {
            yield_now().await;
        }
        let made = drops.made();
        yields(10).await;
        assert_eq!((drops.made(), drops.count()), (made, made));
    }
}

// Dropping-2
async fn a_child_in_its_poll_is_dropped_at_the_end_of_that_poll(on: Site) {
    let drops = Drops::new();
    let (tell_in, inside) = channel();
    let (release, released) = channel::<()>();
    let (tell_dropped, dropped) = channel();
    let group = GatherGroup::on(&on.spawner);
    let held = drops.witness();
    let mut polls = 0;
    let gone = AtDrop(Some(move || {
        drop(held);
        tell_dropped.send(thread::current().id()).unwrap();
    }));
    let released = Mutex::new(released);
    let key = group.spawn(poll_fn(move |cx| {
        let _gone = &gone;
        polls += 1;
        tell_in.send((polls, thread::current().id())).unwrap();
        released.lock().unwrap().recv().unwrap();
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    }));
    let (poll, there) = inside.recv().unwrap();
    drop(group);
    assert_eq!((poll, drops.count()), (1, 0), "it is in its first poll");
    assert_eq!(key.status(), Some(GatherIncomplete::Running));
    release.send(()).unwrap();
    assert_eq!(dropped.recv(), Ok(there), "dropped by whoever polled it");
    assert_eq!(drops.count(), 1);
    // The channel's end is gone with the child: there was no second poll.
    assert!(inside.recv().is_err());
    let reason = key.await.unwrap_err();
    assert!(
        matches!(reason, GatherIncomplete::Cancelled(reason) if reason.kind() == CancelKind::Dropped)
    );
}

// Dropping-2, Dropping-3
async fn a_child_that_ends_in_the_poll_during_which_its_group_is_dropped_gives_its_value(on: Site) {
    let (tell_in, inside) = channel();
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let group = GatherGroup::on(&on.spawner);
    let key = group.spawn(async move {
        tell_in.send(()).unwrap();
        released.lock().unwrap().recv().unwrap();
        7
    });
    inside.recv().unwrap();
    drop(group);
    release.send(()).unwrap();
    assert_eq!(key.await, Ok(7));
}

fn assert_dropped<T: std::fmt::Debug>(result: Result<T, GatherIncomplete>) {
    match result {
        Err(GatherIncomplete::Cancelled(reason)) => {
            assert_eq!((reason.kind(), reason.child()), (CancelKind::Dropped, None));
        }
        other => panic!("{other:?}"),
    }
}

// Dropping-3
async fn the_keys_of_a_dropped_group_read_so(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).limit(2).group();
    let suspended = Gate::new();
    let open = suspended.clone();
    let over = group.spawn(async { 7 });
    let mut keys = vec![group.spawn(async move {
        open.open();
        pending::<()>().await;
    })];
    keys.push(group.spawn(pending::<()>()));
    keys.push(group.spawn(pending::<()>()));
    suspended.wait().await;
    let handle = group.handle();
    while !over.is_finished() {
        yield_now().await;
    }
    drop(group);
    for key in keys {
        assert_dropped(key.await);
    }
    assert_eq!(handle.get_result(&over), Ok(&7), "what was over stays so");
    let late = handle.spawn(async {});
    assert_dropped(late.await);
    assert!(handle.is_closed() && handle.is_cancelled());
    // The first may be in the poll yet in which it opened the gate.
    while !handle.is_empty() {
        yield_now().await;
    }
}

// Dropping-3
async fn whoever_awaits_a_key_of_a_dropped_group_is_woken_once(on: Site) {
    let group = GroupOptions::new().on(&on.spawner).limit(1).group();
    drop(group.spawn(pending::<()>()));
    let mut keys: Vec<_> = (0..3)
        .map(|_| ByHand::new(group.spawn(pending::<()>())))
        .collect();
    for key in &mut keys {
        assert!(key.poll().is_pending() && key.poll().is_pending());
        assert_eq!(key.wakes(), 0);
    }
    drop(group);
    for mut key in keys {
        assert_eq!(key.wakes(), 1);
        let Poll::Ready(result) = key.poll() else {
            panic!("the key of a dropped group is not resolved")
        };
        assert_dropped(result);
    }
}

// Dropping-4
#[cfg(feature = "tracing")]
#[test]
fn a_group_that_is_dropped_without_being_joined_says_so() {
    use crate::support::warnings;
    let stepper = stepper();
    let place = line!() + 1;
    let options = GroupOptions::new().name("left alone").on(&stepper);
    let (_, none) = warnings::of(|| drop(options.clone().group()));
    assert_eq!(none, [""; 0], "it had no children");
    let (_, said) = warnings::of(|| {
        let group = options.clone().group();
        drop(group.spawn(pending::<()>()));
    });
    assert_eq!(said.len(), 1, "{said:?}");
    for part in ["left alone", file!(), "dropped without being joined"] {
        assert!(said[0].contains(part), "{said:?}");
    }
    assert!(place < line!());
    let (_, none) = warnings::of(|| {
        let group = options.clone().group();
        drop(group.spawn(async {}));
        let mut join = ByHand::new(group.join());
        while join.poll().is_pending() {
            stepper.run_until_idle();
        }
        drop(join);
    });
    assert_eq!(none, [""; 0], "it was joined");
}

// Dropping-5
async fn a_forgotten_scope_goes_on(on: Site) {
    on.leaks();
    let (gate, drops) = (Gate::new(), Drops::new());
    let (waits, held) = (gate.clone(), drops.clone());
    let (send, keys) = channel::<Vec<Key<usize>>>();
    let mut scope = ByHand::new(ingather::on(&on.spawner).scope(|tg| async move {
        let child = |number| {
            let (waits, held) = (waits.clone(), held.witness());
            tg.spawn(async move {
                let _held = held;
                waits.wait().await;
                yields(number).await;
                number
            })
        };
        send.send((0..10).map(child).collect()).unwrap();
        pending::<()>().await;
    }));
    assert!(scope.poll().is_pending());
    forget(scope.into_inner());
    gate.open();
    for (number, key) in keys.recv().unwrap().into_iter().enumerate() {
        assert_eq!(key.await, Ok(number));
    }
    assert_eq!((drops.made(), drops.count()), (10, 10));
}

// Dropping-5
async fn a_forgotten_group_goes_on(on: Site) {
    on.leaks();
    let group = GatherGroup::on(&on.spawner);
    let handle = group.handle();
    let key = group.spawn(async {
        yields(10).await;
        7
    });
    forget(group);
    assert_eq!(key.await, Ok(7));
    assert_eq!(handle.spawn(async { 8 }).await, Ok(8));
    handle.cancel();
    assert_eq!(kind(&handle.spawn(async {})), Some(CancelKind::Explicit));
}

// Dropping-1, Panics-3
async fn a_panic_in_the_drop_of_a_child_stops_no_other_drop(on: Site) {
    let name = format!("panics in drop, {:?} {}", on.kind, on.inside);
    let drops = Drops::new();
    let group = GroupOptions::new().on(&on.spawner).limit(1).group();
    drop(group.spawn(pending::<()>()));
    let child = |number: usize| {
        let held = drops.witness();
        let named = group.named(if number % 2 == 0 { &*name } else { "calm" });
        named.spawn(async move {
            let _panics = AtDrop(Some(|| ()));
            let _held = held;
            let panics = AtDrop((number % 2 == 0).then_some(|| boom("in a child's drop")));
            drop_later(panics).await;
        })
    };
    // Children in line are never polled, so what they captured is all that they drop.
    let mut keys: Vec<_> = (0..10).map(child).collect();
    let captured = AtDrop(Some(|| boom("in a child's drop")));
    keys.push(group.named(&*name).spawn(drop_later(captured)));
    drop(group);
    assert_eq!((drops.made(), drops.count()), (10, 10));
    let last = keys.pop().unwrap();
    assert_eq!(last.status(), Some(GatherIncomplete::Panicked));
    assert!(
        keys.iter()
            .all(|key| kind(key) == Some(CancelKind::Dropped))
    );
    assert_eq!(unhandled::taken(&name).len(), 1);
}

async fn drop_later<T>(value: T) {
    pending::<()>().await;
    drop(value);
}

// Dropping-2
async fn a_child_that_drops_its_own_group_is_dropped_at_the_end_of_its_poll(on: Site) {
    let log = Trace::new();
    let group = GroupOptions::new().on(&on.spawner).limit(1).group();
    let place = Arc::new(Mutex::new(None));
    let gate = Gate::new();
    let (owner, trace, waits) = (Arc::clone(&place), log.clone(), gate.clone());
    let key = group.spawn(async move {
        let _held = trace.at_drop("itself dropped");
        waits.wait().await;
        let group: Option<GatherGroup> = owner.lock().unwrap().take();
        trace.log("drops");
        drop(group);
        trace.log("goes on");
        yield_now().await;
        trace.log("is polled again");
    });
    let held = log.at_drop("sibling dropped");
    drop(group.spawn(drop_later(held)));
    *place.lock().unwrap() = Some(group);
    gate.open();
    assert_dropped(key.await);
    assert_eq!(
        log.entries(),
        ["drops", "sibling dropped", "goes on", "itself dropped"]
    );
}

// Dropping-1, Executors-6
async fn a_child_whose_drop_spawns_and_cancels_is_dropped_once(on: Site) {
    let drops = Drops::new();
    let group = GroupOptions::new().on(&on.spawner).limit(1).group();
    drop(group.spawn(pending::<()>()));
    let log = Trace::new();
    for _ in 0..10 {
        let (handle, drops, log) = (group.handle(), drops.clone(), log.clone());
        let held = drops.witness();
        let busy = AtDrop(Some(move || {
            let key = handle.spawn(drop_later(drops.witness()));
            handle.cancel();
            handle.close();
            log.log(format!("{:?} {}", kind(&key), handle.tally().total() < 12));
            drop(held);
        }));
        drop(group.spawn(drop_later(busy)));
    }
    drop(group);
    assert_eq!((drops.made(), drops.count()), (20, 20));
    assert_eq!(log.entries(), ["Some(Dropped) true"; 10]);
}

// Dropping-1, Dropping-3
#[test]
fn a_local_group_that_is_dropped_drops_its_children() {
    let executor = std::rc::Rc::new(async_executor::LocalExecutor::new());
    let group = local::on(&executor).group();
    let drops = Drops::new();
    let keys: Vec<_> = (0..10)
        .map(|_| group.spawn(drop_later(drops.witness())))
        .collect();
    assert!(executor.try_tick());
    drop(group);
    assert_eq!((drops.made(), drops.count()), (10, 10));
    for key in keys {
        assert_eq!(kind(&key), Some(CancelKind::Dropped));
    }
    while executor.try_tick() {}
    assert!(executor.is_empty(), "the job went home");
}
