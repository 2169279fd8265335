//! Limiters, locks and pools at random: waiters of both faces that are dropped at every await, over many seeds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use ingather::threads::{Acquire, BlockingPool, CapacityLimiter, FairLock, Locking, Permit};
use ingather::to_thread;

use crate::support::{
    ByHand, Drops, Gate, Meter, Rng, Site, Trace, behaviour, watched, yield_now, yields,
};

// Threads-1, Threads-2, Threads-3
#[test]
fn a_limiter_is_a_line_under_every_order_of_steps() {
    watched("limiter by hand", || (0..500).for_each(limiter_by_hand));
}

/// The limiter beside a model of it: who waits, in order; who was served; who holds.
fn limiter_by_hand(seed: u64) {
    let mut rng = Rng::new(seed);
    let mut total = rng.below(4);
    let limiter = CapacityLimiter::new(total);
    let (mut line, mut served): (Vec<ByHand<Acquire>>, Vec<ByHand<Acquire>>) = Default::default();
    let mut held: Vec<Permit> = Vec::new();
    for _ in 0..200 {
        match rng.below(6) {
            0 => {
                let mut comes = ByHand::new(limiter.acquire());
                match comes.poll() {
                    Poll::Ready(permit) => held.push(permit),
                    Poll::Pending => line.push(comes),
                }
            }
            1 if !held.is_empty() => drop(held.swap_remove(rng.below(held.len()))),
            2 if !line.is_empty() => drop(line.remove(rng.below(line.len()))),
            3 if !served.is_empty() => drop(served.swap_remove(rng.below(served.len()))),
            4 if !served.is_empty() => {
                let at = rng.below(served.len());
                let Poll::Ready(permit) = served.swap_remove(at).poll() else {
                    panic!("seed {seed}: it was served")
                };
                held.push(permit);
            }
            5 => {
                total = rng.below(4);
                limiter.set_total(total);
            }
            _ => held.extend(limiter.try_acquire()),
        }
        // Those who were served are the first of the line.
        let woken = line.iter().take_while(|one| one.is_woken()).count();
        assert!(!line[woken..].iter().any(ByHand::is_woken), "seed {seed}");
        served.extend(line.drain(..woken));
        let now = limiter.statistics();
        assert_eq!(now.borrowed, held.len() + served.len(), "seed {seed}");
        assert_eq!(now.waiting, line.len(), "seed {seed}");
        assert!(line.is_empty() || now.borrowed >= total, "seed {seed}");
    }
}

// Threads-2, Threads-3, Threads-4
#[test]
fn a_lock_is_a_line_under_every_order_of_steps() {
    watched("lock by hand", || (0..500).for_each(lock_by_hand));
}

fn lock_by_hand(seed: u64) {
    let mut rng = Rng::new(seed);
    let lock = FairLock::new(());
    let mut line: Vec<ByHand<Locking<'_, ()>>> = Vec::new();
    let (mut held, mut served) = (None, None);
    for _ in 0..200 {
        match rng.below(4) {
            0 => {
                let mut comes = ByHand::new(lock.lock());
                match comes.poll() {
                    Poll::Ready(guard) => {
                        assert!(held.replace(guard).is_none() && served.is_none())
                    }
                    Poll::Pending => line.push(comes),
                }
            }
            1 => drop(held.take()),
            2 if !line.is_empty() => drop(line.remove(rng.below(line.len()))),
            _ => {
                if let Some(mut one) = served.take() {
                    if rng.chance(50) {
                        held = match ByHand::poll(&mut one) {
                            Poll::Ready(guard) => Some(guard),
                            Poll::Pending => panic!("seed {seed}: it was served"),
                        };
                    }
                }
            }
        }
        let woken = line.iter().take_while(|one| one.is_woken()).count();
        assert!(!line[woken..].iter().any(ByHand::is_woken), "seed {seed}");
        assert!(woken <= 1, "seed {seed}");
        for one in line.drain(..woken) {
            assert!(
                served.replace(one).is_none() && held.is_none(),
                "seed {seed}"
            );
        }
        assert_eq!(lock.waiting(), line.len(), "seed {seed}");
        let is_held = held.is_some() || served.is_some();
        assert!(is_held || line.is_empty(), "seed {seed}");
    }
}

// Threads-6, Threads-8, Threads-10
#[test]
fn a_pool_does_what_is_left_in_its_order_under_every_order_of_steps() {
    watched("pool by hand", || (0..150).for_each(pool_by_hand));
}

/// A pool of one whose thread is taken, and what is queued there and dropped again before that is over.
fn pool_by_hand(seed: u64) {
    let mut rng = Rng::new(seed);
    let pool = BlockingPool::new(1);
    for _ in 0..3 {
        let (log, drops) = (Trace::new(), Drops::new());
        let (begun, gate) = (Gate::new(), Gate::new());
        let (begins, block) = (begun.clone(), gate.clone());
        let mut taking = ByHand::new(to_thread(move || (begins.open(), block.block())).on(&pool));
        assert!(taking.poll().is_pending());
        begun.block();
        let mut queued = Vec::new();
        for number in 0..30 {
            let (log, witness) = (log.clone(), drops.witness());
            let call = move || {
                log.log(number);
                drop(witness);
            };
            let mut job = ByHand::new(to_thread(call).on(&pool));
            if rng.chance(90) {
                assert!(job.poll().is_pending());
                queued.push((number, job));
            }
            if rng.chance(40) && !queued.is_empty() {
                drop(queued.remove(rng.below(queued.len())));
            }
        }
        let left: Vec<_> = queued
            .iter()
            .map(|(number, _)| number.to_string())
            .collect();
        assert_eq!(drops.made() - drops.count(), left.len(), "seed {seed}");
        gate.open();
        futures::executor::block_on(taking.into_inner());
        for (_, job) in queued {
            futures::executor::block_on(job.into_inner());
        }
        assert_eq!(log.entries(), left, "seed {seed}");
        assert!(drops.all());
    }
    pool.close().wait();
    assert_eq!(pool.statistics().queued, 0, "seed {seed}");
}

