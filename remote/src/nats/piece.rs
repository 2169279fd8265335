//! One piece of work at a worker.
//!
//! ```text
//! delivered -> Running written -> the job runs -> its end written -> out of the queue
//!     over already: out of the queue      lost to another worker: dropped, nothing written
//! ```

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::task::Poll;
use std::time::{Duration, Instant};

use async_nats::jetstream::{AckKind, Message};
use futures::future::{Either, select};
use ingather::CancelToken;
use tokio::time::sleep;

use super::places;
use super::shift::Desk;
use super::state::{Running, State};
use super::wishes::Here;
use crate::drive::Stage;
use crate::engine::{Ending, EngineError, EngineErrorKind};
use crate::job_error::JobError;
use crate::slip;
use crate::ticket::Ticket;
use crate::work::{Work, WorkError};

pub(super) struct Piece {
    desk: Arc<Desk>,
    message: Message,
    /// The last version of the state, which is this worker's own.
    version: AtomicU64,
    is_writing: AtomicBool,
}

/// How a job ended here.
enum End {
    Over(Ending),
    Again,
    /// Another worker has it.
    Lost,
}

impl Piece {
    pub(super) fn new(desk: Arc<Desk>, message: Message) -> Self {
        Self {
            desk,
            message,
            version: AtomicU64::new(0),
            is_writing: AtomicBool::new(false),
        }
    }

    pub(super) async fn run(self) {
        let Some(ticket) = places::ticket_in(&self.message.subject) else {
            let _ = self.message.ack_with(AckKind::Term).await;
            return;
        };
        let here = self.desk.wishes.enter(ticket.scope(), ticket.number());
        // If the server is away it is delivered again.
        let _ = self.work(&ticket, &here).await;
    }

    async fn work(&self, ticket: &Ticket, here: &Here) -> Result<(), EngineError> {
        let tries = match self.begin(ticket).await? {
            Some(tries) if tries <= self.desk.terms.tries => tries,
            Some(tries) => {
                let lost = Ending::Failed {
                    code: 503,
                    message: "its workers were lost".into(),
                    tries: tries - 1,
                };
                return self.over(ticket, here, lost).await;
            }
            None => return self.out_of_the_queue().await,
        };
        match self.job(ticket, here, tries).await {
            End::Over(ending) => self.over(ticket, here, ending).await,
            End::Again => {
                self.write(ticket, &State::Waiting { tries }).await?;
                let pause = Some(self.desk.terms.pause);
                let _ = self.message.ack_with(AckKind::Nak(pause)).await;
                Ok(())
            }
            End::Lost => Ok(()),
        }
    }

    /// Says that it runs here. The number of this try; `None` if it is over.
    async fn begin(&self, ticket: &Ticket) -> Result<Option<u32>, EngineError> {
        let store = &self.desk.store;
        let is_first = self.message.info().is_ok_and(|info| info.delivered <= 1);
        let (mut version, mut state) = match is_first {
            true => (0, None),
            false => store.state(ticket.scope(), ticket.number()).await?,
        };
        loop {
            let tries = match &state {
                None => 1,
                Some(State::Over(_)) => return Ok(None),
                Some(state) => state.tries() + 1,
            };
            let running = self.running(tries);
            let set = store.set_state(ticket.scope(), ticket.number(), &running, version);
            match set.await? {
                Some(version) => {
                    self.version.store(version, Relaxed);
                    return Ok(Some(tries));
                }
                None => (version, state) = store.state(ticket.scope(), ticket.number()).await?,
            }
        }
    }

    fn running(&self, tries: u32) -> State {
        let silence = self.desk.terms.silence.as_millis();
        State::Running(Running {
            tries,
            silence: u64::try_from(silence).unwrap_or(u64::MAX),
        })
    }

