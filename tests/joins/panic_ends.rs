//! A call that panics: its form ends with the panic as soon as all calls are over, whatever is left of the grace.

use std::future::{Future, pending};

use futures::StreamExt;
use ingather::{GroupOptions, OnError, checkpoint, current_token};

use crate::support::{Fault, HOUR, Site, Trace, behaviour, text_of, throw, yields};

behaviour!(
    the_grace_is_not_waited_for_when_nobody_is_left,
    the_others_have_the_grace,
    a_panic_in_the_destructor_ends_it_too,
);

/// Whatever gives its value once its calls are over.
#[derive(Clone, Copy, Debug)]
enum Form {
    Gather,
    Tuple,
    TryGather,
    Inline,
    Race,
    InlineRace,
    FirstOk,
    Quorum,
    Map,
    Unordered,
    TryMap,
}

/// How the calls end.
type Call = Box<dyn FnOnce() -> Ends + Send>;
type Ends = futures::future::BoxFuture<'static, Result<u32, Fault>>;

impl Form {
    const ALL: [Self; 11] = [
        Self::Gather,
        Self::Tuple,
        Self::TryGather,
        Self::Inline,
        Self::Race,
        Self::InlineRace,
        Self::FirstOk,
        Self::Quorum,
        Self::Map,
        Self::Unordered,
        Self::TryMap,
    ];

    async fn run(self, options: GroupOptions, calls: [Call; 2]) {
        let begin = |call: Call| call();
        match self {
            Self::Gather => drop(options.gather(calls).await),
            Self::Tuple => {
                let [one, two] = calls;
                let _both = options.gather((one, two)).await;
            }
            Self::TryGather => drop(options.try_gather(calls).await),
            Self::Inline => drop(options.inline().gather(calls).await),
            Self::Race => drop(options.race(calls).await),
            Self::InlineRace => drop(options.inline().race(calls).await),
            Self::FirstOk => drop(options.first_ok(calls).await),
            Self::Quorum => drop(options.quorum(2, calls).await),
            Self::Map => {
                let stream = options.map_concurrent(calls, 2, begin);
                drop(stream.collect::<Vec<_>>().await);
            }
            Self::Unordered => {
                let stream = options.map_concurrent(calls, 2, begin).unordered();
                drop(stream.collect::<Vec<_>>().await);
            }
            Self::TryMap => {
                let stream = options.try_map_concurrent(calls, 2, begin);
                drop(stream.collect::<Vec<_>>().await);
            }
        }
    }
}

fn call<F: Future<Output = Result<u32, Fault>> + Send + 'static>(
    f: impl FnOnce() -> F + Send + 'static,
) -> Call {
    Box::new(|| Box::pin(f()))
}

/// With a grace that no test lives to see the end of.
fn options(on: &Site, on_error: OnError) -> GroupOptions {
    let options = GroupOptions::new().on(&on.spawner).on_error(on_error);
    options.grace(HOUR)
}

const ON_ERROR: [OnError; 2] = [OnError::CancelSiblings, OnError::KeepGoing];

// Joining-4, Panics-1
async fn the_grace_is_not_waited_for_when_nobody_is_left(on: Site) {
    for form in Form::ALL {
        for on_error in ON_ERROR {
            for turns in 0..3 {
                // The other call is over before, at the same time, or when its token turns.
                let calls = [
                    call(move || async move {
                        yields(1).await;
                        throw("a call that panics")
                    }),
                    call(move || async move {
                        if turns == 2 {
                            current_token().cancelled().await;
                        }
                        yields(turns).await;
                        Err(Fault("nothing to give"))
                    }),
                ];
                let over = form.run(options(&on, on_error), calls);
                assert_eq!(text_of(over).await, "a call that panics", "{form:?}");
            }
        }
    }
}

// Joining-4, Cancelling-4
async fn the_others_have_the_grace(on: Site) {
    for form in Form::ALL {
        let log = Trace::new();
        let trace = log.clone();
        let calls = [
            call(|| async { throw("a call that panics") }),
            call(move || async move {
                let _dropped = trace.at_drop("dropped");
                while checkpoint().await.is_ok() {}
                yields(20).await;
                trace.log("went on");
                Ok(1)
            }),
        ];
        let over = form.run(options(&on, OnError::CancelSiblings), calls);
        assert_eq!(text_of(over).await, "a call that panics", "{form:?}");
        let all = log.entries();
        let went_on = all.iter().position(|entry| entry == "went on");
        assert_eq!(went_on, all.len().checked_sub(2), "{form:?}: {all:?}");
    }
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        throw("a destructor");
    }
}

// Joining-4, Panics-3
async fn a_panic_in_the_destructor_ends_it_too(on: Site) {
    for form in Form::ALL {
        for is_cut in [false, true] {
            let calls = [
                call(move || async move {
                    let _bomb = Bomb;
                    yields(2).await;
                    if is_cut {
                        current_token().cancel_now();
                        pending::<()>().await;
                    }
                    Err(Fault("comes before its destructor"))
                }),
                call(|| async {
                    current_token().cancelled().await;
                    Err(Fault("nothing to give"))
                }),
            ];
            let over = form.run(options(&on, OnError::CancelSiblings), calls);
            assert_eq!(text_of(over).await, "a destructor", "{form:?}");
        }
    }
}
