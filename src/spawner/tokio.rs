//! tokio's runtime handle and local set as spawners.

use std::future::Future;
use std::mem;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::FutureExt;
use tokio::runtime::{self, Handle, RuntimeFlavor};
use tokio::task::{JoinHandle, LocalSet, coop};

use super::{Job, LocalJob, LocalSpawner, SpawnError, Spawner};

/// A handle to a tokio runtime.
///
/// In a tokio task, `Handle::current()` is the one to name or to [`enter`](super::enter).
///
/// After the runtime's shutdown a job is refused; those that it had are dropped by the shutdown. A current-thread
/// runtime runs jobs only while somebody is in its `block_on`, and keeps them until then.
///
/// It is [current](Spawner::is_current) on the runtime's worker threads, and for a current-thread runtime in its
/// `Runtime::block_on`. It is not in the `block_on` of a multi-thread runtime, whose jobs all run elsewhere, not on
/// the threads of `spawn_blocking` and `block_in_place`, and not where a handle was merely entered.
/// [`should_yield`](Spawner::should_yield) tells when the task has spent its cooperative budget.
///
/// # Examples
///
/// ```
/// use futures::channel::oneshot;
/// use ingather::Spawner;
/// use tokio::runtime::{Builder, Handle};
///
/// let runtime = Builder::new_current_thread().build()?;
/// let handle = runtime.handle().clone();
/// assert!(!handle.is_current());
///
/// let sum = runtime.block_on(async {
///     let here = Handle::current();
///     assert!(here.is_current());
///     let (sender, receiver) = oneshot::channel();
///     Spawner::spawn(&here, Box::pin(async move { sender.send(20).unwrap() }))?;
///     Ok::<_, Box<dyn std::error::Error>>(receiver.await? + 22)
/// });
/// assert_eq!(sum?, 42);
///
/// drop(runtime);
/// assert!(Spawner::spawn(&handle, Box::pin(async {})).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Spawner for Handle {
    fn spawn(&self, job: Job) -> Result<(), SpawnError> {
        // A current-thread runtime has nobody to steal a job, and pays nothing.
        let has_thieves = self.runtime_flavor() != RuntimeFlavor::CurrentThread
            && self.parallelism() > NonZeroUsize::MIN;
        if !has_thieves {
            return taken(self.spawn(job));
        }
        // What was asked of the join handle is asked before anybody else can run the job.
        taken(self.spawn(Stealable::new(job, self.clone())))?;
        offer(self);
        Ok(())
    }

    fn parallelism(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.metrics().num_workers()).unwrap_or(NonZeroUsize::MIN)
    }

    fn is_current(&self) -> bool {
        // Neither half would do. The current handle is there wherever one was entered, on the threads of
        // `spawn_blocking` among them, and those have a task id as well. The worker index says that this thread runs
        // the tasks of a runtime and not which. Together they err where a worker of one runtime has entered the
        // handle of another; what runs there in the other's name still has the other's timers and sockets around it.
        runtime::worker_index().is_some()
            && Handle::try_current().is_ok_and(|current| current.id() == self.id())
    }

    fn should_yield(&self) -> bool {
        is_budget_spent()
    }

    fn may_block(&self) -> bool {
        // A current-thread runtime has its timers and sockets driven by the thread that runs its tasks.
        self.runtime_flavor() != RuntimeFlavor::CurrentThread || !self.is_current()
    }
}

/// Whether the runtime has taken a job.
fn taken(task: JoinHandle<()>) -> Result<(), SpawnError> {
    // A runtime that is shut down takes every task and cancels it at once; the join handle is the only one that
    // tells. One load in the usual case.
    if !task.is_finished() {
        return Ok(());
    }
    // Unconstrained: asking must not cost a part of the caller's budget, nor get no answer for want of it.
    match coop::unconstrained(task).now_or_never() {
        Some(Err(error)) if error.is_cancelled() => Err(SpawnError::shut_down()),
        Some(Err(panicked)) => {
            // The job has run and is over. Its panic was reported, and the payload's destructor may panic here.
            mem::forget(panicked);
            Ok(())
        }
        Some(Ok(())) | None => Ok(()),
    }
}

