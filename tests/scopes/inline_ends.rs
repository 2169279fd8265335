//! How inline scopes end otherwise: dropped or forgotten at any point, or with a panic; and that they starve nobody.

use std::future::{pending, poll_fn};
use std::mem::forget;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;

use futures::future::{BoxFuture, FutureExt};
use ingather::cancel::CancelKind;
use ingather::{GatherIncomplete, GroupOptions, OnPanic, inline};

use crate::support::{
    AtDrop, ByHand, Drops, Fault, Gate, Rng, Site, Trace, behaviour, boom, kind, panic_of,
    unhandled, watched, yield_now, yields,
};

behaviour!(
    the_panic_of_a_child_goes_on_from_the_scope,
    the_panic_of_a_body_goes_on_from_the_scope,
    a_panic_in_the_drop_of_a_child_goes_on_from_the_scope,
    a_collected_panic_is_a_leaf,
    a_child_that_wakes_itself_for_ever_starves_nobody,
);

/// What the children of one scope have in common.
struct World {
    log: Trace,
    gate: Gate,
    text: String,
    wakers: Mutex<Vec<Waker>>,
    held: Arc<()>,
}

impl World {
    fn new() -> Self {
        Self {
            log: Trace::new(),
            gate: Gate::new(),
            text: String::from("borrowed"),
            wakers: Mutex::default(),
            held: Arc::new(()),
        }
    }

    /// Leaves its waker behind, reads what it borrows, and suspends in one of three ways.
    async fn child(&self, tg: inline::Scope<'_>, number: usize) {
        let _dropped = self.log.at_drop(format!("{number} dropped"));
        let (_held, _handle) = (Arc::clone(&self.held), tg);
        poll_fn(|cx| {
            self.wakers.lock().unwrap().push(cx.waker().clone());
            Poll::Ready(())
        })
        .await;
        for _ in 0..3 {
            self.log.log(format!("{number} {}", self.text));
            match number % 3 {
                0 => yield_now().await,
                1 => yields(100).await,
                _ => self.gate.wait().await,
            }
        }
        pending::<()>().await;
    }

    async fn body<'env>(&'env self, tg: inline::Scope<'env>) {
        let _dropped = self.log.at_drop("body dropped");
        for number in 0..6 {
            drop(tg.spawn(self.child(tg.clone(), number)));
            yield_now().await;
        }
        let key = tg.spawn(self.child(tg.clone(), 6));
        let _over = key.await;
    }

    fn wake_all(&self) {
        let wakers = std::mem::take(&mut *self.wakers.lock().unwrap());
        let (here, there) = wakers.split_at(wakers.len() / 2);
        here.iter().for_each(Waker::wake_by_ref);
        thread::scope(|threads| {
            threads.spawn(|| there.iter().for_each(Waker::wake_by_ref));
        });
        self.gate.open();
    }
}

// Inline-2
#[test]
fn dropped_at_any_number_of_polls_it_drops_all_children_on_the_spot() {
    watched("dropped_at_any_number_of_polls", || {
        let mut longest = 0;
        for polls in 0..130 {
            let (world, name) = (World::new(), Arc::<str>::from("dropped"));
            let options = GroupOptions::new().name(Arc::clone(&name)).limit(5);
            let mut scope = ByHand::new(options.inline().scope(|tg| world.body(tg)));
            for _ in 0..polls {
                assert!(scope.poll().is_pending());
            }
            let count = scope.counter();
            let before = world.log.entries();
            drop(scope);
            let (after, wakes) = (world.log.entries(), count.count());
            let started = before
                .iter()
                .filter(|entry| !entry.contains("dropped"))
                .count();
            longest = longest.max(started);
            let drops = |log: &[String]| {
                log.iter()
                    .filter(|entry| entry.ends_with("dropped"))
                    .count()
            };
            // A child that was never polled holds nothing that is logged when it is dropped.
            let polled: std::collections::BTreeSet<_> =
                before.iter().map(|entry| entry.chars().next()).collect();
            let begun = polled.len() + usize::from(polls > 0);
            assert_eq!(drops(&after), begun, "after {polls} polls: {after:?}");
            assert_eq!(after.len(), before.len() + begun, "nothing is polled");
            assert_eq!(Arc::strong_count(&world.held), 1);
            world.wake_all();
            assert_eq!((world.log.entries(), count.count()), (after, wakes));
            assert_eq!(
                Arc::strong_count(&name),
                1,
                "the group outlives its scope after {polls} polls"
            );
        }
        assert!(longest > 10, "{longest}");
    });
}

