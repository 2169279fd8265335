//! Control inversion: who serves, who waits, and that each request is resolved once.

use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use ingather::bridge::{ControlServer, Reply, RequestError};
use ingather::{TaskRegistry, run_sync, timeout};

use crate::support::{ByHand, Drops, Gate, Site, behaviour, boom, panic_of};

behaviour!(
    a_thread_serves_tasks,
    one_call_serves_at_most_one,
    clients_feel_how_much_waits,
    a_request_is_withdrawn,
    a_reply_may_be_late,
    whatever_a_handler_does_resolves_the_client,
    leaving_resolves_all,
    a_handler_does_not_wait_for_itself,
);
behaviour!(outside: a_thread_serves_until_its_work_is_done);

const SHORT: Duration = Duration::from_millis(2);
const LONG: Duration = Duration::from_secs(10);

fn double(n: u32, reply: Reply<u32>) {
    reply.send(2 * n).unwrap();
}

// Bridge-1, Bridge-2
async fn a_thread_serves_tasks(on: Site) {
    let _hold = on.hold();
    let mut server = ControlServer::new(4);
    let client = server.client();
    let serves = thread::spawn(move || {
        let here = thread::current().id();
        let mut served = 0;
        while served < 20 {
            served += u32::from(server.process(LONG, |n, reply| {
                assert_eq!(thread::current().id(), here);
                double(n, reply);
            }));
        }
    });
    let registry = TaskRegistry::on(&on.spawner);
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let client = client.clone();
            registry.create_task(async move { client.request(n).await })
        })
        .collect();
    for (n, task) in (0..).zip(tasks) {
        assert_eq!(task.await.unwrap(), Ok(2 * n));
    }
    serves.join().unwrap();
    assert_eq!(client.request(1).await, Err(RequestError::Closed(1)));
}

// Bridge-2
async fn one_call_serves_at_most_one(_: Site) {
    let mut server = ControlServer::new(4);
    let client = server.client();
    assert!(!server.process(SHORT, double));
    assert_eq!(server.process_all(double), 0);
    let mut requests: Vec<_> = (0..3).map(|n| ByHand::new(client.request(n))).collect();
    assert!(
        requests
            .iter_mut()
            .all(|request| request.poll().is_pending())
    );
    assert!(server.process(Duration::ZERO, double));
    let woken: Vec<_> = requests.iter().map(ByHand::wakes).collect();
    assert_eq!((woken, server.len()), (vec![1, 0, 0], 2));
    assert_eq!(server.process_all(double), 2);
    for (n, request) in (0..).zip(&mut requests) {
        assert_eq!(request.wakes(), 1);
        assert_eq!(request.poll(), Poll::Ready(Ok(2 * n)));
    }
}

// Bridge-2
async fn a_thread_serves_until_its_work_is_done(on: Site) {
    let mut server = ControlServer::new(1);
    let client = server.client();
    let registry = TaskRegistry::on(&on.spawner);
    let mut sum = 0;
    let mut task = registry.create_task(async move {
        let mut sum = 0;
        for n in 0..50 {
            sum += client.request(n).await.unwrap();
        }
        sum
    });
    let total = server.serve_until(&mut task, |n, reply| {
        sum += 2 * n;
        double(n, reply);
    });
    assert_eq!(total.unwrap(), sum);
    // Without a request, and with a server that is closed.
    server.close();
    let task = registry.create_task(async { 1 });
    assert_eq!(server.serve_until(task, double).unwrap(), 1);
}

// Bridge-3
async fn clients_feel_how_much_waits(_: Site) {
    let mut server = ControlServer::new(1);
    let client = server.client();
    let (mut first, mut second) = (
        ByHand::new(client.request(1)),
        ByHand::new(client.request(2)),
    );
    assert!(first.poll().is_pending() && second.poll().is_pending());
    assert_eq!(server.len(), 1);
    assert_eq!(
        client.request_timeout(3, SHORT),
        Err(RequestError::TimedOut(Some(3)))
    );
    assert_eq!(server.process_all(double), 1);
    assert!(second.is_woken() && second.poll().is_pending());
    assert_eq!(server.process_all(double), 1);
    assert_eq!(first.poll(), Poll::Ready(Ok(2)));
    assert_eq!(second.poll(), Poll::Ready(Ok(4)));
}

// Bridge-4
async fn a_request_is_withdrawn(_: Site) {
    let mut server = ControlServer::new(8);
    let client = server.client();
    for polls in 0..3 {
        let drops = Drops::new();
        let mut request = ByHand::new(client.request(drops.witness()));
        for _ in 0..polls {
            assert!(request.poll().is_pending());
        }
        drop(request);
        assert!(!server.process(Duration::ZERO, |_, _: Reply<()>| panic!("it was withdrawn")));
        assert!(drops.all() && server.is_empty());
    }
    let drops = Drops::new();
    let timed_out = client.request_timeout(drops.witness(), SHORT);
    assert!(matches!(timed_out, Err(RequestError::TimedOut(None))));
    assert!(
        timeout(SHORT, client.request(drops.witness()))
            .await
            .is_err()
    );
    // Passed over, for the one behind them.
    let mut stays = ByHand::new(client.request(drops.witness()));
    assert!(stays.poll().is_pending());
    assert!(server.process(Duration::ZERO, |_, reply| reply.send(()).unwrap()));
    assert!(matches!(stays.poll(), Poll::Ready(Ok(()))));
    assert!(drops.all());
}

