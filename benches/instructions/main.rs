//! The hot paths, each so many times over, for `ci/instructions.sh`, which has valgrind count the instructions.

use std::future::{pending, poll_fn};
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use futures::executor::block_on;
use ingather::spawner::Job;
use ingather::{GatherGroup, Spawner, SpawnerHandle, from_fn, inline_scope, scope_on};
use tokio::runtime::Builder;

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

fn on_a_spawner(children: usize, times: usize) {
    let runtime = Builder::new_current_thread().build().unwrap();
    let spawner = SpawnerHandle::new(runtime.handle().clone());
    runtime.block_on(async {
        for _ in 0..times {
            black_box(scope_on(&spawner, sum_of!(children)).await);
        }
    });
}

fn inline(children: usize, times: usize) {
    block_on(async {
        for _ in 0..times {
            black_box(inline_scope(sum_of!(children)).await);
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
        "wake" => wakes(times),
        "cancel" => cancels(children, times),
        other => panic!("{other}: no such work"),
    }
}
