//! Limits while a driver has a batch in its hand, and callers that wait in great numbers, go away, or are forgotten.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use futures::executor::block_on;
use futures::future::join_all;
use ingather::spawner::SpawnError;
use ingather::{GatherGroup, GatherIncomplete, GroupOptions, Job, Scope, Spawner};

use crate::support::{ByHand, Gate, Meter, Rng, stepper, watched, yields};

/// A spawner with a thread for each job, which says that it has one.
#[derive(Clone)]
struct Threads;

impl Spawner for Threads {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        thread::spawn(|| block_on(job));
        Ok(())
    }

    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }
}

/// A child that blocks its thread.
struct Blocked {
    reached: Receiver<()>,
    goes_on: Sender<()>,
}

impl Blocked {
    /// The child's part is called in its poll.
    fn new() -> (Self, impl FnOnce() + Send + 'static) {
        let ((says, reached), (goes_on, may_go)) = (channel(), channel());
        let blocks = move || {
            says.send(()).unwrap();
            may_go.recv().unwrap();
        };
        (Self { reached, goes_on }, blocks)
    }

    fn reached(&self) {
        self.reached.recv().unwrap();
    }

    fn go_on(&self) {
        self.goes_on.send(()).unwrap();
    }
}

/// A group of eight slots whose children, all of them, are waiting at the gate.
fn full(gate: &Gate) -> GatherGroup {
    let group = GroupOptions::new().on(&Threads).limit(8).group();
    let (first, holds) = Blocked::new();
    drop(group.spawn(async move { holds() }));
    first.reached();
    // While the only driver is held, so that they come to it at once.
    for _ in 0..7 {
        let gate = gate.clone();
        drop(group.spawn(async move { gate.wait().await }));
    }
    first.go_on();
    group
}

/// A group of eight slots with eight children. Seven are over, six of them polled in one batch with the last, which blocks.
fn seven_over_and_one_polled() -> (GatherGroup, Blocked) {
    let group = GroupOptions::new().on(&Threads).limit(8).group();
    let ((first, holds), (last, blocks)) = (Blocked::new(), Blocked::new());
    drop(group.spawn(async move { holds() }));
    first.reached();
    for _ in 0..6 {
        drop(group.spawn(async {}));
    }
    drop(group.spawn(async move { blocks() }));
    first.go_on();
    last.reached();
    (group, last)
}

// Limits-7, Limits-1
#[test]
fn slots_that_a_batch_has_freed_are_free_while_a_sibling_is_polled() {
    watched("slots of a batch", || {
        let (group, last) = seven_over_and_one_polled();
        let keys: Vec<_> = (0..8).map(|n| group.spawn(async move { n })).collect();
        assert_eq!(group.waiting(), 1);
        assert_eq!(keys[6].status(), Some(GatherIncomplete::Running));
        assert_eq!(keys[7].status(), Some(GatherIncomplete::Waiting));
        last.go_on();
        assert_eq!(block_on(group.join()).ok, 16);
        assert_eq!(group.waiting(), 0);
    });
}

// Limits-7, Limits-5
#[test]
fn a_caller_finds_the_slots_that_a_batch_has_freed() {
    watched("a caller and a batch", || {
        let (group, last) = seven_over_and_one_polled();
        for _ in 0..7 {
            assert!(
                ByHand::new(group.child().spawn_when_free(async {}))
                    .poll()
                    .is_ready()
            );
        }
        let mut none = ByHand::new(group.child().spawn_when_free(async {}));
        assert!(none.poll().is_pending() && none.poll().is_pending());
        last.go_on();
        drop(block_on(none.into_inner()));
        assert_eq!(block_on(group.join()).ok, 16);
    });
}

// Limits-7, Limits-5
#[test]
fn a_caller_that_waits_is_told_of_the_first_end_in_a_batch() {
    watched("a caller that waits for a batch", || {
        let gate = Gate::new();
        let group = full(&gate);
        let (last, blocks) = Blocked::new();
        // It takes the slot of the one that held the driver, once that is over.
        drop(block_on(group.child().spawn_when_free({
            let gate = gate.clone();
            async move {
                gate.wait().await;
                blocks();
            }
        })));
        while gate.waiting() < 8 {
            thread::yield_now();
        }
        let mut caller = ByHand::new(group.child().spawn_when_free(async {}));
        assert!(caller.poll().is_pending());
        gate.open();
        last.reached();
        assert_eq!(caller.wakes(), 1);
        assert!(caller.poll().is_ready());
        last.go_on();
        assert_eq!(block_on(group.join()).ok, 10);
    });
}

