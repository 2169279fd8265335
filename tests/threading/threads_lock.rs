//! Fair locks: one owner at a time, the order, taking it again, and poison.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use ingather::inline;
use ingather::threads::{FairGuard, FairLock, Locking};

use crate::support::{ByHand, Gate, Site, Trace, behaviour, boom, panic_of, yield_now};

behaviour!(
    one_owner_at_a_time,
    threads_and_tasks_stand_in_one_line,
    a_waiter_that_goes_leaves_no_hole,
    a_child_takes_again_what_it_has,
    a_body_is_the_child_that_it_is_in,
    a_thread_takes_again_what_it_has,
    outside_of_all_groups_tasks_are_strangers,
    guards_go_where_they_are_sent,
    a_panic_poisons_only_what_is_to_be_poisoned,
    a_waker_that_panics_takes_nothing_with_it,
    the_value_is_not_lent_twice,
    all_futures_of_one_task_get_it_in_its_turn,
    a_future_that_moves_on_waits_for_its_first_task,
);

// Threads-4
async fn one_owner_at_a_time(on: Site) {
    let lock = Arc::new(FairLock::new(0_usize));
    let (busy, shared) = (Arc::new(AtomicBool::new(false)), Arc::clone(&lock));
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            for _ in 0..50 {
                let (lock, busy) = (Arc::clone(&shared), Arc::clone(&busy));
                tg.spawn(async move {
                    let guard = lock.lock().await;
                    assert!(!busy.swap(true, Ordering::SeqCst));
                    let seen = guard.get();
                    yield_now().await;
                    guard.set(seen + 1);
                    busy.store(false, Ordering::SeqCst);
                });
            }
        })
        .await;
    assert_eq!(lock.lock_blocking().get(), 50);
}

// Threads-2
async fn threads_and_tasks_stand_in_one_line(on: Site) {
    let (lock, trace) = (Arc::new(FairLock::new(())), Trace::new());
    let shared = (Arc::clone(&lock), trace.clone());
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            let (lock, trace) = shared;
            let guard = lock.lock().await;
            let mut threads = Vec::new();
            for number in 0..6 {
                let (lock2, trace) = (Arc::clone(&lock), trace.clone());
                if number % 2 == 0 {
                    tg.spawn(async move {
                        let _guard = lock2.lock().await;
                        trace.log(number);
                    });
                } else {
                    threads.push(thread::spawn(move || {
                        let _guard = lock2.lock_blocking();
                        trace.log(number);
                    }));
                }
                while lock.waiting() <= number {
                    yield_now().await;
                }
            }
            thread::spawn({
                let lock = Arc::clone(&lock);
                move || assert!(lock.try_lock().is_none())
            })
            .join()
            .unwrap();
            drop(guard);
            while lock.waiting() > 0 {
                yield_now().await;
            }
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        })
        .await;
    trace.assert(["0", "1", "2", "3", "4", "5"]);
}

// Threads-3
async fn a_waiter_that_goes_leaves_no_hole(_on: Site) {
    // Of three who wait, one is dropped: at each place, and before its first poll, in the line, or when its turn has come.
    for place in 0..3 {
        for stage in 0..3 {
            let lock = FairLock::new(());
            let guard = FairLock::try_lock(&lock);
            let mut waiting: Vec<_> = (0..3).map(|_| Some(stranger(&lock))).collect();
            for (at, one) in waiting.iter_mut().enumerate() {
                if at != place || stage > 0 {
                    assert!(pending(one.as_mut().unwrap()));
                }
            }
            if stage == 2 {
                drop(guard);
                for one in waiting.iter_mut().take(place).flatten() {
                    drop(ready(one));
                }
                waiting[place] = None;
            } else {
                waiting[place] = None;
                drop(guard);
            }
            for (at, one) in waiting.iter_mut().enumerate() {
                if at > place || stage < 2 {
                    one.as_mut().into_iter().for_each(|one| drop(ready(one)));
                }
            }
            assert_eq!(lock.waiting(), 0);
            let free = thread::scope(|s| s.spawn(|| lock.try_lock().is_some()).join());
            assert!(free.unwrap(), "{place} {stage}");
        }
    }
    let lock = FairLock::new(());
    let _guard = lock.try_lock();
    let timed = thread::scope(|s| {
        let waits = || lock.lock_timeout(Duration::from_millis(1)).is_some();
        s.spawn(waits).join().unwrap()
    });
    assert!(!timed && lock.waiting() == 0);
}

