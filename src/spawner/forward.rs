//! References and smart pointers to a spawner are spawners.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::sync::Arc;
use core::num::NonZeroUsize;

use super::{Job, LocalJob, LocalSpawner, SpawnError, Spawner};
#[cfg(feature = "std")]
use crate::error::unhandled::Quiet;

macro_rules! forward_spawner {
    ($pointer:ty $(, $bound:tt Sized)?) => {
        impl<S: Spawner $(+ $bound Sized)?> Spawner for $pointer {
            fn spawn(&self, job: Job) -> Result<(), SpawnError> {
                (**self).spawn(job)
            }

            fn parallelism(&self) -> NonZeroUsize {
                (**self).parallelism()
            }

            fn is_current(&self) -> bool {
                (**self).is_current()
            }

            fn should_yield(&self) -> bool {
                (**self).should_yield()
            }

            fn may_block(&self) -> bool {
                (**self).may_block()
            }

            fn while_blocked(&self, wait: &mut dyn FnMut()) {
                (**self).while_blocked(wait);
            }

            fn inside(&self, f: &mut dyn FnMut()) {
                (**self).inside(f);
            }

            #[cfg(feature = "std")]
            fn clock(&self) -> Option<crate::clock::ClockHandle> {
                (**self).clock()
            }
        }
    };
}

macro_rules! forward_local_spawner {
    ($pointer:ty $(, $bound:tt Sized)?) => {
        impl<S: LocalSpawner $(+ $bound Sized)?> LocalSpawner for $pointer {
            fn spawn_local(&self, job: LocalJob) -> Result<(), SpawnError> {
                (**self).spawn_local(job)
            }

            fn is_current(&self) -> bool {
                (**self).is_current()
            }

            fn should_yield(&self) -> bool {
                (**self).should_yield()
            }

            #[cfg(feature = "std")]
            fn clock(&self) -> Option<crate::clock::ClockHandle> {
                (**self).clock()
            }
        }
    };
}

forward_spawner!(&S, ?Sized);
forward_spawner!(Arc<S>, ?Sized);
forward_spawner!(Box<S>, ?Sized);
forward_local_spawner!(&S, ?Sized);
forward_local_spawner!(Rc<S>, ?Sized);
forward_local_spawner!(Box<S>, ?Sized);

// What a group holds goes with the last who hold the group, wherever that is.
#[cfg(feature = "std")]
forward_spawner!(Quiet<S>);
#[cfg(feature = "std")]
forward_local_spawner!(Quiet<S>);
