//! How blocking scopes end otherwise: with errors, panics and cancels; and what outlives them.

use std::sync::Arc;
use std::thread;

use ingather::cancel::CancelKind;
use ingather::{GatherIncomplete, GroupOptions, OnError, OnPanic, parallel};

use crate::support::{
    AtDrop, Drops, Fault, Gate, Site, Trace, behaviour, boom, kind, may_block, panic_of, unhandled,
    yields,
};

behaviour!(outside:
    a_child_in_its_poll_is_waited_for,
);

behaviour!(
    errors_come_out_together,
    the_panic_of_a_child_goes_on_from_the_scope,
    the_panic_of_a_body_goes_on_from_the_scope,
    a_panic_in_the_drop_of_a_child_goes_on_from_the_scope,
    a_collected_panic_is_a_leaf,
    the_body_cancels,
    a_handle_that_outlives_the_scope_rejects,
);

// Blocking-1
async fn a_child_in_its_poll_is_waited_for(on: Site) {
    let (inside, release, drops) = (Gate::new(), Gate::new(), Drops::new());
    let opener = {
        let (inside, release) = (inside.clone(), release.clone());
        thread::spawn(move || {
            inside.block();
            release.open();
        })
    };
    parallel::on(&on.spawner).scope(|tg| {
        let held = drops.witness();
        drop(tg.spawn(async {
            let _held = held;
            inside.open();
            release.block();
            Gate::new().wait().await;
        }));
        inside.block();
        // It is in its poll elsewhere, and is dropped at the end of it.
        tg.cancel();
    });
    assert!(drops.all());
    opener.join().unwrap();
}

// Blocking-1, Errors-3, Errors-7
async fn errors_come_out_together(on: Site) {
    if !may_block(&on) {
        return;
    }
    let (texts, drops) = (
        [String::from("first"), String::from("second")],
        Drops::new(),
    );
    let failed = parallel::on(&on.spawner).try_scope(|tg| {
        let held = drops.witness();
        drop(tg.spawn(async {
            let _held = held;
            Gate::new().wait().await;
        }));
        let key = tg
            .named("fails")
            .try_spawn(async { Err::<(), &str>(&texts[0]) });
        assert_eq!(tg.wait(key), Err(GatherIncomplete::Failed));
        assert!(tg.is_cancelled(), "the body goes on");
        Ok(())
    });
    let error = failed.unwrap_err();
    assert!(drops.all());
    let child = error.iter().next().unwrap().child().unwrap();
    assert_eq!(
        (error.len(), child.name(), child.location().file()),
        (1, Some("fails"), file!())
    );
    assert_eq!(error.first().error(), Some(&"first"));
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_error(OnError::KeepGoing);
    let failed = options.parallel().try_scope(|tg| {
        let key = tg.try_spawn(async { Err::<(), &str>(&texts[0]) });
        assert_eq!(tg.wait(key), Err(GatherIncomplete::Failed));
        Err::<(), _>(texts[1].as_str())
    });
    let error = failed.unwrap_err();
    let errors: Vec<_> = error
        .iter()
        .filter_map(|leaf| leaf.failure().error())
        .collect();
    assert_eq!(errors, [&"first", &"second"]);
}

// Blocking-1, Panics-1
async fn the_panic_of_a_child_goes_on_from_the_scope(on: Site) {
    if !may_block(&on) {
        return;
    }
    let (drops, log) = (Drops::new(), Trace::new());
    let text = panic_of(|| {
        parallel::on(&on.spawner).scope(|tg| {
            for _ in 0..5 {
                let held = drops.witness();
                drop(tg.spawn(async {
                    let _held = held;
                    Gate::new().wait().await;
                }));
            }
            let key = tg.spawn(async {
                yields(3).await;
                boom("in a child")
            });
            assert_eq!(tg.wait::<()>(key), Err(GatherIncomplete::Panicked));
            log.log("the body is not interrupted");
        })
    });
    assert_eq!((text, log.entries().len()), (Some("in a child"), 1));
    assert_eq!((drops.made(), drops.count()), (5, 5));
}

