//! Context variables: who reads what, on which thread, and that nothing stays behind.

use std::future::{Future, pending, poll_fn};
use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;

use ingather::ContextVar;
use ingather::types::ContextSnapshot;

use crate::support::{ByHand, Drops, Rng, Site, Witness, behaviour, boom, panic_of, yields};

static NUMBER: ContextVar<u32> = ContextVar::named("number");
static TEXT: ContextVar<String> = ContextVar::new();

behaviour!(
    children_read_what_was_set_around_each,
    a_snapshot_goes_with_a_child,
    no_thread_keeps_anything,
);

fn nothing_is_set() -> bool {
    ContextSnapshot::current().is_empty()
}

// Context-1, Context-2, Context-4
async fn children_read_what_was_set_around_each(on: Site) {
    let read = NUMBER
        .scope(
            1000,
            ingather::on(&on.spawner).scope(|tg| async move {
                let keys: Vec<_> = (0..20)
                    .map(|n| {
                        tg.spawn(NUMBER.scope(n, async move {
                            yields(3).await;
                            let outer = NUMBER.get();
                            let inner = NUMBER.scope(n + 100, async {
                                yields(2).await;
                                NUMBER.get()
                            });
                            (outer, inner.await, NUMBER.get())
                        }))
                    })
                    .collect();
                let mut read = Vec::new();
                for key in keys {
                    read.push(key.await.unwrap());
                }
                assert_eq!(NUMBER.get(), Some(1000));
                read
            }),
        )
        .await;
    for (n, read) in (0..).zip(read) {
        assert_eq!(read, (Some(n), Some(n + 100), Some(n)));
    }
    assert_eq!(NUMBER.get(), None);
}

// Context-3
async fn a_snapshot_goes_with_a_child(on: Site) {
    let context = NUMBER.sync_scope(7, ContextSnapshot::current);
    let read = ingather::on(&on.spawner)
        .scope(|tg| async move {
            let around = context.scope(async {
                yields(3).await;
                (NUMBER.get(), TEXT.get())
            });
            tg.spawn(TEXT.scope("not in the snapshot".into(), around))
                .await
        })
        .await;
    assert_eq!(read, Ok((Some(7), None)));
}

// Context-2, Context-4
async fn no_thread_keeps_anything(on: Site) {
    let clean = ingather::on(&on.spawner)
        .scope(|tg| async move {
            let mut keys = Vec::new();
            for n in 0..40 {
                if n % 2 == 0 {
                    drop(tg.spawn(NUMBER.scope(n, yields(3))));
                } else {
                    keys.push(tg.spawn(async {
                        let mut clean = nothing_is_set();
                        for _ in 0..3 {
                            yields(1).await;
                            clean &= nothing_is_set();
                        }
                        clean
                    }));
                }
            }
            let mut clean = nothing_is_set();
            for key in keys {
                clean &= key.await.unwrap();
            }
            clean
        })
        .await;
    assert!(clean && nothing_is_set());
}

// Context-1
#[test]
fn the_innermost_scope_counts() {
    assert_eq!((NUMBER.get(), TEXT.get()), (None, None));
    NUMBER.sync_scope(1, || {
        TEXT.sync_scope("one".into(), || {
            NUMBER.sync_scope(2, || {
                assert_eq!((NUMBER.get(), TEXT.get()), (Some(2), Some("one".into())));
            });
            assert_eq!(NUMBER.get(), Some(1));
            assert_eq!(TEXT.with(|text| text.map(String::len)), Some(3));
        });
        assert!(TEXT.with(|text| text.is_none()));
    });
    assert!(nothing_is_set());
}

