//! `to_thread`: where the closure is called, with what, and what a cancel does to it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use ingather::cancel::CancelKind;
use ingather::threads::{BlockingPool, CapacityLimiter, asynced, from_thread, to_thread_with};
use ingather::{ContextVar, GroupOptions, to_thread};

use crate::support::{ByHand, Drops, Gate, Kind, Meter, Site, behaviour, boom, yield_now};

behaviour!(
    a_closure_is_called_on_a_thread_of_the_pool,
    its_panic_goes_on_where_it_is_awaited,
    what_is_set_goes_in_and_nothing_comes_out,
    so_many_threads_and_no_more,
    what_is_cancelled_in_the_queue_is_never_called,
    what_is_cancelled_in_line_for_a_permit_is_never_called,
    a_cancel_waits_for_what_has_begun,
    a_cancel_with_grace_waits_for_what_has_begun,
    grace_lets_what_is_queued_begin,
    an_abandoned_closure_keeps_its_permit,
    a_dropped_wait_keeps_the_permit,
    a_failure_waits_for_what_has_begun,
    a_closure_learns_that_it_is_not_wanted,
    a_limiter_bounds_closures_on_any_pool,
    a_function_can_be_awaited,
    it_is_as_lazy_as_any_future,
);

static USER: ContextVar<&str> = ContextVar::named("user");

// Threads-6, Threads-7
async fn a_closure_is_called_on_a_thread_of_the_pool(on: Site) {
    let _hold = on.hold();
    let pool = BlockingPool::builder().name("named").threads(2).build();
    let name = || thread::current().name().map(str::to_owned);
    let named = to_thread(name).on(&pool).await.unwrap();
    assert!(named.starts_with("named-"), "{named}");
    let default = to_thread(name).await.unwrap();
    assert!(!default.starts_with("named-"));
}

// Threads-7
async fn its_panic_goes_on_where_it_is_awaited(on: Site) {
    let _hold = on.hold();
    let failed = ingather::on(&on.spawner).try_scope(|tg| async move {
        let key = tg.try_spawn(async {
            to_thread(|| boom("in a closure")).await;
            Ok(())
        });
        key.await.ok();
        Ok::<(), crate::support::Fault>(())
    });
    let caught = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(failed)).await;
    let payload = caught.unwrap_err().downcast::<&'static str>().unwrap();
    assert_eq!(*payload, "in a closure");
}

// Threads-7
async fn what_is_set_goes_in_and_nothing_comes_out(on: Site) {
    let _hold = on.hold();
    let seen = USER
        .scope("Ada", async {
            let inner = to_thread(|| {
                let before = USER.get();
                USER.sync_scope("Bob", || (before, USER.get()))
            });
            let inner = inner.await;
            (inner, USER.get())
        })
        .await;
    assert_eq!(seen, ((Some("Ada"), Some("Bob")), Some("Ada")));
    assert_eq!(to_thread(|| USER.get()).await, None);
}

// Threads-6
async fn so_many_threads_and_no_more(on: Site) {
    let _hold = on.hold();
    for threads in [1, 2, 32] {
        for jobs in [1, 5, 9, 13, 17] {
            let pool = BlockingPool::new(threads);
            let (meter, count) = (Meter::new(), Arc::new(AtomicUsize::new(0)));
            let (inside, ended, on_pool) = (meter.clone(), Arc::clone(&count), pool.clone());
            ingather::on(&on.spawner)
                .scope(|tg| async move {
                    for _ in 0..jobs {
                        let (meter, ended) = (inside.clone(), Arc::clone(&ended));
                        let call = move || {
                            let _inside = meter.enter();
                            thread::yield_now();
                            ended.fetch_add(1, Ordering::SeqCst);
                        };
                        tg.spawn(to_thread(call).on(&on_pool));
                    }
                })
                .await;
            assert_eq!(count.load(Ordering::SeqCst), jobs);
            assert!(meter.highest() <= threads);
            let now = pool.statistics();
            assert!(now.threads() <= threads.min(jobs), "{now:?} of {jobs}");
        }
    }
}

/// A pool whose only thread is taken until the gate is opened.
async fn taken(gate: &Gate) -> (BlockingPool, ByHand<impl Future<Output = ()>>) {
    let pool = BlockingPool::new(1);
    let (begun, block) = (Gate::new(), gate.clone());
    let begins = begun.clone();
    let call = move || {
        begins.open();
        block.block();
    };
    let mut taking = ByHand::new(to_thread(call).on(&pool));
    assert!(taking.poll().is_pending());
    begun.wait().await;
    (pool, taking)
}

