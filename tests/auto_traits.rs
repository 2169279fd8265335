//! Which public types are `Send`, `Sync` and `Unpin`, and which are not: a table with a row for each.

use std::cell::Cell;
use std::future::Future;
use std::marker::PhantomData;
use std::rc::Rc;

use ingather::cancel::{CallbackGuard, CancelKind, DropGuard, with_cleanup};
use ingather::clock::{ClockHandle, Interval, Sleep, Tick, Timeout, Timer};
use ingather::error::{ChildFailure, ChildInfo, Failure, Failures, KeyId, StartedError, Unhandled};
use ingather::joiner::{Joiner, Verdict, join_with};
use ingather::kind::{Blocking, Inline, InlineLocal, Local, Shared};
use ingather::program::{
    Called, Exit, ExitErrors, ExitFailure, ExitFault, ExitKind, ExitReport, ExitStack, OnShutdown,
    OnShutdownError, Pushed, Run, ShutdownGuard, Stuck,
};
use ingather::spawner::{
    Embedded, EnterGuard, FromFn, FromSpawn, GlobalSpawnerError, LocalFromFn, LocalJob, Smol,
    SpawnError, SpawnerHandle,
};
use ingather::tasks::{Drained, NamedTask, TaskError, TaskInfo, TaskRefused, TaskState};
use ingather::testing::{
    AtDrop, BlockingWork, ByHand, ClockHold, CountingWaker, Explored, HostileSpawner, Mischief,
    TestExecutor, Trace, Yields,
};
use ingather::threads::{
    Acquire, Asynced, BlockingPool, CapacityLimiter, Closing, FairGuard, FairLock, JobInfo,
    LimiterStatistics, Locking, Permit, PoolBuilder, PoolStatistics, Refused, ToThread,
    ToThreadOrRefused,
};
use ingather::types::{
    Cancelled, CancelledOwned, Checkpoint, ChildOptions, Close, Completion, Completions,
    ContextSnapshot, Drain, Ending, Fallible, Join, MapConcurrent, Next, NextSlot, Observed,
    RunAsync, RunUntilCancelled, ScopeFuture, Settling, Shield, SpawnWhenFree, StartChild,
    Supervised, TakeError, Tally, TryJoin, Trying, Value, Values, WaitIdle, WithCleanup,
    WithContext,
};
use ingather::*;

/// Asks the compiler: an inherent item that applies wins over the trait's, which always applies.
struct Probe<T: ?Sized>(PhantomData<T>);

trait Otherwise {
    const SEND: bool = false;
    const SYNC: bool = false;
    const UNPIN: bool = false;

    fn is_send(&self) -> bool {
        false
    }
}
impl<T: ?Sized> Otherwise for Probe<T> {}

impl<T: ?Sized + Send> Probe<T> {
    const SEND: bool = true;

    fn is_send(&self) -> bool {
        true
    }
}
impl<T: ?Sized + Sync> Probe<T> {
    const SYNC: bool = true;
}
impl<T: ?Sized + Unpin> Probe<T> {
    const UNPIN: bool = true;
}

fn probe<T>(_: &T) -> Probe<T> {
    Probe(PhantomData)
}

/// Each row: a type, then the traits that it has out of these three. It has no others of them.
macro_rules! table {
    ($($type:ty: [$($has:ident)*]),+ $(,)?) => {$(
        let real = [
            (Probe::<$type>::SEND, "Send"),
            (Probe::<$type>::SYNC, "Sync"),
            (Probe::<$type>::UNPIN, "Unpin"),
        ];
        let real: Vec<_> = real.iter().filter(|(has, _)| *has).map(|(_, name)| *name).collect();
        let expected: &[&str] = &[$(stringify!($has)),*];
        assert_eq!(real, expected, "{}", stringify!($type));
    )+};
}

/// Neither `Send` nor `Sync`.
type Neither = Rc<()>;
/// `Send` and not `Sync`.
type OnlySend = Cell<u8>;
/// `Sync` and not `Send`.
type OnlySync = std::sync::MutexGuard<'static, u8>;
type NotUnpin = std::marker::PhantomPinned;

#[path = "auto_traits/facts.rs"]
mod facts;
#[path = "auto_traits/made.rs"]
mod made;