// Context-1
#[test]
fn variables_of_one_type_do_not_touch_each_other() {
    let many: Vec<ContextVar<usize>> = (0..50).map(|_| ContextVar::new()).collect();
    fn nest(vars: &[ContextVar<usize>], order: &[usize], check: &dyn Fn(&[usize])) {
        check(order);
        let mut rest = order.to_vec();
        if let Some(next) = rest.pop() {
            vars[next].sync_scope(next, || nest(vars, &rest, check));
        }
    }
    let mut order: Vec<_> = (0..many.len()).collect();
    let mut rng = Rng::new(1);
    for n in 1..order.len() {
        order.swap(n, rng.below(n + 1));
    }
    let check = |left: &[usize]| {
        for (n, var) in many.iter().enumerate() {
            assert_eq!(var.get(), (!left.contains(&n)).then_some(n));
        }
    };
    nest(&many, &order, &check);
    check(&order);
}

// Context-1
#[test]
fn a_variable_that_two_threads_use_first_is_one() {
    for _ in 0..200 {
        let (var, start) = (ContextVar::new(), Barrier::new(2));
        let set = |value| {
            start.wait();
            let context = var.sync_scope(value, ContextSnapshot::current);
            (context.run(|| var.get()), context)
        };
        let (one, two) = thread::scope(|scope| {
            let one = scope.spawn(|| set(1));
            (set(2), one.join().unwrap())
        });
        assert_eq!((one.0, two.0), (Some(2), Some(1)));
        assert_eq!(one.1.run(|| two.1.run(|| var.get())), Some(1));
    }
}

// Context-1
#[test]
fn scopes_around_a_future_add_to_what_is_set_where_it_is_polled() {
    let mut inner = ByHand::new(NUMBER.scope(
        1,
        poll_fn(|_| -> Poll<()> {
            assert_eq!(NUMBER.get(), Some(1));
            SEEN.lock().unwrap().push(TEXT.get());
            Poll::Pending
        }),
    ));
    static SEEN: Mutex<Vec<Option<String>>> = Mutex::new(Vec::new());
    for text in [None, Some("a"), Some("b"), None] {
        let poll = match text {
            Some(text) => TEXT.sync_scope(text.into(), || inner.poll()),
            None => inner.poll(),
        };
        assert!(poll.is_pending() && nothing_is_set());
    }
    let seen = SEEN.lock().unwrap().clone();
    assert_eq!(seen, [None, Some("a".into()), Some("b".into()), None]);
}

/// Remembers what was set when it was dropped.
struct Reads(Arc<Mutex<Vec<Option<u32>>>>);

impl Drop for Reads {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(NUMBER.get());
    }
}

// Context-2
#[test]
fn a_value_is_set_while_its_future_is_dropped() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let make = |ends: bool| {
        let reads = Reads(Arc::clone(&seen));
        async move {
            let _reads = &reads;
            if !ends {
                pending::<()>().await;
            }
        }
    };
    let mut unpolled = Some(NUMBER.scope(1, make(true)));
    let mut half = ByHand::new(NUMBER.scope(2, make(false)));
    assert!(half.poll().is_pending());
    let reads = Reads(Arc::clone(&seen));
    let holds_on = poll_fn(move |_| {
        let _reads = &reads;
        Poll::Ready(())
    });
    let mut ready = ByHand::new(NUMBER.scope(3, holds_on));
    assert!(ready.poll().is_ready());
    assert_eq!(*seen.lock().unwrap(), [Some(3)], "as soon as it was ready");
    drop(unpolled.take());
    drop(half);
    let context = NUMBER.sync_scope(4, ContextSnapshot::current);
    drop(context.scope(make(false)));
    assert_eq!(*seen.lock().unwrap(), [3, 1, 2, 4].map(Some));
    assert!(nothing_is_set());
    let again = catch_unwind(AssertUnwindSafe(|| ready.poll()));
    assert!(again.is_err() && nothing_is_set());
}