    async fn job(&self, ticket: &Ticket, here: &Here, tries: u32) -> End {
        let token = CancelToken::new();
        match here.wish.stage() {
            Stage::Runs => {}
            Stage::Cancel => return End::Over(Ending::Cancelled),
            Stage::Kill => return End::Over(Ending::Killed),
        }
        let slip = self.message.headers.as_ref();
        let slip = slip.and_then(|headers| headers.get(slip::HEADER));
        // A job that is cancelled has the time that its owner gives it: until it is killed.
        let work = Work::read(slip.map(|slip| slip.as_str()))
            .carry(self.desk.terms.carried.clone())
            .token(token.clone())
            .grace(Duration::MAX);
        let (told, input) = (work.clone(), self.message.payload.to_vec());
        let offspring = work.offspring.clone();
        let run = Box::pin(work.run(|| (self.desk.handler)(input, told)));
        let killed = pin!(async {
            here.wish.reached(Stage::Cancel).await;
            token.cancel();
            here.wish.reached(Stage::Kill).await;
        });
        let mut lost = pin!(self.beats(ticket, tries));
        let done = match select(run, select(killed, lost.as_mut())).await {
            Either::Left((done, _)) => Some(done),
            Either::Right((Either::Left(_), _)) => None,
            Either::Right((Either::Right(_), _)) => return End::Lost,
        };
        // A job that was killed was dropped above; what it had called itself is ended before it is said that the job is. What is not
        // heard of has a lease.
        if let Either::Right(_) = select(pin!(offspring.over()), lost.as_mut()).await {
            return End::Lost;
        }
        // A beat that is being written is a version of the state, which the end comes after.
        poll_fn(|cx| match self.is_writing.load(Relaxed) {
            true => lost.as_mut().poll(cx),
            false => Poll::Ready(()),
        })
        .await;
        let Some(done) = done else {
            return End::Over(Ending::Killed);
        };
        let failed = |code, message| Ending::Failed {
            code,
            message,
            tries,
        };
        End::Over(match done {
            Ok(Ok(value)) => Ending::Value(value),
            Err(error @ (WorkError::Panicked(_) | WorkError::Unjoined(_))) => {
                failed(500, error.to_string())
            }
            _ if token.is_cancelled() => Ending::Cancelled,
            Err(cut) => failed(408, cut.to_string()),
            Ok(Err(JobError { again: true, .. })) if tries < self.desk.terms.tries => {
                return End::Again;
            }
            Ok(Err(error)) => failed(error.code, error.message),
        })
    }

    /// Says again and again that it runs here; returns if it is lost to another worker, or this worker could not say so for too
    /// long.
    async fn beats(&self, ticket: &Ticket, tries: u32) {
        let silence = self.desk.terms.silence;
        let mut heard = Instant::now();
        loop {
            sleep(silence / 3).await;
            let _ = self.message.ack_with(AckKind::Progress).await;
            match self.write(ticket, &self.running(tries)).await {
                Ok(true) => heard = Instant::now(),
                Ok(false) => return,
                Err(_) if heard.elapsed() >= silence => return,
                Err(_) => {}
            }
        }
    }

    /// False if it is lost to another.
    async fn write(&self, ticket: &Ticket, state: &State) -> Result<bool, EngineError> {
        let version = self.version.load(Relaxed);
        let store = &self.desk.store;
        let set = store.set_state(ticket.scope(), ticket.number(), state, version);
        self.is_writing.store(true, Relaxed);
        let set = set.await;
        self.is_writing.store(false, Relaxed);
        let set = set?;
        if let Some(version) = set {
            self.version.store(version, Relaxed);
        }
        Ok(set.is_some())
    }

    /// Writes the end, and tries for as long as the work is this worker's.
    async fn over(&self, ticket: &Ticket, here: &Here, ending: Ending) -> Result<(), EngineError> {
        let begin = Instant::now();
        let mut state = State::Over(ending);
        loop {
            let error = match self.write(ticket, &state).await {
                Ok(true) => break,
                Ok(false) => return Ok(()),
                Err(error) => error,
            };
            match error.kind() {
                EngineErrorKind::TooLarge => {
                    state = State::Over(Ending::Failed {
                        code: 413,
                        message: format!("the value was not taken: {error}"),
                        tries: 1,
                    });
                }
                _ if begin.elapsed() >= self.desk.terms.silence => return Err(error),
                _ => sleep(Duration::from_millis(100)).await,
            }
        }
        self.out_of_the_queue().await?;
        if here.wish.stage() > Stage::Runs {
            let store = &self.desk.store;
            store.forget_wish(ticket.scope(), ticket.number()).await?;
        }
        Ok(())
    }

    async fn out_of_the_queue(&self) -> Result<(), EngineError> {
        let acked = self.message.ack().await;
        acked.map_err(|error| EngineError::new(EngineErrorKind::Unreachable, error))
    }
}