#[test]
fn the_probe_tells_them_apart() {
    table! {
        u8: [Send Sync Unpin],
        Neither: [Unpin],
        OnlySend: [Send Unpin],
        OnlySync: [Sync Unpin],
        NotUnpin: [Send Sync],
    }
}

#[test]
fn a_key_is_what_its_value_is() {
    table! {
        Key<u8>: [Send Sync Unpin],
        Key<Neither>: [Unpin],
        Key<OnlySend>: [Send Unpin],
        Key<OnlySync>: [Sync Unpin],
        Key<NotUnpin>: [Send Sync Unpin],
        TakeError<u8>: [Send Sync Unpin],
        TakeError<Neither>: [Unpin],
        TakeError<OnlySend>: [Send Unpin],
        TakeError<OnlySync>: [Sync Unpin],
    }
}

#[test]
fn a_task_is_what_it_gives_and_its_registry_goes_anywhere() {
    table! {
        Task<u8>: [Send Sync Unpin],
        Task<Neither>: [Unpin],
        Task<OnlySend>: [Send Unpin],
        Task<OnlySync>: [Sync Unpin],
        Task<NotUnpin>: [Send Sync Unpin],
        Task<u8, Neither>: [Unpin],
        Task<u8, OnlySend>: [Send Unpin],
        TaskError<u8>: [Send Sync Unpin],
        TaskError<Neither>: [Unpin],
        TaskRefused<OnlySync>: [Sync Unpin],
        TaskRefused<NotUnpin>: [Send Sync],
        TaskRegistry: [Send Sync Unpin],
        NamedTask<'static>: [Send Sync Unpin],
        TaskInfo: [Send Sync Unpin],
        TaskState: [Send Sync Unpin],
        WaitIdle: [Send Sync Unpin],
        Drain: [Send Sync Unpin],
        Drained: [Send Sync Unpin],
    }
}

#[test]
fn shared_handles_go_anywhere_and_local_ones_nowhere() {
    table! {
        Scope<'static>: [Send Sync Unpin],
        // Errors are not in the handle; whoever puts one into the group shows that it is `Send`.
        Scope<'static, Neither>: [Send Sync Unpin],
        GatherGroup: [Send Sync Unpin],
        GatherGroup<Neither>: [Send Sync Unpin],
        ChildOptions<'static, u8>: [Send Sync Unpin],
        local::Scope<'static>: [Unpin],
        local::Scope<'static, u8>: [Unpin],
        local::GatherGroup: [Unpin],
        local::GatherGroup<u8>: [Unpin],
        ChildOptions<'static, u8, Local>: [Unpin],
        inline::Scope<'static>: [Send Sync Unpin],
        parallel::Scope<'static>: [Send Sync Unpin],
        inline::local::Scope<'static>: [Unpin],
        ChildOptions<'static, u8, InlineLocal>: [Unpin],
    }
}

#[test]
fn the_futures_of_a_group_are_what_their_handle_is() {
    table! {
        Join<'static>: [Send Sync Unpin],
        TryJoin<'static, u8>: [Send Sync Unpin],
        Next<'static, u8>: [Send Sync Unpin],
        NextSlot<'static>: [Send Sync Unpin],
        ChildOptions<'static, Neither, Shared, Supervised>: [Send Sync Unpin],
        Completions<'static, u8>: [Send Sync Unpin],
        Join<'static, Local>: [Unpin],
        TryJoin<'static, u8, Local>: [Unpin],
        Next<'static, u8, Local>: [Unpin],
        NextSlot<'static, u8, Local>: [Unpin],
        NextSlot<'static, u8, InlineLocal, Observed>: [Unpin],
        Completions<'static, u8, Local>: [Unpin],
    }
}

#[test]
fn spawn_when_free_is_what_its_future_is() {
    table! {
        SpawnWhenFree<'static, u8, Neither, u8>: [Send Sync Unpin],
        SpawnWhenFree<'static, Neither, u8, u8>: [Unpin],
        SpawnWhenFree<'static, OnlySend, u8, u8>: [Send Unpin],
        SpawnWhenFree<'static, OnlySync, u8, u8>: [Sync Unpin],
        SpawnWhenFree<'static, NotUnpin, u8, u8>: [Send Sync Unpin],
        SpawnWhenFree<'static, u8, u8, u8, Local>: [Unpin],
    }
}

