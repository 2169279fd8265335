//! What holds off a drop, and what comes when the hold ends: the cancel that was put off.

use std::future::pending;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures::StreamExt;
use futures::executor::block_on;
use futures::future::BoxFuture;
use ingather::cancel::{CancelKind, cancel_reason, with_cleanup};
use ingather::clock::sleep;
use ingather::kind::{Cut, Shared};
use ingather::spawner::{Job, SpawnError};
use ingather::testing::TestExecutor;
use ingather::{
    Deadline, GatherGroup, GatherIncomplete, GroupError, GroupOptions, Spawner, current_token,
    inline, map_concurrent, on, scope, shield, try_map_concurrent, try_scope,
};

use crate::support::{Fault, Gate, HOUR, Polls, Site, Trace, behaviour, until, watched, yields};

behaviour!(
    a_shielded_child_is_not_polled_for_its_cancel,
    a_cleanup_is_polled_once_however_it_is_cancelled,
    a_group_in_a_body_that_cannot_fail_goes_on,
    a_group_in_a_body_that_cannot_fail_goes_with_what_both_are_in,
);

const SEEDS: u64 = 200;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Holds what it is in off its drop for a while, and is over then or dropped.
fn holder(kind: usize) -> BoxFuture<'static, ()> {
    match kind {
        0 => Box::pin(with_cleanup(pending(), || sleep(ms(2_000)))),
        1 => Box::pin(with_cleanup(pending(), || sleep(ms(50)))),
        2 => Box::pin(with_cleanup(pending(), || async {})),
        3 => Box::pin(shield(sleep(ms(100)))),
        4 => Box::pin(shield(pending()).deadline(Deadline::after(ms(100)))),
        _ => Box::pin(async {
            shield(sleep(ms(90))).await;
            shield(sleep(ms(30))).await;
        }),
    }
}

/// Awaits a group in which a holder is, in each way in which that can be done.
async fn awaits(form: usize, kind: usize) {
    match form {
        0 => {
            scope(|tg| async move { drop(tg.spawn(holder(kind))) }).await;
        }
        1 => {
            inline::scope(|tg| async move { drop(tg.spawn(holder(kind))) }).await;
        }
        2 => {
            scope(|_| async move {
                scope(|tg| async move {
                    tg.spawn(holder(kind));
                    tg.spawn(yields(20));
                })
                .await;
            })
            .await;
        }
        3 => {
            let group = GatherGroup::new();
            drop(group.spawn(holder(kind)));
            group.join().await;
        }
        4 => {
            let group = GatherGroup::new();
            drop(group.spawn(holder(kind)));
            group.close();
            while group.next().await.is_some() {}
        }
        5 => {
            let group = GatherGroup::new();
            let key = group.spawn(holder(kind));
            drop(key.await);
        }
        6 => {
            let mut items = pin!(map_concurrent([kind], 1, holder));
            while items.next().await.is_some() {}
        }
        7 => {
            let fails = |kind| async move {
                holder(kind).await;
                Err::<(), _>(Fault("after the hold"))
            };
            let mut items = pin!(try_map_concurrent([kind, kind], 2, fails).unordered());
            while items.next().await.is_some() {}
        }
        _ => {
            let failed = try_scope(|tg| async move {
                tg.spawn(holder(kind));
                Ok::<_, Fault>(())
            });
            drop(failed.await);
        }
    }
}

/// Runs something in virtual time under every form of waiting, every holder, with and without grace, over the seeds.
fn over_forms(
    name: &'static str,
    run: fn(usize, usize, GroupOptions<Shared, Cut>) -> BoxFuture<'static, ()>,
) {
    for form in 0..9 {
        for kind in 0..6 {
            watched(format!("{name}, form {form}, holder {kind}"), || {
                for seed in 0..SEEDS {
                    let drivers = std::num::NonZeroUsize::MIN.saturating_add(seed as usize % 3);
                    let executor = TestExecutor::seeded(seed).with_parallelism(drivers);
                    let options = GroupOptions::new().timeout(ms(60));
                    let options = match seed % 4 {
                        // What is over within the grace counts.
                        0 if kind != 2 => options.grace(ms(25)),
                        _ => options,
                    };
                    executor.block_on(run(form, kind, options));
                }
            });
        }
    }
}

