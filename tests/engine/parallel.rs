//! Children run at the same time where the spawner has the threads for it, whatever the owner is in the middle of.

use ingather::Spawner;
use ingather::spawner::SpawnerHandle;
use tokio::runtime::Builder;

use crate::support::{Gate, PATIENCE, Site, behaviour, watched};

behaviour!(two_children_run_at_the_same_time_in_each_of_ten_bursts);

/// Two children that wait for each other within one poll. Each tells whether the other came.
fn pair() -> [impl Future<Output = bool> + Send + 'static; 2] {
    let gates = [Gate::new(), Gate::new()];
    [0, 1].map(|own| {
        let (here, there) = (gates[own].clone(), gates[1 - own].clone());
        async move {
            here.open();
            there.block_for(PATIENCE)
        }
    })
}

/// Ten pairs in one scope, and a pair in each of ten.
async fn bursts(spawner: SpawnerHandle) {
    ingather::on(&spawner)
        .scope(|tg| async move {
            for burst in 1..=10 {
                let met = pair().map(|child| tg.spawn(child));
                for key in met {
                    assert_eq!(key.await, Ok(true), "burst {burst} of one scope");
                }
            }
        })
        .await;
    for burst in 1..=10 {
        ingather::on(&spawner)
            .scope(|tg| async move {
                for key in pair().map(|child| tg.spawn(child)) {
                    assert_eq!(key.await, Ok(true), "scope {burst}");
                }
            })
            .await;
    }
}

// Executors-3
async fn two_children_run_at_the_same_time_in_each_of_ten_bursts(on: Site) {
    if on.spawner.parallelism().get() > 1 {
        bursts(on.spawner).await;
    }
}

// Executors-3
#[test]
fn two_children_of_a_task_of_tokio_run_at_the_same_time() {
    watched("two_children_of_a_task_of_tokio", || {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        // Not as a job: what wakes the owner is tokio's own waker.
        let owner = bursts(SpawnerHandle::new(runtime.handle().clone()));
        runtime.block_on(runtime.spawn(owner)).unwrap();
    });
}
