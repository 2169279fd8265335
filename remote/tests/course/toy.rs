//! An engine that is played by hand: it keeps work until the test or its script says how it ends.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures::FutureExt;
use ingather::clock::sleep;
use ingather_remote::{
    Ending, Engine, EngineError, EngineErrorKind, Job, Lease, Reply, ScopeId, Submission, Ticket,
};

pub(crate) static ECHO: Job<u32, u32> = Job::new("Toy/echo");

/// What the engine does with work by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    /// Ends it with its input.
    Echo,
    /// Keeps it until it is cancelled.
    Obeys,
    /// Keeps it until it is killed.
    Ignores,
    /// Keeps it, whatever is asked, until the test ends it.
    Stays,
}

/// What becomes of something that is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Play {
    /// It is not done, and this is the answer.
    Fail(EngineErrorKind),
    /// It is done, and the answer is lost.
    Lose,
    /// It is done, and there never is an answer.
    Mute,
    /// It is done, and in one question there is no end to tell.
    NoEnd,
    Panic,
    /// A panic in the call itself, before there is a future.
    PanicAtOnce,
}

#[derive(Default)]
struct State {
    works: HashMap<String, (Ticket, Option<Ending>)>,
    wakers: Vec<Waker>,
    /// All that was asked, in order.
    asked: Vec<String>,
    /// What becomes of the next that is asked with these words.
    plays: Vec<(&'static str, Play)>,
    unreachable: bool,
    is_slow: bool,
    in_one: bool,
}

#[derive(Clone)]
pub(crate) struct Toy {
    script: Script,
    state: Arc<Mutex<State>>,
}

impl Toy {
    pub(crate) fn new(script: Script) -> Self {
        Self {
            script,
            state: Arc::default(),
        }
    }

