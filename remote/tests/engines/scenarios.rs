//! What is tried on each engine. After each of them nothing of its scopes is left.

use std::thread;
use std::time::{Duration, Instant};

use futures::StreamExt;
use ingather::{
    CancelToken, GroupOptions, block_on, map_concurrent, timeout, try_gather, try_scope,
};
use ingather_remote::{OnLost, RemoteError, RemoteErrorKind, ScopeId};

use crate::fleet::{Fleet, begun, until};
use crate::jobs::{
    self, DEAF, DOUBLE, FAIL, NOBODY, PANIC, REFUSE, STAY, TELL, TEXT, Told, as_user, marks,
};
use crate::server::Kind;
use crate::worker::TRIES;
use crate::{hostile, owner, tls, trees};

pub(crate) type Scenario = fn(&mut Fleet);

pub(crate) const SCENARIOS: &[(&str, Scenario)] = &[
    ("round_trip", round_trip),
    ("ten_thousand_jobs_in_order", ten_thousand_jobs_in_order),
    (
        "context_deadline_and_scope_travel",
        context_deadline_and_scope_travel,
    ),
    ("a_job_that_always_fails", a_job_that_always_fails),
    ("a_job_that_refuses", a_job_that_refuses),
    ("a_panic_in_a_job", a_panic_in_a_job),
    ("a_value_that_does_not_decode", a_value_that_does_not_decode),
    ("an_unknown_job", an_unknown_job),
    ("an_input_that_is_too_large", an_input_that_is_too_large),
    (
        "a_value_that_is_too_large",
        hostile::a_value_that_is_too_large,
    ),
    ("a_duplicate_submission", a_duplicate_submission),
    ("a_job_that_lasts", a_job_that_lasts),
    ("cancel_running", cancel_running),
    ("cancel_of_a_deaf_job", cancel_of_a_deaf_job),
    (
        "an_error_cancels_the_siblings",
        an_error_cancels_the_siblings,
    ),
    ("a_dropped_call", a_dropped_call),
    ("cancel_without_a_worker", cancel_without_a_worker),
    (
        "cancel_of_work_whose_worker_is_lost",
        cancel_of_work_whose_worker_is_lost,
    ),
    ("a_worker_is_killed", a_worker_is_killed),
    (
        "the_server_is_killed_in_the_middle",
        the_server_is_killed_in_the_middle,
    ),
    ("the_engine_is_unreachable", the_engine_is_unreachable),
    ("the_owner_is_killed", the_owner_is_killed),
    (
        "the_owner_is_killed_and_its_children_are_kept",
        the_owner_is_killed_and_its_children_are_kept,
    ),
    (
        "the_owner_is_killed_when_there_is_no_worker",
        trees::the_owner_is_killed_when_there_is_no_worker,
    ),
    ("the_runtime_is_gone", hostile::the_runtime_is_gone),
    ("a_tree_gives_its_value", trees::a_tree_gives_its_value),
    ("a_tree_is_cancelled", trees::a_tree_is_cancelled),
    ("a_tree_is_killed", trees::a_tree_is_killed),
    (
        "a_tree_is_cancelled_when_its_worker_is_lost",
        trees::a_tree_is_cancelled_when_its_worker_is_lost,
    ),
];

pub(crate) const OF_RESTATE: &[(&str, Scenario)] = &[
    ("a_chain_is_cancelled", trees::a_chain_is_cancelled),
    ("a_chain_is_killed", trees::a_chain_is_killed),
    ("over_tls", tls::over_tls),
];

fn round_trip(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    assert_eq!(block_on(far.call(&DOUBLE, 21)).unwrap(), 42);
    let there = far.clone();
    let sum = block_on(try_scope(|tg| async move {
        let a = tg.try_spawn(there.call(&DOUBLE, 1));
        let b = tg.try_spawn(there.call(&DOUBLE, 2));
        Ok::<_, RemoteError>(a.await.unwrap() + b.await.unwrap())
    }));
    assert_eq!(sum.unwrap(), 6);
    let calls: Vec<_> = (0..20)
        .map(|n| {
            let far = far.clone();
            move || far.call(&DOUBLE, n)
        })
        .collect();
    let values = block_on(try_gather(calls)).unwrap();
    assert!(values.into_iter().eq((0..20).map(|n| 2 * n)));
    assert!(block_on(far.live()).unwrap().is_empty());
    block_on(far.close()).unwrap();
}

