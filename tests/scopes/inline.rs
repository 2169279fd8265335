//! Inline scopes: children that borrow take turns with the body inside the task that awaits the scope.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use futures::future::{BoxFuture, FutureExt};
use ingather::spawner::{current_spawner, enter, try_current_spawner};
use ingather::{GroupOptions, inline};

use crate::support::{
    AtOnce, Drops, Gate, Site, Trace, behaviour, stepper, watched, yield_now, yields,
};

behaviour!(
    children_borrow_from_outside,
    children_go_on_while_the_body_waits,
    the_body_goes_on_while_children_wait,
    children_start_siblings_through_a_clone,
    a_child_is_woken_from_another_thread,
    ten_scopes_in_each_other_borrow_from_all_above,
    gather_borrows,
    try_gather_borrows,
);

fn is_send<T: Send>(future: T) -> T {
    future
}

// Inline-1
async fn children_borrow_from_outside(_: Site) {
    let words = vec![
        String::from("borrowed"),
        String::from("not"),
        String::from("cloned"),
    ];
    let total = AtomicUsize::new(0);
    let lengths = is_send(inline::scope(|tg| {
        let (words, total) = (&words, &total);
        async move {
            let child = |word| {
                tg.spawn(async move {
                    yields(2).await;
                    total.fetch_add(String::len(word), SeqCst);
                    word
                })
            };
            let keys: Vec<_> = words.iter().map(child).collect();
            let mut lengths = Vec::new();
            for key in keys {
                // The value is a borrow, too.
                lengths.push(key.await.unwrap().len());
            }
            lengths
        }
    }))
    .await;
    assert_eq!((lengths, total.into_inner()), (vec![8, 3, 6], 17));
    drop(words);
}

// Inline-1
#[test]
fn a_scope_that_goes_to_another_thread_takes_its_children_along() {
    watched("a_scope_that_goes_to_another_thread", || {
        let seen = Mutex::new(Vec::new());
        let note = || seen.lock().unwrap().push(thread::current().id());
        let mut scope = Box::pin(inline::scope(|tg| {
            let note = &note;
            async move {
                for _ in 0..10 {
                    drop(tg.spawn(async move {
                        for _ in 0..10_000 {
                            note();
                            yield_now().await;
                        }
                    }));
                }
            }
        }));
        for _ in 0..20 {
            thread::scope(|threads| {
                let there = threads.spawn(|| {
                    assert!(scope.as_mut().at_once().is_none());
                    thread::current().id()
                });
                let there = there.join().unwrap();
                let polled = std::mem::take(&mut *seen.lock().unwrap());
                assert!(polled.len() >= 10 && polled.iter().all(|thread| *thread == there));
            });
        }
        drop(scope);
        assert_eq!(seen.lock().unwrap().len(), 0);
    });
}

// Inline-1, Executors-7
#[test]
fn no_spawner_is_needed_and_none_is_changed() {
    let stepper = stepper();
    let handle = ingather::spawner::SpawnerHandle::new(stepper.clone());
    let entered = enter(&handle);
    let before = try_current_spawner().map(|spawner| spawner.same_as(&handle));
    let (in_body, in_child) = futures::executor::block_on(inline::scope(|tg| {
        let (handle, here) = (&handle, current_spawner());
        async move {
            let child = tg.spawn(async move { current_spawner().same_as(handle) });
            (here.same_as(handle), child.await)
        }
    }));
    assert_eq!((before, in_body, in_child), (Some(true), true, Ok(true)));
    drop(entered);
    assert_eq!(stepper.spawned(), 0);
}

// Inline-3
async fn children_go_on_while_the_body_waits(on: Site) {
    let (gate, log) = (Gate::new(), Trace::new());
    let left = AtomicUsize::new(5);
    inline::scope(|tg| {
        let (gate, log, left) = (&gate, &log, &left);
        async move {
            for number in 0..5 {
                drop(tg.spawn(async move {
                    yields(number * 10).await;
                    log.log(format!("child {number}"));
                    if left.fetch_sub(1, SeqCst) == 1 {
                        gate.open();
                    }
                }));
            }
            // Nothing of the scope's: only the last child opens it.
            gate.wait().await;
            log.log("body");
        }
    })
    .await;
    let order = [
        "child 0", "child 1", "child 2", "child 3", "child 4", "body",
    ];
    let mut entries = log.entries();
    if !on.is_in_order() {
        entries[..5].sort();
    }
    assert_eq!(entries, order);
}

// Inline-3
async fn the_body_goes_on_while_children_wait(_: Site) {
    let gate = Gate::new();
    let steps = inline::scope(|tg| {
        let gate = &gate;
        async move {
            for _ in 0..5 {
                drop(tg.spawn(gate.wait()));
            }
            let mut steps = 0;
            while gate.waiting() < 5 || steps < 100 {
                steps += 1;
                yield_now().await;
            }
            assert_eq!(tg.len(), 5);
            gate.open();
            steps
        }
    })
    .await;
    assert!(steps >= 100);
}

// Inline-1, Leaving-3
async fn children_start_siblings_through_a_clone(_: Site) {
    fn tree<'env>(
        tg: inline::Scope<'env>,
        count: &'env AtomicUsize,
        depth: usize,
    ) -> BoxFuture<'env, ()> {
        async move {
            count.fetch_add(1, SeqCst);
            yield_now().await;
            for _ in 0..if depth == 0 { 0 } else { 3 } {
                drop(tg.spawn(tree(tg.clone(), count, depth - 1)));
            }
        }
        .boxed()
    }
    let count = AtomicUsize::new(0);
    inline::scope(|tg| {
        let count = &count;
        async move { drop(tg.spawn(tree(tg.clone(), count, 6))) }
    })
    .await;
    assert_eq!(count.into_inner(), 1 + 3 + 9 + 27 + 81 + 243 + 729);
}