#[test]
fn what_leaves_goes_anywhere() {
    table! {
        // It holds callbacks, which are `Send`.
        ExitStack<'static>: [Send Unpin],
        Close<'static, 'static>: [Send Unpin],
        Pushed<'static, 'static>: [Send Unpin],
        ExitErrors: [Send Sync Unpin],
        ExitFailure: [Send Sync Unpin],
        ExitFault: [Send Sync Unpin],
        Run: [Send Unpin],
        OnShutdown: [Send Sync Unpin],
        ShutdownGuard: [Send Sync Unpin],
        OnShutdownError<u8>: [Send Sync Unpin],
        OnShutdownError<Neither>: [Unpin],
        ExitReport: [Send Sync Unpin],
        ExitKind: [Send Sync Unpin],
        Stuck: [Send Sync Unpin],
        Called: [Send Sync Unpin],
        Exit<u8>: [Send Sync Unpin],
        Exit<Neither>: [Unpin],
        RunAsync<Ready<u8>>: [Send Unpin],
        RunAsync<Ready<Neither>>: [Unpin],
        RunAsync<std::future::Pending<NotUnpin>>: [Send Unpin],
    }
}

type Ready<T> = std::future::Ready<T>;

#[test]
fn a_scope_is_what_its_body_and_its_value_are() {
    table! {
        ScopeFuture<u8, Ready<u8>, Value>: [Send Sync Unpin],
        ScopeFuture<Neither, Ready<u8>, Value>: [Unpin],
        ScopeFuture<u8, Ready<Neither>, Value>: [Unpin],
        ScopeFuture<u8, Ready<OnlySend>, Value>: [Send Unpin],
        ScopeFuture<u8, std::future::Pending<u8>, Value>: [Send Sync Unpin],
        ScopeFuture<u8, Ready<u8>, Value<Local>>: [Unpin],
        ScopeFuture<u8, Ready<u8>, Value<Inline>>: [Send Sync Unpin],
        ScopeFuture<u8, Ready<u8>, Value<InlineLocal>>: [Unpin],
        ScopeFuture<u8, Ready<NotUnpin>, Value>: [Send Sync Unpin],
        ScopeFuture<u8, Ready<Result<u8, u8>>, Fallible>: [Send Sync Unpin],
        ScopeFuture<u8, Ready<Result<u8, Neither>>, Fallible>: [Unpin],
        ScopeFuture<u8, Ready<Result<u8, u8>>, Fallible<Local>>: [Unpin],
    }
}

#[test]
fn the_test_kit_goes_anywhere_but_what_is_polled_by_hand_is_what_its_future_is() {
    table! {
        TestExecutor: [Send Sync Unpin],
        BlockingWork<u8>: [Send Sync Unpin],
        BlockingWork<Neither>: [Unpin],
        ClockHold: [Send Sync Unpin],
        Explored: [Send Sync Unpin],
        Trace: [Send Sync Unpin],
        AtDrop: [Send Sync Unpin],
        CountingWaker: [Send Sync Unpin],
        ByHand<u8>: [Send Sync Unpin],
        ByHand<Neither>: [Unpin],
        Yields: [Send Sync Unpin],
        HostileSpawner: [Send Sync Unpin],
        Mischief: [Send Sync Unpin],
    }
}

#[test]
fn what_waits_by_a_clock_goes_anywhere_and_a_timeout_is_what_its_future_is() {
    table! {
        ClockHandle: [Send Sync Unpin],
        // Behind `Sleep`, which nobody can poll through a shared reference.
        Timer: [Send Unpin],
        Sleep: [Send Sync Unpin],
        Interval: [Send Sync Unpin],
        Tick<'static>: [Send Sync Unpin],
        Deadline: [Send Sync Unpin],
        TimedOut: [Send Sync Unpin],
        Timeout<u8>: [Send Sync Unpin],
        Timeout<Neither>: [Unpin],
        Timeout<OnlySend>: [Send Unpin],
        Timeout<OnlySync>: [Sync Unpin],
        Timeout<NotUnpin>: [Send Sync],
    }
}