fn ten_thousand_jobs_in_order(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options.patience(Duration::from_secs(60)));
    let there = far.clone();
    let begin = Instant::now();
    let values = map_concurrent(0..10_000, 256, move |n| there.call(&DOUBLE, n));
    let values: Vec<_> = block_on(values.map(Result::unwrap).collect());
    assert!(values.into_iter().eq((0..10_000).map(|n| 2 * n)));
    println!(
        "{}: 10,000 jobs, 256 in flight: {:.1} s",
        fleet.kind.name(),
        begin.elapsed().as_secs_f32()
    );
    assert!(block_on(far.live()).unwrap().is_empty());
    block_on(far.close()).unwrap();
}

fn context_deadline_and_scope_travel(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options.carry(jobs::carried()));
    let (there, options) = (far.clone(), GroupOptions::new());
    let told = block_on(
        options
            .timeout(Duration::from_secs(60))
            .try_scope(|_tg| as_user("Åda", async move { there.call(&TELL, 0).number(7).await })),
    );
    let expected = Told {
        user: Some("Åda".into()),
        has_deadline: true,
        scope: Some(far.scope_id().to_string()),
        number: Some(7),
    };
    assert_eq!(told.unwrap(), expected);
    let told = block_on(far.call(&TELL, 0).number(8)).unwrap();
    assert!(told.user.is_none() && !told.has_deadline);
}

fn a_job_that_always_fails(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let stay = fleet.stay(0);
    let error = block_on(far.call(&FAIL, stay.clone())).unwrap_err();
    assert_eq!(error.kind(), RemoteErrorKind::Failed, "{error}");
    assert_eq!(
        (error.message(), error.tries()),
        ("no disk", TRIES),
        "{error}"
    );
    assert_eq!(error.code(), Some(500));
    assert_eq!(marks(&stay.mark), (TRIES as usize, TRIES as usize));
}

fn a_job_that_refuses(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let error = block_on(far.call(&REFUSE, 1)).unwrap_err();
    assert_eq!(error.code(), Some(422), "{error}");
    assert_eq!((error.message(), error.tries()), ("no such number", 1));
}

fn a_panic_in_a_job(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let error = block_on(far.call(&PANIC, 1)).unwrap_err();
    assert_eq!(error.kind(), RemoteErrorKind::Failed, "{error}");
    assert_eq!(error.message(), "the job panicked: by design");
    // The worker is as fit as before.
    assert_eq!(block_on(far.call(&DOUBLE, 1)).unwrap(), 2);
}

fn a_value_that_does_not_decode(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let error = block_on(far.call(&TEXT, 1)).unwrap_err();
    assert_eq!(error.kind(), RemoteErrorKind::Decode, "{error}");
    assert_eq!(error.payload(), Some(&b"\"seven\""[..]));
}

fn an_unknown_job(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let error = block_on(far.call(&NOBODY, 1)).unwrap_err();
    assert_eq!(error.kind(), RemoteErrorKind::UnknownJob, "{error}");
}

fn an_input_that_is_too_large(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    static LARGE: ingather_remote::Job<String, u32> = ingather_remote::Job::new("Test/double");
    let limit = match fleet.kind {
        Kind::Nats => 1 << 20,
        Kind::Restate => 32 << 20,
    };
    // Also once the scope has had a call, when it is asked in one question.
    for _ in 0..2 {
        let error = block_on(far.call(&LARGE, "x".repeat(limit))).unwrap_err();
        assert_eq!(error.kind(), RemoteErrorKind::TooLarge, "{error}");
        assert!(!error.is_unjoined());
        assert_eq!(block_on(far.call(&DOUBLE, 1)).unwrap(), 2);
    }
    block_on(far.close()).unwrap();
}

fn a_duplicate_submission(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let stay = fleet.stay(500);
    let twice = [0, 0].map(|_| {
        let call = far.call(&STAY, stay.clone()).number(3);
        move || call
    });
    assert_eq!(block_on(try_gather(twice)).unwrap(), [1, 1]);
    // And once more, when it is over.
    assert_eq!(
        block_on(far.call(&STAY, stay.clone()).number(3)).unwrap(),
        1
    );
    assert_eq!(marks(&stay.mark), (1, 1));
}

/// What is asked in one question when a scope has had its first call is asked step by step after a while.
fn a_job_that_lasts(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    assert_eq!(block_on(far.call(&DOUBLE, 1)).unwrap(), 2);
    let stay = fleet.stay(3_500);
    assert_eq!(block_on(far.call(&STAY, stay.clone())).unwrap(), 1);
    assert_eq!(marks(&stay.mark), (1, 1));
    block_on(far.close()).unwrap();
}

fn cancel_running(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let stay = fleet.stay(60_000);
    let mark = stay.mark.clone();
    let (there, begin) = (far.clone(), Instant::now());
    let options = GroupOptions::new().grace(Duration::from_secs(30));
    block_on(options.scope(|tg| async move {
        let child = tg.spawn(there.call(&STAY, stay));
        ingather::to_thread(move || begun(&mark)).await;
        tg.cancel();
        assert!(child.await.unwrap_err().is_cancelled());
    }));
    // It gave way by itself, long before it would have been killed.
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert!(block_on(far.live()).unwrap().is_empty());
}

