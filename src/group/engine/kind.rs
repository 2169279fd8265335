//! Where the children of a group run, for the kinds of group: on a spawner, on a local spawner, or inside one task.

use std::marker::PhantomData;
use std::rc::Rc;

use super::core::Core;
use super::driver::{Driver, OnLocalSpawner};
use crate::clock::ClockHandle;
use crate::group::cell::{MembersOf, Roaming};
use crate::spawner::{
    EnterGuard, LocalSpawner, Spawner, SpawnerHandle, arrive, current_spawner, enter_local,
    enter_running, may_wait_for,
};
use crate::turn;

/// The kind of a group whose children are [`Send`] and run on a [`Spawner`], on many threads perhaps.
#[derive(Clone, Copy, Debug)]
pub enum Shared {}

/// The kind of a group whose children need not be [`Send`] and run on a [`LocalSpawner`], on the thread that opened it.
#[derive(Clone, Copy, Debug)]
pub enum Local {}

/// The kind of a group whose children are [`Send`] and run inside the task that awaits an
/// [`inline::scope`](crate::inline::scope()). They may borrow.
#[derive(Clone, Copy, Debug)]
pub enum Inline {}

/// The kind of a group whose children need not be [`Send`] and run inside the task that awaits an
/// [`inline::local::scope`](crate::inline::local::scope). They may borrow.
#[derive(Clone, Copy, Debug)]
pub enum InlineLocal {}

/// The kind of a group whose children are [`Send`] and run on a [`Spawner`] while a thread waits for them. They may borrow.
#[derive(Clone, Copy, Debug)]
pub enum Blocking {}

/// The kinds of group: [`Shared`], [`Local`], [`Inline`], [`InlineLocal`] and [`Blocking`]. See [`kind`](crate::kind).
pub trait Kind: sealed::Sealed {}
impl Kind for Shared {}
impl Kind for Local {}
impl Kind for Inline {}
impl Kind for InlineLocal {}
impl Kind for Blocking {}

/// The kinds of group whose owner is a future: all but [`Blocking`], for whose children a thread waits. See
/// [`kind`](crate::kind).
pub trait Awaited: Kind {}
impl Awaited for Shared {}
impl Awaited for Local {}
impl Awaited for Inline {}
impl Awaited for InlineLocal {}

/// The kinds of group whose children somebody runs whether or not the owner is polled: [`Shared`] and [`Local`]. See
/// [`kind`](crate::kind).
pub trait Driven: Awaited + Borrows<'static> {}
impl Driven for Shared {}
impl Driven for Local {}

/// What children of a kind may borrow: anything that outlives `'env` where they run inside the task that owns the group, or
/// where a thread does not go on before they are over; nothing where somebody else runs them, who may go on doing so when
/// the owner has been forgotten. See [`kind`](crate::kind).
pub trait Borrows<'env>: Kind {}
impl Borrows<'static> for Shared {}
impl Borrows<'static> for Local {}
impl<'env> Borrows<'env> for Inline {}
impl<'env> Borrows<'env> for InlineLocal {}
impl<'env> Borrows<'env> for Blocking {}

/// What a kind of group takes: everything for [`Local`] and [`InlineLocal`], what is [`Send`] for the others. See
/// [`kind`](crate::kind).
#[diagnostic::on_unimplemented(
    message = "`{T}` cannot be sent between threads, which this group asks of its children and their results",
    label = "not `Send`",
    note = "`ingather::local` and `ingather::inline::local` take children that are not `Send`"
)]
pub trait Accepts<T>: Kind {}
impl<T: Send> Accepts<T> for Shared {}
impl<T> Accepts<T> for Local {}
impl<T: Send> Accepts<T> for Inline {}
impl<T> Accepts<T> for InlineLocal {}
impl<T: Send> Accepts<T> for Blocking {}

/// What a driver and an owner ask of the executor that they run on.
pub(crate) trait Executor {
    type Guard;
    /// Makes the spawner current for an owner, and says whether jobs of the spawner run on this thread now.
    fn arrive(&self) -> (bool, Self::Guard);
    /// Are there others who poll children, if an owner does not?
    const HAS_DRIVERS: bool = true;
    /// Is that asked after the end of a child, too?
    const ASKS_AT_ENDS: bool = true;
    /// Has the job that is being polled used up its turn?
    fn should_yield(&self) -> bool;
    /// Makes the spawner current for one of its jobs.
    fn enter(&self) -> Self::Guard;
}

impl Executor for SpawnerHandle {
    type Guard = EnterGuard;

