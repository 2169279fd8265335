//! Many threads and tasks at random: each value arrives once, and each waiter is resolved once.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use ingather::bridge::{ControlServer, RequestError};
use ingather::sync::{Event, GetTimeoutError, Queue, TryGetError, promise};
use ingather::{Task, TaskRegistry};

use crate::support::{Rng, Site, behaviour, yields};

behaviour!(outside: each_value_arrives_once, each_waiter_is_resolved_once, each_request_is_resolved_once);

const SEEDS: u64 = 12;
const VALUES: u64 = 40;

fn limit(rng: &mut Rng) -> Duration {
    Duration::from_micros(rng.next() % 40)
}

/// Polls at most so often, with yields in between; then the future is dropped.
async fn few_polls<F: Future>(polls: u64, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        yields(1).await;
    }
    None
}

fn put_all(mut rng: Rng, queue: &Queue<u64>, from: u64) {
    for mut value in from..from + VALUES {
        loop {
            let back = match rng.next() % 3 {
                0 => queue.put_blocking(value).map_err(|e| e.into_value()),
                1 => queue.try_put(value).map_err(|e| e.into_value()),
                _ => {
                    let put = queue.put_timeout(value, limit(&mut rng));
                    put.map_err(|e| e.into_value())
                }
            };
            match back {
                Ok(()) => break,
                Err(same) => value = same,
            }
        }
    }
}

async fn put_all_async(mut rng: Rng, queue: Queue<u64>, from: u64) {
    for mut value in from..from + VALUES {
        loop {
            let mut put = queue.put(value);
            match few_polls(rng.next() % 4, &mut put).await {
                Some(put) => break put.unwrap(),
                None => value = put.into_value().expect("it was not put"),
            }
            yields(1).await;
        }
    }
}

fn get_all(mut rng: Rng, queue: &Queue<u64>, got: &Mutex<Vec<u64>>) {
    loop {
        let value = match rng.next() % 3 {
            0 => queue.get_blocking().ok(),
            1 => match queue.try_get() {
                Err(TryGetError::Empty) => continue,
                value => value.ok(),
            },
            _ => match queue.get_timeout(limit(&mut rng)) {
                Err(GetTimeoutError::TimedOut) => continue,
                value => value.ok(),
            },
        };
        match value {
            Some(value) => got.lock().unwrap().push(value),
            None => return,
        }
    }
}

async fn get_all_async(mut rng: Rng, queue: Queue<u64>, got: Arc<Mutex<Vec<u64>>>) {
    loop {
        match few_polls(rng.next() % 4, queue.get()).await {
            Some(Ok(value)) => got.lock().unwrap().push(value),
            Some(Err(_)) => return,
            None => yields(1).await,
        }
    }
}