// Threads-4
async fn a_child_takes_again_what_it_has(on: Site) {
    let lock = Arc::new(FairLock::new(0));
    let shared = Arc::clone(&lock);
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            for _ in 0..5 {
                let lock = Arc::clone(&shared);
                tg.spawn(async move {
                    let outer = lock.lock().await;
                    yield_now().await;
                    let inner = lock.lock().await;
                    let innermost = lock.lock_blocking();
                    assert!(lock.try_lock().is_some());
                    drop(outer);
                    yield_now().await;
                    assert!(!others_get(&lock), "two guards are left");
                    innermost.with(|n| *n += 1);
                    drop(innermost);
                    drop(inner);
                });
            }
        })
        .await;
    assert_eq!(lock.lock_blocking().get(), 5);
}

// Threads-4
async fn a_body_is_the_child_that_it_is_in(on: Site) {
    let lock = Arc::new(FairLock::new(()));
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            tg.spawn(async move {
                let guard = lock.lock().await;
                let (inner, outer) = (&lock, &lock);
                inline::scope(|tg| async move {
                    assert!(outer.try_lock().is_some(), "the body is in the child");
                    let sibling = tg.spawn(async move { inner.try_lock().is_some() });
                    assert_eq!(sibling.await, Ok(false), "a child is not");
                })
                .await;
                drop(guard);
            });
        })
        .await;
}

// Threads-4
async fn a_thread_takes_again_what_it_has(_on: Site) {
    let lock = FairLock::new(1);
    thread::scope(|s| {
        s.spawn(|| {
            let outer = lock.lock_blocking();
            let inner = lock.lock_timeout(Duration::ZERO).unwrap();
            assert_eq!(lock.lock_blocking().get(), 1);
            drop(outer);
            assert!(!others_get(&lock));
            drop(inner);
            assert!(others_get(&lock));
        });
    });
}

// Threads-4
async fn outside_of_all_groups_tasks_are_strangers(_on: Site) {
    let lock = FairLock::new(());
    let guard = ready(&mut stranger(&lock));
    let mut second = stranger(&lock);
    assert!(pending(&mut second));
    drop(guard);
    drop(ready(&mut second));
}

// Threads-4
async fn guards_go_where_they_are_sent(on: Site) {
    static LOCK: FairLock<u32> = FairLock::new(0);

    // The same test runs elsewhere at the same time, with the same lock.
    let _hold = on.hold();
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            tg.spawn(async {
                let guard = LOCK.lock().await;
                let thread = thread::spawn(move || {
                    guard.with(|n| *n += 1);
                    drop(guard);
                });
                thread.join().unwrap();
                drop(LOCK.lock().await);
            });
        })
        .await;
}

// Threads-5
async fn a_panic_poisons_only_what_is_to_be_poisoned(_on: Site) {
    let (plain, strict) = (FairLock::new(0), FairLock::poisoning(0));
    for lock in [&plain, &strict] {
        thread::scope(|s| {
            let dies = s.spawn(|| {
                let guard = lock.lock_blocking();
                guard.set(1);
                boom("with the lock");
            });
            assert!(dies.join().is_err());
        });
    }
    assert!(!plain.is_poisoned() && strict.is_poisoned());
    assert_eq!(plain.lock_blocking().get(), 1);
    let refused = |take: &dyn Fn()| catch_unwind(AssertUnwindSafe(take)).is_err();
    assert!(refused(&|| drop(strict.lock_blocking())));
    assert!(refused(&|| drop(strict.try_lock())));
    assert!(refused(&|| drop(strict.lock_timeout(Duration::ZERO))));
    let mut by_hand = stranger(&strict);
    assert!(refused(&|| drop(ready(&mut stranger(&strict)))));
    strict.clear_poison();
    assert_eq!(ready(&mut by_hand).get(), 1, "nobody who panicked has it");
    // A guard that is made and dropped while its thread is panicking already is not what the panic came through.
    struct Locks<'a>(&'a FairLock<i32>);
    impl Drop for Locks<'_> {
        fn drop(&mut self) {
            drop(self.0.lock_blocking());
        }
    }
    thread::scope(|s| {
        let dies = s.spawn(|| {
            let _locks = Locks(&strict);
            boom("without the lock");
        });
        assert!(dies.join().is_err());
    });
    assert!(!strict.is_poisoned());
}