// Inline-3
async fn a_child_is_woken_from_another_thread(on: Site) {
    let _hold = on.hold();
    const ROUNDS: usize = 50;
    let gates: Vec<_> = (0..ROUNDS).map(|_| Gate::new()).collect();
    let (others, passed) = (gates.clone(), AtomicUsize::new(0));
    let opener = thread::spawn(move || others.iter().for_each(Gate::open));
    inline::scope(|tg| {
        let (gates, passed) = (&gates, &passed);
        async move {
            for gate in gates {
                drop(tg.spawn(async move {
                    gate.wait().await;
                    passed.fetch_add(1, SeqCst);
                }));
            }
            gates[ROUNDS - 1].wait().await;
        }
    })
    .await;
    assert_eq!(passed.into_inner(), ROUNDS);
    opener.join().unwrap();
}

// Inline-1
async fn ten_scopes_in_each_other_borrow_from_all_above(_: Site) {
    fn nest<'a>(depth: usize, above: &'a [usize], held: &'a Drops) -> BoxFuture<'a, usize> {
        async move {
            let here: Vec<_> = above.iter().copied().chain([depth]).collect();
            inline::scope(|tg| {
                let here = &here;
                async move {
                    let witness = held.witness();
                    let sum = tg.spawn(async move {
                        let _witness = witness;
                        yield_now().await;
                        here.iter().sum::<usize>()
                    });
                    let below = tg.spawn(async move {
                        match depth {
                            1 => 0,
                            _ => nest(depth - 1, here, held).await,
                        }
                    });
                    sum.await.unwrap() + below.await.unwrap()
                }
            })
            .await
        }
        .boxed()
    }
    let drops = Drops::new();
    let expected: usize = (1..=10).map(|depth| (11 - depth..=10).sum::<usize>()).sum();
    assert_eq!(nest(10, &[], &drops).await, expected);
    assert_eq!((drops.made(), drops.count()), (10, 10));
}

// Inline-1, Gather-1
async fn gather_borrows(_: Site) {
    let words = [String::from("one"), String::from("three")];
    let calls: Vec<_> = words.iter().map(|word| move || late(word)).collect();
    assert_eq!(is_send(inline::gather(calls)).await, ["one", "three"]);
    let pair = inline::gather((|| async { words.len() }, || late(&words[0])));
    assert_eq!(pair.await, (2, "one"));
}

/// The shorter it is, the later it comes.
async fn late(word: &str) -> &str {
    yields(10 - word.len()).await;
    word
}

// Inline-1, Gather-3
async fn try_gather_borrows(_: Site) {
    let texts = [String::from("1"), String::from("two")];
    let calls: Vec<_> = texts.iter().map(|text| || number(text)).collect();
    let error = is_send(inline::try_gather(calls)).await.unwrap_err();
    assert_eq!(
        (error.len(), error.into_first().into_error()),
        (1, Some("two"))
    );
    let both = inline::try_gather((|| number(&texts[0]), || async { Ok(&texts[1]) }));
    assert_eq!(both.await.unwrap(), (1, &texts[1]));
}

async fn number(text: &str) -> Result<u32, &str> {
    text.parse().map_err(|_| text)
}

// Inline-1, Gather-1, Gather-3
#[test]
fn gather_borrows_through_an_iterator() {
    let words = [String::from("one"), String::from("three")];
    futures::executor::block_on(async {
        let lengths = inline::gather(words.iter().map(|word| || async { word.len() }));
        assert_eq!(lengths.await, [3, 5]);
        let limited = GroupOptions::new().limit(1);
        let in_line = limited
            .inline()
            .gather(words.iter().map(|word| move || late(word)));
        assert_eq!(in_line.await, ["one", "three"]);
        let none = inline::gather(words[..0].iter().map(|word| || async { word.len() }));
        assert_eq!(none.await, [0; 0]);
        let error = inline::try_gather(words.iter().map(|word| || number(word)));
        assert_eq!(
            error.await.unwrap_err().into_first().into_error(),
            Some("one")
        );
    });
}

// Inline-1
#[test]
fn local_children_need_not_be_send() {
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;
    let (sum, order) = (Cell::new(0), RefCell::new(Vec::new()));
    let shared = Rc::new(7);
    futures::executor::block_on(async {
        let of_scope = inline::local::scope(|tg| {
            let (sum, order, shared) = (&sum, &order, &shared);
            async move {
                for number in 0..5 {
                    let own = Rc::clone(shared);
                    drop(tg.spawn(async move {
                        yields(number).await;
                        sum.set(sum.get() + *own);
                        order.borrow_mut().push(number);
                    }));
                }
                tg.spawn(async { Rc::clone(shared) }).await
            }
        });
        assert_eq!(of_scope.await, Ok(Rc::new(7)));
        let failed = inline::local::try_scope(|tg| {
            let shared = &shared;
            async move {
                drop(tg.try_spawn(async { Err::<(), _>(Rc::clone(shared)) }));
                Ok(())
            }
        });
        assert_eq!(
            failed.await.unwrap_err().into_first().into_error(),
            Some(Rc::new(7))
        );
        assert_eq!(
            inline::local::gather(vec![|| async { Rc::clone(&shared) }]).await,
            [Rc::new(7)]
        );
        let pair = inline::local::try_gather((
            || async { Ok::<_, Rc<i32>>(sum.get()) },
            || async { Ok(Rc::strong_count(&shared)) },
        ));
        assert_eq!(pair.await.unwrap(), (35, 1));
    });
    assert_eq!(*order.borrow(), [0, 1, 2, 3, 4]);
}