// Blocking-1, Panics-1
async fn the_panic_of_a_body_goes_on_from_the_scope(on: Site) {
    if !may_block(&on) {
        return;
    }
    let drops = Drops::new();
    let text = panic_of(|| {
        parallel::on(&on.spawner).scope(|tg| {
            for number in 0..10 {
                let held = drops.witness();
                drop(tg.spawn(async move {
                    let _held = held;
                    yields(number).await;
                    Gate::new().wait().await;
                }));
            }
            boom("in the body")
        })
    });
    assert_eq!(text, Some("in the body"));
    assert_eq!((drops.made(), drops.count()), (10, 10));
}

// Blocking-1, Panics-1, Panics-4
async fn a_panic_in_the_drop_of_a_child_goes_on_from_the_scope(on: Site) {
    if !may_block(&on) {
        return;
    }
    let (drops, name) = (
        Drops::new(),
        format!("blocking drop {:?} {}", on.kind, on.inside),
    );
    let text = panic_of(|| {
        parallel::on(&on.spawner).scope(|tg| {
            for number in 0..3 {
                let held = drops.witness();
                drop(tg.named(&*name).spawn(async move {
                    let _panics = AtDrop(Some(|| boom("in a drop")));
                    let _held = held;
                    yields(number).await;
                }));
            }
        })
    });
    assert_eq!(text, Some("in a drop"));
    assert_eq!((drops.made(), drops.count()), (3, 3));
    // Those that were cancelled before their first poll had nothing yet that panics.
    assert!(unhandled::taken(&name).len() <= 2);
}

// Blocking-1, Panics-2
async fn a_collected_panic_is_a_leaf(on: Site) {
    if !may_block(&on) {
        return;
    }
    let options = GroupOptions::new()
        .on(&on.spawner)
        .on_panic(OnPanic::Collect);
    let error = options.parallel().try_scope(|tg| {
        let key = tg.spawn(async { boom("collected") });
        assert_eq!(tg.wait::<()>(key), Err(GatherIncomplete::Panicked));
        Ok::<_, Fault>(())
    });
    let error = error.unwrap_err();
    assert_eq!((error.len(), error.first().is_panic()), (1, true));
}

// Blocking-1, Cancelling-2
async fn the_body_cancels(on: Site) {
    if !may_block(&on) {
        return;
    }
    let (drops, gate) = (Drops::new(), Gate::new());
    parallel::on(&on.spawner).scope(|tg| {
        let children: Vec<_> = (0..20)
            .map(|_| {
                let held = drops.witness();
                tg.spawn(async {
                    let _held = held;
                    gate.wait().await;
                })
            })
            .collect();
        tg.cancel();
        tg.cancel();
        assert_eq!(kind(&tg.spawn(async {})), Some(CancelKind::Explicit));
        for key in children {
            let Err(GatherIncomplete::Cancelled(reason)) = tg.wait(key) else {
                panic!("it was not cancelled")
            };
            assert_eq!(reason.kind(), CancelKind::Explicit);
        }
        assert!(drops.all());
    });
    assert_eq!(drops.count(), 20);
}

// Blocking-1, Leaving-5
async fn a_handle_that_outlives_the_scope_rejects(on: Site) {
    if !may_block(&on) {
        return;
    }
    let (drops, name) = (Drops::new(), Arc::<str>::from("outlived"));
    let options = GroupOptions::new().on(&on.spawner).name(Arc::clone(&name));
    let handle = options.parallel().scope(|tg| tg);
    let held = drops.witness();
    let key = handle.spawn(async { drop(held) });
    assert!(drops.all_here() && drops.all());
    assert_eq!(kind(&key), Some(CancelKind::Closed));
    assert!(matches!(
        handle.wait(key),
        Err(GatherIncomplete::Cancelled(_))
    ));
}
