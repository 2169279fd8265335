//! The workers as processes, which are killed when this is dropped.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

use crate::server::{Kind, Server};

pub(crate) struct Fleet {
    workers: Vec<Child>,
    pub(crate) server: Server,
}

impl Fleet {
    pub(crate) fn start(kind: Kind, workers: usize) -> Result<Self, Box<dyn Error>> {
        let mut fleet = Self {
            workers: Vec::new(),
            server: Server::start(kind)?,
        };
        // Restate calls its workers; these share a socket, so that each takes the connections that it can, also those of one that is
        // lost. With NATS they ask for work themselves.
        let socket = TcpListener::bind("127.0.0.1:0")?;
        for _ in 0..workers {
            fleet.start_worker(socket.try_clone()?)?;
        }
        if kind == Kind::Restate {
            fleet.server.register(socket.local_addr()?.port())?;
        }
        Ok(fleet)
    }

    /// With SIGKILL.
    pub(crate) fn kill_one(&mut self) {
        if let Some(worker) = self.workers.pop() {
            end(worker);
        }
    }

    fn start_worker(&mut self, socket: TcpListener) -> Result<(), Box<dyn Error>> {
        let (address, admin) = self.server.addresses();
        let mut worker = Command::new(std::env::current_exe()?);
        worker.args(["--worker", self.server.kind.name(), &address, &admin]);
        worker.stdin(OwnedFd::from(socket)).stdout(Stdio::piped());
        let mut worker = worker.spawn()?;
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

fn end(mut child: Child) {
    let _ = child.kill();
    let _ = child.wait();
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.workers.drain(..).for_each(end);
    }
}
