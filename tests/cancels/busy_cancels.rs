//! Cancels that are carried out on one thread while another is in the middle of a child's poll.

use std::future::pending;
use std::thread;
use std::time::Duration;

use futures::executor::block_on;
use ingather::cancel::with_cleanup;
use ingather::spawner::SpawnerHandle;
use ingather::{GatherGroup, GroupOptions, inline, shield};

use crate::support::{
    AtDrop, Drops, Gate, HostileSpawner, Mischief, Polls, SECOND, Wound, watched, yields,
};

/// Runs a test with a group on four threads, in options of its own.
fn on_threads(name: &str, test: impl Fn(&SpawnerHandle)) {
    watched(name, || {
        let pool = HostileSpawner::on_threads("busy", 4, Mischief::honest(), 0);
        test(&SpawnerHandle::new(pool.clone()));
        pool.shut_down();
        pool.join();
    });
}

/// A gate that is opened when the sweep of the group has come past all children that were there before.
fn swept(group: &GatherGroup) -> Gate {
    let (gate, begun) = (Gate::new(), Gate::new());
    let (opens, begins) = (gate.clone(), begun.clone());
    let dropped = AtDrop(Some(move || opens.open()));
    group.spawn(async move {
        let _dropped = dropped;
        begins.open();
        pending::<()>().await;
    });
    begun.block();
    gate
}

// Shields-3, Cancelling-2
#[test]
fn the_groups_inside_a_child_that_is_being_polled_are_told() {
    let name = "the_groups_inside_a_child_that_is_being_polled_are_told";
    on_threads(name, |pool| {
        let group = GroupOptions::new().on(pool).group();
        let (busy, passed, shielded) = (Gate::new(), Gate::new(), Gate::new());
        let drops = Drops::new();
        let (held, is_busy, goes_on) = (drops.witness(), busy.clone(), passed.clone());
        let waits = shielded.clone();
        let child = group.spawn(inline::scope(|tg| async move {
            tg.spawn(shield(async move { waits.wait().await }));
            tg.spawn(async move {
                let _held = held;
                pending::<()>().await;
            });
            yields(3).await;
            is_busy.open();
            goes_on.block();
        }));
        busy.block();
        let swept = swept(&group);
        group.cancel();
        swept.block();
        passed.open();
        while !drops.all() {
            thread::yield_now();
        }
        assert!(!child.is_finished());
        shielded.open();
        assert_eq!(block_on(group.join()).total(), 2);
    });
}

// Cancelling-11
#[test]
fn a_cleanup_that_is_being_polled_when_the_grace_is_over_is_dropped() {
    let name = "a_cleanup_that_is_being_polled_when_the_grace_is_over_is_dropped";
    on_threads(name, |pool| {
        let wound = Wound::new();
        let options = GroupOptions::new().grace(SECOND).on(&wound.on(pool));
        let group = options.group();
        let (begun, cleans, again) = (Gate::new(), Gate::new(), Gate::new());
        let (busy, passed, drops) = (Gate::new(), Gate::new(), Drops::new());
        let kept = {
            let (begun, cleans, held) = (begun.clone(), cleans.clone(), drops.witness());
            let future = async move {
                begun.open();
                pending::<()>().await;
            };
            with_cleanup(future, move || async move {
                let _held = held;
                cleans.open();
                pending::<()>().await;
            })
        };
        let blocks = {
            let (again, busy, passed) = (again.clone(), busy.clone(), passed.clone());
            async move {
                again.wait().await;
                busy.open();
                passed.block();
                pending::<()>().await;
            }
        };
        // In this order: the clean-up has been polled when the other blocks.
        group.spawn(async move {
            futures::join!(kept, blocks);
        });
        begun.block();
        let swept = swept(&group);
        group.cancel();
        cleans.block();
        again.open();
        busy.block();
        wound.wind(2 * SECOND);
        swept.block();
        assert_eq!(drops.count(), 0);
        passed.open();
        assert_eq!(block_on(group.join()).cancelled, 2);
        assert!(drops.all());
    });
}

// Shields-1, Cancelling-2
#[test]
fn a_shield_that_is_raised_after_the_sweep_in_the_same_poll_holds() {
    let name = "a_shield_that_is_raised_after_the_sweep_in_the_same_poll_holds";
    on_threads(name, |pool| {
        let group = GroupOptions::new().on(pool).group();
        let (busy, passed, gate) = (Gate::new(), Gate::new(), Gate::new());
        let (is_busy, goes_on, waits, polls) =
            (busy.clone(), passed.clone(), gate.clone(), Polls::new());
        let key = group.spawn(polls.clone().of(async move {
            is_busy.open();
            goes_on.block();
            shield(waits.wait()).await;
            7
        }));
        busy.block();
        let swept = swept(&group);
        group.cancel();
        swept.block();
        passed.open();
        while gate.waiting() == 0 {
            thread::yield_now();
        }
        assert!(!key.is_finished());
        gate.open();
        assert_eq!(block_on(group.join()).ok, 1);
        assert_eq!(block_on(key), Ok(7));
        assert!(polls.count() <= 3, "polled {} times", polls.count());
    });
}

// Dropping-2, Shields-6
#[test]
fn a_shielded_child_that_is_being_polled_when_its_owner_goes_is_dropped_at_the_end_of_that_poll() {
    let name = "a_shielded_child_that_is_being_polled_when_its_owner_goes";
    on_threads(name, |pool| {
        let group = GroupOptions::new().grace(Duration::MAX).on(pool).group();
        let (busy, passed, drops) = (Gate::new(), Gate::new(), Drops::new());
        let (is_busy, goes_on, held) = (busy.clone(), passed.clone(), drops.witness());
        let key = group.spawn(shield(async move {
            let _held = held;
            yields(1).await;
            is_busy.open();
            goes_on.block();
            pending::<()>().await;
        }));
        busy.block();
        drop(group);
        assert!(!key.is_finished() && drops.count() == 0);
        passed.open();
        while !drops.all() {
            thread::yield_now();
        }
    });
}