    fn arrive(&self) -> (bool, EnterGuard) {
        arrive(self)
    }

    fn should_yield(&self) -> bool {
        Spawner::should_yield(self)
    }

    fn enter(&self) -> EnterGuard {
        enter_running(self)
    }
}

impl Executor for Rc<dyn LocalSpawner> {
    type Guard = EnterGuard;

    fn arrive(&self) -> (bool, EnterGuard) {
        ((**self).is_current(), enter_local(self))
    }

    fn should_yield(&self) -> bool {
        (**self).should_yield()
    }

    fn enter(&self) -> EnterGuard {
        enter_local(self)
    }
}

pub(crate) mod sealed {
    use super::*;

    /// The task that owns the group. It and its handles go to other threads if a `P` does.
    #[derive(Clone, Copy, Debug)]
    #[expect(unnameable_types, reason = "it is seen in a sealed trait alone")]
    pub struct Here<P>(PhantomData<P>);

    impl<P> Executor for Here<P> {
        type Guard = ();

        fn arrive(&self) -> (bool, ()) {
            (true, ())
        }

        const HAS_DRIVERS: bool = false;
        // What is over has no further use for the turn, and it is asked after the next that is not.
        const ASKS_AT_ENDS: bool = false;

        fn should_yield(&self) -> bool {
            turn::is_over()
        }

        fn enter(&self) {}
    }

    /// A thread that waits for the children of a spawner's group, and sees to them meanwhile wherever it is.
    #[derive(Clone, Debug)]
    #[expect(unnameable_types, reason = "it is seen in a sealed trait alone")]
    pub struct Waiting(SpawnerHandle);

    impl Executor for Waiting {
        type Guard = EnterGuard;
        const HAS_DRIVERS: bool = false;

        fn arrive(&self) -> (bool, EnterGuard) {
            (true, self.enter())
        }

        fn should_yield(&self) -> bool {
            false
        }

        fn enter(&self) -> EnterGuard {
            enter_running(&self.0)
        }
    }

    /// What the crate knows of a kind.
    #[expect(unnameable_types, reason = "the trait is sealed")]
    pub trait Sealed: Sized {
        /// Do children borrow from what stands around the owner?
        const BORROWS: bool;
        /// May calls be polled where they lie, before there is a group?
        const IN_PLACE: bool = false;
        /// What each handle carries besides the group itself.
        type Home: Clone + 'static;
        /// What is known of the home before the group is opened.
        type Origin: Clone;
        /// The spawner that is named there.
        #[doc(hidden)]
        fn named(_origin: &Self::Origin) -> Option<&SpawnerHandle> {
            None
        }
        #[doc(hidden)]
        #[expect(private_bounds, reason = "the trait is sealed")]
        type Executor: Executor;
        /// Makes the spawner current for calls that are polled where they lie, if this thread runs its jobs now, and it runs no
        /// two of them at once. It is the one that the group will have.
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn arrive(_origin: &mut Self::Origin) -> Option<<Self::Executor as Executor>::Guard> {
            None
        }
        /// The clock of the home, if that has one of which the core does not know.
        #[doc(hidden)]
        fn clock(_home: &Self::Home) -> Option<ClockHandle> {
            None
        }
        /// Where the core of a group that is opened now can launch drivers by itself, and the home of its handles.
        #[doc(hidden)]
        fn open(origin: Self::Origin) -> (Option<SpawnerHandle>, Self::Home);
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn executor<'a>(core: &'a Core, home: &'a Self::Home) -> &'a Self::Executor;
        /// After a spawn: brings a driver where the core cannot do so itself.
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn ensure_driver<E>(members: &MembersOf<E, Self::Home>, home: &Self::Home);
        /// Are the children at home on every thread?
        #[doc(hidden)]
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn roaming() -> Option<Roaming<Self::Home>>;
    }

    impl Sealed for Shared {
        const BORROWS: bool = false;
        const IN_PLACE: bool = true;
        type Home = ();
        /// `None` is the spawner that is current when the group is opened.
        type Origin = Option<SpawnerHandle>;
        type Executor = SpawnerHandle;

        fn named(origin: &Self::Origin) -> Option<&SpawnerHandle> {
            origin.as_ref()
        }

        #[track_caller]
        fn arrive(origin: &mut Self::Origin) -> Option<EnterGuard> {
            let spawner = match origin {
                Some(spawner) => spawner,
                None => origin.insert(current_spawner()),
            };
            if spawner.parallelism().get() > 1 {
                return None;
            }
            let (runs_here, guard) = arrive(spawner);
            runs_here.then_some(guard)
        }