// Inline-2
#[test]
fn forgotten_at_any_number_of_polls_no_child_runs_or_is_dropped() {
    watched("forgotten_at_any_number_of_polls", || {
        for polls in 0..60 {
            let world = Box::new(World::new());
            let place = Mutex::new(None);
            let mut scope = ByHand::new(GroupOptions::new().limit(5).inline().scope(|tg| {
                *place.lock().unwrap() = Some(tg.clone());
                world.body(tg)
            }));
            for _ in 0..polls {
                assert!(scope.poll().is_pending());
            }
            let (before, held) = (world.log.entries(), Arc::strong_count(&world.held));
            forget(scope.into_inner());
            let handle = place.lock().unwrap().take();
            world.wake_all();
            let (log, late) = (world.log.clone(), Trace::new());
            let key = handle.as_ref().map(|tg| {
                let (late, text) = (&late, &world.text);
                tg.spawn(async move { late.log(text.as_str()) })
            });
            assert!(key.as_ref().is_none_or(|key| {
                matches!(
                    key.status(),
                    Some(GatherIncomplete::Running | GatherIncomplete::Waiting)
                )
            }));
            if let Some(tg) = &handle {
                tg.cancel();
            }
            let wakers = std::mem::take(&mut *world.wakers.lock().unwrap());
            assert_eq!(Arc::strong_count(&world.held), held, "none is dropped");
            drop((key, handle));
            // Everything that the children borrow is freed now. Their wakers are still there.
            drop(place);
            drop(world);
            for waker in wakers {
                waker.wake_by_ref();
                waker.wake();
            }
            assert_eq!(
                (log.entries(), late.entries().len()),
                (before, 0),
                "after {polls} polls"
            );
        }
    });
}

// Inline-2
#[test]
fn random_scopes_that_are_left_half_way_are_left_alone() {
    watched("random_scopes_that_are_left_half_way", || {
        for seed in 0..1_000 {
            let mut rng = Rng::new(seed);
            let (drops, gate, ran) = (Drops::new(), Gate::new(), AtomicUsize::new(0));
            let data = vec![seed; 8];
            let options = GroupOptions::new().limit(1 + rng.below(6));
            let (polls, body, forgets) = (rng.below(20), rng.below(30), rng.chance(50));
            let child = |_| (rng.below(5), rng.chance(40), rng.chance(20));
            let children: Vec<_> = (0..seed % 12).map(child).collect();
            let mut scope = ByHand::new(options.inline().scope(|tg| {
                let (data, drops, gate, ran) = (&data, &drops, &gate, &ran);
                async move {
                    for (polls, waits, spawns) in children {
                        let (held, own) = (drops.witness(), tg.clone());
                        drop(tg.spawn(async move {
                            let _held = held;
                            for read in &data[..polls] {
                                assert_eq!(*read, seed);
                                ran.fetch_add(1, SeqCst);
                                yield_now().await;
                            }
                            if spawns {
                                let held = drops.witness();
                                drop(own.spawn(async move {
                                    gate.wait().await;
                                    drop((held, data[0]));
                                }));
                            }
                            if waits {
                                gate.wait().await;
                                ran.fetch_add(1, SeqCst);
                            }
                        }));
                    }
                    yields(body).await;
                }
            }));
            let over = (0..polls).any(|_| scope.poll().is_ready());
            let (before, dropped) = (ran.load(SeqCst), drops.count());
            if forgets {
                forget(scope.into_inner());
            } else {
                drop(scope);
            }
            gate.open();
            assert_eq!(ran.load(SeqCst), before, "seed {seed}");
            let expected = if forgets { dropped } else { drops.made() };
            assert_eq!(drops.count(), expected, "seed {seed}");
            assert!(drops.all_here() && (!over || drops.all()), "seed {seed}");
        }
    });
}

