//! Clean-ups in which something holds off the drop beyond the grace: they go on until that is over, and then the scope is left.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;

use futures::FutureExt;
use futures::future::BoxFuture;
use ingather::cancel::with_cleanup;
use ingather::tasks::TaskRegistry;
use ingather::{CancelToken, GroupOptions, shield, to_thread};

use crate::support::{Fault, Gate, HOUR, Site, behaviour, yields};

behaviour!(
    a_cleanup_goes_on_as_long_as_something_in_it_holds,
    what_holds_beside_a_cleanup_does_not_prolong_it,
);

/// What holds in the clean-up.
#[derive(Clone, Copy, Debug)]
enum Holds {
    Shield,
    Thread,
    ShieldInScope,
}

/// Whose clean-up it is.
#[derive(Clone, Copy, Debug)]
enum Whose {
    Child,
    Body,
    Task,
    Loser,
}

use Holds::{Shield, ShieldInScope, Thread};
use Whose::{Body, Child, Loser, Task};

impl Holds {
    /// Waits for ever, and cleans up as long as the gate is shut.
    fn cleans(self, [begun, gate, cleaned]: &[Gate; 3]) -> BoxFuture<'static, u32> {
        let [begun, gate, cleaned] = [begun, gate, cleaned].map(Gate::clone);
        let cleanup = move || async move {
            match self {
                Shield => shield(gate.wait()).await,
                Thread => to_thread(move || gate.block()).await,
                ShieldInScope => {
                    let held = async move { shield(gate.wait()).await };
                    ingather::inline::scope(|tg| async move { drop(tg.spawn(held).await) }).await;
                }
            }
            cleaned.open();
        };
        let waits = async move {
            begun.open();
            pending::<u32>().await
        };
        with_cleanup(waits, cleanup).boxed()
    }
}

/// Cancels what has the clean-up, and waits until that is gone.
async fn run(whose: Whose, options: GroupOptions, begun: Gate, cleans: BoxFuture<'static, u32>) {
    let token = CancelToken::new();
    match whose {
        Child => {
            let scope = options.scope(|tg| async move {
                let key = tg.spawn(cleans);
                begun.wait().await;
                key.cancel();
                assert!(key.await.is_err());
            });
            scope.await;
        }
        Body => {
            let cancels = token.clone();
            let body = options.token(&token).try_scope(|tg| async move {
                let _cancels = tg.spawn(async move {
                    begun.wait().await;
                    cancels.cancel();
                });
                Ok::<_, Fault>(cleans.await)
            });
            assert!(body.await.is_err());
        }
        Task => {
            let registry: TaskRegistry = options.registry();
            let task = registry.create_task(cleans);
            begun.wait().await;
            task.cancel();
            assert!(task.await.is_err());
        }
        Loser => {
            let wins = async move {
                begun.wait().await;
                7
            };
            let calls = [cleans, wins.boxed()].map(|call| move || call);
            assert_eq!(options.race(calls).await, 7);
        }
    }
}

// Cancelling-11, Shields-1, Threads-8
async fn a_cleanup_goes_on_as_long_as_something_in_it_holds(on: Site) {
    let _hold = on.hold();
    for whose in [Child, Body, Task, Loser] {
        for holds in [Shield, ShieldInScope, Thread] {
            for grace in [None, Some(HOUR)] {
                let options = GroupOptions::new().on(&on.spawner);
                let options = match grace {
                    Some(grace) => options.grace(grace),
                    None => options,
                };
                let gates = [Gate::new(), Gate::new(), Gate::new()];
                let [begun, gate, cleaned] = gates.each_ref();
                let run = run(whose, options, begun.clone(), holds.cleans(&gates));
                // When it has been cancelled for a while, but for a loaded machine.
                let opens = async {
                    begun.wait().await;
                    yields(30).await;
                    gate.open();
                };
                futures::join!(run, opens);
                // A closure that has not begun is not called then. (A scope inside is dropped without a grace of its own.)
                let may_be_cut =
                    matches!(holds, ShieldInScope) || (matches!(holds, Thread) && grace.is_none());
                let is_over = cleaned.is_open() || may_be_cut;
                assert!(is_over, "{whose:?}, {holds:?}, {grace:?}");
            }
        }
    }
}

// Cancelling-11, Shields-1
async fn what_holds_beside_a_cleanup_does_not_prolong_it(on: Site) {
    let polls = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&polls);
    let (begun, gate) = (Gate::new(), Gate::new());
    let (begins, waits) = (begun.clone(), gate.clone());
    let cleanup = move || {
        poll_fn(move |cx| {
            counts.fetch_add(1, Relaxed);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        })
    };
    let child = async move {
        let held = shield(async move {
            begins.open();
            waits.wait().await;
        });
        futures::join!(with_cleanup(pending::<()>(), cleanup), held).1
    };
    let options = GroupOptions::new().on(&on.spawner);
    let scope = options.scope(|tg| async move {
        let key = tg.spawn(child);
        begun.wait().await;
        tg.cancel();
        let mut before = 0;
        // Without grace it is polled no more then, and the shield beside it lasts.
        loop {
            yields(100).await;
            let now = polls.load(Relaxed);
            if now > 0 && now == before {
                break;
            }
            before = now;
        }
        gate.open();
        assert!(key.await.is_err());
    });
    scope.await;
}