// Threads-5
async fn a_waker_that_panics_takes_nothing_with_it(_on: Site) {
    struct Panics;
    impl std::task::Wake for Panics {
        fn wake(self: Arc<Self>) {
            boom("in a waker");
        }
    }
    let lock = FairLock::new(());
    let guard = lock.try_lock();
    let mut waits = Box::pin(lock.lock());
    let waker = Waker::from(Arc::new(Panics));
    let mut cx = std::task::Context::from_waker(&waker);
    assert!(waits.as_mut().poll(&mut cx).is_pending());
    drop(guard);
    assert!(waits.as_mut().poll(&mut cx).is_ready());
    assert!(others_get(&lock));
}

// Threads-2, Threads-4
async fn all_futures_of_one_task_get_it_in_its_turn(on: Site) {
    let lock = Arc::new(FairLock::new(0));
    let shared = Arc::clone(&lock);
    let scope = ingather::on(&on.spawner).scope(|tg| async move {
        let (has, ends) = (Gate::new(), Gate::new());
        tg.spawn(hold(Arc::clone(&shared), has.clone(), ends.clone()));
        has.wait().await;
        let both = tg.spawn(async move {
            // Each has a waker of its own.
            let mut both: FuturesUnordered<_> =
                [(); 2].map(|()| shared.lock()).into_iter().collect();
            assert!(futures::poll!(both.next()).is_pending());
            ends.open();
            let (first, second) = (both.next().await.unwrap(), both.next().await.unwrap());
            first.with(|n| *n += 1);
            second.with(|n| *n += 1);
        });
        both.await
    });
    assert_eq!(scope.await, Ok(()));
    assert_eq!(lock.try_lock().map(|guard| guard.get()), Some(2));
}

// Threads-2, Threads-3, Threads-4
async fn a_future_that_moves_on_waits_for_its_first_task(on: Site) {
    let lock = Arc::new(FairLock::new(0));
    let shared = Arc::clone(&lock);
    let scope = ingather::on(&on.spawner).scope(|tg| async move {
        let (has, ends) = (Gate::new(), Gate::new());
        tg.spawn(hold(Arc::clone(&shared), has.clone(), ends.clone()));
        has.wait().await;
        let gives_up = own_lock(Arc::clone(&shared));
        let alone = tg.spawn(async move { assert!(futures::poll!(gives_up).is_pending()) });
        alone.await.unwrap();
        let of_one = tg.spawn(async move {
            let mut all = [(); 3].map(|()| own_lock(Arc::clone(&shared)));
            for waits in &mut all {
                assert!(futures::poll!(waits).is_pending());
            }
            let [kept, given, dropped] = all;
            drop(dropped);
            assert_eq!(shared.waiting(), 2);
            (kept, given)
        });
        let (kept, given) = of_one.await.unwrap();
        let keys = [kept, given].map(|waits| tg.spawn(waits));
        ends.open();
        for key in keys {
            key.await.unwrap();
        }
    });
    scope.await;
    assert_eq!(lock.waiting(), 0);
    assert_eq!(lock.try_lock().map(|guard| guard.get()), Some(2));
}

/// Has the lock from the opening of the one gate to that of the other.
async fn hold(lock: Arc<FairLock<u32>>, has: Gate, ends: Gate) {
    let _guard = lock.lock().await;
    has.open();
    ends.wait().await;
}

fn own_lock(lock: Arc<FairLock<u32>>) -> BoxFuture<'static, ()> {
    Box::pin(async move { lock.lock().await.with(|n| *n += 1) })
}

// Threads-4
async fn the_value_is_not_lent_twice(_on: Site) {
    let lock = FairLock::new(0);
    let (outer, inner) = (lock.lock_blocking(), lock.lock_blocking());
    let text = panic_of(|| outer.with(|_| inner.with(|n| *n += 1)));
    assert!(text.unwrap().contains("in use by another guard"));
    inner.with(|n| *n += 1);
    assert_eq!(outer.get(), 1);
}

/// Somebody who is in no group.
fn stranger<T>(lock: &FairLock<T>) -> ByHand<Locking<'_, T>> {
    ByHand::new(lock.lock())
}

fn pending<T>(one: &mut ByHand<Locking<'_, T>>) -> bool {
    one.poll().is_pending()
}

fn ready<'a, T>(one: &mut ByHand<Locking<'a, T>>) -> FairGuard<'a, T> {
    match one.poll() {
        Poll::Ready(guard) => guard,
        Poll::Pending => panic!("its turn has come"),
    }
}

/// Would another thread get the lock?
fn others_get<T: Send>(lock: &FairLock<T>) -> bool {
    thread::scope(|s| s.spawn(|| lock.try_lock().is_some()).join().unwrap())
}
