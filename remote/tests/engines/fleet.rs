//! A server and its workers, for a scenario.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use ingather::block_on;
use ingather_remote::nats::Nats;
use ingather_remote::restate::Restate;
use ingather_remote::{Engine, Remote, RemoteOptions, ScopeId};
use tokio::runtime::Runtime;

use crate::jobs::{self, Stay};
use crate::process::Process;
use crate::server::{Kind, Server, free_ports};

pub(crate) struct Fleet {
    pub(crate) kind: Kind,
    pub(crate) server: Server,
    worker: Option<Process>,
    port: u16,
    pub(crate) runtime: Runtime,
    /// Scopes of this scenario.
    scopes: Vec<ScopeId>,
    marks: u32,
}

impl Fleet {
    pub(crate) fn start(kind: Kind) -> Result<Self, String> {
        let [port] = free_ports();
        let mut fleet = Self {
            kind,
            server: Server::start(kind)?,
            worker: None,
            port,
            runtime: Runtime::new().unwrap(),
            scopes: Vec::new(),
            marks: 0,
        };
        fleet.start_worker();
        fleet.server.register(port);
        fleet.wait_for_jobs();
        Ok(fleet)
    }

    /// After a scenario that failed.
    pub(crate) fn start_afresh(&mut self) {
        self.worker = None;
        self.scopes.clear();
        self.server = Server::start(self.kind).unwrap();
        self.start_worker();
        self.server.register(self.port);
        self.wait_for_jobs();
    }

    fn wait_for_jobs(&mut self) {
        let far = self.remote(|options| options);
        let begin = Instant::now();
        while let Err(error) = block_on(far.call(&jobs::DOUBLE, 1)) {
            assert!(begin.elapsed() < Duration::from_secs(20), "{error}");
            thread::sleep(Duration::from_millis(50));
        }
        block_on(far.close()).unwrap();
    }

    pub(crate) fn start_worker(&mut self) {
        let (address, admin) = self.server.addresses();
        let port = self.port.to_string();
        let args = ["worker", self.kind.name(), &address, &admin, &port];
        self.worker = Some(Process::start_self(&args).0);
    }

    /// With SIGKILL.
    pub(crate) fn kill_worker(&mut self) {
        self.worker = None;
    }

    /// An owner in a process of its own.
    pub(crate) fn owner(&mut self, scope: &ScopeId, rest: &str) -> Process {
        self.scopes.push(scope.clone());
        let (address, admin) = self.server.addresses();
        let rest = format!("{scope} {rest} {}", self.server.folder.display());
        let args = ["owner", self.kind.name(), &address, &admin, &rest];
        Process::start_self(&args).0
    }

    /// For what a job opens itself.
    pub(crate) fn scope(&mut self) -> ScopeId {
        let scope = ScopeId::random();
        self.scopes.push(scope.clone());
        scope
    }

    pub(crate) fn remote(&mut self, tell: impl FnOnce(RemoteOptions) -> RemoteOptions) -> Remote {
        let far = tell(RemoteOptions::new(self.engine())).open();
        self.scopes.push(far.scope_id().clone());
        far
    }

    pub(crate) fn engine(&self) -> Arc<dyn Engine> {
        let (address, admin) = self.server.addresses();
        self.runtime.block_on(engine(self.kind, &address, &admin))
    }

    /// Work that stays for so long, with a mark of its own.
    pub(crate) fn stay(&mut self, millis: u64) -> Stay {
        self.marks += 1;
        let mark = self.server.folder.join(format!("mark-{}", self.marks));
        Stay { millis, mark }
    }

    /// No scope of the scenario has anything left.
    pub(crate) fn assert_nothing_is_left(&mut self) {
        let engine = self.engine();
        for scope in self.scopes.drain(..) {
            // A server that was started anew takes a moment to answer.
            let mut live = Vec::new();
            until("an answer", || match block_on(engine.live(&scope)) {
                Ok(left) => {
                    live = left;
                    true
                }
                Err(_) => false,
            });
            assert!(live.is_empty(), "left: {live:?}");
        }
    }

    pub(crate) fn print_logs(&self) {
        println!("--- server\n{}\n---", self.server.log_text());
    }
}

pub(crate) async fn engine(kind: Kind, address: &str, admin: &str) -> Arc<dyn Engine> {
    match kind {
        Kind::Nats => Arc::new(Nats::connect(address).await.unwrap()),
        Kind::Restate => Arc::new(Restate::at(address, admin).unwrap()),
    }
}

/// Waits until it is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Duration {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(60), "never: {what}");
        thread::sleep(Duration::from_millis(10));
    }
    begin.elapsed()
}

pub(crate) fn begun(mark: &PathBuf) {
    until("a run that begins", || jobs::marks(mark).0 > 0);
}

pub(crate) fn clear(mark: &PathBuf) {
    let _ = fs::remove_file(mark);
}