// Inline-4
#[test]
fn a_handle_in_a_child_or_in_the_body_makes_no_cycle() {
    let (name, text) = (Arc::<str>::from("cycles"), String::from("text"));
    for polls in 0..4 {
        let options = GroupOptions::new().name(Arc::clone(&name));
        let mut scope = ByHand::new(options.inline().scope(|tg| {
            let text = &text;
            async move {
                let (own, other) = (tg.clone(), tg.clone());
                let key = tg.spawn(async move {
                    yields(200).await;
                    (own.len(), text.len())
                });
                // A key of the group in a child of the group.
                drop(tg.spawn(async move { (other.len(), key.await) }));
                yields(40).await;
            }
        }));
        let over = (0..polls).any(|_| scope.poll().is_ready());
        assert!(!over);
        drop(scope);
        assert_eq!(Arc::strong_count(&name), 1, "dropped after {polls} polls");
    }
    let done = GroupOptions::new()
        .name(Arc::clone(&name))
        .inline()
        .scope(|tg| async move {
            let own = tg.clone();
            [tg.spawn(async move { own })]
        });
    let [mut key] = futures::executor::block_on(done);
    // The handle is the value of the group's own child: the key holds it, and nothing else does.
    let Poll::Ready(Ok(handle)) = ByHand::new(&mut key).poll() else {
        panic!("the child is over")
    };
    drop((key, handle));
    assert_eq!(Arc::strong_count(&name), 1);
}

// Inline-3
async fn a_child_that_wakes_itself_for_ever_starves_nobody(_: Site) {
    let (spins, over) = (AtomicUsize::new(0), Gate::new());
    let scope = inline::try_scope(|tg| {
        let (spins, over) = (&spins, &over);
        async move {
            for _ in 0..3 {
                drop(tg.spawn(poll_fn(move |cx| {
                    spins.fetch_add(1, SeqCst);
                    cx.waker().wake_by_ref();
                    Poll::<()>::Pending
                })));
            }
            drop(tg.spawn(async move {
                yields(10).await;
                over.open();
            }));
            over.wait().await;
            yields(10).await;
            Err::<(), _>(Fault("enough"))
        }
    });
    // Whatever else is in the surrounding task has its turns: it is what ends the wait for the siblings.
    let beside = async {
        over.wait().await;
        yields(10).await;
    };
    let (scope, ()) = futures::future::join(scope.boxed(), beside).await;
    assert_eq!(
        scope.unwrap_err().into_first().into_error(),
        Some(Fault("enough"))
    );
}

// Inline-3
#[test]
fn one_poll_of_a_scope_polls_each_child_that_yields_once() {
    let (children, body) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let always = |count: &AtomicUsize, waker: &Waker| {
        count.fetch_add(1, SeqCst);
        waker.wake_by_ref();
        Poll::<()>::Pending
    };
    let mut scope = ByHand::new(inline::scope(|tg| {
        let (children, body, always) = (&children, &body, &always);
        async move {
            for _ in 0..5 {
                drop(tg.spawn(poll_fn(move |cx| always(children, cx.waker()))));
            }
            poll_fn(move |cx| always(body, cx.waker())).await;
        }
    }));
    for poll in 1..=100 {
        assert!(scope.poll().is_pending());
        // It is done with its turn and asks for the next one, once.
        assert_eq!(scope.wakes(), poll);
        assert_eq!(children.swap(0, SeqCst), 5);
        assert_eq!(body.swap(0, SeqCst), 1);
    }
}

// Inline-3
#[test]
fn a_scope_that_sleeps_is_woken_once() {
    let (gates, ran) = ([Gate::new(), Gate::new(), Gate::new()], AtomicUsize::new(0));
    let mut scope = ByHand::new(inline::scope(|tg| {
        let (gates, ran) = (&gates, &ran);
        async move {
            for gate in gates {
                drop(tg.spawn(async move {
                    gate.wait().await;
                    ran.fetch_add(1, SeqCst);
                }));
            }
        }
    }));
    // The first poll starts the children and has them wait.
    assert!(scope.poll().is_pending());
    let idle = scope.wakes();
    assert!(scope.poll().is_pending());
    assert_eq!(scope.wakes(), idle, "it is asleep");
    gates[0].open();
    gates[1].open();
    assert_eq!(
        (scope.wakes(), ran.load(SeqCst)),
        (idle + 1, 0),
        "only the task runs children"
    );
    assert!(scope.poll().is_pending());
    assert_eq!((scope.wakes(), ran.load(SeqCst)), (idle + 1, 2));
    gates[2].open();
    assert_eq!(scope.wakes(), idle + 2);
    assert!(scope.poll().is_ready());
    assert_eq!((scope.wakes(), ran.load(SeqCst)), (idle + 2, 3));
}

