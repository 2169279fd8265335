//! The hot paths, each so many times over, for `ci/instructions.sh`, which has valgrind count the instructions.

use std::collections::HashMap;
use std::future::{Future, pending, poll_fn};
use std::hint::black_box;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use futures::StreamExt;
use futures::executor::block_on;
use ingather::spawner::{Job, SpawnerHandle, from_fn};
use ingather::{GatherGroup, GroupOptions, Spawner, current_token, inline, on, scope};
use tokio::runtime::{Builder, Runtime};

/// How many children are in flight where they follow each other.
const IN_FLIGHT: usize = 64;

/// The body of a scope: starts so many children, and reads what each gives.
macro_rules! sum_of {
    ($children:expr) => {
        |tg| async move {
            let keys: Vec<_> = (0..$children).map(|n| tg.spawn(async move { n })).collect();
            let mut sum = 0;
            for key in keys {
                sum += key.await.unwrap();
            }
            sum
        }
    };
}

/// A runtime whose time stands still. Under valgrind everything takes long, and how long depends on the machine: a turn
/// that ended by the clock would be counted on one machine and not on another.
fn without_time() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

/// Runs `work` on a current-thread runtime, with that as the spawner.
fn on_tokio(work: impl AsyncFnOnce(&SpawnerHandle)) {
    let runtime = without_time();
    let spawner = SpawnerHandle::new(runtime.handle().clone());
    runtime.block_on(work(&spawner));
}

fn on_a_spawner(children: usize, times: usize) {
    on_tokio(async |spawner| {
        for _ in 0..times {
            black_box(on(spawner).scope(sum_of!(children)).await);
        }
    });
}

fn inline(children: usize, times: usize) {
    block_on(async {
        for _ in 0..times {
            black_box(inline::scope(sum_of!(children)).await);
        }
    });
}

/// Yields once and gives its number.
async fn child(n: usize) -> usize {
    yields(1).await;
    n
}

/// Wakes itself so many times.
async fn yields(mut times: usize) {
    poll_fn(|cx| {
        if times == 0 {
            return Poll::Ready(());
        }
        times -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn yields_often(children: usize, times: usize) {
    on_tokio(async |spawner| {
        for _ in 0..times {
            let scope = on(spawner).scope(|tg| async move {
                for _ in 0..children {
                    drop(tg.spawn(yields(10)));
                }
            });
            scope.await;
        }
    });
}

/// A node of a tree of scopes, which calls itself.
type Node = Pin<Box<dyn Future<Output = usize> + Send>>;

/// The body of a scope: the two halves of so many leaves.
macro_rules! halves_of {
    ($leaves:expr, $node:expr) => {
        move |tg| async move {
            let [left, right] = [(); 2].map(|()| tg.spawn($node($leaves / 2)));
            left.await.unwrap() + right.await.unwrap()
        }
    };
}

fn node(leaves: usize) -> Node {
    if leaves < 2 {
        return Box::pin(async { 1 });
    }
    Box::pin(scope(halves_of!(leaves, node)))
}

fn inline_node(leaves: usize) -> Node {
    if leaves < 2 {
        return Box::pin(async { 1 });
    }
    Box::pin(inline::scope(halves_of!(leaves, inline_node)))
}

fn tree(leaves: usize, times: usize) {
    on_tokio(async |spawner| {
        for _ in 0..times {
            black_box(on(spawner).scope(halves_of!(leaves, node)).await);
        }
    });
}

fn inline_tree(leaves: usize, times: usize) {
    block_on(async {
        for _ in 0..times {
            black_box(inline_node(leaves).await);
        }
    });
}

fn gather(children: usize, times: usize) {
    block_on(async {
        for _ in 0..times {
            let calls = (0..children).map(|n| move || async move { n });
            black_box(inline::gather(calls).await);
        }
    });
}

fn pairs(_: usize, times: usize) {
    block_on(async {
        for _ in 0..times {
            black_box(inline::gather((async || 1, async || 2)).await);
        }
    });
}

/// The last of them wins, when all have been polled.
fn races(children: usize, times: usize) {
    block_on(async {
        for _ in 0..times {
            let calls = (1..=children).map(|n| {
                move || async move {
                    if n < children {
                        pending::<()>().await;
                    }
                    child(n).await
                }
            });
            black_box(inline::race(calls).await);
        }
    });
}

/// On a spawner that runs one job at a time.
fn driven_gather(children: usize, times: usize) {
    on_tokio(async |spawner| {
        for _ in 0..times {
            let calls = (0..children).map(|n| move || async move { n });
            black_box(on(spawner).gather(calls).await);
        }
    });
}

fn late_gather(children: usize, times: usize) {
    block_on(async {
        for _ in 0..times {
            let calls = (0..children).map(|n| move || child(n));
            black_box(inline::gather(calls).await);
        }
    });
}

fn asking_gather(children: usize, times: usize) {
    block_on(async {
        for _ in 0..times {
            let calls = (0..children).map(|n| {
                move || async move {
                    drop(current_token());
                    child(n).await
                }
            });
            black_box(inline::gather(calls).await);
        }
    });
}

fn stream(children: usize, times: usize) {
    on_tokio(async |spawner| {
        for _ in 0..times {
            let values = on(spawner)
                .map_concurrent(0..children, IN_FLIGHT, child)
                .unordered();
            black_box(values.fold(0, async |sum, n| sum + n).await);
        }
    });
}

fn completions(children: usize, times: usize) {
    on_tokio(async |spawner| {
        for _ in 0..times {
            let group = GatherGroup::on(spawner);
            let mut numbers = 0..children;
            let spawn = |n| {
                let key = group.spawn(child(n));
                (key.id(), key)
            };
            let mut keys: HashMap<_, _> = numbers.by_ref().take(IN_FLIGHT).map(spawn).collect();
            let mut sum = 0;
            while let Some(done) = group.next_if_any().await {
                let key = keys.remove(&done.id().unwrap()).unwrap();
                sum += group.take_result(key).unwrap();
                keys.extend(numbers.next().map(spawn));
            }
            black_box(sum);
            group.join().await;
        }
    });
}

fn limited(children: usize, times: usize) {
    block_on(async {
        for _ in 0..times {
            let scope = GroupOptions::new()
                .limit(IN_FLIGHT)
                .inline()
                .scope(|tg| async move {
                    for n in 0..children {
                        drop(tg.child().spawn_when_free(child(n)).await);
                    }
                });
            scope.await;
        }
    });
}

/// A spawner whose only job is polled by hand: nothing is counted but the engine.
#[derive(Clone, Default)]
struct Hand {
    job: Arc<Mutex<Option<Job>>>,
    woken: Arc<Woken>,
}

impl Hand {
    fn spawner(&self) -> impl Spawner + Clone + 'static {
        let hand = self.clone();
        from_fn(move |job| {
            *hand.job.lock().unwrap() = Some(job);
            Ok(())
        })
    }

    /// Polls the driver until it has nothing to do: it gives way in between, and wakes itself when it does.
    fn poll(&self) {
        let mut job = self.job.lock().unwrap();
        let job = job.as_mut().expect("a driver was launched");
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut cx = Context::from_waker(&waker);
        loop {
            self.woken.0.store(false, Relaxed);
            let _ = job.as_mut().poll(&mut cx);
            if !self.woken.0.load(Relaxed) {
                return;
            }
        }
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Relaxed);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Relaxed);
    }
}

