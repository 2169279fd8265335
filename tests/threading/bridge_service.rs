//! Services that work off items in the background, and async functions with two faces.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use ingather::bridge::{QueueServiceOptions, QueueServices, ServiceClosed, synced};
use ingather::{ContextVar, block_on, run_sync, timeout};

use crate::support::{
    Drops, Gate, Site, behaviour, boom, panic_of, throw, unhandled, unique, yields,
};

static NUMBER: ContextVar<u32> = ContextVar::new();

behaviour!(
    items_are_worked_off_in_batches,
    an_interval_is_kept,
    after_an_interval_for_ever_comes_the_drain_alone,
    items_without_room_go_to_the_hook,
    a_service_survives_its_handler,
    a_drain_can_be_repeated,
    what_was_sent_is_worked_off,
    a_drain_in_the_handler_does_not_hang,
    there_is_one_service_for_each_key,
);
behaviour!(outside: an_async_function_has_two_faces);

const SHORT: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_secs(10);

type Seen<T> = Arc<Mutex<Vec<T>>>;

// Bridge-7
async fn items_are_worked_off_in_batches(on: Site) {
    let _hold = on.hold();
    let (batches, gate) = (Seen::default(), Gate::new());
    let (seen, opened) = (Arc::clone(&batches), gate.clone());
    let service = NUMBER.sync_scope(3, || {
        let options = QueueServiceOptions::new().batch(4);
        options.start(move |batch: Vec<u32>| {
            opened.block();
            assert_eq!(NUMBER.get(), Some(3));
            seen.lock().unwrap().push(batch);
            Ok::<_, String>(())
        })
    });
    let service = service.unwrap();
    for n in 0..20 {
        service.send(n).unwrap();
    }
    assert_eq!(service.len(), 20);
    gate.open();
    service.drain().await;
    assert!(service.is_empty());
    let batches = batches.lock().unwrap();
    assert!(batches.iter().all(|batch| batch.len() <= 4));
    assert!(batches[1..].iter().any(|batch| batch.len() == 4));
    assert_eq!(batches.concat(), (0..20).collect::<Vec<_>>());
}

// Bridge-7, Bridge-9
async fn an_interval_is_kept(on: Site) {
    let _hold = on.hold();
    let interval = Duration::from_millis(20);
    let (tell, told) = mpsc::channel();
    let options = QueueServiceOptions::new().interval(interval);
    let service = options.start(move |_: Vec<u8>| tell.send(Instant::now()));
    let service = service.unwrap();
    let begin = Instant::now();
    for n in 0..3 {
        service.send(n).unwrap();
    }
    let begun: Vec<_> = (0..3).map(|_| told.recv().unwrap()).collect();
    // From before the first: a handler may look at the clock late.
    assert!(begun[1] - begin >= interval && begun[2] - begin >= 2 * interval);
    // A drain waits for none.
    let options = QueueServiceOptions::new().interval(Duration::from_secs(3600));
    let slow = options.start(|_: Vec<u8>| Ok::<_, String>(())).unwrap();
    for n in 0..3 {
        slow.send(n).unwrap();
    }
    yields(1).await;
    slow.drain_timeout(LONG).unwrap();
    assert!(slow.is_empty());
}

// Bridge-7
async fn items_without_room_go_to_the_hook(on: Site) {
    let _hold = on.hold();
    let (handled, dropped, gate) = (Seen::default(), Seen::default(), Gate::new());
    let (seen, hooked, opened) = (Arc::clone(&handled), Arc::clone(&dropped), gate.clone());
    let text = unique("a drop hook panics");
    let throws = text.clone();
    let options = QueueServiceOptions::new().capacity(2).on_drop(move |n| {
        hooked.lock().unwrap().push(n);
        throw(&throws);
    });
    let service = options.start(move |batch: Vec<u32>| {
        opened.block();
        seen.lock().unwrap().extend(batch);
        Ok::<_, String>(())
    });
    let service = service.unwrap();
    for n in 0..50 {
        service.send(n).unwrap();
    }
    gate.open();
    service.drain_timeout(LONG).unwrap();
    assert_eq!(service.send(99), Err(ServiceClosed(99)));
    let (handled, dropped) = (handled.lock().unwrap(), dropped.lock().unwrap());
    assert!(dropped.len() >= 47 && service.dropped() == dropped.len());
    let mut all = [handled.clone(), dropped.clone()].concat();
    all.sort_unstable();
    assert_eq!(all, (0..50).collect::<Vec<_>>(), "each once");
    assert!(!unhandled::taken(&text).is_empty());
}

// Bridge-8
async fn a_service_survives_its_handler(on: Site) {
    let _hold = on.hold();
    let drops = Drops::new();
    let name = unique("fragile service");
    let service = QueueServiceOptions::new().name(&name);
    let service =
        service.start(
            |mut batch: Vec<(u32, crate::support::Witness)>| match batch.remove(0).0 {
                0 => Err("an item fails"),
                1 => boom("an item panics"),
                _ => Ok(()),
            },
        );
    let service = service.unwrap();
    for n in 0..3 {
        service.send((n, drops.witness())).map_err(drop).unwrap();
    }
    service.drain().await;
    assert!(drops.all() && service.is_empty());
    let told = unhandled::taken(&name);
    assert!(told[0].contains("an item fails"), "{told:?}");
    assert!(told[1].contains("an item panics"), "{told:?}");
}

