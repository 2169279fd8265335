//! The data of the server: values that may expire, and the subscribers of channels.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};

/// What a subscriber gets: the channel, and what was published there.
pub(crate) type Message = (Arc<[u8]>, Arc<[u8]>);

#[derive(Default)]
pub(crate) struct Db {
    state: Mutex<State>,
    /// The earliest key expires earlier than `purge` knows.
    earlier: Notify,
}

#[derive(Default)]
struct State {
    entries: HashMap<Vec<u8>, Entry>,
    /// When which key expires, the earliest first.
    ends: BTreeSet<(Instant, Vec<u8>)>,
    channels: HashMap<Vec<u8>, Vec<mpsc::Sender<Message>>>,
}

struct Entry {
    value: Vec<u8>,
    end: Option<Instant>,
}

impl State {
    fn get(&self, key: &[u8]) -> Option<&Entry> {
        let entry = self.entries.get(key)?;
        let is_over = entry.end.is_some_and(|end| end <= Instant::now());
        (!is_over).then_some(entry)
    }

    fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        if let Some(end) = entry.end {
            self.ends.remove(&(end, key.to_vec()));
        }
        Some(entry)
    }
}

impl Db {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics under this lock")
    }

    /// Calls with the value of a key.
    pub(crate) fn with<R>(&self, key: &[u8], call: impl FnOnce(Option<&[u8]>) -> R) -> R {
        call(self.state().get(key).map(|entry| &*entry.value))
    }

    /// How long a key has to live, if it is there and expires.
    pub(crate) fn time_left(&self, key: &[u8]) -> Option<Option<Duration>> {
        let end = self.state().get(key)?.end;
        Some(end.map(|end| end - Instant::now()))
    }

    pub(crate) fn set(&self, key: &[u8], value: &[u8], lives: Option<Duration>) {
        let end = lives.and_then(|lives| Instant::now().checked_add(lives));
        let mut state = self.state();
        state.remove(key);
        let value = value.to_vec();
        state.entries.insert(key.to_vec(), Entry { value, end });
        let Some(end) = end else { return };
        let is_earliest = state.ends.first().is_none_or(|(first, _)| end < *first);
        state.ends.insert((end, key.to_vec()));
        drop(state);
        if is_earliest {
            self.earlier.notify_one();
        }
    }

    pub(crate) fn remove(&self, key: &[u8]) -> bool {
        let mut state = self.state();
        let is_there = state.get(key).is_some();
        state.remove(key);
        is_there
    }

    /// Adds one to a number. What is there keeps its end, what is not there counts as 0.
    pub(crate) fn increment(&self, key: &[u8]) -> Option<i64> {
        let mut state = self.state();
        let (number, end) = match state.get(key) {
            Some(entry) => (
                std::str::from_utf8(&entry.value)
                    .ok()?
                    .parse::<i64>()
                    .ok()?,
                entry.end,
            ),
            None => {
                state.remove(key);
                (0, None)
            }
        };
        let number = number.checked_add(1)?;
        let value = number.to_string().into_bytes();
        state.entries.insert(key.to_vec(), Entry { value, end });
        Some(number)
    }

    /// Removes keys when they expire, for ever.
    pub(crate) async fn purge(&self) {
        loop {
            let next = self.purge_expired();
            let end = async {
                match next {
                    Some(end) => sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = end => {}
                () = self.earlier.notified() => {}
            }
        }
    }

    fn purge_expired(&self) -> Option<Instant> {
        let (mut state, now) = (self.state(), Instant::now());
        while let Some((end, key)) = state.ends.first().cloned() {
            if end > now {
                return Some(end);
            }
            state.remove(&key);
        }
        None
    }

    pub(crate) fn subscribe(&self, channel: &[u8], subscriber: &mpsc::Sender<Message>) {
        let mut state = self.state();
        let subscribers = state.channels.entry(channel.to_vec()).or_default();
        if !subscribers
            .iter()
            .any(|other| other.same_channel(subscriber))
        {
            subscribers.push(subscriber.clone());
        }
    }

    pub(crate) fn unsubscribe(&self, channel: &[u8], subscriber: &mpsc::Sender<Message>) {
        let mut state = self.state();
        if let Some(subscribers) = state.channels.get_mut(channel) {
            subscribers.retain(|other| !other.same_channel(subscriber));
            if subscribers.is_empty() {
                state.channels.remove(channel);
            }
        }
    }

    /// To how many it was sent. A subscriber that does not keep up loses the message.
    pub(crate) fn publish(&self, channel: &[u8], text: &[u8]) -> usize {
        let state = self.state();
        let subscribers = state.channels.get(channel).map_or(&[][..], Vec::as_slice);
        let message: Message = (channel.into(), text.into());
        let sent = subscribers
            .iter()
            .filter(|to| to.try_send(message.clone()).is_ok());
        sent.count()
    }
}