fn wakes(times: usize) {
    let hand = Hand::default();
    let group = GatherGroup::on(&hand.spawner());
    let waker = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&waker);
    let key = group.spawn(poll_fn(move |cx| {
        let mut kept = kept.lock().unwrap();
        kept.get_or_insert_with(|| cx.waker().clone());
        Poll::<()>::Pending
    }));
    hand.poll();
    let waker: Waker = waker.lock().unwrap().clone().unwrap();
    for _ in 0..times {
        waker.wake_by_ref();
        hand.poll();
    }
    key.cancel();
    hand.poll();
    leave(&group);
}

fn cancels(children: usize, times: usize) {
    for _ in 0..times {
        let hand = Hand::default();
        let group = GatherGroup::on(&hand.spawner());
        let keys: Vec<_> = (0..children)
            .map(|_| group.spawn(pending::<()>()))
            .collect();
        hand.poll();
        keys.iter().for_each(|key| key.cancel());
        hand.poll();
        leave(&group);
    }
}

fn leave(group: &GatherGroup) {
    block_on(group.join());
}

fn main() {
    let still = without_time();
    let _still = still.enter();
    // Cargo adds options of its own.
    let words: Vec<_> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let [work, children, times] = &words[..] else {
        println!("instructions are counted by ci/instructions.sh");
        return;
    };
    let (children, times) = (children.parse().unwrap(), times.parse().unwrap());
    match &**work {
        "spawner" => on_a_spawner(children, times),
        "inline" => inline(children, times),
        "gather" => gather(children, times),
        "pairs" => pairs(children, times),
        "races" => races(children, times),
        "driven_gather" => driven_gather(children, times),
        "late_gather" => late_gather(children, times),
        "asking_gather" => asking_gather(children, times),
        "stream" => stream(children, times),
        "completions" => completions(children, times),
        "limited" => limited(children, times),
        "wake" => wakes(times),
        "yields" => yields_often(children, times),
        "tree" => tree(children, times),
        "inline_tree" => inline_tree(children, times),
        "cancel" => cancels(children, times),
        other => panic!("{other}: no such work"),
    }
}