behaviour!(threads_and_tasks_come_and_go, closures_come_and_go);

// Threads-1, Threads-3, Threads-4
async fn threads_and_tasks_come_and_go(on: Site) {
    const TOTAL: usize = 3;
    let limiter = CapacityLimiter::new(TOTAL);
    let lock = Arc::new(FairLock::new(0_usize));
    let inside = Arc::new(AtomicUsize::new(0));
    let locked = Arc::new(AtomicUsize::new(0));
    let _hold = on.hold();
    let threads: Vec<_> = (0..3)
        .map(|seed| {
            let (limiter, lock) = (limiter.clone(), Arc::clone(&lock));
            let (inside, locked) = (Arc::clone(&inside), Arc::clone(&locked));
            thread::spawn(move || {
                let mut rng = Rng::new(seed);
                for _ in 0..100 {
                    let limit = Duration::from_micros(rng.next() % 50);
                    if let Some(permit) = limiter.acquire_timeout(limit) {
                        assert!(inside.fetch_add(1, Ordering::SeqCst) < TOTAL);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(permit);
                    }
                    if let Some(guard) = lock.lock_timeout(limit) {
                        guard.with(|n| *n += 1);
                        locked.fetch_add(1, Ordering::SeqCst);
                    }
                }
            })
        })
        .collect();
    let shared = (limiter.clone(), Arc::clone(&lock));
    let (counts, together) = (Arc::clone(&locked), Arc::clone(&inside));
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            let (limiter, lock) = shared;
            let mut rng = Rng::new(7);
            for _ in 0..200 {
                let (limiter, lock) = (limiter.clone(), Arc::clone(&lock));
                let (inside, locked) = (Arc::clone(&together), Arc::clone(&counts));
                let child = tg.spawn(async move {
                    let _permit = limiter.acquire().await;
                    assert!(inside.fetch_add(1, Ordering::SeqCst) < TOTAL);
                    inside.fetch_sub(1, Ordering::SeqCst);
                    let guard = lock.lock().await;
                    guard.with(|n| *n += 1);
                    locked.fetch_add(1, Ordering::SeqCst);
                });
                if rng.chance(40) {
                    child.cancel();
                }
                if rng.chance(20) {
                    yield_now().await;
                }
            }
        })
        .await;
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    let after = limiter.statistics();
    assert_eq!((after.borrowed, after.waiting, lock.waiting()), (0, 0, 0));
    assert_eq!(lock.lock_blocking().get(), locked.load(Ordering::SeqCst));
}

// Threads-1, Threads-4, Threads-6, Threads-8, Threads-10
async fn closures_come_and_go(on: Site) {
    const TOTAL: usize = 3;
    let _hold = on.hold();
    let (pool, limiter) = (BlockingPool::new(2), CapacityLimiter::new(TOTAL));
    let (lock, meter) = (Arc::new(FairLock::new(0_usize)), Meter::new());
    let shared = (
        pool.clone(),
        limiter.clone(),
        Arc::clone(&lock),
        meter.clone(),
    );
    ingather::on(&on.spawner)
        .scope(|tg| async move {
            let (pool, limiter, lock, meter) = shared;
            let mut rng = Rng::new(11);
            let mut children = Vec::new();
            for number in 0..200 {
                let (lock, meter) = (Arc::clone(&lock), meter.clone());
                let call = move || {
                    let _inside = meter.enter();
                    lock.lock_blocking().with(|n| *n += 1);
                    number
                };
                let mut job = to_thread(call).on(&pool).limiter(&limiter);
                if rng.chance(50) {
                    job = job.abandon();
                }
                let polls = rng.below(6);
                let child = tg.spawn(async move {
                    if polls == 5 {
                        return job.await;
                    }
                    // Dropped at its so manyeth await, if it is not over by then.
                    let mut job = ByHand::new(job);
                    for _ in 0..polls {
                        if let Poll::Ready(found) = job.poll() {
                            return found;
                        }
                        yield_now().await;
                    }
                    number
                });
                yields(rng.below(3)).await;
                if rng.chance(30) {
                    child.cancel();
                }
                children.push(child);
            }
            for (number, child) in children.into_iter().enumerate() {
                match child.await {
                    Ok(found) => assert_eq!(found, number),
                    Err(why) => assert!(why.is_cancelled()),
                }
            }
        })
        .await;
    pool.close().await;
    let after = limiter.statistics();
    assert_eq!((after.borrowed, after.waiting, lock.waiting()), (0, 0, 0));
    assert!(meter.highest() <= TOTAL && meter.now() == 0);
    assert_eq!(lock.lock_blocking().get(), meter.entered());
    assert_eq!((pool.statistics().threads(), pool.running().len()), (0, 0));
}