// Shields-7, Deadlines-4
#[test]
fn a_timeout_is_not_lost_behind_what_holds_it_off() {
    over_forms("a timeout of a body that is held", |form, kind, options| {
        Box::pin(async move {
            let passed = Arc::new(AtomicBool::new(false));
            let seen = Arc::clone(&passed);
            let result: Result<(), GroupError<Fault>> = options
                .try_scope(|_| async move {
                    awaits(form, kind).await;
                    seen.store(true, SeqCst);
                    Ok(())
                })
                .await;
            let error = result.expect_err("the timeout was lost");
            assert!(error.is_timeout(), "{error:?}");
            assert!(!passed.load(SeqCst), "the body has gone on");
        })
    });
}

// Shields-7
#[test]
fn a_child_that_was_held_does_not_go_on() {
    over_forms("a child that is held", |form, kind, options| {
        Box::pin(async move {
            let passed = Arc::new(AtomicBool::new(false));
            let seen = Arc::clone(&passed);
            let group = options.group();
            let key = group.spawn(async move {
                awaits(form, kind).await;
                seen.store(true, SeqCst);
            });
            let kind = match key.await {
                Err(GatherIncomplete::Cancelled(reason)) => reason.kind(),
                other => panic!("{other:?}"),
            };
            group.join().await;
            assert_eq!(kind, CancelKind::Deadline);
            assert!(!passed.load(SeqCst), "the child has gone on");
        })
    });
}

// Shields-8
async fn a_shielded_child_is_not_polled_for_its_cancel(on: Site) {
    for alone in [false, true] {
        let group = GatherGroup::on(&on.spawner);
        let (gate, polls) = (Gate::new(), Polls::new());
        let opened = gate.clone();
        let key = group.spawn(polls.clone().of(async move {
            shield(async move { opened.wait().await }).await;
            pending::<()>().await;
        }));
        until(|| gate.waiting() == 1).await;
        let before = polls.count();
        if alone {
            key.cancel();
        } else {
            group.cancel();
        }
        yields(10).await;
        assert_eq!(polls.count(), before);
        gate.open();
        assert!(key.await.unwrap_err().is_cancelled());
        // For the end of the shield, and not again.
        assert_eq!(polls.count(), before + 1);
        group.join().await;
    }
}

// Cancelling-11
async fn a_cleanup_is_polled_once_however_it_is_cancelled(on: Site) {
    for way in 0..6 {
        let group = GatherGroup::on(&on.spawner);
        let (begun, polls) = (Gate::new(), Polls::new());
        let (waits, cleanup) = (begun.clone(), polls.clone());
        let (tell, token) = futures::channel::oneshot::channel();
        let spawner = on.spawner.clone();
        let cleans = with_cleanup(async move { waits.wait().await }, move || {
            cleanup.of(yields(5))
        });
        let key = group.spawn(async move {
            drop(tell.send(current_token()));
            match way {
                // In a group further in, and in a body that can fail.
                4 => {
                    ingather::on(&spawner)
                        .scope(|tg| async move { drop(tg.spawn(cleans)) })
                        .await
                }
                5 => drop(
                    GroupOptions::new()
                        .on(&spawner)
                        .try_scope(|_| async move {
                            cleans.await;
                            Ok::<_, Fault>(())
                        })
                        .await,
                ),
                _ => cleans.await,
            }
        });
        let token = token.await.unwrap();
        until(|| begun.waiting() == 1).await;
        match way {
            0 => group.cancel(),
            1 => key.cancel(),
            2 => drop(token.cancel()),
            3 => drop(group.token().cancel()),
            _ => drop(token.cancel()),
        }
        assert!(key.await.unwrap_err().is_cancelled());
        assert_eq!(polls.count(), 1, "cancelled in way {way}");
        group.join().await;
    }
}

