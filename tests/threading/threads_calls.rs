//! Calling back from a thread, and blocking children in every kind of group.

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread;

use ingather::spawner::current_spawner;
use ingather::threads::{BlockingPool, CapacityLimiter, from_thread};
use ingather::{
    ContextVar, GatherGroup, GroupOptions, OnPanic, current_token, inline, run_sync, to_thread,
};

use crate::support::spawners::Host;
use crate::support::{
    AtDrop, ByHand, Fault, Gate, Kind, Site, behaviour, boom, may_block, panic_of, stepper,
    watched, yield_now,
};

behaviour!(
    a_thread_calls_back_to_where_it_came_from,
    a_panic_comes_back_to_the_thread,
    blocking_children_are_like_any_other,
    inline_children_borrow_and_are_called_in_place,
    code_that_blocks_its_thread_gets_what_it_calls_also_when_it_is_cancelled,
    a_closure_follows_whoever_waits_for_it_last,
);

static USER: ContextVar<&str> = ContextVar::named("user");

// Threads-15, Threads-7
async fn a_thread_calls_back_to_where_it_came_from(on: Site) {
    let _hold = on.hold();
    let site = on.clone();
    let there = ingather::on(&on.spawner)
        .scope(|tg| async move {
            let outside = thread::current().id();
            let child = tg.spawn(to_thread(move || {
                assert!(!site.is_here());
                let here = site.clone();
                let back = from_thread::run(USER.scope("Ada", async move {
                    yield_now().await;
                    (here.is_here(), USER.get())
                }));
                let spawner = site.spawner.clone();
                let same = from_thread::call(move || current_spawner().same_as(&spawner));
                // `call` runs in a plain job, in which the spawner is current only where jobs of ours are.
                drop(same);
                assert!(current_spawner().same_as(&site.spawner), "it is current");
                assert_ne!(thread::current().id(), outside);
                back.unwrap()
            }));
            child.await.unwrap()
        })
        .await;
    assert_eq!(there, (true, Some("Ada")));
}

// Threads-15
async fn a_panic_comes_back_to_the_thread(on: Site) {
    let _hold = on.hold();
    let text = ingather::on(&on.spawner)
        .scope(|tg| async move {
            let call = || panic_of(|| from_thread::run(async { boom("called back") }).is_ok());
            tg.spawn(to_thread(call)).await.unwrap()
        })
        .await;
    assert_eq!(text, Some("called back"));
}

// Threads-15
#[test]
fn a_spawner_that_is_shut_down_is_an_error() {
    watched("shut down", || {
        // Refused, dropped before its first poll, and dropped after it.
        for stage in 0..3 {
            let spawner = stepper();
            let (begun, gate) = (Gate::new(), Gate::new());
            let (begins, block) = (begun.clone(), gate.clone());
            let _guard = ingather::spawner::enter(&spawner);
            let mut call = ByHand::new(to_thread(move || {
                begins.open();
                block.block();
                from_thread::run(std::future::pending::<()>())
            }));
            assert!(call.poll().is_pending());
            begun.block();
            if stage == 0 {
                spawner.shut_down();
            }
            gate.open();
            if stage > 0 {
                while spawner.jobs() == 0 {
                    thread::yield_now();
                }
                if stage == 2 {
                    spawner.step();
                }
                spawner.shut_down();
            }
            let error = futures::executor::block_on(call.into_inner()).unwrap_err();
            assert!(error.is_spawner_gone());
        }
        assert!(!from_thread::run(async {}).unwrap_err().is_spawner_gone());
    });
}

// Threads-17
async fn blocking_children_are_like_any_other(on: Site) {
    let _hold = on.hold();
    let pool = BlockingPool::new(2);
    let group = GatherGroup::on(&on.spawner);
    let key = group.spawn_blocking(|| thread::current().id());
    let named = group
        .named("sum")
        .spawn(to_thread(|| 1 + 1).on(&pool).name("sum"));
    group.join().await;
    assert_ne!(group.take_result(key).ok(), Some(thread::current().id()));
    assert_eq!(named.child().name(), Some("sum"));
    assert_eq!(group.take_result(named).ok(), Some(2));
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_panic(OnPanic::Collect);
    let failed = options
        .limit(1)
        .try_scope(|tg| async move {
            tg.spawn_blocking(|| boom("in a closure"));
            let _last = tg.spawn_blocking(|| 1);
            Ok::<(), Fault>(())
        })
        .await;
    assert_eq!(failed.unwrap_err().len(), 1);
    let options = GroupOptions::new().on(&on.spawner).limit(1);
    let failed = options
        .try_scope(|tg| async move {
            let slot = tg.slot().await.unwrap();
            let named = tg.named("named").spawn_blocking(|| 3);
            assert_eq!(slot.spawn_blocking(|| 2).await, Ok(2));
            assert_eq!((named.child().name(), named.await), (Some("named"), Ok(3)));
            let key = tg.try_spawn_blocking(|| Ok::<_, Fault>(4));
            assert_eq!(key.await, Ok(4));
            tg.named("fails")
                .try_spawn_blocking(|| Err::<(), _>(Fault("it")));
            Ok(())
        })
        .await
        .unwrap_err();
    let first = failed.first();
    assert_eq!(first.error(), Some(&Fault("it")));
}

