//! Trees of cancel tokens: random ones against a model, huge ones, and ones that several threads use at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use futures::executor::block_on;
use ingather::cancel::{CallbackGuard, CancelKind};
use ingather::types::CancelledOwned;
use ingather::{CancelReason, CancelToken};

use crate::support::{ByHand, Rng, watchdog::watched_for, watched};

/// What a token should read: the message of the first cause, and whether it is its own.
type Expected = Option<(String, CancelKind)>;

/// Everything that a random test knows of its tokens, by their numbers.
#[derive(Default)]
struct Model {
    parents: Vec<Option<usize>>,
    expected: Vec<Expected>,
    /// `None` once it was dropped.
    tokens: Vec<Option<CancelToken>>,
    callbacks: Vec<Callback>,
    waiters: Vec<(usize, ByHand<CancelledOwned>)>,
}

struct Callback {
    token: usize,
    guard: Option<CallbackGuard>,
    withdrawn: bool,
    calls: Arc<Mutex<Vec<(String, CancelKind)>>>,
}

fn reading(reason: &CancelReason) -> (String, CancelKind) {
    let root = reason.root().message().expect("each has a message");
    (root.to_owned(), reason.kind())
}

impl Model {
    fn add(&mut self, parent: Option<usize>) {
        let token = match parent.and_then(|parent| self.tokens[parent].as_ref()) {
            Some(parent) => parent.child_token(),
            None => CancelToken::new(),
        };
        let above = parent.and_then(|parent| self.expected[parent].clone());
        self.parents.push(parent);
        self.expected
            .push(above.map(|(root, _)| (root, CancelKind::Parent)));
        self.tokens.push(Some(token));
    }

    fn cancel(&mut self, number: usize, message: String) {
        let Some(token) = &self.tokens[number] else {
            return;
        };
        let first = token.cancel_with(CancelReason::with_message(message.clone()));
        assert_eq!(first, self.expected[number].is_none());
        if !first {
            return;
        }
        self.expected[number] = Some((message.clone(), CancelKind::Explicit));
        // Children come after their parents.
        for below in number + 1..self.parents.len() {
            let is_below = |above: Option<usize>| {
                let mut above = above;
                while let Some(at) = above {
                    if at == number {
                        return true;
                    }
                    above = self.parents[at];
                }
                false
            };
            if self.expected[below].is_none() && is_below(self.parents[below]) {
                self.expected[below] = Some((message.clone(), CancelKind::Parent));
            }
        }
    }

    fn watch(&mut self, number: usize) {
        let Some(token) = &self.tokens[number] else {
            return;
        };
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        let guard = token.on_cancel(move |reason| seen.lock().unwrap().push(reading(reason)));
        self.callbacks.push(Callback {
            token: number,
            guard: Some(guard),
            withdrawn: false,
            calls,
        });
    }

    fn wait(&mut self, number: usize) {
        if let Some(token) = &self.tokens[number] {
            let mut waiter = ByHand::new(token.clone().cancelled_owned());
            assert_eq!(waiter.poll().is_ready(), self.expected[number].is_some());
            self.waiters.push((number, waiter));
        }
    }

    fn check(&mut self) {
        for (number, token) in self.tokens.iter().enumerate() {
            let read = token
                .as_ref()
                .map(|token| token.reason().as_ref().map(reading));
            assert!(read.is_none_or(|read| read == self.expected[number]));
        }
        for callback in &self.callbacks {
            let expected = self.expected[callback.token].clone();
            let expected = expected.filter(|_| !callback.withdrawn);
            assert!(callback.calls.lock().unwrap().iter().eq(&expected));
        }
        for (number, waiter) in &mut self.waiters {
            let cancelled = self.expected[*number].is_some();
            assert!(waiter.wakes() <= usize::from(cancelled));
            assert_eq!(waiter.poll().is_ready(), cancelled);
        }
    }

    fn step(&mut self, rng: &mut Rng, number: usize) {
        let any = rng.below(self.tokens.len());
        match rng.below(100) {
            0..5 => self.add(None),
            5..40 => self.add(self.tokens[any].is_some().then_some(any)),
            40..55 => self.tokens[any] = None,
            55..60 => self.cancel(any, number.to_string()),
            60..75 => self.watch(any),
            75..85 => self.wait(any),
            85..90 if !self.waiters.is_empty() => {
                let at = rng.below(self.waiters.len());
                drop(self.waiters.swap_remove(at));
            }
            90..100 if !self.callbacks.is_empty() => {
                let at = rng.below(self.callbacks.len());
                let callback = &mut self.callbacks[at];
                match callback.guard.take() {
                    Some(guard) if rng.chance(50) => guard.detach(),
                    Some(guard) => {
                        drop(guard);
                        callback.withdrawn = self.expected[callback.token].is_none();
                    }
                    None => {}
                }
            }
            _ => {}
        }
    }
}

// Tokens-1, Tokens-2, Tokens-4, Tokens-5, Tokens-6, Tokens-7, Tokens-8
#[test]
fn random_trees_do_as_the_model_does() {
    watched("random trees", || {
        for seed in 0..300 {
            let mut rng = Rng::new(seed);
            let mut model = Model::default();
            model.add(None);
            let mut cancelled = 0;
            for number in 0..150 {
                model.step(&mut rng, number);
                let now = model.expected.iter().flatten().count();
                if now > cancelled || number == 149 {
                    model.check();
                    cancelled = now;
                }
            }
        }
    });
}

const MILLION: usize = 1_000_000;

