//! An engine that is played by hand: it keeps work until the test or its script says how it ends.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use futures::FutureExt;
use ingather::time::sleep;
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

#[derive(Default)]
struct State {
    works: HashMap<String, (Ticket, Option<Ending>)>,
    wakers: Vec<Waker>,
    /// All that was asked, in order.
    asked: Vec<String>,
    /// So many of the next answers are errors of this kind.
    faults: Vec<EngineErrorKind>,
    unreachable: bool,
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
        self.state.lock().unwrap().faults.extend(kinds);
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
        async move {
            {
                let mut state = toy.state.lock().unwrap();
                state.asked.push(what);
                let fault = match state.unreachable {
                    true => Some(EngineErrorKind::Unreachable),
                    false => (!state.faults.is_empty()).then(|| state.faults.remove(0)),
                };
                if let Some(kind) = fault {
                    return Err(EngineError::new(kind, "played"));
                }
            }
            answer(&toy)
        }
        .boxed()
    }

    fn ordered(&self, ticket: &Ticket, ending: Ending, obeyed: bool) {
        if obeyed {
            self.end(ticket.number(), ending);
        }
    }
}

impl Engine for Toy {
    fn submit(&self, call: Arc<Submission>) -> Reply<Ticket> {
        let what = format!("submit {}", call.ticket().number());
        self.ask(what, move |toy| {
            let ticket = call
                .ticket()
                .with_id(format!("toy-{}", call.ticket().number()));
            let end = match toy.script {
                Script::Echo => Some(Ending::Value(call.input().to_vec())),
                _ => None,
            };
            let mut state = toy.state.lock().unwrap();
            let work = state.works.entry(ticket.key());
            Ok(work.or_insert((ticket, end)).0.clone())
        })
    }

    fn attach(&self, ticket: &Ticket) -> Reply<Ending> {
        let (toy, ticket) = (self.clone(), ticket.clone());
        let begun = self.ask(format!("attach {}", ticket.number()), |_| Ok(()));
        async move {
            begun.await?;
            poll_fn(move |cx| {
                let mut state = toy.state.lock().unwrap();
                if state.unreachable {
                    let lost = EngineError::new(EngineErrorKind::Interrupted, "played");
                    return Poll::Ready(Err(lost));
                }
                match state.works.get(&ticket.key()) {
                    Some((_, Some(end))) => Poll::Ready(Ok(end.clone())),
                    _ => {
                        state.wakers.push(cx.waker().clone());
                        Poll::Pending
                    }
                }
            })
            .await
        }
        .boxed()
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