// Bridge-9
async fn a_drain_can_be_repeated(on: Site) {
    let gate = Gate::new();
    let opened = gate.clone();
    let service = QueueServiceOptions::new();
    let service = service.start(move |_: Vec<u8>| {
        opened.block();
        Ok::<_, String>(())
    });
    let service = service.unwrap();
    service.send(1).unwrap();
    service.send(2).unwrap();
    assert_eq!(service.drain_timeout(SHORT).unwrap_err().left(), 2);
    assert_eq!(service.drain_timeout(SHORT).unwrap_err().left(), 2);
    assert_eq!(service.send(3).unwrap_err().into_item(), 3);
    let mut drain = service.drain();
    assert!(timeout(SHORT, &mut drain).await.is_err());
    let _hold = on.hold();
    let other = service.clone();
    let thread = thread::spawn(move || other.drain_blocking());
    gate.open();
    drain.await;
    thread.join().unwrap();
    service.drain_blocking();
    assert_eq!(service.drain_timeout(Duration::ZERO), Ok(()));
}

// Bridge-9
async fn what_was_sent_is_worked_off(on: Site) {
    let _hold = on.hold();
    let (tell, told) = mpsc::channel();
    let service = QueueServiceOptions::new();
    let service = service
        .start(move |batch: Vec<u32>| tell.send(batch[0]))
        .unwrap();
    for n in 0..5 {
        service.send(n).unwrap();
    }
    drop(service);
    assert_eq!(told.iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

// Bridge-7, Bridge-9
async fn after_an_interval_for_ever_comes_the_drain_alone(on: Site) {
    let _hold = on.hold();
    for size in [1, 10] {
        let (tell, told) = mpsc::channel();
        let options = QueueServiceOptions::new()
            .interval(Duration::MAX)
            .batch(size);
        let service = options.start(move |batch: Vec<u8>| tell.send(batch).map_err(|_| "gone"));
        let service = service.unwrap();
        service.send(1).unwrap();
        assert_eq!(told.recv().unwrap(), [1]);
        for n in 2..5 {
            service.send(n).unwrap();
        }
        assert!(told.recv_timeout(SHORT).is_err());
        service.drain().await;
        assert_eq!(told.iter().flatten().collect::<Vec<_>>(), [2, 3, 4]);
    }
}

// Bridge-9
async fn a_drain_in_the_handler_does_not_hang(on: Site) {
    let _hold = on.hold();
    let (give, given) = mpsc::channel::<ingather::bridge::QueueService<u8>>();
    let (tell, told) = mpsc::channel();
    let name = unique("drains itself");
    let service = QueueServiceOptions::new().name(&name);
    let service = service.start(move |_: Vec<u8>| {
        let own = given.recv().unwrap();
        tell.send(own.drain_timeout(LONG).is_err()).unwrap();
        let text = panic_of(|| run_sync(own.drain()));
        assert!(text.unwrap().contains("would wait for itself"));
        own.drain_blocking();
        Ok::<_, String>(())
    });
    let service = service.unwrap();
    service.send(1).unwrap();
    give.send(service.clone()).unwrap();
    assert!(told.recv().unwrap());
    service.drain().await;
    let told = unhandled::taken(&name);
    assert!(told[0].contains("would wait for itself"), "{told:?}");
}

// Bridge-10
async fn there_is_one_service_for_each_key(on: Site) {
    let _hold = on.hold();
    let seen: Seen<(&str, u32)> = Seen::default();
    let all = Arc::clone(&seen);
    let services = QueueServices::new(move |key: &&'static str| {
        let (key, all) = (*key, Arc::clone(&all));
        QueueServiceOptions::new().start(move |batch: Vec<u32>| {
            all.lock().unwrap().push((key, batch[0]));
            Ok::<_, String>(())
        })
    });
    assert!(services.is_empty());
    for (key, n) in [("a", 1), ("b", 2), ("a", 3)] {
        services.get(key).unwrap().send(n).unwrap();
    }
    assert_eq!(services.len(), 2);
    services.drain_timeout(LONG).unwrap();
    services.drain_timeout(Duration::ZERO).unwrap();
    // One that was drained is replaced.
    services.get("a").unwrap().send(4).unwrap();
    services.drain_timeout(LONG).unwrap();
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_by_key(|(_, n)| *n);
    assert_eq!(seen, [("a", 1), ("b", 2), ("a", 3), ("a", 4)]);
    // Of several that ask at once all get the same.
    thread::scope(|scope| {
        for n in 0..4 {
            let services = &services;
            scope.spawn(move || services.get("new").unwrap().send(n).unwrap());
        }
    });
    assert_eq!(services.len(), 3);
    services.drain_timeout(LONG).unwrap();
}

async fn add(a: u32, b: u32) -> u32 {
    yields(2).await;
    a + b
}

// Bridge-11
async fn an_async_function_has_two_faces(on: Site) {
    let registry = ingather::TaskRegistry::on(&on.spawner);
    let sum = synced(add);
    assert_eq!(sum.call((1, 2)), 3);
    assert_eq!(sum.call_async((3, 4)).await, 7);
    let remote = synced(|n: u32| registry.create_task(async move { n + 1 }));
    assert_eq!(remote.call((1,)).unwrap(), 2);
    // Borrows, and futures that are not `Send`.
    let text = std::rc::Rc::new(String::from("four"));
    let len = synced(|| {
        let text = std::rc::Rc::clone(&text);
        async move { text.len() }
    });
    assert_eq!(len.call(()), 4);
    let four = synced(|a: u8, b: u8, c: u8, d: u8| async move { [a, b, c, d] });
    assert_eq!(
        block_on(four.call_async((1, 2, 3, 4))),
        four.call((1, 2, 3, 4))
    );
    let panics = synced(|| async { boom("in a synced function") });
    let panic: Option<&str> = crate::support::panic_of(|| panics.call(()));
    assert_eq!(panic, Some("in a synced function"));
}
