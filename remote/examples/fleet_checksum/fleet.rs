//! The server and the workers as processes, which are killed when this is dropped.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) struct Fleet {
    address: String,
    folder: PathBuf,
    server: Child,
    workers: Vec<Child>,
}

impl Fleet {
    pub(crate) fn start(workers: usize) -> Result<Self, Box<dyn Error>> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let folder = std::env::temp_dir().join(format!("fleet-checksum-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let mut server = Command::new(program());
        server
            .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
            .arg(&folder);
        server
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = server.spawn().map_err(|error| {
            format!("nats-server: {error} ('apt-get install nats-server' brings it, NATS_SERVER names it)")
        })?;
        let mut fleet = Self {
            address: format!("127.0.0.1:{port}"),
            folder,
            server,
            workers: Vec::new(),
        };
        fleet.wait_for_server(port)?;
        for _ in 0..workers {
            fleet.start_worker()?;
        }
        Ok(fleet)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// With SIGKILL.
    pub(crate) fn kill_one(&mut self) {
        if let Some(worker) = self.workers.pop() {
            end(worker);
        }
    }

    fn wait_for_server(&mut self, port: u16) -> Result<(), Box<dyn Error>> {
        let begin = Instant::now();
        let mut greeting = [0; 4];
        loop {
            let stream = TcpStream::connect(("127.0.0.1", port));
            if stream
                .and_then(|mut stream| stream.read_exact(&mut greeting))
                .is_ok()
            {
                return Ok(());
            }
            if self.server.try_wait()?.is_some() || begin.elapsed() > Duration::from_secs(10) {
                return Err("the server does not start".into());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn start_worker(&mut self) -> Result<(), Box<dyn Error>> {
        let mut worker = Command::new(std::env::current_exe()?);
        worker.args(["--worker", &self.address]);
        let mut worker = worker.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let out = worker.stdout.take();
        self.workers.push(worker);
        let mut line = String::new();
        BufReader::new(out.ok_or("no pipe")?).read_line(&mut line)?;
        match line.trim() {
            "ready" => Ok(()),
            _ => Err("a worker does not start".into()),
        }
    }
}

fn program() -> PathBuf {
    let named = std::env::var_os("NATS_SERVER").map(PathBuf::from);
    // Where Debian puts it, which is not in everybody's path.
    let usual = PathBuf::from("/usr/sbin/nats-server");
    named.unwrap_or_else(|| match usual.exists() {
        true => usual,
        false => "nats-server".into(),
    })
}

fn end(mut child: Child) {
    let _ = child.kill();
    let _ = child.wait();
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.workers.drain(..).for_each(end);
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