        #[track_caller]
        fn open(origin: Self::Origin) -> (Option<SpawnerHandle>, ()) {
            (Some(origin.unwrap_or_else(current_spawner)), ())
        }

        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn executor<'a>(core: &'a Core, _home: &'a ()) -> &'a SpawnerHandle {
            core.spawner().expect("a shared group has a spawner")
        }

        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn ensure_driver<E>(_members: &MembersOf<E, ()>, _home: &()) {}

        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn roaming() -> Option<Roaming<()>> {
            Some(Roaming::new())
        }
    }

    impl Sealed for Local {
        const BORROWS: bool = false;
        const IN_PLACE: bool = true;
        type Home = Rc<dyn LocalSpawner>;
        type Origin = Rc<dyn LocalSpawner>;
        type Executor = Rc<dyn LocalSpawner>;

        fn arrive(origin: &mut Self::Origin) -> Option<EnterGuard> {
            origin.is_current().then(|| enter_local(origin))
        }

        fn clock(home: &Self::Home) -> Option<ClockHandle> {
            home.clock()
        }

        fn open(origin: Self::Origin) -> (Option<SpawnerHandle>, Self::Home) {
            (None, origin)
        }

        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn executor<'a>(_core: &'a Core, home: &'a Self::Home) -> &'a Self::Executor {
            home
        }

        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn ensure_driver<E>(members: &MembersOf<E, Self::Home>, home: &Self::Home) {
            let core = members.core();
            let Some(id) = core.with(|sched, _| sched.wants_launch()) else {
                return;
            };
            let at_home = OnLocalSpawner {
                spawner: Rc::downgrade(home),
                group: members.apart(),
            };
            let job = Driver::new(core, id, at_home);
            let at = Some(members.on_thread());
            core.launch_by(id, at, || home.spawn_local(Box::pin(job)));
        }

        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn roaming() -> Option<Roaming<Self::Home>> {
            None
        }
    }

    impl Sealed for Blocking {
        const BORROWS: bool = true;
        type Home = Waiting;
        /// `None` is the spawner that is current when the group is opened.
        type Origin = Option<SpawnerHandle>;
        type Executor = Waiting;

        fn named(origin: &Self::Origin) -> Option<&SpawnerHandle> {
            origin.as_ref()
        }

        #[track_caller]
        fn open(origin: Self::Origin) -> (Option<SpawnerHandle>, Waiting) {
            let spawner = origin.unwrap_or_else(current_spawner);
            assert!(
                may_wait_for(Some(&spawner)),
                "a `parallel` scope would block the only thread that drives this runtime, for ever: await a `scope` or an \
                 `inline::scope` instead, or call it from a thread for blocking work"
            );
            (Some(spawner.clone()), Waiting(spawner))
        }

        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn executor<'a>(_core: &'a Core, home: &'a Waiting) -> &'a Waiting {
            home
        }

        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn ensure_driver<E>(_members: &MembersOf<E, Waiting>, _home: &Waiting) {}

        // What they borrow outlives them: the thread does not go on before they are over.
        #[expect(private_interfaces, reason = "the trait is sealed")]
        fn roaming() -> Option<Roaming<Waiting>> {
            Some(Roaming::new())
        }
    }

    /// A group that its owner drives, and nobody else.
    macro_rules! inline {
        ($kind:ty, $goes_with:ty) => {
            impl Sealed for $kind {
                const BORROWS: bool = true;
                const IN_PLACE: bool = true;
                type Home = Here<$goes_with>;
                type Origin = ();
                type Executor = Here<$goes_with>;

                fn arrive(_origin: &mut ()) -> Option<()> {
                    Some(())
                }

                fn open(_origin: ()) -> (Option<SpawnerHandle>, Here<$goes_with>) {
                    (None, Here(PhantomData))
                }

                #[expect(private_interfaces, reason = "the trait is sealed")]
                fn executor<'a>(
                    _core: &'a Core,
                    home: &'a Here<$goes_with>,
                ) -> &'a Here<$goes_with> {
                    home
                }

                #[expect(private_interfaces, reason = "the trait is sealed")]
                fn ensure_driver<E>(
                    _members: &MembersOf<E, Here<$goes_with>>,
                    _home: &Here<$goes_with>,
                ) {
                }

                // Where the owner was forgotten what they borrow may be gone.
                #[expect(private_interfaces, reason = "the trait is sealed")]
                fn roaming() -> Option<Roaming<Here<$goes_with>>> {
                    None
                }
            }
        };
    }
    inline!(Inline, ());
    inline!(InlineLocal, *const ());
}