// Threads-8
async fn what_is_cancelled_in_the_queue_is_never_called(on: Site) {
    let _hold = on.hold();
    let gate = Gate::new();
    let (pool, taking) = taken(&gate).await;
    let called = Arc::new(AtomicBool::new(false));
    let drops = Drops::new();
    let (calls, witness, on_pool) = (Arc::clone(&called), drops.witness(), pool.clone());
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            let child = tg.spawn(
                to_thread(move || {
                    drop(witness);
                    calls.store(true, Ordering::SeqCst);
                })
                .on(&on_pool),
            );
            while on_pool.statistics().queued == 0 {
                yield_now().await;
            }
            child.cancel();
            assert!(child.await.unwrap_err().is_cancelled());
        })
        .await;
    assert!(drops.all(), "the closure is dropped at once");
    gate.open();
    drop(taking);
    assert_eq!(to_thread(|| 1).on(&pool).await, 1);
    assert!(!called.load(Ordering::SeqCst));
}

// Threads-8
async fn what_is_cancelled_in_line_for_a_permit_is_never_called(on: Site) {
    let _hold = on.hold();
    let limiter = CapacityLimiter::new(1);
    let permit = limiter.try_acquire();
    let shared = limiter.clone();
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            let child = tg.spawn(to_thread_with(&shared, || boom("called")));
            while shared.statistics().waiting == 0 {
                yield_now().await;
            }
            child.cancel();
            assert!(child.await.unwrap_err().is_cancelled());
            assert_eq!(shared.statistics().waiting, 0);
        })
        .await;
    drop(permit);
    assert_eq!(limiter.statistics().borrowed, 0);
}

// Threads-9, Threads-11
async fn a_cancel_waits_for_what_has_begun(on: Site) {
    waits_for_what_has_begun(on, GroupOptions::new()).await;
}

// Threads-9, Threads-11
async fn a_cancel_with_grace_waits_for_what_has_begun(on: Site) {
    waits_for_what_has_begun(on, GroupOptions::new().grace(Duration::from_millis(1))).await;
}

async fn waits_for_what_has_begun(on: Site, options: GroupOptions) {
    let _hold = on.hold();
    let (begun, ended) = (Gate::new(), Arc::new(AtomicBool::new(false)));
    let (begins, ends) = (begun.clone(), Arc::clone(&ended));
    let scope = options.on(&on.spawner).scope(|tg| async move {
        let child = tg.spawn(to_thread(move || {
            begins.open();
            // Until the cancel has reached it.
            while from_thread::check_cancelled().is_ok() {
                thread::yield_now();
            }
            assert!(from_thread::token().is_cancelled());
            for _ in 0..100 {
                thread::yield_now();
            }
            ends.store(true, Ordering::SeqCst);
        }));
        begun.wait().await;
        child.cancel();
        [child]
    });
    let [child] = scope.await;
    assert!(ended.load(Ordering::SeqCst), "the scope has waited");
    assert!(child.is_finished());
}

// Threads-8
async fn grace_lets_what_is_queued_begin(on: Site) {
    let _hold = on.hold();
    let gate = Gate::new();
    let (pool, taking) = taken(&gate).await;
    let options = GroupOptions::new()
        .on(&on.spawner)
        .grace(Duration::from_secs(3600));
    let (on_pool, opens) = (pool.clone(), gate.clone());
    let value = options
        .scope(|tg| async move {
            let child = tg.spawn(to_thread(|| 5).on(&on_pool));
            while on_pool.statistics().queued == 0 {
                yield_now().await;
            }
            child.cancel();
            opens.open();
            child.await
        })
        .await;
    assert_eq!(value, Ok(5), "what is finished within the grace counts");
    drop(taking);
}

// Threads-10
async fn an_abandoned_closure_keeps_its_permit(on: Site) {
    let _hold = on.hold();
    let (begun, gate) = (Gate::new(), Gate::new());
    let limiter = CapacityLimiter::new(1);
    let (shared, begins, block) = (limiter.clone(), begun.clone(), gate.clone());
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            let call = move || {
                begins.open();
                block.block();
            };
            let child = tg.spawn(to_thread_with(&shared, call).abandon());
            begun.wait().await;
            child.cancel();
            assert!(child.await.unwrap_err().is_cancelled());
        })
        .await;
    still_taken_until(limiter, &gate).await;
}

