//! The server of an engine: on free loopback ports, in a fresh folder, without telemetry. Stopped when it is dropped.

use std::error::Error;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Nats,
    Restate,
}

impl Kind {
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "nats" => Some(Self::Nats),
            "restate" => Some(Self::Restate),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Restate => "restate",
        }
    }
}

pub(crate) struct Server {
    pub(crate) kind: Kind,
    folder: PathBuf,
    /// Of clients, of Restate's admin API, and of Restate's own node.
    ports: [u16; 3],
    process: Child,
}

impl Server {
    pub(crate) fn start(kind: Kind) -> Result<Self, Box<dyn Error>> {
        let [a, b, c] = [free_port()?, free_port()?, free_port()?];
        let (ports, [client, admin, node]) = ([a, b, c], [a, b, c]);
        let folder = std::env::temp_dir().join(format!("fleet-checksum-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let (config, data) = (folder.join("config"), folder.join("data"));
        let data = data.display();
        let text = match kind {
            Kind::Nats => {
                format!("host: 127.0.0.1\nport: {client}\njetstream {{ store_dir: \"{data}\" }}\n")
            }
            // Few calls to a connection, so that the connections, and the calls with them, are spread among the workers.
            Kind::Restate => format!(
                "base-dir = \"{data}\"\nnode-name = \"one\"\ndisable-telemetry = true\nlog-filter = \"warn\"\n\
                 listen-mode = \"tcp\"\nbind-address = \"127.0.0.1:{node}\"\n\
                 advertised-address = \"http://127.0.0.1:{node}\"\n\
                 default-num-partitions = 4\nrocksdb-total-memory-size = \"256.0 MiB\"\n\
                 [admin]\nbind-address = \"127.0.0.1:{admin}\"\ndisable-web-ui = true\n\
                 [ingress]\nbind-address = \"127.0.0.1:{client}\"\n\
                 [worker.invoker]\nhttp2-streams-per-connection-limit = 4\n"
            ),
        };
        fs::write(&config, text)?;
        let mut command = Command::new(program(kind));
        command.arg("-c").arg(config).env("DO_NOT_TRACK", "1");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = command.spawn().map_err(|error| match kind {
            Kind::Nats => {
                format!("{error} ('apt-get install nats-server' brings it, NATS_SERVER names it)")
            }
            Kind::Restate => format!(
                "{error} ('npm install @restatedev/restate-server' brings it, RESTATE_SERVER names it)"
            ),
        })?;
        let mut server = Self {
            kind,
            folder,
            ports,
            process,
        };
        server.wait_for_health()?;
        Ok(server)
    }

    /// For clients, and of Restate's admin API.
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

    /// Tells Restate that there are workers at this port.
    pub(crate) fn register(&self, port: u16) -> Result<(), Box<dyn Error>> {
        let body = format!(r#"{{"uri":"http://127.0.0.1:{port}"}}"#);
        match http(self.ports[1], "POST", "/deployments", &body)? {
            200..=299 => Ok(()),
            status => Err(format!("the workers cannot be registered: {status}").into()),
        }
    }

    fn wait_for_health(&mut self) -> Result<(), Box<dyn Error>> {
        let begin = Instant::now();
        while !self.is_healthy() {
            if self.process.try_wait()?.is_some() || begin.elapsed() > Duration::from_secs(60) {
                return Err("the server does not start".into());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn is_healthy(&self) -> bool {
        let [client, admin, _] = self.ports;
        let answers = |port, path| http(port, "GET", path, "").is_ok_and(|status| status == 200);
        match self.kind {
            Kind::Nats => {
                let mut greeting = [0; 4];
                TcpStream::connect(("127.0.0.1", client))
                    .and_then(|mut stream| stream.read_exact(&mut greeting))
                    .is_ok()
            }
            Kind::Restate => answers(admin, "/health") && answers(client, "/restate/health"),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn program(kind: Kind) -> PathBuf {
    let (variable, name) = match kind {
        Kind::Nats => ("NATS_SERVER", "nats-server"),
        Kind::Restate => ("RESTATE_SERVER", "restate-server"),
    };
    // Where Debian puts it, which is not in everybody's path.
    let usual = PathBuf::from("/usr/sbin").join(name);
    let named = std::env::var_os(variable).map(PathBuf::from);
    named.unwrap_or_else(|| match usual.exists() {
        true => usual,
        false => name.into(),
    })
}

fn free_port() -> Result<u16, Box<dyn Error>> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The status of an answer.
fn http(port: u16, method: &str, path: &str, body: &str) -> Result<u16, Box<dyn Error>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split(' ').nth(1).ok_or("no answer")?.parse()?)
}