fn cancel_of_a_deaf_job(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let stay = fleet.stay(60_000);
    let (mark, seen) = (stay.mark.clone(), stay.mark.clone());
    let there = far.clone();
    let grace = Duration::from_millis(700);
    let cancelled = block_on(GroupOptions::new().grace(grace).scope(|tg| async move {
        let child = tg.spawn(there.call(&DEAF, stay));
        ingather::to_thread(move || begun(&mark)).await;
        tg.cancel();
        let cancelled = Instant::now();
        assert!(child.await.unwrap_err().is_cancelled());
        cancelled
    }));
    let took = cancelled.elapsed();
    assert!((grace..20 * grace).contains(&took), "{took:?}");
    assert!(block_on(far.live()).unwrap().is_empty());
    // It was dropped at its worker, too.
    until("the end of the run", || marks(&seen) == (1, 1));
}

fn an_error_cancels_the_siblings(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let stay = fleet.stay(60_000);
    let (mark, seen) = (stay.mark.clone(), stay.mark.clone());
    let there = far.clone();
    let options = GroupOptions::new().grace(Duration::from_secs(30));
    let error = block_on(options.try_scope(|tg| async move {
        tg.try_spawn(there.call(&STAY, stay));
        ingather::to_thread(move || begun(&mark)).await;
        tg.try_spawn(there.call(&REFUSE, 1));
        Ok(())
    }))
    .unwrap_err();
    assert_eq!(error.len(), 1);
    assert_eq!(error.first().error().unwrap().code(), Some(422));
    until("the end of the run", || marks(&seen) == (1, 1));
}

fn a_dropped_call(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options.drop_grace(Duration::from_secs(20)));
    let stay = fleet.stay(60_000);
    let call = far.call(&STAY, stay.clone());
    let late = block_on(timeout(Duration::from_secs(2), call));
    assert!(late.is_err());
    let begin = Instant::now();
    block_on(far.close()).unwrap();
    assert!(begin.elapsed() < Duration::from_secs(15));
    until("the end of the run", || marks(&stay.mark) == (1, 1));
}

/// In the queue, and nobody takes it out.
fn cancel_without_a_worker(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    assert_eq!(block_on(far.call(&DOUBLE, 1)).unwrap(), 2);
    fleet.kill_worker();
    let stay = fleet.stay(60_000);
    let (there, mark) = (far.clone(), stay.mark.clone());
    let begin = Instant::now();
    let options = GroupOptions::new().grace(Duration::from_secs(2));
    block_on(options.scope(|tg| async move {
        let child = tg.spawn(there.call(&STAY, stay));
        while there.live().await.unwrap().is_empty() {}
        tg.cancel();
        assert!(child.await.unwrap_err().is_cancelled());
    }));
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert!(block_on(far.live()).unwrap().is_empty());
    fleet.start_worker();
    assert_eq!(block_on(far.call(&DOUBLE, 1)).unwrap(), 2);
    assert_eq!(marks(&mark), (0, 0));
}

fn cancel_of_work_whose_worker_is_lost(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let stay = fleet.stay(60_000);
    let (there, mark) = (far.clone(), stay.mark.clone());
    let grace = Duration::from_millis(500);
    let token = CancelToken::new();
    let options = GroupOptions::new().grace(grace).token(&token);
    let owner = thread::spawn(move || {
        let call = there.call(&STAY, stay);
        block_on(options.scope_or_cut(|tg| async move { tg.spawn(call).await.is_ok() }))
    });
    begun(&mark);
    fleet.kill_worker();
    let begin = Instant::now();
    token.cancel();
    assert!(owner.join().unwrap().is_err());
    // The engine reported an end, without a worker.
    assert!(begin.elapsed() < Duration::from_secs(20));
    assert!(block_on(far.live()).unwrap().is_empty());
    fleet.start_worker();
    assert_eq!(block_on(far.call(&DOUBLE, 1)).unwrap(), 2);
    assert_eq!(marks(&mark).0, 1);
}

fn a_worker_is_killed(fleet: &mut Fleet) {
    let far = fleet.remote(|options| options);
    let stay = fleet.stay(1_000);
    let (call, mark) = (far.call(&DEAF, stay.clone()), stay.mark.clone());
    let owner = thread::spawn(move || block_on(call));
    begun(&mark);
    fleet.kill_worker();
    fleet.start_worker();
    assert_eq!(owner.join().unwrap().unwrap(), 1);
    assert_eq!(marks(&mark), (2, 1));
}

