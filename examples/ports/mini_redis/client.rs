//! One connection: commands are read, applied in order and answered, until it ends or the server stops.

use std::collections::BTreeSet;
use std::future::{Future, pending};
use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::select;
use tokio::sync::mpsc;

use super::db::{Db, Message};
use super::resp::{self, Replies};

/// How many messages a subscriber may be behind.
const BEHIND: usize = 1024;

/// A token of either library.
pub(crate) trait Stop: Sync {
    /// Waits until the server is to stop.
    fn stopped(&self) -> impl Future<Output = ()> + Send;
}

/// Serves until the client leaves or the server stops. What was read by then is answered.
pub(crate) async fn serve(mut stream: TcpStream, db: &Db, stop: &impl Stop) -> io::Result<()> {
    let mut stopped = pin!(stop.stopped());
    let mut input = Vec::new();
    let mut client = Client::new(db);
    loop {
        let mut used = 0;
        while let Some((command, length)) = resp::command(&input[used..])? {
            used += length;
            client.apply(&command);
        }
        input.drain(..used);
        if !client.replies.0.is_empty() {
            stream.write_all(&client.replies.0).await?;
            client.replies.0.clear();
        }
        if client.is_leaving {
            return Ok(());
        }
        input.reserve(4096);
        // What loses has read nothing.
        let message = select! {
            biased;
            () = &mut stopped => return Ok(()),
            read = stream.read_buf(&mut input) => match read? {
                0 => return Ok(()),
                _ => None,
            },
            message = client.message() => Some(message),
        };
        if let Some((channel, text)) = message {
            client.replies.strings(&[b"message", &channel, &text]);
        }
    }
}

struct Client<'a> {
    db: &'a Db,
    replies: Replies,
    /// Made by the first subscription.
    queue: Option<(mpsc::Sender<Message>, mpsc::Receiver<Message>)>,
    channels: BTreeSet<Vec<u8>>,
    is_leaving: bool,
}

impl<'a> Client<'a> {
    fn new(db: &'a Db) -> Self {
        Self {
            db,
            replies: Replies::default(),
            queue: None,
            channels: BTreeSet::new(),
            is_leaving: false,
        }
    }

    /// The next message of a channel; never, if there is none.
    async fn message(&mut self) -> Message {
        let next = match &mut self.queue {
            Some((_, messages)) => messages.recv().await,
            None => None,
        };
        match next {
            Some(message) => message,
            None => pending().await,
        }
    }

    fn apply(&mut self, command: &[&[u8]]) {
        let (&[name, ref arguments @ ..], replies) = (command, &mut self.replies) else {
            return; // an empty line
        };
        match (name.to_ascii_uppercase().as_slice(), arguments) {
            (b"GET", [key]) => self.db.with(key, |value| match value {
                Some(value) => replies.string(value),
                None => replies.nothing(),
            }),
            (b"SET", [key, value, options @ ..]) => match lifetime(options) {
                Ok(lives) => {
                    self.db.set(key, value, lives);
                    replies.status("OK");
                }
                Err(error) => replies.error(error),
            },
            (b"INCR", [key]) => match self.db.increment(key) {
                Some(number) => replies.integer(number),
                None => replies.error("value is not an integer or out of range"),
            },
            (b"DEL", keys @ [_, ..]) => {
                let removed = keys.iter().filter(|key| self.db.remove(key));
                replies.integer(removed.count() as i64);
            }
            (b"EXISTS", keys @ [_, ..]) => {
                let there = keys.iter().filter(|key| self.db.with(key, |v| v.is_some()));
                replies.integer(there.count() as i64);
            }
            (b"PTTL", [key]) => replies.integer(match self.db.time_left(key) {
                Some(Some(left)) => left.as_millis() as i64,
                Some(None) => -1,
                None => -2,
            }),
            (b"PING", []) => replies.status("PONG"),
            (b"PING" | b"ECHO", [text]) => replies.string(text),
            (b"PUBLISH", [channel, text]) => {
                replies.integer(self.db.publish(channel, text) as i64);
            }
            (b"SUBSCRIBE", channels @ [_, ..]) => channels.iter().for_each(|c| self.subscribe(c)),
            (b"UNSUBSCRIBE", channels @ [_, ..]) => {
                channels.iter().for_each(|c| self.unsubscribe(c));
            }
            // What redis-benchmark and redis-cli ask first.
            (b"CONFIG", [_, name]) => replies.strings(&[name, b""]),
            (b"COMMAND", _) => replies.array(0),
            (b"QUIT", _) => {
                replies.status("OK");
                self.is_leaving = true;
            }
            _ => replies.error("unknown command, or a wrong number of arguments"),
        }
    }

    fn subscribe(&mut self, channel: &[u8]) {
        let (sender, _) = self.queue.get_or_insert_with(|| mpsc::channel(BEHIND));
        self.db.subscribe(channel, sender);
        self.channels.insert(channel.to_vec());
        self.confirm(b"subscribe", channel);
    }

    fn unsubscribe(&mut self, channel: &[u8]) {
        if let (true, Some((sender, _))) = (self.channels.remove(channel), &self.queue) {
            self.db.unsubscribe(channel, sender);
        }
        self.confirm(b"unsubscribe", channel);
    }

    fn confirm(&mut self, what: &[u8], channel: &[u8]) {
        self.replies.array(3);
        self.replies.string(what);
        self.replies.string(channel);
        self.replies.integer(self.channels.len() as i64);
    }
}

/// However a client ends, nothing is sent to it any more.
impl Drop for Client<'_> {
    fn drop(&mut self) {
        for channel in &self.channels {
            if let Some((sender, _)) = &self.queue {
                self.db.unsubscribe(channel, sender);
            }
        }
    }
}

/// What `EX seconds` or `PX milliseconds` says.
fn lifetime(options: &[&[u8]]) -> Result<Option<Duration>, &'static str> {
    let [unit, number] = options else {
        return if options.is_empty() {
            Ok(None)
        } else {
            Err("syntax error")
        };
    };
    let number = std::str::from_utf8(number)
        .ok()
        .and_then(|text| text.parse().ok());
    match (unit.to_ascii_uppercase().as_slice(), number) {
        (b"EX", Some(number @ 1..)) => Ok(Some(Duration::from_secs(number))),
        (b"PX", Some(number @ 1..)) => Ok(Some(Duration::from_millis(number))),
        (b"EX" | b"PX", _) => Err("invalid expire time"),
        _ => Err("syntax error"),
    }
}