/// Lets other workers have the job that was spawned or woken on this one just now.
///
/// A worker keeps the task that was spawned or woken last in a slot of its own, which no other worker can steal from,
/// and polls it once the present task returns. A job is there to work beside that task, which may go on for long: an
/// owner that polls its children would poll them all before the job that was to share them begins. The next task to
/// come pushes the job out of the slot, into the queue that is stolen from, and wakes a worker that is idle. So here
/// is one that does nothing.
fn offer(handle: &Handle) {
    // What comes from elsewhere goes into a queue for all workers. The index does not say whose worker this is: where
    // it is another runtime's, the empty task is in vain, and that is cheaper than always comparing handles.
    if runtime::worker_index().is_some() {
        // A runtime that is shut down cancels it, and does not panic.
        drop(handle.spawn(async {}));
    }
}

/// A job that other workers can steal from the worker on which it was woken.
struct Stealable {
    job: Job,
    handle: Handle,
    /// Made at the first poll, since only then is there a waker. The same twice.
    waking: Option<(Arc<Waking>, Waker)>,
}

impl Stealable {
    fn new(job: Job, handle: Handle) -> Self {
        Self {
            job,
            handle,
            waking: None,
        }
    }
}

impl Future for Stealable {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        // tokio gives a task the same waker each time, so that the job's may be kept, and cloned for an increment.
        let kept = this.waking.take();
        let kept = kept.filter(|(waking, _)| waking.task.will_wake(cx.waker()));
        let (waking, waker) = this.waking.insert(kept.unwrap_or_else(|| {
            let waking = Arc::new(Waking {
                task: cx.waker().clone(),
                handle: this.handle.clone(),
                is_polled: AtomicBool::new(false),
            });
            let waker = Waker::from(Arc::clone(&waking));
            (waking, waker)
        }));
        waking.is_polled.store(true, Ordering::Relaxed);
        let poll = this.job.as_mut().poll(&mut Context::from_waker(waker));
        // Not after a panic: the job is over then, and whether it is offered is all the same.
        waking.is_polled.store(false, Ordering::Relaxed);
        poll
    }
}

/// Wakes the task of a job, and offers it to other workers.
struct Waking {
    task: Waker,
    /// It keeps the runtime's scheduler, but not the runtime: whose shutdown drops the job. `task` keeps it as well.
    handle: Handle,
    /// The job is being polled.
    is_polled: AtomicBool,
}

impl Wake for Waking {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.task.wake_by_ref();
        // A task that is woken while it is polled, by itself as when it yields or by others, goes into the queue when
        // that poll is over, and not into the slot. Asked after the wake, so that the answer is right where it matters:
        // whoever wakes a suspended task sees in the task's state all that its last poll has done, hence the relaxed
        // order; and from this worker's slot it is not polled before this returns.
        if !self.is_polled.load(Ordering::Relaxed) {
            offer(&self.handle);
        }
    }
}

/// A set of tokio tasks that stay on one thread, as `Rc<LocalSet>`.
///
/// It runs jobs while somebody is in its `run_until` or `block_on` or awaits it. It drops those it has when it is
/// dropped. tokio does not tell whether a set is the one being run, so that it is never
/// [current](LocalSpawner::is_current) by itself.
///
/// # Examples
///
/// ```
/// use std::rc::Rc;
///
/// use futures::channel::oneshot;
/// use ingather::LocalSpawner;
/// use tokio::runtime::Builder;
/// use tokio::task::LocalSet;
///
/// let runtime = Builder::new_current_thread().build()?;
/// let set = Rc::new(LocalSet::new());
/// let (sender, receiver) = oneshot::channel();
/// let local = Rc::new(7);
/// LocalSpawner::spawn_local(&set, Box::pin(async move { sender.send(*local).unwrap() }))?;
/// assert_eq!(set.block_on(&runtime, receiver), Ok(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl LocalSpawner for LocalSet {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        // Dropping the join handle detaches the task. The set lives, since this borrows it, and so takes every job.
        drop(self.spawn_local(job));
        Ok(())
    }

    fn should_yield(&self) -> bool {
        is_budget_spent()
    }
}