fn the_server_is_killed_in_the_middle(fleet: &mut Fleet) {
    // On a busy machine the server takes its time to come back.
    let bound = Duration::from_secs(150);
    let far = fleet.remote(|options| options.patience(bound).lease(bound));
    let stay = fleet.stay(2_000);
    let there = far.clone();
    let mark = stay.mark.clone();
    let owner = thread::spawn(move || {
        block_on(try_scope(|tg| async move {
            let long = tg.try_spawn(there.call(&DEAF, stay));
            for n in 0..200 {
                tg.try_spawn(there.call(&DOUBLE, n));
            }
            Ok::<_, RemoteError>(long.await.unwrap())
        }))
    });
    begun(&mark);
    fleet.server.kill();
    thread::sleep(Duration::from_millis(500));
    fleet.server.begin();
    assert_eq!(owner.join().unwrap().unwrap(), 1);
    assert!(block_on(far.live()).unwrap().is_empty());
    block_on(far.close()).unwrap();
}

fn the_engine_is_unreachable(fleet: &mut Fleet) {
    let far = fleet.remote(|options| {
        let lease = Duration::from_secs(4);
        options.patience(Duration::from_secs(2)).lease(lease)
    });
    let stay = fleet.stay(60_000);
    let (there, mark) = (far.clone(), stay.mark.clone());
    let owner = thread::spawn(move || {
        block_on(try_scope(|tg| async move {
            tg.try_spawn(there.call(&STAY, stay));
            Ok(())
        }))
    });
    begun(&mark);
    fleet.server.kill();
    let error = owner.join().unwrap().unwrap_err();
    let leaf = error.first().error().unwrap();
    assert_eq!(leaf.kind(), RemoteErrorKind::Unreachable, "{error}");
    assert!(error.to_string().contains("was not joined"), "{error}");
    fleet.server.begin();
    let unsure = block_on(far.close()).unwrap_err();
    assert_eq!(unsure.unjoined(), [leaf.ticket().clone()]);
    // It is nobody's any more, so that the lease runs out and the engine's side ends it.
    let engine = fleet.engine();
    // A server that has just begun takes a moment to answer, and another one until it has read what it knows.
    let mut empty = None;
    until("the end of the lease", || {
        let live = block_on(engine.live(far.scope_id()));
        let is_empty = live.is_ok_and(|live| live.is_empty());
        let since = is_empty.then(|| empty.unwrap_or_else(Instant::now));
        empty = since;
        since.is_some_and(|since| since.elapsed() > Duration::from_secs(3))
    });
}

fn the_owner_is_killed(fleet: &mut Fleet) {
    let scope_id = ScopeId::random();
    let mut owner = fleet.owner(&scope_id, "60000 cancel");
    let all = (0..4).map(|n| owner::mark(&fleet.server.folder, n));
    let all: Vec<_> = all.collect();
    all.iter().for_each(begun);
    let engine = fleet.engine();
    assert_eq!(block_on(engine.live(&scope_id)).unwrap().len(), 4);
    // As long as it lives, the lease does not run out.
    thread::sleep(2 * owner::LEASE);
    assert_eq!(block_on(engine.live(&scope_id)).unwrap().len(), 4);
    owner.kill();
    let took = until("the end of the lease", || {
        block_on(engine.live(&scope_id)).unwrap().is_empty()
    });
    println!(
        "{}: the tree was gone {:.1} s after its owner",
        fleet.kind.name(),
        took.as_secs_f32()
    );
    assert!(took < owner::LEASE + owner::GRACE + Duration::from_secs(15));
    for mark in &all {
        until("the end of the run", || marks(mark) == (1, 1));
        crate::fleet::clear(mark);
    }
}

fn the_owner_is_killed_and_its_children_are_kept(fleet: &mut Fleet) {
    let scope_id = ScopeId::random();
    let mut owner = fleet.owner(&scope_id, "4000 keep");
    let all: Vec<_> = (0..4)
        .map(|n| owner::mark(&fleet.server.folder, n))
        .collect();
    all.iter().for_each(begun);
    owner.kill();
    let far = fleet.remote(|options| {
        let options = options.scope_id(scope_id.clone());
        options.on_lost(OnLost::Keep)
    });
    let stay = |n: u32| jobs::Stay {
        millis: 4_000,
        mark: owner::mark(&fleet.server.folder, n),
    };
    let calls = (0..4).map(|n| {
        let job = if n == 3 { &DEAF } else { &STAY };
        let call = far.call(job, stay(n));
        move || call
    });
    let values = block_on(try_gather(calls.collect::<Vec<_>>())).unwrap();
    assert_eq!(values, [1, 1, 1, 1]);
    for mark in &all {
        assert_eq!(marks(mark), (1, 1));
        crate::fleet::clear(mark);
    }
}