/// The text of the panic that a future ends with.
async fn text_of(future: BoxFuture<'_, ()>) -> Option<&'static str> {
    let payload = std::panic::AssertUnwindSafe(future)
        .catch_unwind()
        .await
        .err()?;
    payload.downcast_ref::<&'static str>().copied()
}

// Inline-1, Panics-1
async fn the_panic_of_a_child_goes_on_from_the_scope(_: Site) {
    let (drops, gate) = (Drops::new(), Gate::new());
    let scope = inline::scope(|tg| {
        let (drops, gate) = (&drops, &gate);
        async move {
            let _of_body = drops.witness();
            for _ in 0..5 {
                let held = drops.witness();
                drop(tg.spawn(async move {
                    let _held = held;
                    gate.wait().await;
                }));
            }
            drop(tg.spawn(async move {
                yields(3).await;
                boom("in a child")
            }));
            gate.wait().await;
        }
    });
    assert_eq!(text_of(scope.boxed()).await, Some("in a child"));
    assert_eq!((drops.made(), drops.count()), (6, 6));
}

// Inline-1, Panics-1
async fn the_panic_of_a_body_goes_on_from_the_scope(_: Site) {
    let drops = Drops::new();
    let scope = inline::scope(|tg| {
        let drops = &drops;
        async move {
            for _ in 0..5 {
                let held = drops.witness();
                drop(tg.spawn(async move {
                    let _held = held;
                    Gate::new().wait().await;
                }));
            }
            yield_now().await;
            if tg.len() == 5 {
                boom("in the body")
            }
        }
    });
    assert_eq!(text_of(scope.boxed()).await, Some("in the body"));
    assert_eq!((drops.made(), drops.count()), (5, 5));
    let called = inline::scope(|tg| {
        drop(tg.spawn(Gate::new().wait()));
        if tg.len() == 1 {
            boom("in the callable")
        }
        async {}
    });
    assert_eq!(text_of(called.boxed()).await, Some("in the callable"));
}

// Inline-1, Inline-2, Panics-1
async fn a_panic_in_the_drop_of_a_child_goes_on_from_the_scope(on: Site) {
    let drops = Drops::new();
    let name = format!("inline drop {:?} {}", on.kind, on.inside);
    let scope = |cancels: bool| {
        let (drops, name, begun) = (&drops, name.as_str(), Trace::new());
        inline::scope(move |tg| async move {
            for _ in 0..3 {
                let held = drops.witness();
                let begins = begun.clone();
                drop(tg.named(name).spawn(async move {
                    let _panics = AtDrop(Some(|| boom("in a drop")));
                    let _held = held;
                    begins.log("one");
                    Gate::new().wait().await;
                }));
            }
            while begun.entries().len() < 3 {
                yield_now().await;
            }
            match cancels {
                true => tg.cancel(),
                false => Gate::new().wait().await,
            }
        })
    };
    assert_eq!(text_of(scope(true).boxed()).await, Some("in a drop"));
    assert_eq!((drops.made(), drops.count()), (3, 3));
    assert_eq!(unhandled::taken(&name).len(), 2, "one was resumed");
    let mut dropped = ByHand::new(scope(false));
    // Until all have begun, whoever is polled first.
    (0..50).for_each(|_| assert!(dropped.poll().is_pending()));
    assert_eq!(panic_of(|| drop(dropped)), None);
    assert_eq!((drops.made(), drops.count()), (6, 6));
    assert_eq!(unhandled::taken(&name).len(), 3);
}

// Inline-1, Panics-2
async fn a_collected_panic_is_a_leaf(_: Site) {
    let options = GroupOptions::new().on_panic(OnPanic::Collect);
    let text = String::from("text");
    let scope = options.inline().try_scope(|tg| {
        let text = &text;
        async move {
            let sibling = tg.spawn(async move {
                Gate::new().wait().await;
                text.len()
            });
            drop(tg.spawn(async { boom("collected") }));
            yield_now().await;
            assert_eq!(kind(&sibling), Some(CancelKind::SiblingFailed));
            Ok::<_, Fault>(())
        }
    });
    let error = scope.await.unwrap_err();
    assert_eq!(error.len(), 1);
    assert!(error.first().is_panic());
}