/// Whether the tokio task that is being polled on this thread has spent its budget.
///
/// The budget is the thread's, and tokio limits it only while one of its tasks is being polled: everywhere else, also
/// on a thread that has merely entered a runtime, there is always some left. Where it is spent, all that is tokio's
/// refuses to make progress until the task returns, whichever runtime the task belongs to.
fn is_budget_spent() -> bool {
    !coop::has_budget_remaining()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spawner::tests as contract;
    use futures::channel::oneshot;
    use futures::executor;
    use std::future::{pending, poll_fn};
    use std::rc::Rc;
    use std::sync::Mutex;
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;
    use tokio::runtime::{Builder, Runtime};

    fn current_thread() -> Runtime {
        Builder::new_current_thread().build().unwrap()
    }

    fn multi_thread() -> Runtime {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(2).build().unwrap()
    }

    /// The output of a future that runs as a task.
    fn in_task<F>(runtime: &Handle, future: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        executor::block_on(runtime.spawn(future)).unwrap()
    }

    #[test]
    fn a_multi_thread_handle_is_a_spawner() {
        let runtime = multi_thread();
        contract::spawner(runtime.handle());
        assert_eq!(runtime.handle().parallelism().get(), 2);
    }

    #[test]
    fn a_current_thread_handle_is_a_spawner() {
        let runtime = current_thread();
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let driver = thread::spawn(move || runtime.block_on(stopped));
        contract::spawner(&handle);
        assert_eq!(handle.parallelism(), NonZeroUsize::MIN);
        drop(stop);
        driver.join().unwrap().unwrap_err();
    }

    #[test]
    fn a_local_set_is_a_local_spawner() {
        let (runtime, set) = (current_thread(), Rc::new(LocalSet::new()));
        contract::local_spawner(&set, || set.block_on(&runtime, tokio::task::yield_now()));
    }

    #[test]
    fn a_runtime_that_is_shut_down_refuses() {
        let current_thread = current_thread();
        let multi_thread = multi_thread();
        let handles = [
            current_thread.handle().clone(),
            multi_thread.handle().clone(),
        ];
        drop((current_thread, multi_thread));
        for handle in handles {
            let alive = Arc::new(());
            let in_job = Arc::clone(&alive);
            let job = async move { drop(in_job) };
            let refused = Spawner::spawn(&handle, Box::pin(job));
            assert_eq!(refused, Err(SpawnError::shut_down()));
            assert_eq!(Arc::strong_count(&alive), 1);
        }
    }

    #[test]
    fn it_is_current_where_tasks_run() {
        let (runtime, other) = (multi_thread(), multi_thread());
        let (handle, other) = (runtime.handle().clone(), other.handle().clone());
        assert!(!handle.is_current());

        let (inside, not_inside) = (handle.clone(), other.clone());
        assert!(in_task(&handle, async move {
            inside.is_current() && !not_inside.is_current()
        }));
        // All its tasks run elsewhere.
        assert!(!runtime.block_on(async { handle.is_current() }));

        let runtime = current_thread();
        let handle = runtime.handle();
        assert!(runtime.block_on(async { handle.is_current() && !other.is_current() }));
        let inside = handle.clone();
        let task = handle.spawn(async move { inside.is_current() });
        assert!(runtime.block_on(task).unwrap());
        let set = LocalSet::new();
        assert!(set.block_on(&runtime, async { handle.is_current() }));
        // This one only waits for others to run the tasks.
        assert!(!handle.block_on(async { handle.is_current() }));
    }

    #[test]
    fn it_is_not_current_where_its_handle_was_only_entered() {
        let runtime = multi_thread();
        let handle = runtime.handle().clone();
        {
            let _guard = handle.enter();
            assert!(!handle.is_current());
        }
        let inside = handle.clone();
        let blocking = handle.spawn_blocking(move || {
            assert!(
                tokio::task::try_id().is_some(),
                "the reason to ask for more than that"
            );
            inside.is_current()
        });
        assert!(!executor::block_on(blocking).unwrap());
        let inside = handle.clone();
        let in_place = async move { tokio::task::block_in_place(|| inside.is_current()) };
        assert!(!in_task(&handle, in_place));
    }

    /// Spends what is left of the budget, and counts it.
    async fn spend() -> usize {
        let mut spent = 0;
        poll_fn(|cx| {
            // More than tokio ever gives: where there is no limit, this is the end.
            while spent < 100_000 {
                match coop::poll_proceed(cx) {
                    Poll::Ready(proceed) => proceed.made_progress(),
                    Poll::Pending => break,
                }
                spent += 1;
            }
            Poll::Ready(spent)
        })
        .await
    }

    #[test]
    fn a_task_should_yield_once_its_budget_is_spent() {
        let runtime = multi_thread();
        let handle = runtime.handle().clone();
        let inside = handle.clone();
        in_task(&handle, async move {
            assert!(!inside.should_yield());
            assert!(spend().await < 100_000);
            assert!(inside.should_yield());
            // A spawn must still tell the truth.
            assert_eq!(Spawner::spawn(&inside, Box::pin(async {})), Ok(()));
            tokio::task::yield_now().await;
            assert!(!inside.should_yield());
        });
        let set = LocalSet::new();
        set.block_on(&current_thread(), async {
            spend().await;
            assert!(LocalSpawner::should_yield(&set));
        });
    }

    #[test]
    fn no_one_else_should_yield() {
        let runtime = multi_thread();
        let handle = runtime.handle();
        let _guard = handle.enter();
        assert_eq!(executor::block_on(spend()), 100_000);
        assert!(!handle.should_yield());
    }

    #[test]
    fn a_refusal_is_told_with_a_spent_budget_too() {
        let gone = multi_thread();
        let handle = gone.handle().clone();
        drop(gone);
        let runtime = multi_thread();
        let refused = in_task(runtime.handle(), async move {
            spend().await;
            Spawner::spawn(&handle, Box::pin(async {}))
        });
        assert_eq!(refused, Err(SpawnError::shut_down()));
    }

    /// Long enough for an idle worker to come.
    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn a_worker_that_goes_on_leaves_to_others_what_it_spawned_or_woke() {
        let runtime = multi_thread();
        let inside = runtime.handle().clone();
        in_task(runtime.handle(), async move {
            let (tell, told) = channel();
            let job = poll_fn(move |cx| {
                tell.send(cx.waker().clone()).unwrap();
                Poll::Pending
            });
            Spawner::spawn(&inside, Box::pin(job)).unwrap();
            // All in one poll of the task. Some of the wakes come while the job is still being polled.
            for _ in 0..1000 {
                told.recv_timeout(PATIENCE).unwrap().wake();
            }
        });
    }

    /// Wakes, when it is dropped, whoever is in there.
    struct WakesAtDrop(Arc<Mutex<Option<Waker>>>);

    impl Drop for WakesAtDrop {
        fn drop(&mut self) {
            let waker = self.0.lock().unwrap().clone();
            waker.inspect(Waker::wake_by_ref);
        }
    }

    #[test]
    fn a_shutdown_drops_jobs_that_hold_wakers_of_each_other() {
        let scheduler = Arc::new(());
        let in_scheduler = Arc::clone(&scheduler);
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            // Kept as long as there is a handle.
            .on_thread_start(move || drop(Arc::clone(&in_scheduler)))
            .build()
            .unwrap();
        let (first, second) = (Arc::default(), Arc::default());
        let alive = Arc::new(());
        let (tell, told) = channel();
        let job = |own: &Arc<Mutex<Option<Waker>>>, other: &Arc<Mutex<Option<Waker>>>| {
            let (own, other) = (WakesAtDrop(Arc::clone(own)), WakesAtDrop(Arc::clone(other)));
            let (held, tell) = (Arc::clone(&alive), tell.clone());
            async move {
                let _held = (held, other);
                poll_fn(|cx| {
                    own.0.lock().unwrap().replace(cx.waker().clone());
                    Poll::Ready(())
                })
                .await;
                tell.send(()).unwrap();
                pending::<()>().await;
                drop(own);
            }
        };
        Spawner::spawn(runtime.handle(), Box::pin(job(&first, &second))).unwrap();
        Spawner::spawn(runtime.handle(), Box::pin(job(&second, &first))).unwrap();
        let both = [told.recv_timeout(PATIENCE), told.recv_timeout(PATIENCE)];
        assert_eq!(both, [Ok(()), Ok(())]);
        drop(runtime);
        assert_eq!(Arc::strong_count(&alive), 1);

        // Late wakes come to nothing, on a worker of another runtime too.
        let late = first.lock().unwrap().take().unwrap();
        late.wake_by_ref();
        let other = multi_thread();
        in_task(other.handle(), async move { late.wake() });
        drop((other, second.lock().unwrap().take()));
        assert_eq!(Arc::strong_count(&scheduler), 1, "the scheduler is kept");
    }
}