// Limits-5
#[test]
fn callers_go_away_in_great_numbers_and_in_any_order() {
    const MANY: usize = 100_000;
    watched("callers that go away", || {
        let stepper = stepper();
        let group = GroupOptions::new().on(&stepper).limit(1).group();
        let gate = Gate::new();
        let opened = gate.clone();
        drop(group.spawn(async move { opened.wait().await }));
        stepper.run_until_idle();
        let mut callers: Vec<_> = (0..MANY)
            .map(|_| Some(ByHand::new(group.child().spawn_when_free(async {}))))
            .collect();
        for caller in callers.iter_mut().flatten() {
            assert!(caller.poll().is_pending());
        }
        // All but three; 7 and their number have no common divisor.
        let stay = [11, 70_000, MANY - 1];
        for at in (0..MANY).map(|n| n * 7 % MANY) {
            if !stay.contains(&at) {
                callers[at] = None;
            }
        }
        gate.open();
        for at in stay {
            stepper.run_until_idle();
            let woken: Vec<_> = stay
                .map(|at| callers[at].as_ref().map_or(1, ByHand::wakes))
                .into();
            assert_eq!(woken, stay.map(|other| usize::from(other <= at)));
            let mut caller = callers[at].take().unwrap();
            assert!(caller.poll().is_ready());
        }
        stepper.run_until_idle();
        assert_eq!((group.tally().ok, group.len()), (4, 0));
    });
}

// Limits-5
#[test]
fn a_promise_that_is_forgotten_keeps_one_slot_and_nothing_else() {
    watched("a forgotten promise", || {
        let stepper = stepper();
        let group = GroupOptions::new().on(&stepper).limit(2).group();
        let gate = Gate::new();
        for _ in 0..2 {
            let opened = gate.clone();
            drop(group.spawn(async move { opened.wait().await }));
        }
        stepper.run_until_idle();
        let mut forgotten = ByHand::new(group.child().spawn_when_free(async {}));
        assert!(forgotten.poll().is_pending());
        gate.open();
        stepper.run_until_idle();
        assert_eq!(forgotten.wakes(), 1);
        std::mem::forget(forgotten);
        for _ in 0..10_000 {
            let mut served = ByHand::new(group.child().spawn_when_free(yields(1)));
            assert!(served.poll().is_ready());
            let mut next = ByHand::new(group.child().spawn_when_free(async {}));
            assert!(next.poll().is_pending());
            stepper.run_until_idle();
            assert!(next.wakes() == 1 && next.poll().is_ready());
            stepper.run_until_idle();
        }
        assert_eq!((group.tally().ok, group.waiting()), (20_002, 0));
    });
}

/// The same with so many threads at a time.
#[derive(Clone)]
struct Crew(usize);

impl Spawner for Crew {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        Threads.spawn(job)
    }

    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.0).unwrap()
    }
}

/// Spawns, asks for slots, goes away and looks, at random, and in the end waits for all slots that were asked for. Says how many
/// children came of it.
fn ask_at_random(tg: &Scope<'static>, meter: &Meter, mut rng: Rng) -> u64 {
    let mut callers = Vec::new();
    let mut spawned = 0;
    for _ in 0..80 {
        let (meter, times) = (meter.clone(), rng.below(3));
        let child = async move {
            let _under_way = meter.enter();
            yields(times).await;
        };
        match rng.below(10) {
            0..4 => callers.push(ByHand::new(tg.child().spawn_when_free(child))),
            4..6 if !callers.is_empty() => {
                let at = rng.below(callers.len());
                if callers[at].poll().is_ready() {
                    drop(callers.swap_remove(at));
                    spawned += 1;
                }
            }
            6 if !callers.is_empty() => drop(callers.swap_remove(rng.below(callers.len()))),
            7..9 => {
                drop(tg.spawn(child));
                spawned += 1;
            }
            _ => assert!(tg.waiting() <= 160 && tg.len() <= 161),
        }
    }
    // All at once: one that is promised a slot holds it until it is polled.
    let served = block_on(join_all(callers.into_iter().map(ByHand::into_inner)));
    spawned + served.len() as u64
}

// Limits-1, Limits-5, Limits-7
#[test]
fn everybody_gets_a_slot_while_one_child_is_polled_for_long() {
    watched("callers beside a long poll", || {
        for seed in 0..150 {
            let mut rng = Rng::new(seed);
            let limit = 2 + rng.below(12);
            let crew = Crew(2 + rng.below(2));
            let group = GroupOptions::new().on(&crew).limit(limit).group();
            let (meter, gate) = (Meter::new(), Gate::new());
            let held = gate.clone();
            let spawned: u64 = thread::scope(|threads| {
                let asks = [rng.next(), rng.next()].map(|seed| {
                    let (tg, meter) = (group.handle(), &meter);
                    threads.spawn(move || ask_at_random(&tg, meter, Rng::new(seed)))
                });
                for _ in 0..rng.below(30) {
                    thread::yield_now();
                }
                drop(group.spawn(async move { held.block() }));
                asks.map(|ask| ask.join().unwrap()).iter().sum()
            });
            gate.open();
            assert_eq!(block_on(group.join()).ok, spawned + 1, "seed {seed}");
            assert!(meter.highest() <= limit, "seed {seed}");
            assert_eq!((group.waiting(), group.len()), (0, 0));
        }
    });
}