// Tokens-12, Tokens-5
#[test]
fn a_chain_a_million_deep_is_cancelled_and_dropped() {
    watched_for(120, "a deep chain", || {
        for cancel in [true, false] {
            let root = CancelToken::new();
            let mut last = root.child_token();
            for _ in 0..MILLION {
                last = last.child_token();
            }
            if cancel {
                assert!(root.cancel());
                assert_eq!(last.reason().unwrap().root(), &root.reason().unwrap());
            }
            drop(last);
            assert_eq!(root.is_cancelled(), cancel);
        }
    });
}

// Tokens-12, Tokens-5
#[test]
fn a_million_children_of_one_are_cancelled_and_dropped() {
    watched_for(120, "a wide tree", || {
        for cancel in [true, false] {
            let root = CancelToken::new();
            let mut children: Vec<_> = (0..MILLION).map(|_| root.child_token()).collect();
            // Half of them leave, from the middle on.
            let rest = children.split_off(MILLION / 2);
            drop(rest);
            if cancel {
                assert!(root.cancel());
            }
            assert!(children.iter().all(|child| child.is_cancelled() == cancel));
        }
    });
}

/// Lets a number of threads go at once, again and again.
fn race<const N: usize>(rounds: u64, round: impl Fn(u64) -> [Box<dyn FnOnce() + Send>; N]) {
    watched("a race", || {
        for seed in 0..rounds {
            let start = Barrier::new(N);
            thread::scope(|scope| {
                for (number, run) in (0..).zip(round(seed)) {
                    let start = &start;
                    scope.spawn(move || {
                        let mut rng = Rng::new(seed * 100 + number);
                        start.wait();
                        // They do not start quite together, and differently each time.
                        for _ in 0..rng.below(200) {
                            std::hint::spin_loop();
                        }
                        run();
                    });
                }
            });
        }
    });
}

// Tokens-4
#[test]
fn no_child_that_is_made_meanwhile_is_missed() {
    race(300, |_| {
        let root = CancelToken::new();
        let made = Arc::new(Mutex::new(Vec::new()));
        let maker = || -> Box<dyn FnOnce() + Send> {
            let (root, made) = (root.clone(), Arc::clone(&made));
            Box::new(move || {
                let mut own = Vec::new();
                for n in 0..30 {
                    let parent = own.last().filter(|_| n % 3 > 0).unwrap_or(&root);
                    let child = parent.child_token();
                    own.push(child);
                }
                made.lock().unwrap().extend(own);
            })
        };
        let [one, two] = [maker(), maker()];
        let cancels = Box::new(move || assert!(root.cancel()));
        let last = Arc::clone(&made);
        let checks = Latch::new(3, move || {
            let made = last.lock().unwrap();
            assert_eq!(made.len(), 60);
            assert!(made.iter().all(CancelToken::is_cancelled));
        });
        [one, two, cancels].map(|run| checks.after(run))
    });
}

/// Runs something after the last of several others.
struct Latch {
    left: AtomicUsize,
    last: Box<dyn Fn() + Send + Sync>,
}

impl Latch {
    fn new(count: usize, last: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicUsize::new(count),
            last: Box::new(last),
        })
    }

    fn after(self: &Arc<Self>, run: Box<dyn FnOnce() + Send>) -> Box<dyn FnOnce() + Send> {
        let latch = Arc::clone(self);
        Box::new(move || {
            run();
            if latch.left.fetch_sub(1, Ordering::SeqCst) == 1 {
                (latch.last)();
            }
        })
    }
}

// Tokens-3
#[test]
fn whoever_was_first_finds_all_below_cancelled() {
    race(300, |_| {
        let root = CancelToken::new();
        let middle = root.child_token().child_token();
        let mut below = vec![middle.child_token()];
        for n in 0..300 {
            let parent = &below[n / 2];
            below.push(parent.child_token());
        }
        let below = Arc::new(below);
        [root, middle].map(|token| -> Box<dyn FnOnce() + Send> {
            let below = Arc::clone(&below);
            Box::new(move || {
                if token.cancel() {
                    assert!(below.iter().all(CancelToken::is_cancelled));
                }
            })
        })
    });
}

// Tokens-6
#[test]
fn no_waiter_that_comes_meanwhile_is_missed() {
    race(300, |_| {
        let root = CancelToken::new();
        let waiter = |token: CancelToken| -> Box<dyn FnOnce() + Send> {
            Box::new(move || {
                block_on(token.cancelled());
            })
        };
        let waiters = [root.child_token(), root.child_token(), root.clone()].map(waiter);
        let [one, two, three] = waiters;
        [one, two, three, Box::new(move || assert!(root.cancel()))]
    });
}

// Tokens-7, Tokens-8
#[test]
fn each_detached_callback_is_called_once_though_its_token_goes_meanwhile() {
    race(300, |_| {
        let root = CancelToken::new();
        let calls = Arc::new(AtomicUsize::new(0));
        let dropper = || -> Box<dyn FnOnce() + Send> {
            let tokens = [(); 10].map(|()| {
                let token = root.child_token().child_token();
                let calls = Arc::clone(&calls);
                let call = move |_: &CancelReason| {
                    calls.fetch_add(1, Ordering::SeqCst);
                };
                token.on_cancel(call).detach();
                token
            });
            Box::new(move || drop(tokens))
        };
        let [one, two] = [dropper(), dropper()];
        let cancels = Box::new(move || assert!(root.cancel()));
        let counts = Arc::clone(&calls);
        let checks = Latch::new(3, move || assert_eq!(counts.load(Ordering::SeqCst), 20));
        [one, two, cancels].map(|run| checks.after(run))
    });
}
