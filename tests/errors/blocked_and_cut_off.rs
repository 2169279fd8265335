//! Code that is to be dropped at its next suspension and blocks its thread instead: it gets all that it waits for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use futures::{FutureExt, StreamExt, stream};
use ingather::error::Failure;
use ingather::{GroupError, GroupOptions, Scope, current_token, inline, run_sync};

use crate::support::{Fault, Site, behaviour, throw, yields};

behaviour!(
    a_child_that_blocks_its_thread_gets_panics_and_errors,
    an_owner_that_drives_in_a_body_that_is_cancelled_loses_nothing,
);
behaviour!(outside: a_body_that_blocks_its_thread_gets_panics_and_errors);

/// What is waited for, which a panic goes through or an error comes out of.
#[derive(Clone, Copy, Debug)]
enum Waits {
    Scope,
    InlineScope,
    Join,
    Gather,
    InlineGather,
    Quorum,
    InlineQuorum,
    Map,
    TryScope,
    TryJoin,
    TryGather,
    InlineTryGather,
}

fn explodes() {
    throw("7")
}

impl Waits {
    const ALL: [Self; 12] = [
        Self::Scope,
        Self::InlineScope,
        Self::Join,
        Self::Gather,
        Self::InlineGather,
        Self::Quorum,
        Self::InlineQuorum,
        Self::Map,
        Self::TryScope,
        Self::TryJoin,
        Self::TryGather,
        Self::InlineTryGather,
    ];

    /// Opens it with children or calls that end after this many suspensions. It panics with a text, or gives the error.
    async fn run(
        self,
        options: impl Fn() -> GroupOptions,
        suspensions: usize,
    ) -> Result<(), GroupError<Fault>> {
        let panics = move || async move {
            yields(suspensions).await;
            explodes()
        };
        let tries = move || async move {
            panics().await;
            Ok::<_, Fault>(())
        };
        let fails = move || async move {
            yields(suspensions).await;
            Err::<(), _>(Fault("7"))
        };
        match self {
            Self::Scope => {
                options()
                    .scope(|tg| async move { drop(tg.spawn(panics())) })
                    .await;
            }
            Self::InlineScope => {
                inline::scope(|tg| async move { drop(tg.spawn(panics())) }).await;
            }
            Self::Join => {
                let group = options().group();
                group.spawn(panics());
                group.join().await;
            }
            Self::Gather => drop(options().gather([panics, panics]).await),
            Self::InlineGather => drop(inline::gather([panics, panics]).await),
            Self::Quorum => drop(options().quorum(1, [tries]).await),
            Self::InlineQuorum => drop(inline::quorum(1, [tries]).await),
            Self::Map => {
                let items = options().map_concurrent(stream::iter(0..2), 2, |_| panics());
                items.collect::<Vec<()>>().await;
            }
            Self::TryScope => {
                return options()
                    .try_scope(|tg| async move {
                        tg.try_spawn(fails());
                        Ok(())
                    })
                    .await;
            }
            Self::TryJoin => {
                let group = options().fallible_group();
                group.try_spawn(fails());
                return group.try_join().await.map(drop);
            }
            Self::TryGather => return options().try_gather([fails, fails]).await.map(drop),
            Self::InlineTryGather => return inline::try_gather([fails, fails]).await.map(drop),
        }
        Ok(())
    }

    /// Runs it on a thread that is blocked for it, on what is current there.
    fn blocks(self, suspensions: usize) {
        let run = || run_sync(self.run(GroupOptions::new, suspensions));
        self.came(suspensions, catch_unwind(AssertUnwindSafe(run)));
    }

    fn came(self, suspensions: usize, came: std::thread::Result<Result<(), GroupError<Fault>>>) {
        let what = (self, suspensions);
        match came {
            Ok(result) => {
                let error = result.expect_err("something failed");
                let leaf = error.iter().next().expect("there is a leaf").failure();
                assert!(
                    matches!(leaf, Failure::Error(Fault("7"))),
                    "{what:?}: {leaf:?}"
                );
            }
            Err(payload) => {
                let text = payload.downcast_ref::<String>().map(String::as_str);
                assert_eq!(text, Some("7"), "{what:?}");
            }
        }
    }
}

// Leaving-8
async fn a_child_that_blocks_its_thread_gets_panics_and_errors(on: Site) {
    for waits in Waits::ALL {
        for suspensions in [0, 1, 3] {
            let key = ingather::on(&on.spawner)
                .scope(|tg: Scope| async move {
                    let key = tg.spawn(async move {
                        current_token().cancel();
                        waits.blocks(suspensions);
                    });
                    key.await
                })
                .await;
            assert_eq!(key, Ok(()));
        }
    }
}

// Leaving-8
async fn a_body_that_blocks_its_thread_gets_panics_and_errors(on: Site) {
    for waits in Waits::ALL {
        for suspensions in [0, 1, 3] {
            let result = ingather::on(&on.spawner)
                .try_scope(|tg: Scope<Fault>| async move {
                    tg.cancel();
                    waits.blocks(suspensions);
                    Ok(7)
                })
                .await;
            assert_eq!(result.ok(), Some(7));
        }
    }
}

// Leaving-8
async fn an_owner_that_drives_in_a_body_that_is_cancelled_loses_nothing(on: Site) {
    for waits in Waits::ALL {
        for suspensions in [0, 1, 3] {
            let inner = on.clone();
            let told = Arc::new(Mutex::new(None));
            let tell = told.clone();
            let body = ingather::on(&on.spawner)
                .try_scope(|tg: Scope<Fault>| async move {
                    tg.cancel();
                    let group = ingather::on(&inner.spawner).group();
                    let spawner = inner.spawner.clone();
                    let run = waits.run(move || ingather::on(&spawner), suspensions);
                    let key = group.spawn(async move {
                        let caught = AssertUnwindSafe(run).catch_unwind().await;
                        *tell.lock().unwrap() = Some(caught);
                    });
                    group.join().await;
                    drop(key);
                    Ok(())
                })
                .await;
            drop(body);
            // The body may be dropped before that, and the child with it.
            if let Some(came) = told.lock().unwrap().take() {
                waits.came(suspensions, came);
            }
        }
    }
}
