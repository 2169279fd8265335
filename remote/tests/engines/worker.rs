//! What a worker's process does. It says `ready` once it is.

use std::time::Duration;

use ingather_remote::nats::{Nats, Worker};
use ingather_remote::restate::{Jobs, Keeper, Restate};
use ingather_remote::{Job, JobError};
use restate_sdk::http_server::HttpServer;
use restate_sdk::prelude::*;

use crate::jobs::{self, Stay, Told, Tree};
use crate::server::Kind;

/// The number of tries of a job.
pub(crate) const TRIES: u32 = 3;
pub(crate) const SILENCE: Duration = Duration::from_millis(1500);

pub(crate) fn main(kind: Kind, address: &str, admin: &str, port: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match kind {
        Kind::Nats => runtime.block_on(nats(address)),
        Kind::Restate => runtime.block_on(restate(address, admin, port.parse().unwrap())),
    }
}

async fn nats(address: &str) {
    static TEXT: Job<u32, String> = Job::new("Test/text");
    let client = async_nats::connect(address).await.unwrap();
    let engine = Nats::on(client.clone()).await.unwrap();
    let worker = Worker::new(client)
        .carry(jobs::carried())
        .tries(TRIES)
        .silence(SILENCE)
        .pause(Duration::from_millis(100))
        .on_ready(|| println!("ready"))
        .on(&jobs::DOUBLE, |n, _| jobs::double(n))
        .on(&jobs::STAY, |stay, _| jobs::stay(stay))
        .on(&jobs::DEAF, |stay, _| jobs::deaf(stay))
        .on(&jobs::FAIL, |stay, _| jobs::fail(stay))
        .on(&jobs::REFUSE, |n, _| jobs::refuse(n))
        .on(&jobs::PANIC, |n, _| jobs::panic(n))
        .on(&jobs::LARGE, |bytes, _| jobs::large(bytes))
        .on(&jobs::TREE, move |tree, work| {
            jobs::tree(tree, work, engine.clone())
        })
        .on(&jobs::TELL, |_, work| jobs::tell(work))
        .on(&TEXT, |n, _| jobs::text(n));
    worker.run().await.unwrap();
}

struct Test {
    jobs: Jobs,
    engine: Restate,
}

impl Test {
    async fn run<T, F>(
        &self,
        ctx: &Context<'_>,
        job: impl FnOnce() -> F + Send,
    ) -> HandlerResult<Json<T>>
    where
        T: serde::Serialize + serde::de::DeserializeOwned + Send + 'static,
        F: Future<Output = Result<T, JobError>> + Send,
    {
        let here = self.jobs.job(ctx.invocation_id(), ctx.headers());
        let pause = RunRetryPolicy::new().initial_delay(Duration::from_millis(100));
        let run = ctx.run(|| here.run(job)).retry_policy(pause);
        Ok(run.await?)
    }
}

#[restate_sdk::service]
impl Test {
    #[handler]
    async fn double(&self, ctx: Context<'_>, Json(n): Json<u32>) -> HandlerResult<Json<u32>> {
        self.run(&ctx, || jobs::double(n)).await
    }

    #[handler]
    async fn stay(&self, ctx: Context<'_>, Json(stay): Json<Stay>) -> HandlerResult<Json<u32>> {
        self.run(&ctx, || jobs::stay(stay)).await
    }

    #[handler]
    async fn deaf(&self, ctx: Context<'_>, Json(stay): Json<Stay>) -> HandlerResult<Json<u32>> {
        self.run(&ctx, || jobs::deaf(stay)).await
    }

    #[handler]
    async fn fail(&self, ctx: Context<'_>, Json(stay): Json<Stay>) -> HandlerResult<Json<u32>> {
        self.run(&ctx, || jobs::fail(stay)).await
    }

    #[handler]
    async fn refuse(&self, ctx: Context<'_>, Json(n): Json<u32>) -> HandlerResult<Json<u32>> {
        self.run(&ctx, || jobs::refuse(n)).await
    }

    #[handler]
    async fn panic(&self, ctx: Context<'_>, Json(n): Json<u32>) -> HandlerResult<Json<u32>> {
        self.run(&ctx, || jobs::panic(n)).await
    }

    #[handler]
    async fn text(&self, ctx: Context<'_>, Json(n): Json<u32>) -> HandlerResult<Json<String>> {
        self.run(&ctx, || jobs::text(n)).await
    }

    #[handler]
    async fn large(&self, ctx: Context<'_>, Json(n): Json<u32>) -> HandlerResult<Json<String>> {
        self.run(&ctx, || jobs::large(n)).await
    }

    #[handler]
    async fn tell(&self, ctx: Context<'_>, Json(_): Json<u32>) -> HandlerResult<Json<Told>> {
        let job = self.jobs.job(ctx.invocation_id(), ctx.headers());
        let work = job.work().clone();
        Ok(ctx.run(|| job.run(|| jobs::tell(work))).await?)
    }

    #[handler]
    async fn tree(&self, ctx: Context<'_>, Json(tree): Json<Tree>) -> HandlerResult<Json<u32>> {
        let job = self.jobs.job(ctx.invocation_id(), ctx.headers());
        let (work, engine) = (job.work().clone(), self.engine.clone());
        let run = ctx.run(|| job.run(|| jobs::tree(tree, work, engine)));
        Ok(run.await?)
    }

    #[handler]
    async fn chain(&self, ctx: Context<'_>, Json(stay): Json<Stay>) -> HandlerResult<Json<u32>> {
        let next = ctx.service_client::<TestClient>().stay(Json(stay));
        Ok(next.call().await?)
    }
}

async fn restate(address: &str, admin: &str, port: u16) {
    let jobs = Jobs::new(admin)
        .unwrap()
        .carry(jobs::carried())
        .tries(TRIES);
    let endpoint = Endpoint::builder()
        .bind(Test {
            jobs,
            engine: Restate::at(address, admin).unwrap(),
        })
        .bind(Keeper::new(admin).unwrap())
        .build();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .unwrap();
    println!("ready");
    HttpServer::new(endpoint).serve(listener).await;
}