// Threads-15
#[test]
fn every_spawner_that_shuts_down_while_it_is_called_back_is_an_error() {
    // Those that can be shut down. A test executor runs nothing here, and is shut down before the call back.
    let kinds = [
        Kind::TokioOne,
        Kind::TokioMany,
        Kind::Own,
        Kind::Hostile,
        Kind::Test,
    ];
    for (kind, waits) in kinds
        .into_iter()
        .flat_map(|kind| [(kind, false), (kind, true)])
    {
        let waits = waits && kind != Kind::Test;
        watched(format!("{kind:?}, {waits}"), || {
            let host = Host::start(kind);
            let (begun, gate, polled) = (Gate::new(), Gate::new(), Gate::new());
            let (begins, block, opens) = (begun.clone(), gate.clone(), polled.clone());
            let calls = move || {
                begins.open();
                block.block();
                let for_ever = async move {
                    opens.open();
                    std::future::pending::<()>().await;
                };
                (
                    from_thread::run(for_ever).unwrap_err(),
                    from_thread::call(|| 1).unwrap_err(),
                )
            };
            let inside = ingather::spawner::enter(&host.spawner);
            let mut call = ByHand::new(to_thread(calls));
            assert!(call.poll().is_pending());
            drop(inside);
            begun.block();
            if waits {
                // In the midst of it.
                gate.open();
                polled.block();
                drop(host);
            } else {
                drop(host);
                gate.open();
            }
            let (first, second) = futures::executor::block_on(call.into_inner());
            assert!(first.is_spawner_gone() && second.is_spawner_gone());
        });
    }
}

// Threads-15
#[test]
fn a_runtime_of_tokio_that_shuts_down_is_an_error() {
    watched("tokio shuts down", || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (begun, gate) = (Gate::new(), Gate::new());
        let (begins, block) = (begun.clone(), gate.clone());
        let calls = move || {
            begins.open();
            block.block();
            (
                from_thread::run(std::future::pending::<()>()).unwrap_err(),
                from_thread::call(|| 1).unwrap_err(),
            )
        };
        let inside = ingather::spawner::enter(runtime.handle());
        let mut call = ByHand::new(to_thread(calls));
        assert!(call.poll().is_pending());
        drop(inside);
        begun.block();
        // The first call back finds it shutting down, or shut down; the second shut down.
        let shuts = thread::spawn(move || runtime.shutdown_background());
        gate.open();
        let (first, second) = futures::executor::block_on(call.into_inner());
        shuts.join().unwrap();
        assert!(first.is_spawner_gone() && second.is_spawner_gone());
    });
}

// Threads-17
async fn inline_children_borrow_and_are_called_in_place(_on: Site) {
    let (text, here) = (String::from("three"), thread::current().id());
    let length = inline::scope(|tg| {
        let text = &text;
        async move {
            let key = tg.spawn_blocking(move || (text.len(), thread::current().id()));
            key.await.unwrap()
        }
    })
    .await;
    assert_eq!(length, (5, here));
    drop(Arc::new(here));
}

// Threads-17
#[test]
fn local_children_borrow_what_is_not_send() {
    watched("local children", || {
        let count = Rc::new(Cell::new(0));
        let local = inline::local::scope(|tg| {
            let count = Rc::clone(&count);
            async move {
                tg.spawn_blocking(move || count.set(count.get() + 1));
            }
        });
        futures::executor::block_on(local);
        assert_eq!(count.get(), 1);
    });
}

/// Calls closures on other threads, and blocks this one for them.
fn blocks_for_closures(on: &Site) {
    if !may_block(on) {
        return;
    }
    assert_eq!(run_sync(to_thread(|| 1)), 1);
    let limiter = CapacityLimiter::new(1);
    assert_eq!(run_sync(to_thread(|| 2).limiter(&limiter)), 2);
    assert_eq!(limiter.statistics().borrowed, 0);
    let pool = BlockingPool::new(1);
    assert_eq!(run_sync(to_thread(|| 3).on(&pool)), 3);
    assert_eq!(run_sync(to_thread(|| 4).or_refused()).ok(), Some(4));
    drop(pool.close());
}

// Leaving-8, Threads-8
async fn code_that_blocks_its_thread_gets_what_it_calls_also_when_it_is_cancelled(on: Site) {
    let _hold = on.hold();
    let (first, second) = (on.clone(), on.clone());
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            let own = tg.spawn(async move {
                current_token().cancel();
                blocks_for_closures(&first);
                7
            });
            assert_eq!(own.await, Ok(7));
            let (done, begun) = (Gate::new(), Gate::new());
            let (dropped, begins) = (done.clone(), begun.clone());
            let in_drop = tg.spawn(async move {
                let _blocks = AtDrop(Some(move || {
                    blocks_for_closures(&second);
                    dropped.open();
                }));
                begins.open();
                pending::<()>().await;
            });
            begun.wait().await;
            in_drop.cancel();
            assert!(in_drop.await.is_err() && done.is_open());
            let also = tg.clone();
            let site = on.clone();
            let group = tg.spawn(async move {
                also.cancel();
                blocks_for_closures(&site);
                8
            });
            drop(group);
        })
        .await;
}

// Threads-11
async fn a_closure_follows_whoever_waits_for_it_last(on: Site) {
    let _hold = on.hold();
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            let (begun, gate) = (Gate::new(), Gate::new());
            let (begins, waits) = (begun.clone(), gate.clone());
            let saw = Arc::new(Mutex::new(None));
            let sees = Arc::clone(&saw);
            let mut call = Box::pin(to_thread(move || {
                begins.open();
                waits.block();
                *sees.lock().unwrap() = Some(from_thread::check_cancelled().is_err());
            }));
            assert!(futures::poll!(&mut call).is_pending());
            begun.wait().await;
            let polled = Gate::new();
            let is_polled = polled.clone();
            let key = tg.spawn(async move {
                assert!(futures::poll!(&mut call).is_pending());
                is_polled.open();
                call.await;
            });
            polled.wait().await;
            key.cancel();
            gate.open();
            let _ = key.await;
            assert_eq!(*saw.lock().unwrap(), Some(true));
        })
        .await;
}