// Cancelling-14
async fn a_group_in_a_body_that_cannot_fail_goes_on(on: Site) {
    for grace in [Duration::ZERO, HOUR] {
        // Without a shield or clean-up, with one among the children, and with one in a group further in.
        for what in 0..5 {
            let (gate, begun) = (Gate::new(), Gate::new());
            let options = GroupOptions::new().on(&on.spawner).grace(grace);
            let on = on.clone();
            let seven = options.scope(|outer| async move {
                let group = GatherGroup::on(&on.spawner);
                let opened = gate.clone();
                let sibling = group.spawn(async move {
                    opened.wait().await;
                    yields(3).await;
                    // It reads the cancel, and nothing drops it for that.
                    cancel_reason().map(|reason| reason.kind())
                });
                let (opened, tells) = (gate.clone(), begun.clone());
                let waits = async move {
                    tells.wait().await;
                    opened.wait().await;
                };
                let spawner = on.spawner.clone();
                let held = match what {
                    0 => group.spawn(waits),
                    1 => group.spawn(shield(waits)),
                    2 => group.spawn(with_cleanup(pending(), || waits)),
                    3 => group.spawn(async move {
                        ingather::on(&spawner)
                            .scope(|tg| async move { drop(tg.spawn(shield(waits))) })
                            .await;
                    }),
                    _ => group.spawn(async move {
                        let inner = with_cleanup(pending::<()>(), || waits);
                        ingather::on(&spawner)
                            .scope(|tg| async move { drop(tg.spawn(inner)) })
                            .await;
                    }),
                };
                yields(3).await;
                outer.cancel();
                begun.open();
                yields(10).await;
                assert_eq!(sibling.status(), Some(GatherIncomplete::Running));
                gate.open();
                assert_eq!(sibling.await, Ok(Some(CancelKind::Parent)));
                let late = group.spawn(async { 7 });
                // A clean-up ends the child that it is in, as it does wherever the token turns.
                assert_eq!(held.await.is_ok(), what != 2);
                group.join().await;
                late.await
            });
            assert_eq!(seven.await, Ok(7), "with {what}");
        }
    }
}

// Cancelling-14
async fn a_group_in_a_body_that_cannot_fail_goes_with_what_both_are_in(on: Site) {
    for what in 0..3 {
        let group = GatherGroup::on(&on.spawner);
        let (gate, begun) = (Gate::new(), Gate::new());
        let (opened, tells, spawner) = (gate.clone(), begun.clone(), on.spawner.clone());
        let drops = crate::support::Drops::new();
        let witness = drops.witness();
        let key = group.spawn(async move {
            let inner = spawner.clone();
            ingather::on(&spawner)
                .scope(|outer| async move {
                    outer.cancel();
                    ingather::on(&inner)
                        .scope(|tg| async move {
                            tg.spawn(async move {
                                let _held = witness;
                                tells.wait().await;
                            });
                            let waits = async move { opened.wait().await };
                            match what {
                                0 => drop(tg.spawn(waits)),
                                1 => drop(tg.spawn(shield(waits))),
                                _ => drop(tg.spawn(with_cleanup(pending::<()>(), || waits))),
                            }
                        })
                        .await;
                })
                .await;
        });
        until(|| begun.waiting() == 1).await;
        if what < 2 {
            until(|| gate.waiting() == 1).await;
        }
        group.cancel();
        // The sibling of what holds is dropped at once, with or without it.
        until(|| drops.all()).await;
        gate.open();
        assert!(key.await.unwrap_err().is_cancelled());
        group.join().await;
    }
}