// Context-2
#[test]
fn a_panic_leaves_the_thread_as_it_was() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            assert_eq!(NUMBER.get(), Some(2));
            boom("in a drop");
        }
    }

    NUMBER.sync_scope(1, || {
        let call = || NUMBER.sync_scope(2, || boom("in a call"));
        assert_eq!(panic_of(call), Some("in a call"));
        let mut poll = ByHand::new(NUMBER.scope(2, async { boom("in a poll") }));
        assert_eq!(panic_of(|| poll.poll().is_ready()), Some("in a poll"));
        assert_eq!(NUMBER.get(), Some(1));
        let panics = Panics;
        let ends = async move {
            let _panics = &panics;
        };
        let mut ends = ByHand::new(NUMBER.scope(2, ends));
        assert_eq!(panic_of(|| ends.poll().is_ready()), Some("in a drop"));
        assert_eq!(NUMBER.get(), Some(1));
        let panics = Panics;
        let half = NUMBER.scope(2, async move { drop(panics) });
        assert_eq!(panic_of(|| drop(half)), Some("in a drop"));
        assert_eq!(NUMBER.get(), Some(1));
        let snapshot = ContextSnapshot::default();
        assert_eq!(
            panic_of(|| snapshot.run(|| boom("in a run"))),
            Some("in a run")
        );
        assert_eq!(NUMBER.get(), Some(1));
    });
    assert!(nothing_is_set());
}

// Context-2
#[test]
fn a_scope_that_is_forgotten_or_polled_by_turns_leaves_nothing_set() {
    let mut one = pin!(NUMBER.scope(1, async {
        yields(2).await;
        NUMBER.get()
    }));
    let mut two = Box::pin(NUMBER.scope(2, async {
        yields(2).await;
        NUMBER.get()
    }));
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..2 {
        assert!(one.as_mut().poll(&mut cx).is_pending());
        assert!(two.as_mut().poll(&mut cx).is_pending());
        assert!(nothing_is_set());
    }
    forget(two);
    assert_eq!(one.as_mut().poll(&mut cx), Poll::Ready(Some(1)));
    assert!(nothing_is_set());
}

// Context-2
#[test]
fn a_future_that_changes_threads_takes_its_value_along() {
    let mut future = Box::pin(NUMBER.scope(1, async {
        let mut read = Vec::new();
        for _ in 0..5 {
            yields(1).await;
            read.push(NUMBER.get());
        }
        read
    }));
    let read = loop {
        let poll = thread::scope(|scope| {
            let poll = || {
                let mut cx = Context::from_waker(Waker::noop());
                let poll = future.as_mut().poll(&mut cx);
                assert!(nothing_is_set());
                poll
            };
            scope.spawn(poll).join().unwrap()
        });
        if let Poll::Ready(read) = poll {
            break read;
        }
    };
    assert_eq!(read, [Some(1); 5]);
}

// Context-3, Context-4
#[test]
fn a_snapshot_is_what_was_set_and_nothing_else() {
    let nothing = ContextSnapshot::current();
    let one = NUMBER.sync_scope(1, ContextSnapshot::current);
    let both = one.run(|| TEXT.sync_scope("both".into(), ContextSnapshot::current));
    assert_eq!(
        [&nothing, &one, &both].map(ContextSnapshot::is_empty),
        [true, false, false]
    );
    let read = || (NUMBER.get(), TEXT.get());
    NUMBER.sync_scope(9, || {
        assert_eq!(nothing.run(read), (None, None));
        assert_eq!(
            one.run(|| TEXT.sync_scope("t".into(), read)),
            (Some(1), Some("t".into()))
        );
        assert_eq!(one.clone().run(read), (Some(1), None));
        assert_eq!(both.run(|| nothing.run(|| one.run(read))), (Some(1), None));
        assert_eq!(both.run(read), (Some(1), Some("both".into())));
        assert_eq!(read(), (Some(9), None));
    });
    let there = thread::spawn(move || (both.run(read), nothing_is_set()));
    assert_eq!(
        there.join().unwrap(),
        ((Some(1), Some("both".into())), true)
    );
}