#[test]
fn tokens_and_contexts_go_anywhere_and_futures_with_them_are_what_was_put_in() {
    table! {
        CancelToken: [Send Sync Unpin],
        Cancelled<'static>: [Send Sync Unpin],
        CancelledOwned: [Send Sync Unpin],
        DropGuard: [Send Sync Unpin],
        CallbackGuard: [Send Sync Unpin],
        RunUntilCancelled<CancelledOwned, u8>: [Send Sync Unpin],
        RunUntilCancelled<Cancelled<'static>, Neither>: [Unpin],
        RunUntilCancelled<CancelledOwned, OnlySend>: [Send Unpin],
        RunUntilCancelled<CancelledOwned, NotUnpin>: [Send Sync],
        // It holds no value.
        ContextVar<Neither>: [Send Sync Unpin],
        ContextSnapshot: [Send Sync Unpin],
        WithContext<u8>: [Send Sync Unpin],
        WithContext<Neither>: [Unpin],
        WithContext<OnlySync>: [Sync Unpin],
        WithContext<NotUnpin>: [Send Sync],
    }
}

#[test]
fn what_stands_before_a_cancel_is_what_it_holds() {
    table! {
        Checkpoint: [Send Sync Unpin],
        Shield<u8>: [Send Sync Unpin],
        Shield<Neither>: [Unpin],
        Shield<OnlySend>: [Send Unpin],
        Shield<OnlySync>: [Sync Unpin],
        Shield<NotUnpin>: [Send Sync],
        WithCleanup<u8, u8, u8>: [Send Sync Unpin],
        WithCleanup<Neither, u8, u8>: [Unpin],
        WithCleanup<u8, Neither, u8>: [Unpin],
        WithCleanup<u8, u8, Neither>: [Unpin],
        WithCleanup<OnlySend, u8, u8>: [Send Unpin],
        WithCleanup<u8, OnlySync, u8>: [Sync Unpin],
        WithCleanup<NotUnpin, u8, u8>: [Send Sync],
        // A callable is moved and never pinned.
        WithCleanup<u8, NotUnpin, u8>: [Send Sync Unpin],
        WithCleanup<u8, u8, NotUnpin>: [Send Sync],
    }
}

#[test]
fn both_ends_of_a_start_are_what_they_give_each_other() {
    table! {
        ingather::Ready<u8>: [Send Sync Unpin],
        ingather::Ready<Neither>: [Unpin],
        // It is behind a lock.
        ingather::Ready<OnlySend>: [Send Sync Unpin],
        ingather::Ready<OnlySync>: [Unpin],
        ingather::Ready<NotUnpin>: [Send Sync Unpin],
        StartChild<u8, u8>: [Send Sync Unpin],
        StartChild<u8, u8, u8>: [Send Sync Unpin],
        StartChild<Neither, u8, u8>: [Unpin],
        StartChild<u8, Neither, u8>: [Unpin],
        StartChild<u8, u8, Neither>: [Unpin],
        StartChild<OnlySend, u8, u8>: [Send Unpin],
        StartChild<u8, OnlySend, u8>: [Send Sync Unpin],
        StartChild<u8, OnlySync, u8>: [Unpin],
        StartChild<u8, u8, OnlySync>: [Unpin],
        StartChild<NotUnpin, NotUnpin, NotUnpin>: [Send Sync Unpin],
        StartError<u8>: [Send Sync Unpin],
        StartError<Neither>: [Unpin],
        StartError<OnlySend>: [Send Unpin],
        StartError<OnlySync>: [Sync Unpin],
        StartedError<u8>: [Send Sync Unpin],
        StartedError<Neither>: [Unpin],
        StartedError<OnlySend>: [Send Unpin],
        StartedError<OnlySync>: [Sync Unpin],
    }
}

#[test]
fn spawners_go_anywhere_and_what_is_local_stays() {
    table! {
        SpawnerHandle: [Send Sync Unpin],
        dyn Spawner: [Send Sync],
        dyn LocalSpawner: [],
        Job: [Send Unpin],
        LocalJob: [Unpin],
        // It is dropped where it was made: it restores that thread's spawner.
        EnterGuard: [Unpin],
        Embedded: [Send Sync Unpin],
        Smol: [Send Sync Unpin],
        FromSpawn<u8>: [Send Sync Unpin],
        FromSpawn<Neither>: [Unpin],
        FromFn<u8>: [Send Sync Unpin],
        FromFn<Neither>: [Unpin],
        LocalFromFn<Neither>: [Unpin],
    }
}

