//! What a remote child costs over the engine's own client alone: latency of one call after another, and throughput of many.
//!
//! Both do the same against the same server and the same worker process: they write the input as JSON, hand it over under a key that
//! nobody has taken, wait for the result that the engine keeps, and read it. The client alone does it as one writes it by hand:
//!
//! - NATS: one publish to a stream on disk that is acknowledged, and one message of a consumer that all calls share. The child sends the
//!   same without asking for the acknowledgement: if there is no result after a while it sends it again, and then asks. By hand that
//!   second try would have to be written, so that the acknowledgement is what one waits for.
//! - Restate: one call with a key, which both may make again. With the key the id is found for a cancel.
//!
//! What the remote child has and the client alone has not: a scope whose token and grace it heeds, a lease that is renewed, context
//! and deadline that travel, a limit for each answer, and a second try of whatever got none.
//!
//! Rounds of both take turns in one process, and so does which of them begins. The table shows medians; each ratio is the median of the
//! ratios of neighbours. The processor time is that of this process, without the server and the worker.
//!
//! ```text
//! cargo bench -p ingather-remote --features nats,restate --bench overhead [-- --quick] [nats|restate] [alone|in-scope|child]
//! ```
//!
//! With one of the last words it makes calls of that kind and no other, for a profiler: of the client alone, each in a task of tokio or each
//! a child of a scope; or remote children.
//!
//! - `by_hand`: the clients alone
//! - `server`, `process`: of the tests

mod by_hand;
#[path = "../../tests/engines/process.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod process;
#[path = "../../tests/engines/server.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod server;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::BoxFuture;
use ingather::on;
use ingather_remote::nats::{Nats, Worker};
use ingather_remote::restate::{Keeper, Restate};
use ingather_remote::{Engine, Job, JobError, Remote};
use restate_sdk::http_server::HttpServer;
use restate_sdk::prelude::*;
use tokio::runtime::{Handle, Runtime};

use by_hand::Client;
use process::Process;
use server::{Kind, Server, free_ports};

static ECHO: Job<u32, u32> = Job::new("Bench/echo");

const IN_FLIGHT: usize = 64;

/// How long something took.
#[derive(Clone, Copy)]
struct Took {
    time: f64,
    processor: f64,
}

impl Took {
    /// By the clock, and of the processors in this process.
    async fn by(work: impl Future<Output = ()>) -> Self {
        let (begin, processor) = (Instant::now(), processor_time());
        work.await;
        Self {
            time: begin.elapsed().as_secs_f64(),
            processor: processor_time() - processor,
        }
    }
}

#[allow(unsafe_code, reason = "the system's clock")]
fn processor_time() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: it writes into `time` and nothing else.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    assert_eq!(done, 0);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// What a profiler looks at.
#[derive(Clone, Copy)]
enum Side {
    /// The client alone, each call a task.
    Alone,
    /// The client alone, each call a child of a scope.
    InScope,
    Child,
}

impl Side {
    const ALL: [Self; 3] = [Self::Alone, Self::InScope, Self::Child];

    fn name(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::InScope => "in-scope",
            Self::Child => "child",
        }
    }
}

struct Sizes {
    rounds: usize,
    calls: u32,
    many: u32,
}

fn main() {
    let args: Vec<_> = std::env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    if let ["worker", kind, address, admin, port] = *args {
        return work(Kind::named(kind), address, admin, port.parse().unwrap());
    }
    let sizes = match args.contains(&"--quick") {
        true => Sizes {
            rounds: 7,
            calls: 50,
            many: 500,
        },
        false => Sizes {
            rounds: 15,
            calls: 300,
            many: 3_000,
        },
    };
    let side = Side::ALL
        .into_iter()
        .find(|side| args.contains(&side.name()));
    if side.is_none() {
        println!("| engine | | client alone | remote child | ratio |\n|---|---|---|---|---|");
    }
    let is_named = |kind: &Kind| args.contains(&kind.name());
    let all = !Kind::ALL.iter().any(is_named);
    for kind in Kind::ALL.into_iter().filter(|kind| all || is_named(kind)) {
        match Server::start(kind) {
            Ok(server) => measure(kind, &server, &sizes, side),
            Err(reason) => println!("{}: skipped, {reason}", kind.name()),
        }
    }
}

