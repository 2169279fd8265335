//! What is not `Send`, in programs that are: kept on its thread, and reached from there alone.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::mem;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::thread::{self, ThreadId};

use async_executor::LocalExecutor;
use futures::future::BoxFuture;
use ingather::spawner::{LocalJob, SpawnError, SpawnerHandle};
use ingather::testing::TestExecutor;
use ingather::{LocalSpawner, Spawner};

use super::witness::{Done, Tracked};

thread_local! {
    static SHELF: RefCell<Shelf> = RefCell::default();
    static HOME: RefCell<Option<Home>> = const { RefCell::new(None) };
}

/// What is kept on a thread, by number.
#[derive(Default)]
struct Shelf {
    next: usize,
    things: BTreeMap<usize, Rc<dyn Any>>,
}

impl Drop for Shelf {
    fn drop(&mut self) {
        // What nobody took away at home may need what is gone at the end of a thread.
        mem::forget(mem::take(&mut self.things));
    }
}

/// Something that stays on this thread, while this goes anywhere.
pub(crate) struct Kept<T> {
    number: usize,
    home: ThreadId,
    of: PhantomData<fn() -> T>,
}

impl<T: 'static> Kept<T> {
    pub(crate) fn new(thing: T) -> Self {
        let thing = Rc::new(thing);
        let number = SHELF.with_borrow_mut(|shelf| {
            shelf.next += 1;
            shelf.things.insert(shelf.next, thing);
            shelf.next
        });
        Self {
            number,
            home: thread::current().id(),
            of: PhantomData,
        }
    }

    pub(crate) fn get(&self) -> Rc<T> {
        assert_eq!(
            thread::current().id(),
            self.home,
            "what is not `Send` is asked for on its thread"
        );
        let thing = SHELF.with_borrow(|shelf| Rc::clone(&shelf.things[&self.number]));
        thing.downcast().expect("it is what was put there")
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        // A job that its spawner drops elsewhere is left where it is.
        if thread::current().id() == self.home {
            let taken = SHELF
                .try_with(|shelf| shelf.borrow_mut().things.remove(&self.number))
                .ok();
            drop(taken);
        }
    }
}

/// A child, call or body that is not `Send`, and stays where it was made.
pub(crate) struct AtHome {
    child: Tracked,
    home: Rc<ThreadId>,
}

impl AtHome {
    fn is_at_home(&self, what: &str) {
        if thread::current().id() != *self.home {
            let world = &self.child.world;
            let label = world.books().label(self.child.actor);
            let text = format!("{label} is {what} on another thread than that of its group");
            world.fault("Executors-8", text);
        }
    }
}

impl Future for AtHome {
    type Output = Done;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Done> {
        self.is_at_home("polled");
        Pin::new(&mut self.child).poll(cx)
    }
}

impl Drop for AtHome {
    fn drop(&mut self) {
        self.is_at_home("dropped");
    }
}

/// What forms of children that are `Send` make of handles, children and futures.
pub(crate) mod sent {
    use std::future::Future;
    use std::sync::Arc;

    use futures::future::BoxFuture;
    use ingather::Scope;

    use super::super::face::{Begin, Handle};
    use super::super::witness::Tracked;

    pub(crate) fn scope<E, K: ingather::kind::Kind>(
        scope: &Scope<'static, E, K>,
    ) -> Scope<'static, E, K> {
        scope.clone()
    }

    pub(crate) fn handle(scope: impl Handle + 'static) -> Arc<dyn Handle> {
        Arc::new(scope)
    }

    pub(crate) fn child(child: Tracked) -> Tracked {
        child
    }

    pub(crate) fn future<F>(future: F) -> BoxFuture<'static, F::Output>
    where
        F: Future + Send + 'static,
    {
        Box::pin(future)
    }

    pub(crate) fn calls(calls: Vec<Begin>) -> Vec<Begin> {
        calls
    }
}

/// And those of children that are not.
pub(crate) mod kept {
    use super::*;
    use std::sync::Arc;

    use ingather::Scope;

    use super::super::face::{Begin, Handle};

    pub(crate) fn scope<E: 'static, K: ingather::kind::Kind + 'static>(
        scope: &Kept<Scope<'static, E, K>>,
    ) -> Scope<'static, E, K> {
        (*scope.get()).clone()
    }

    pub(crate) fn handle<S: 'static>(scope: S) -> Arc<dyn Handle>
    where
        Kept<S>: Handle,
    {
        Arc::new(Kept::new(scope))
    }

    pub(crate) fn child(child: Tracked) -> AtHome {
        AtHome {
            child,
            home: Rc::new(thread::current().id()),
        }
    }

    pub(crate) fn future<F: Future + 'static>(future: F) -> BoxFuture<'static, F::Output> {
        let kept = Kept::new(RefCell::new(Box::pin(future)));
        Box::pin(poll_fn(move |cx| kept.get().borrow_mut().as_mut().poll(cx)))
    }

    pub(crate) fn calls(calls: Vec<Begin>) -> Vec<Box<dyn FnOnce() -> AtHome>> {
        let at_home = |begin: Begin| -> Box<dyn FnOnce() -> AtHome> {
            let made = thread::current().id();
            Box::new(move || {
                let call = begin();
                AtHome {
                    child: call,
                    home: Rc::new(made),
                }
            })
        };
        calls.into_iter().map(at_home).collect()
    }
}

/// A job of a spawner that need not say that it is current, and is so here: groups would be opened on the default.
pub(crate) async fn entered<F: Future>(spawner: SpawnerHandle, job: F) -> F::Output {
    let mut job = pin!(job);
    poll_fn(|cx| {
        let _entered = ingather::spawner::enter(&spawner);
        job.as_mut().poll(cx)
    })
    .await
}

/// What runs local jobs on a thread.
#[derive(Clone)]
pub(crate) enum Home {
    Test(TestExecutor),
    /// A spawner whose jobs all run on this thread.
    Jobs(SpawnerHandle),
    Executor(Rc<LocalExecutor<'static>>),
}

impl LocalSpawner for Home {
    fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
        match self {
            Self::Test(executor) => executor.spawn_local(job),
            Self::Jobs(spawner) => {
                Spawner::spawn(spawner, kept::future(entered(spawner.clone(), job)))
            }
            Self::Executor(executor) => executor.spawn_local(job),
        }
    }

    fn is_current(&self) -> bool {
        match self {
            Self::Test(executor) => LocalSpawner::is_current(executor),
            Self::Jobs(spawner) => Spawner::is_current(spawner),
            Self::Executor(executor) => LocalSpawner::is_current(executor),
        }
    }

    fn should_yield(&self) -> bool {
        match self {
            Self::Test(executor) => LocalSpawner::should_yield(executor),
            Self::Jobs(spawner) => Spawner::should_yield(spawner),
            Self::Executor(executor) => LocalSpawner::should_yield(executor),
        }
    }
}

/// Local groups that are opened on this thread run there, until this is dropped.
pub(crate) struct Settled(());

pub(crate) fn settle(home: Home) -> Settled {
    HOME.set(Some(home));
    Settled(())
}

impl Drop for Settled {
    fn drop(&mut self) {
        drop(HOME.take());
    }
}

/// Where local groups of this thread run their children.
pub(crate) fn spawner() -> Home {
    HOME.with_borrow(Clone::clone)
        .expect("local groups are opened at home")
}