// Primitives-4, Primitives-6, Primitives-7, Primitives-8, Primitives-9
async fn each_value_arrives_once(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    for seed in 0..SEEDS {
        let rng = Rng::new(seed);
        let fork = |n: u64| Rng::new(seed * 100 + n);
        let queue = Queue::bounded(1 + usize::try_from(rng.clone().next() % 3).unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let takers: Vec<Task<()>> = (0..2)
            .map(|n| registry.create_task(get_all_async(fork(n), queue.clone(), Arc::clone(&got))))
            .collect();
        let givers: Vec<Task<()>> = (0..2)
            .map(|n| registry.create_task(put_all_async(fork(10 + n), queue.clone(), n * VALUES)))
            .collect();
        thread::scope(|scope| {
            for n in 0..2 {
                let (queue, got) = (&queue, &got);
                scope.spawn(move || get_all(fork(20 + n), queue, got));
            }
            let threads: Vec<_> = (2..4)
                .map(|n| {
                    let queue = &queue;
                    scope.spawn(move || put_all(fork(30 + n), queue, n * VALUES))
                })
                .collect();
            for thread in threads {
                thread.join().unwrap();
            }
            for task in givers {
                task.wait().unwrap();
            }
            queue.close();
        });
        for task in takers {
            task.await.unwrap();
        }
        let mut got = std::mem::take(&mut *got.lock().unwrap());
        got.sort_unstable();
        assert_eq!(got, (0..4 * VALUES).collect::<Vec<_>>(), "seed {seed}");
    }
}

// Primitives-2, Primitives-11, Primitives-12
async fn each_waiter_is_resolved_once(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    for seed in 0..SEEDS {
        let mut rng = Rng::new(seed);
        let (start, resolved) = (Arc::new(Event::new()), Arc::new(AtomicUsize::new(0)));
        let (mut threads, mut tasks) = (Vec::new(), Vec::new());
        for n in 0..8_u64 {
            let (promise, promised) = promise();
            let promised = promised.shared();
            let keeps = rng.next() % 4 != 0;
            let expected = move |value: Result<Arc<u64>, _>| {
                assert_eq!(value.ok().as_deref(), keeps.then_some(&n));
            };
            for _ in 0..2 {
                let (start, promised) = (Arc::clone(&start), promised.clone());
                let (resolved, mut rng) = (Arc::clone(&resolved), Rng::new(rng.next()));
                threads.push(thread::spawn(move || {
                    start.wait_blocking();
                    let value = loop {
                        if let Some(value) = promised.wait_timeout(limit(&mut rng)) {
                            break value;
                        }
                    };
                    expected(value);
                    resolved.fetch_add(1, Ordering::SeqCst);
                }));
            }
            for polls in 0..3 {
                let (start, promised) = (Arc::clone(&start), promised.clone());
                let resolved = Arc::clone(&resolved);
                tasks.push(registry.create_task(async move {
                    start.wait().await;
                    let early = few_polls(polls, promised.clone()).await;
                    expected(match early {
                        Some(value) => value,
                        None => promised.await,
                    });
                    resolved.fetch_add(1, Ordering::SeqCst);
                }));
            }
            let start = Arc::clone(&start);
            let sets = move || {
                start.wait_blocking();
                if keeps {
                    promise.set(n).unwrap();
                }
            };
            threads.push(thread::spawn(sets));
        }
        start.set();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(resolved.load(Ordering::SeqCst), 8 * 5, "seed {seed}");
    }
}

// Bridge-1, Bridge-4, Bridge-5
async fn each_request_is_resolved_once(on: Site) {
    let registry = TaskRegistry::on(&on.spawner);
    for seed in 0..SEEDS {
        let mut server = ControlServer::<u64, u64>::new(2);
        let mut tasks = Vec::new();
        let mut threads = Vec::new();
        for n in 0..4 {
            let (client, mut rng) = (server.client(), Rng::new(seed * 10 + n));
            tasks.push(registry.create_task(async move {
                for n in 0..VALUES {
                    // Given up, or answered, or left without one.
                    let polls = 1 + rng.next() % 6;
                    if let Some(Ok(answer)) = few_polls(polls, client.request(n)).await {
                        assert_eq!(answer, n + 1);
                    }
                }
            }));
            let (client, mut rng) = (server.client(), Rng::new(seed * 10 + n + 5));
            threads.push(thread::spawn(move || {
                for n in 0..VALUES {
                    match client.request_timeout(n, 20 * limit(&mut rng)) {
                        Ok(answer) => assert_eq!(answer, n + 1),
                        Err(RequestError::TimedOut(back)) => assert!(back.is_none_or(|m| m == n)),
                        Err(RequestError::Closed(back)) => assert_eq!(back, n),
                        Err(error) => assert!(matches!(
                            error,
                            RequestError::ServerLeft | RequestError::Unanswered
                        )),
                    }
                }
            }));
        }
        let mut rng = Rng::new(seed);
        let mut kept = Vec::new();
        // It leaves early, with replies kept.
        for _ in 0..60 {
            server.process(Duration::from_micros(200), |n, reply| {
                match rng.next() % 4 {
                    0 => drop(reply),
                    1 => kept.push(reply),
                    _ => drop(reply.send(n + 1)),
                }
            });
        }
        drop(server);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        for task in tasks {
            task.await.unwrap();
        }
        assert!(kept.iter().all(|reply| !reply.is_wanted()), "seed {seed}");
    }
}