fn measure(kind: Kind, server: &Server, sizes: &Sizes, side: Option<Side>) {
    let (address, admin) = server.addresses();
    let [port] = free_ports();
    let args = ["worker", kind.name(), &address, &admin, &port.to_string()];
    let _worker = Process::start_self(&args);
    server.register(port);
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let engine: Arc<dyn Engine> = match kind {
            Kind::Nats => Arc::new(Nats::connect(&address).await.unwrap()),
            Kind::Restate => Arc::new(Restate::at(&address, &admin).unwrap()),
        };
        let far = Remote::new(engine);
        while far.call(&ECHO, 0).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let client = by_hand::client(kind, &address).await;

        if let Some(side) = side {
            return only(side, sizes, &client, &far).await;
        }
        let (mut calls, mut many) = (Vec::new(), Vec::new());
        // The first is for warming up.
        for round in 0..=sizes.rounds {
            let one_by_one_alone = || one_by_one(sizes.calls, |n| client.call(n));
            let child_by_child = || one_by_one(sizes.calls, |n| Box::pin(remote(far.clone(), n)));
            let at_once_alone = || at_once(sizes.many, Arc::clone(&client));
            let children_at_once = || children_at_once(sizes.many, far.clone());
            let is_first = round % 2 == 0;
            let pair = in_turn(is_first, one_by_one_alone, child_by_child).await;
            let pair_of_many = in_turn(is_first, at_once_alone, children_at_once).await;
            if round > 0 {
                calls.push(pair);
                many.push(pair_of_many);
            }
        }
        let per_call = |calls| move |time: f64| format!("{:.1} us", time * 1e6 / f64::from(calls));
        let rate = |time: f64| format!("{:.0}/s", f64::from(sizes.many) / time);
        let (time, processor) = (|took: Took| took.time, |took: Took| took.processor);
        row(
            kind,
            "one call after another",
            &calls,
            time,
            per_call(sizes.calls),
        );
        row(
            kind,
            "its processor time",
            &calls,
            processor,
            per_call(sizes.calls),
        );
        row(kind, "64 in flight", &many, time, rate);
        row(
            kind,
            "their processor time",
            &many,
            processor,
            per_call(sizes.many),
        );
        far.close().await.unwrap();
    });
}

/// Many calls of one side and nothing else, for a profiler.
async fn only(side: Side, sizes: &Sizes, client: &Arc<dyn Client>, far: &Remote) {
    for _ in 0..sizes.rounds {
        let took = match side {
            Side::Alone => Took::by(at_once(sizes.many, Arc::clone(client))).await,
            Side::InScope => Took::by(alone_in_scope(sizes.many, Arc::clone(client))).await,
            Side::Child => Took::by(children_at_once(sizes.many, far.clone())).await,
        };
        let of_one = |time: f64| time * 1e6 / f64::from(sizes.many);
        println!(
            "{}: {:.1} us, processor {:.1} us",
            side.name(),
            of_one(took.time),
            of_one(took.processor)
        );
    }
}

async fn in_turn<A, B>(is_first: bool, a: impl FnOnce() -> A, b: impl FnOnce() -> B) -> (Took, Took)
where
    A: Future<Output = ()>,
    B: Future<Output = ()>,
{
    if is_first {
        let a = Took::by(a()).await;
        return (a, Took::by(b()).await);
    }
    let b = Took::by(b()).await;
    (Took::by(a()).await, b)
}

fn row(
    kind: Kind,
    what: &str,
    pairs: &[(Took, Took)],
    of: impl Fn(Took) -> f64,
    show: impl Fn(f64) -> String,
) {
    let alone = median(pairs.iter().map(|pair| of(pair.0)));
    let child = median(pairs.iter().map(|pair| of(pair.1)));
    let ratio = median(pairs.iter().map(|pair| of(pair.1) / of(pair.0)));
    println!(
        "| {} | {what} | {} | {} | {ratio:.3} |",
        kind.name(),
        show(alone),
        show(child)
    );
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn remote(far: Remote, n: u32) {
    assert_eq!(far.call(&ECHO, n).await.unwrap(), n);
}

async fn one_by_one(calls: u32, call: impl Fn(u32) -> BoxFuture<'static, ()>) {
    for n in 0..calls {
        call(n).await;
    }
}

async fn at_once(many: u32, client: Arc<dyn Client>) {
    let calls = futures::stream::iter(0..many).map(|n| tokio::spawn(client.call(n)));
    let done = calls.buffer_unordered(IN_FLIGHT);
    done.for_each(|done| async { done.unwrap() }).await;
}

async fn alone_in_scope(many: u32, client: Arc<dyn Client>) {
    let calls = |n| client.call(n);
    let calls = on(&Handle::current())
        .map_concurrent(0..many, IN_FLIGHT, calls)
        .unordered();
    calls.for_each(|()| async {}).await;
}

async fn children_at_once(many: u32, far: Remote) {
    let calls = |n| far.call(&ECHO, n);
    let calls = on(&Handle::current())
        .map_concurrent(0..many, IN_FLIGHT, calls)
        .unordered();
    calls
        .for_each(|done| async move { assert!(done.is_ok()) })
        .await;
}

struct Bench;

#[restate_sdk::service(client_visibility = "pub(crate)")]
impl Bench {
    #[handler]
    async fn echo(&self, _ctx: Context<'_>, Json(n): Json<u32>) -> HandlerResult<Json<u32>> {
        Ok(Json(n))
    }
}

fn work(kind: Kind, address: &str, admin: &str, port: u16) {
    Runtime::new().unwrap().block_on(async {
        match kind {
            Kind::Nats => {
                let client = async_nats::connect(address).await.unwrap();
                let worker = Worker::new(client).on_ready(|| println!("ready"));
                let worker = worker.on(&ECHO, |n, _work| async move { Ok::<_, JobError>(n) });
                worker.run().await.unwrap();
            }
            Kind::Restate => {
                let endpoint = Endpoint::builder()
                    .bind(Bench)
                    .bind(Keeper::new(admin).unwrap())
                    .build();
                let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
                    .await
                    .unwrap();
                println!("ready");
                HttpServer::new(endpoint).serve(listener).await;
            }
        }
    });
}
