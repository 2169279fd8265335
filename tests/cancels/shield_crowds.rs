//! Shields in local groups, and very many of them.

use crate::support::{Drops, SECOND, watched, yields};
use ingather::cancel::with_cleanup;
use ingather::clock::sleep;
use ingather::testing::TestExecutor;
use ingather::{Key, scope, shield, timeout};
use std::future::pending;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

// Shields-1, Shields-6
#[test]
fn a_local_group_honours_shields_and_its_drop_does_not() {
    watched(
        "a_local_group_honours_shields_and_its_drop_does_not",
        || {
            let executor = TestExecutor::new();
            let shared = Rc::new(());
            let keys: Arc<Mutex<Vec<Key<()>>>> = Arc::default();
            let (mine, kept) = (Rc::clone(&shared), Arc::clone(&keys));
            let mut local = Box::pin(ingather::local::on(&executor).scope(|tg| async move {
                let other = Rc::clone(&mine);
                let one = tg.spawn(shield(async move {
                    sleep(2 * SECOND).await;
                    drop(mine);
                }));
                let two = tg.spawn(shield(async move {
                    let _other = other;
                    pending::<()>().await;
                }));
                kept.lock().unwrap().extend([one, two]);
                sleep(SECOND).await;
                tg.cancel();
                pending::<()>().await;
            }));
            executor.block_on(async {
                let watch = timeout(3 * SECOND, &mut local);
                assert!(watch.await.is_err());
                assert_eq!(Rc::strong_count(&shared), 2);
                let ends: Vec<_> = keys.lock().unwrap().iter().map(Key::is_finished).collect();
                assert_eq!(ends, [true, false]);
                drop(local);
                assert_eq!(Rc::strong_count(&shared), 1);
                keys.lock().unwrap().clear();
            });
        },
    );
}

// Shields-1, Cancelling-11
#[test]
fn very_many_shields_and_cleanups_in_one_group_inside_a_child() {
    watched(
        "very_many_shields_and_cleanups_in_one_group_inside_a_child",
        || {
            let executor = TestExecutor::new().with_step_limit(u64::MAX);
            let cleaned = Drops::new();
            let counts = cleaned.clone();
            executor.block_on(scope(|tg| async move {
                let key = tg.spawn(scope(|tg| async move {
                    for number in 0..10_000_u32 {
                        let counts = counts.clone();
                        if number % 2 == 0 {
                            tg.spawn(shield(sleep(SECOND * (number % 5 + 1))));
                        } else {
                            tg.spawn(with_cleanup(pending::<()>(), || async move {
                                drop(counts.witness());
                            }));
                        }
                    }
                }));
                yields(1_000).await;
                key.cancel();
            }));
            assert_eq!(cleaned.count(), 5_000);
            assert_eq!(executor.elapsed(), 5 * SECOND);
        },
    );
}
