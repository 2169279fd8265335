//! A server of an engine: on free loopback ports, in a fresh folder, without telemetry.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::Process;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nats,
    Restate,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Nats, Self::Restate];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Restate => "restate",
        }
    }

    pub(crate) fn named(name: &str) -> Self {
        let kind = Self::ALL.into_iter().find(|kind| kind.name() == name);
        kind.unwrap_or_else(|| panic!("no engine {name}"))
    }

    /// The server's program, or why there is none.
    fn program(self) -> Result<PathBuf, String> {
        let (variable, name, brings) = match self {
            Self::Nats => (
                "NATS_SERVER",
                "nats-server",
                "'apt-get install nats-server'",
            ),
            Self::Restate => (
                "RESTATE_SERVER",
                "restate-server",
                "'npm install @restatedev/restate-server'",
            ),
        };
        if let Some(path) = std::env::var_os(variable) {
            return Ok(path.into());
        }
        let paths = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&paths)
            .chain(["/usr/sbin".into()])
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
            .ok_or_else(|| format!("there is no {name} ({brings} brings it, {variable} names it)"))
    }
}

pub(crate) struct Server {
    kind: Kind,
    program: PathBuf,
    pub(crate) folder: PathBuf,
    /// Of NATS the port of clients; of Restate ingress, admin and the node's own.
    ports: [u16; 3],
    process: Option<Process>,
}

impl Server {
    pub(crate) fn start(kind: Kind) -> Result<Self, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let program = kind.program()?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ingather-{}-{}-{count}", kind.name(), std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        let mut server = Self {
            kind,
            program,
            folder,
            ports: free_ports(),
            process: None,
        };
        server.begin();
        Ok(server)
    }

    /// `ADDRESS` of clients and, for Restate, that of the admin API.
    pub(crate) fn addresses(&self) -> (String, String) {
        let [client, admin, _] = self.ports;
        match self.kind {
            Kind::Nats => (format!("127.0.0.1:{client}"), String::new()),
            Kind::Restate => (
                format!("http://127.0.0.1:{client}"),
                format!("http://127.0.0.1:{admin}"),
            ),
        }
    }

    /// Starts it, with what it had in its folder.
    pub(crate) fn begin(&mut self) {
        let mut command = Command::new(&self.program);
        let [client, admin, node] = self.ports;
        let folder = self.folder.display();
        let config = self.folder.join("config");
        let text = match self.kind {
            Kind::Nats => format!(
                "host: 127.0.0.1\nport: {client}\njetstream {{ store_dir: \"{folder}/data\" }}\n"
            ),
            Kind::Restate => format!(
                "cluster-name = \"test\"\nnode-name = \"one\"\nbase-dir = \"{folder}/data\"\n\
                 listen-mode = \"tcp\"\nbind-address = \"127.0.0.1:{node}\"\n\
                 advertised-address = \"http://127.0.0.1:{node}\"\n\
                 default-num-partitions = 4\nrocksdb-total-memory-size = \"256.0 MiB\"\n\
                 disable-telemetry = true\nlog-filter = \"warn\"\n\
                 [admin]\nbind-address = \"127.0.0.1:{admin}\"\ndisable-web-ui = true\n\
                 [ingress]\nbind-address = \"127.0.0.1:{client}\"\n\
                 [worker]\ncleanup-interval = \"1m\"\n"
            ),
        };
        fs::write(&config, text).unwrap();
        match self.kind {
            Kind::Nats => command.arg("-c").arg(&config),
            Kind::Restate => command.arg("--no-logo").arg("-c").arg(&config),
        };
        let log = fs::File::create(self.log()).unwrap();
        command
            .env("DO_NOT_TRACK", "1")
            .stdout(log.try_clone().unwrap())
            .stderr(Stdio::from(log));
        self.process = Some(Process::start(&mut command));
        self.wait_for_health();
    }

    fn wait_for_health(&mut self) {
        let begin = Instant::now();
        while !self.is_healthy() {
            let is_over = self.process.as_mut().is_some_and(Process::is_over);
            let is_late = begin.elapsed() > Duration::from_secs(60);
            assert!(!is_over && !is_late, "no server:\n{}", self.log_text());
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn is_healthy(&self) -> bool {
        let [client, admin, _] = self.ports;
        match self.kind {
            // It greets once it is ready.
            Kind::Nats => TcpStream::connect(("127.0.0.1", client)).is_ok_and(|mut stream| {
                let mut greeting = [0; 4];
                stream
                    .read_exact(&mut greeting)
                    .is_ok_and(|()| &greeting == b"INFO")
            }),
            Kind::Restate => {
                http(admin, "GET", "/health", "").is_some_and(|(status, _)| status == 200)
                    && http(client, "GET", "/restate/health", "")
                        .is_some_and(|(status, _)| status == 200)
            }
        }
    }

    /// With SIGKILL: what it had told its clients must be on disk.
    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Tells Restate of a worker at this port.
    pub(crate) fn register(&self, port: u16) {
        if self.kind == Kind::Restate {
            let body = format!(r#"{{"uri":"http://127.0.0.1:{port}","force":true}}"#);
            let begin = Instant::now();
            loop {
                let answer = http(self.ports[1], "POST", "/deployments", &body);
                if let Some((200..=299, _)) = answer {
                    break;
                }
                assert!(begin.elapsed() < Duration::from_secs(20), "{answer:?}");
                thread::sleep(Duration::from_millis(100));
            }
        }
    }

    /// How many invocations of a service of Restate's are not over, whoever made them.
    pub(crate) fn unfinished(&self, service: &str) -> usize {
        let query = format!(
            r#"{{"query":"SELECT id FROM sys_invocation WHERE target_service_name = '{service}' AND status <> 'completed'"}}"#
        );
        let answer = http(self.ports[1], "POST", "/query", &query);
        let (status, rows) = answer.expect("an answer");
        assert_eq!(status, 200, "{rows}");
        rows.matches("\"id\"").count()
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    pub(crate) fn log_text(&self) -> String {
        tail(&self.log())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.stop();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn tail(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let from = text.len().saturating_sub(4000);
    String::from_utf8_lossy(&text[from..]).into_owned()
}

/// Ports that were free a moment ago.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// The status and the body of an answer.
fn http(port: u16, method: &str, path: &str, body: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .ok()?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\
         content-type: application/json\r\naccept: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Some((status, body.to_owned()))
}