    pub(crate) fn end(&self, number: u64, ending: Ending) {
        let wakers = {
            let mut state = self.state.lock().unwrap();
            let mut works = state.works.values_mut();
            let work = works.find(|(ticket, _)| ticket.number() == number);
            work.expect("it was submitted").1.get_or_insert(ending);
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn fail_next(&self, kinds: &[EngineErrorKind]) {
        kinds
            .iter()
            .for_each(|kind| self.play("", Play::Fail(*kind)));
    }

    /// The next that is asked and begins so.
    pub(crate) fn play(&self, what: &'static str, play: Play) {
        self.state.lock().unwrap().plays.push((what, play));
    }

    /// Each answer takes two polls.
    pub(crate) fn slow(self) -> Self {
        self.state.lock().unwrap().is_slow = true;
        self
    }

    /// It takes work and tells its end in one question.
    pub(crate) fn in_one(self) -> Self {
        self.state.lock().unwrap().in_one = true;
        self
    }

    pub(crate) fn set_reachable(&self, reachable: bool) {
        let wakers = {
            let mut state = self.state.lock().unwrap();
            state.unreachable = !reachable;
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// All that was asked, without the repeated attaches.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = self.state.lock().unwrap().asked.clone();
        asked.dedup();
        asked
    }

    pub(crate) fn count(&self, what: &str) -> usize {
        let state = self.state.lock().unwrap();
        state.asked.iter().filter(|asked| *asked == what).count()
    }

    /// Waits until this was asked so often.
    pub(crate) fn wait_for(&self, what: &str, times: usize) {
        let begin = Instant::now();
        while self.count(what) < times {
            let waited = begin.elapsed();
            assert!(
                waited < Duration::from_secs(20),
                "{what}: {:?}",
                self.asked()
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// The same, in a child or body.
    pub(crate) async fn until(&self, what: &str, times: usize) {
        let begin = Instant::now();
        while self.count(what) < times {
            let waited = begin.elapsed();
            assert!(
                waited < Duration::from_secs(20),
                "{what}: {:?}",
                self.asked()
            );
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Polls it until this was asked.
    pub(crate) fn poll_until(&self, future: &mut (impl Future + Unpin), what: &str) {
        let begin = Instant::now();
        while self.count(what) == 0 {
            assert!(begin.elapsed() < Duration::from_secs(20), "{what}");
            let mut cx = Context::from_waker(Waker::noop());
            assert!(pin!(&mut *future).poll(&mut cx).is_pending());
        }
    }

    pub(crate) fn live_now(&self) -> Vec<Ticket> {
        let state = self.state.lock().unwrap();
        let live = state.works.values().filter(|(_, end)| end.is_none());
        live.map(|(ticket, _)| ticket.clone()).collect()
    }

    fn ask<T: Send + 'static>(
        &self,
        what: String,
        answer: impl FnOnce(&Toy) -> Result<T, EngineError> + Send + 'static,
    ) -> Reply<T> {
        let toy = self.clone();
        let (play, is_slow) = {
            let mut state = toy.state.lock().unwrap();
            let at = state.plays.iter().position(|(of, _)| what.starts_with(of));
            state.asked.push(what);
            let play = match state.unreachable {
                true => Some(Play::Fail(EngineErrorKind::Unreachable)),
                false => at.map(|at| state.plays.remove(at).1),
            };
            (play, state.is_slow)
        };
        assert!(play != Some(Play::PanicAtOnce), "by design");
        async move {
            if is_slow {
                yield_once().await;
            }
            match play {
                Some(Play::Fail(kind)) => return Err(EngineError::new(kind, "played")),
                Some(Play::Panic) => panic!("by design"),
                _ => {}
            }
            let answer = answer(&toy);
            match play {
                Some(Play::Lose) => Err(EngineError::new(EngineErrorKind::Interrupted, "played")),
                Some(Play::Mute) => std::future::pending().await,
                _ => answer,
            }
        }
        .boxed()
    }

    fn is_next(&self, what: &str, play: Play) -> bool {
        let state = self.state.lock().unwrap();
        let next = state.plays.iter().find(|(of, _)| what.starts_with(of));
        next.is_some_and(|next| next.1 == play)
    }

    fn ordered(&self, ticket: &Ticket, ending: Ending, obeyed: bool) {
        if obeyed {
            self.end(ticket.number(), ending);
        }
    }
}

impl Toy {
    fn take(&self, call: &Submission) -> Ticket {
        let ticket = call
            .ticket()
            .with_id(format!("toy-{}", call.ticket().number()));
        let end = match self.script {
            Script::Echo => Some(Ending::Value(call.input().to_vec())),
            _ => None,
        };
        let mut state = self.state.lock().unwrap();
        let work = state.works.entry(ticket.key());
        work.or_insert((ticket, end)).0.clone()
    }

    async fn end_of(&self, key: String) -> Result<Ending, EngineError> {
        poll_fn(|cx| {
            let mut state = self.state.lock().unwrap();
            if state.unreachable {
                let lost = EngineError::new(EngineErrorKind::Interrupted, "played");
                return Poll::Ready(Err(lost));
            }
            match state.works.get(&key) {
                Some((_, Some(end))) => Poll::Ready(Ok(end.clone())),
                _ => {
                    state.wakers.push(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Engine for Toy {
    fn submit(&self, call: Arc<Submission>) -> Reply<Ticket> {
        let what = format!("submit {}", call.ticket().number());
        self.ask(what, move |toy| Ok(toy.take(&call)))
    }

    fn attach(&self, ticket: &Ticket) -> Reply<Ending> {
        let (toy, key) = (self.clone(), ticket.key());
        let begun = self.ask(format!("attach {}", ticket.number()), |_| Ok(()));
        async move {
            begun.await?;
            toy.end_of(key).await
        }
        .boxed()
    }

    fn submit_and_attach(&self, call: &Arc<Submission>) -> Option<Reply<Option<(Ticket, Ending)>>> {
        let (toy, call) = (self.clone(), Arc::clone(call));
        if !toy.state.lock().unwrap().in_one {
            return None;
        }
        let what = format!("both {}", call.ticket().number());
        let no_end = toy.is_next(&what, Play::NoEnd);
        let taken = self.ask(what, move |toy| Ok(toy.take(&call)));
        Some(
            async move {
                let ticket = taken.await?;
                if no_end {
                    return Ok(None);
                }
                let end = toy.end_of(ticket.key()).await?;
                Ok(Some((ticket, end)))
            }
            .boxed(),
        )
    }

    fn cancel(&self, ticket: &Ticket) -> Reply<()> {
        let ticket = ticket.clone();
        self.ask(format!("cancel {}", ticket.number()), move |toy| {
            toy.ordered(&ticket, Ending::Cancelled, toy.script == Script::Obeys);
            Ok(())
        })
    }

    fn kill(&self, ticket: &Ticket) -> Reply<()> {
        let ticket = ticket.clone();
        self.ask(format!("kill {}", ticket.number()), move |toy| {
            toy.ordered(&ticket, Ending::Killed, toy.script != Script::Stays);
            Ok(())
        })
    }

    fn live(&self, _scope: &ScopeId) -> Reply<Vec<Ticket>> {
        self.ask("live".into(), |toy| Ok(toy.live_now()))
    }

    fn renew(&self, _scope: &ScopeId, _lease: Lease) -> Reply<()> {
        self.ask("renew".into(), |_| Ok(()))
    }

    fn leave(&self, _scope: &ScopeId) -> Reply<()> {
        self.ask("leave".into(), |_| Ok(()))
    }
}

async fn yield_once() {
    let mut has_yielded = false;
    poll_fn(|cx| match std::mem::replace(&mut has_yielded, true) {
        true => Poll::Ready(()),
        false => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}