// Bridge-5
async fn a_reply_may_be_late(on: Site) {
    let _hold = on.hold();
    let mut server = ControlServer::new(8);
    let client = server.client();
    let kept = Mutex::new(Vec::new());
    let keep = |n: u32, reply: Reply<u32>| kept.lock().unwrap().push((n, reply));
    let mut requests: Vec<_> = (0..3).map(|n| ByHand::new(client.request(n))).collect();
    assert!(
        requests
            .iter_mut()
            .all(|request| request.poll().is_pending())
    );
    assert_eq!(server.process_all(keep), 3);
    let mut kept = kept.into_inner().unwrap();
    // In another order, and by another thread.
    let (n, reply) = kept.pop().unwrap();
    let thread = thread::spawn(move || reply.send(10 * n));
    assert_eq!(thread.join().unwrap(), Ok(()));
    assert_eq!(requests[2].poll(), Poll::Ready(Ok(20)));
    // One that nobody waits for comes back.
    let (_, reply) = kept.pop().unwrap();
    assert!(reply.is_wanted());
    drop(requests.swap_remove(1));
    assert!(!reply.is_wanted());
    assert_eq!(reply.send(5), Err(5));
    // The server leaves, and a reply is still kept.
    drop(server);
    assert_eq!(requests[0].wakes(), 1);
    assert_eq!(
        requests[0].poll(),
        Poll::Ready(Err(RequestError::ServerLeft))
    );
    drop(requests);
    let (_, reply) = kept.pop().unwrap();
    assert_eq!(reply.send(6), Err(6));
}

// Bridge-1
async fn whatever_a_handler_does_resolves_the_client(_: Site) {
    let mut server = ControlServer::<u32, u32>::new(8);
    let client = server.client();
    let mut requests: Vec<_> = (0..3).map(|n| ByHand::new(client.request(n))).collect();
    assert!(
        requests
            .iter_mut()
            .all(|request| request.poll().is_pending())
    );
    assert!(server.process(Duration::ZERO, |_, _| ()));
    assert_eq!(
        requests[0].poll(),
        Poll::Ready(Err(RequestError::Unanswered))
    );
    let panic = panic_of(|| server.process(Duration::ZERO, |_, _reply| boom("in the handler")));
    assert_eq!(panic, Some("in the handler"));
    assert_eq!(requests[1].poll(), Poll::Ready(Err(RequestError::Panicked)));
    // The server is as fit as before.
    assert_eq!(server.process_all(double), 1);
    assert_eq!(requests[2].poll(), Poll::Ready(Ok(4)));
    assert!(requests.iter().all(|request| request.wakes() == 1));
}

// Bridge-1, Bridge-5
async fn leaving_resolves_all(on: Site) {
    let _hold = on.hold();
    let server = ControlServer::<u32, u32>::new(1);
    let client = server.client();
    let (mut accepted, mut waits) = (
        ByHand::new(client.request(1)),
        ByHand::new(client.request(2)),
    );
    assert!(accepted.poll().is_pending() && waits.poll().is_pending());
    let blocked = client.clone();
    let thread = thread::spawn(move || blocked.request_blocking(3));
    // By a panic of the thread that owns it.
    let dies = thread::spawn(move || {
        let _server = server;
        boom("the serving thread dies")
    });
    assert!(dies.join().is_err());
    assert_eq!(accepted.poll(), Poll::Ready(Err(RequestError::ServerLeft)));
    assert_eq!(waits.poll(), Poll::Ready(Err(RequestError::Closed(2))));
    let refused = thread.join().unwrap().unwrap_err();
    assert_eq!(refused.into_request(), Some(3));
    assert!(client.is_closed());
    assert_eq!(
        client.request_timeout(4, LONG),
        Err(RequestError::Closed(4))
    );
}

// Bridge-6
async fn a_handler_does_not_wait_for_itself(on: Site) {
    let _hold = on.hold();
    let mut server = ControlServer::new(8);
    let client = server.client();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let gate = Gate::new();
    let mut request = ByHand::new(client.request(1));
    assert!(request.poll().is_pending());
    let (inner, tells, opens) = (client.clone(), Arc::clone(&seen), gate.clone());
    let serves = thread::spawn(move || {
        server.process(LONG, |n, reply: Reply<u32>| {
            let blocking = inner.request_blocking(n);
            let limited = inner.request_timeout(n, LONG);
            let run = run_sync(inner.request(n));
            tells.lock().unwrap().extend([blocking, limited, run]);
            reply.send(9).unwrap();
        });
        opens.open();
        // Afterwards the thread is one like others.
        inner.request_timeout(5, SHORT)
    });
    gate.wait().await;
    assert_eq!(request.poll(), Poll::Ready(Ok(9)));
    let after = serves.join().unwrap();
    assert_eq!(after, Err(RequestError::TimedOut(None)));
    let seen = seen.lock().unwrap();
    assert_eq!(
        *seen,
        [
            Err(RequestError::WouldDeadlock(1)),
            Err(RequestError::WouldDeadlock(1)),
            Err(RequestError::WouldDeadlock(1))
        ]
    );
}