/// Uses variables in its own code.
struct Deep {
    uses: Arc<AtomicUsize>,
    drops: Drops,
    #[expect(dead_code, reason = "held for its drop")]
    witness: Witness,
}

static DEEP: ContextVar<Deep> = ContextVar::named("deep");

impl Deep {
    fn use_context(&self) {
        let seen = DEEP.with(|deep| deep.is_some());
        let inner = NUMBER.sync_scope(5, || (NUMBER.get(), DEEP.with(|deep| deep.is_some())));
        assert_eq!(inner, (Some(5), seen));
        assert_eq!(
            ContextSnapshot::current().run(|| NUMBER.get()),
            NUMBER.get()
        );
        self.uses.fetch_add(1, Ordering::SeqCst);
    }
}

impl Clone for Deep {
    fn clone(&self) -> Self {
        self.use_context();
        Self {
            uses: Arc::clone(&self.uses),
            witness: self.drops.witness(),
            drops: self.drops.clone(),
        }
    }
}

impl Drop for Deep {
    fn drop(&mut self) {
        self.use_context();
    }
}

// Context-5
#[test]
fn values_may_use_variables_when_they_are_cloned_and_dropped() {
    let (uses, drops) = (Arc::new(AtomicUsize::new(0)), Drops::new());
    let deep = || Deep {
        uses: Arc::clone(&uses),
        drops: drops.clone(),
        witness: drops.witness(),
    };
    let used = || uses.swap(0, Ordering::SeqCst);
    DEEP.sync_scope(deep(), || {
        drop(DEEP.get());
        assert_eq!(used(), 2);
        DEEP.sync_scope(deep(), || {});
        assert_eq!(used(), 1);
    });
    assert_eq!(used(), 1);
    let mut half = ByHand::new(DEEP.scope(deep(), pending::<()>()));
    assert!(half.poll().is_pending());
    drop(half);
    assert_eq!(used(), 1);
    assert!(drops.all());
}

// Context-5
#[test]
fn a_value_lives_as_long_as_anything_that_was_set_with_it() {
    let drops = Drops::new();
    static HELD: ContextVar<Arc<Witness>> = ContextVar::new();
    let value = Arc::new(drops.witness());
    let snapshot = HELD.sync_scope(Arc::clone(&value), ContextSnapshot::current);
    assert_eq!(Arc::strong_count(&value), 2, "no value was cloned");
    let later = snapshot.run(|| NUMBER.sync_scope(1, ContextSnapshot::current));
    drop((value, snapshot));
    assert_eq!(drops.count(), 0);
    drop(later);
    assert_eq!(drops.count(), 1);
}

// Context-5
#[test]
fn a_value_whose_destructor_panics_harms_nobody() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            boom("context: a value");
        }
    }
    static BAD: ContextVar<Bad> = ContextVar::new();

    crate::support::unhandled::collect();
    assert_eq!(BAD.sync_scope(Bad, || NUMBER.get()), None);
    assert!(nothing_is_set());
    let both = panic_of(|| BAD.sync_scope(Bad, || boom("in the call")));
    assert_eq!(both, Some("in the call"));
    assert_eq!(
        crate::support::unhandled::taken("context: a value").len(),
        2
    );
}

#[test]
fn it_says_names_and_no_values() {
    let snapshot = NUMBER.sync_scope(7, || {
        TEXT.sync_scope("secret".into(), ContextSnapshot::current)
    });
    let text = format!(
        "{NUMBER:?} {snapshot:?} {:?}",
        NUMBER.scope(7, pending::<()>())
    );
    assert!(
        text.contains("number") && text.contains("unnamed"),
        "{text}"
    );
    assert!(!text.contains("secret") && !text.contains('7'), "{text}");
    assert_eq!(
        format!("{:?}", ContextSnapshot::current()),
        "ContextSnapshot([])"
    );
    assert_eq!((NUMBER.name(), TEXT.name()), (Some("number"), None));
}