/// When the sleeper in a group inside another is dropped, in milliseconds: its group has one grace, the outer another, and
/// each may be cancelled.
fn dropped_at(own: u64, outer: u64, inner_at: Option<u64>, outer_at: Option<u64>) -> u64 {
    let executor = TestExecutor::seeded(own + outer);
    executor.block_on(async move {
        let start = ingather::clock::now();
        let (told, ended) = futures::channel::oneshot::channel();
        let group = GroupOptions::new().grace(ms(outer)).group();
        let key = group.spawn(async move {
            let options = GroupOptions::new().grace(ms(own));
            options
                .scope(|tg| async move {
                    tg.spawn(async move {
                        let _told = crate::support::AtDrop(Some(move || {
                            let _ = told.send(ingather::clock::now() - start);
                        }));
                        pending::<()>().await;
                    });
                    if let Some(at) = inner_at {
                        sleep(ms(at)).await;
                        tg.cancel();
                    }
                })
                .await;
        });
        if let Some(at) = outer_at {
            sleep(ms(at)).await;
            group.cancel();
        }
        let at = ended.await.unwrap();
        drop(key.await);
        group.join().await;
        u64::try_from(at.as_millis()).unwrap()
    })
}

// Cancelling-7
#[test]
fn each_cancel_has_the_grace_of_its_own_group() {
    // The inner group cancels itself: with its own grace, whatever that of the outer is.
    assert_eq!(dropped_at(0, 50, Some(10), None), 10);
    assert_eq!(dropped_at(20, 50, Some(10), None), 30);
    // The outer is cancelled: with its grace, whatever that of the inner is.
    assert_eq!(dropped_at(0, 50, None, Some(10)), 60);
    assert_eq!(dropped_at(900, 50, None, Some(10)), 60);
    // Both are: the end that comes first counts, in either order.
    assert_eq!(dropped_at(90, 20, Some(10), Some(30)), 50);
    assert_eq!(dropped_at(15, 90, Some(30), Some(10)), 45);
    assert_eq!(dropped_at(0, 90, Some(30), Some(10)), 30);
}

/// A spawner that polls a job within the wake of it, and at once when it takes it.
#[derive(Clone, Copy)]
struct AtOnce;

struct Eager {
    job: Mutex<Option<Job>>,
    is_woken: AtomicBool,
}

impl Spawner for AtOnce {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        let job = Mutex::new(Some(job));
        let is_woken = AtomicBool::new(false);
        Arc::new(Eager { job, is_woken }).wake();
        Ok(())
    }
}

impl Wake for Eager {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, SeqCst);
        // Who has it polls it once more.
        while let Ok(mut job) = self.job.try_lock() {
            if !self.is_woken.swap(false, SeqCst) {
                return;
            }
            let waker = Waker::from(Arc::clone(&self));
            let mut cx = Context::from_waker(&waker);
            if job
                .as_mut()
                .is_some_and(|job| job.as_mut().poll(&mut cx).is_ready())
            {
                *job = None;
            }
        }
    }
}

/// Opens scopes in each other whose bodies await what is further in, and a shield in the innermost.
fn levels(left: usize, opened: Gate, passed: Trace) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        if left == 0 {
            return shield(async move { opened.wait().await }).await;
        }
        let inside = passed.clone();
        on(&AtOnce)
            .scope(|tg| async move {
                let below = tg.spawn(levels(left - 1, opened, inside)).await;
                passed.log(format_args!("{left}: {below:?}"));
            })
            .await;
    })
}

// Shields-7
#[test]
fn what_a_shield_held_goes_in_one_step() {
    watched("what_a_shield_held_goes_in_one_step", || {
        for left in [1, 2, 3, 8] {
            let (gate, passed) = (Gate::new(), Trace::new());
            let group = GatherGroup::on(&AtOnce);
            let key = group.spawn(levels(left, gate.clone(), passed.clone()));
            assert_eq!(gate.waiting(), 1);
            group.cancel();
            assert!(!key.is_finished());
            gate.open();
            assert!(block_on(key).unwrap_err().is_cancelled());
            block_on(group.join());
            passed.assert_empty();
        }
    });
}
