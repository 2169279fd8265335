//! What children of local groups, dropped bodies and hasty spawners read.

use crate::contexts::{NUMBER, Reads, TEXT, nothing_is_set, read, thrice};
use crate::support::{Fault, HostileSpawner, Mischief, stepper, watched};
use async_executor::LocalExecutor;
use ingather::{GatherGroup, LocalGatherGroup, try_scope_on};
use std::future::pending;
use std::rc::Rc;

// Context-6
#[test]
fn local_groups_hand_on_what_is_set() {
    watched("context in a local group", || {
        let executor = Rc::new(LocalExecutor::new());
        let group = LocalGatherGroup::on_local(&executor);
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
        let spawner = stepper.clone();
        let scope = try_scope_on(&spawner, |tg| async move {
            let _held = reader;
            drop(tg.try_spawn(async { Err::<(), _>(Fault("it")) }));
            pending::<Result<(), Fault>>().await
        });
        let scope = NUMBER.scope(1, scope);
        assert!(crate::faults::finish(&stepper, scope).is_err());
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
        assert_eq!(
            group.take_result(key).unwrap(),
            (Some(1), Some("around the driver"))
        );
        assert!(group.take_result(without).unwrap());
    });
}