#[test]
fn what_threads_and_tasks_share_goes_to_both() {
    table! {
        CapacityLimiter: [Send Sync Unpin],
        Acquire: [Send Sync Unpin],
        Permit: [Send Sync Unpin],
        LimiterStatistics: [Send Sync Unpin],
        FairLock<OnlySend>: [Send Sync Unpin],
        FairLock<OnlySync>: [Unpin],
        FairLock<NotUnpin>: [Send Sync],
        FairGuard<'static, OnlySend>: [Send Sync Unpin],
        FairGuard<'static, OnlySync>: [Unpin],
        Locking<'static, OnlySend>: [Send Sync Unpin],
        Locking<'static, OnlySync>: [Unpin],
        BlockingPool: [Send Sync Unpin],
        PoolBuilder: [Send Sync Unpin],
        PoolStatistics: [Send Sync Unpin],
        Closing: [Send Sync Unpin],
        JobInfo: [Send Sync Unpin],
        // What it holds is moved, not pinned.
        ToThread<OnlySend, u8>: [Send Unpin],
        ToThread<NotUnpin, OnlySend>: [Send Sync Unpin],
        ToThread<u8, Neither>: [Unpin],
        ToThreadOrRefused<Neither, u8>: [Unpin],
        Refused<OnlySend>: [Send Unpin],
        Refused<Neither>: [Unpin],
        Asynced<u8>: [Send Sync Unpin],
        Asynced<Neither>: [Unpin],
    }
}

type Source<S> = MapConcurrent<S, u8, u8>;

#[test]
fn joiners_and_mapped_streams_are_what_they_hold() {
    table! {
        joiner::All<u8, u8>: [Send Sync Unpin],
        joiner::All<Neither, u8>: [Unpin],
        joiner::Settled<u8, Neither>: [Unpin],
        joiner::FirstOk<OnlySend, u8>: [Send Unpin],
        joiner::FirstOver<OnlySync, u8>: [Sync Unpin],
        joiner::Quorum<u8, OnlySend>: [Send Unpin],
        joiner::CallInfo<'static>: [Send Sync Unpin],
        Verdict: [Send Sync Unpin],
        Source<u8>: [Send Sync Unpin],
        Source<Neither>: [Unpin],
        Source<OnlySend>: [Send Unpin],
        Source<NotUnpin>: [Send Sync],
    }
}

#[test]
fn primitives_go_where_their_values_go() {
    table! {
        sync::Event: [Send Sync Unpin],
        sync::Queue<u8>: [Send Sync Unpin],
        sync::Queue<OnlySend>: [Send Sync Unpin],
        sync::Queue<Neither>: [Unpin],
        sync::Queue<NotUnpin>: [Send Sync Unpin],
        sync::CloseGuard<OnlySend>: [Send Sync Unpin],
        sync::PutError<OnlySync>: [Sync Unpin],
        sync::Promise<OnlySend>: [Send Sync Unpin],
        sync::Promise<Neither>: [Unpin],
        sync::Promised<OnlySend>: [Send Sync Unpin],
        sync::Promised<Neither>: [Unpin],
        sync::SharedPromised<u8>: [Send Sync Unpin],
        sync::SharedPromised<OnlySend>: [Unpin],
        sync::SharedPromised<NotUnpin>: [Send Sync Unpin],
        sync::StreamOf<OnlySend>: [Send Sync Unpin],
        sync::SyncIter<NotUnpin>: [Send Sync Unpin],
        sync::WaitAll<Key<OnlySend>>: [Send Unpin],
        sync::WaitFirst<Key<Neither>>: [Unpin],
        sync::WaitOrCancel<u8, OnlySend>: [Send Unpin],
        bridge::ControlServer<OnlySend, OnlySend>: [Send Sync Unpin],
        bridge::Client<OnlySend, OnlySend>: [Send Sync Unpin],
        bridge::Client<Neither, u8>: [Unpin],
        bridge::Reply<OnlySend>: [Send Sync Unpin],
        bridge::QueueService<OnlySend>: [Send Sync Unpin],
        bridge::QueueServices<u8, OnlySend>: [Send Sync Unpin],
        ingather::types::EventWait<'static>: [Send Sync Unpin],
        ingather::types::Get<'static, OnlySend>: [Send Sync Unpin],
        ingather::types::Put<'static, OnlySend>: [Send Unpin],
        ingather::types::Put<'static, NotUnpin>: [Send Sync Unpin],
    }
}