// Threads-10
async fn a_dropped_wait_keeps_the_permit(on: Site) {
    let _hold = on.hold();
    let (begun, gate) = (Gate::new(), Gate::new());
    let limiter = CapacityLimiter::new(1);
    let (begins, block) = (begun.clone(), gate.clone());
    let call = move || {
        begins.open();
        block.block();
        while from_thread::check_cancelled().is_ok() {
            thread::yield_now();
        }
    };
    let mut waits = ByHand::new(to_thread_with(&limiter, call));
    assert!(waits.poll().is_pending());
    begun.wait().await;
    drop(waits);
    still_taken_until(limiter, &gate).await;
}

async fn still_taken_until(limiter: CapacityLimiter, gate: &Gate) {
    assert!(limiter.try_acquire().is_none(), "its thread is not free");
    let mut next = ByHand::new(to_thread_with(&limiter, || 1));
    assert!(next.poll().is_pending());
    assert_eq!(limiter.statistics().waiting, 1);
    gate.open();
    assert_eq!(next.into_inner().await, 1);
    assert_eq!(limiter.statistics().borrowed, 0);
}

// Threads-9
async fn a_failure_waits_for_what_has_begun(on: Site) {
    let _hold = on.hold();
    let (begun, ended) = (Gate::new(), Arc::new(AtomicBool::new(false)));
    let (begins, ends) = (begun.clone(), Arc::clone(&ended));
    let failed = ingather::on(&on.spawner)
        .try_scope(|tg| async move {
            tg.try_spawn(async move {
                begun.wait().await;
                Err::<(), _>(crate::support::Fault("a sibling"))
            });
            // The body waits for a closure too, and is dropped only after that.
            to_thread(move || {
                begins.open();
                while from_thread::check_cancelled().is_ok() {
                    thread::yield_now();
                }
                ends.store(true, Ordering::SeqCst);
            })
            .await;
            Ok(())
        })
        .await;
    assert!(failed.is_err());
    assert!(ended.load(Ordering::SeqCst));
}

// Threads-11
async fn a_closure_learns_that_it_is_not_wanted(on: Site) {
    let _hold = on.hold();
    let (begun, told) = (Gate::new(), Gate::new());
    let (begins, tells) = (begun.clone(), told.clone());
    let mut waits = ByHand::new(to_thread(move || {
        let token = from_thread::token();
        assert!(!token.is_cancelled() && from_thread::check_cancelled().is_ok());
        let opens = tells.clone();
        token
            .on_cancel(move |reason| {
                assert_eq!(reason.kind(), CancelKind::Dropped);
                opens.open();
            })
            .detach();
        begins.open();
        tells.block();
    }));
    assert!(waits.poll().is_pending());
    begun.wait().await;
    drop(waits);
    told.wait().await;
    assert!(from_thread::check_cancelled().is_ok(), "this is no closure");
}

// Threads-10
async fn a_limiter_bounds_closures_on_any_pool(on: Site) {
    let _hold = on.hold();
    let (limiter, meter) = (CapacityLimiter::new(2), Meter::new());
    let (shared, inside) = (limiter.clone(), meter.clone());
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            let pools = [BlockingPool::new(4), BlockingPool::new(4)];
            for number in 0..20 {
                let meter = inside.clone();
                let call = move || {
                    let _inside = meter.enter();
                    thread::yield_now();
                };
                tg.spawn(to_thread_with(&shared, call).on(&pools[number % 2]));
            }
        })
        .await;
    assert!(meter.entered() == 20 && meter.highest() <= 2);
    assert_eq!(limiter.statistics().borrowed, 0);
}

// Threads-7, Threads-21
async fn a_function_can_be_awaited(on: Site) {
    let _hold = on.hold();
    let pool = BlockingPool::builder().name("bound").threads(1).build();
    let on_thread = |(a, b): (u32, u32)| (a + b, thread::current().name().map(str::to_owned));
    let add = asynced(on_thread)
        .on(&pool)
        .limiter(&CapacityLimiter::new(1));
    let again = add.clone();
    let (sum, name) = add.call((1, 2)).await;
    assert!(sum == 3 && name.unwrap().starts_with("bound-"));
    let other = BlockingPool::builder().name("other").threads(1).build();
    let (_, name) = again.call((1, 2)).on(&other).await;
    assert!(name.unwrap().starts_with("other-"), "said for this call");
}

// Threads-8
async fn it_is_as_lazy_as_any_future(on: Site) {
    let _hold = on.hold();
    let drops = Drops::new();
    let witness = drops.witness();
    drop(to_thread(move || drop(witness)));
    assert!(drops.all_here());
    let mut over = ByHand::new(to_thread(|| 1));
    let value = loop {
        if let Poll::Ready(value) = over.poll() {
            break value;
        }
        yield_now().await;
    };
    assert_eq!(value, 1);
    assert!(on.kind != Kind::Test || over.poll().is_pending());
}
