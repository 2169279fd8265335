//! Parallel scopes: children that run on a spawner and may borrow, while the thread waits for them.
//!
//! What makes borrowing sound here is that `run` does not return, by whatever way, before every child is over and its
//! future dropped. The group's count says so: it is lowered after a child's future and value were dropped, and nothing
//! of the child's is touched by anybody afterwards. What runs in between is under an abort guard.

use std::convert::Infallible;
use std::panic::Location;

use super::form::{Fallible, Form, OrCut, Value};
use super::try_body::TryBody;
use crate::error::{CutShort, GroupError};
use crate::group::{Blocking, Cut, GroupOptions, Origin, Owner, Scope, State, Uncut, inside_body};
use crate::panic::{AbortGuard, catch};
use crate::spawner::hide_local;

impl<C: State> GroupOptions<Blocking, C> {
    /// Runs a [`parallel::scope`](crate::parallel::scope) with these options. The body is not interrupted, so that options that move
    /// on give `Some`.
    ///
    /// # Panics
    ///
    /// As for [`parallel::scope`](crate::parallel::scope).
    #[track_caller]
    pub fn scope<'env, B, T>(self, body: B) -> C::Out<T>
    where
        C: Uncut,
        B: FnOnce(Scope<'env, Infallible, Blocking>) -> T,
    {
        run::<_, _, Value<Blocking, C>>(Origin::new(self, Location::caller()), body)
    }

    /// Runs a [`parallel::try_scope`](crate::parallel::try_scope) with these options.
    ///
    /// # Errors
    ///
    /// Everything that failed, the cause first.
    ///
    /// # Panics
    ///
    /// As for [`parallel::scope`](crate::parallel::scope).
    #[track_caller]
    pub fn try_scope<'env, B, R, E>(self, body: B) -> Result<C::Out<R::Value>, GroupError<E>>
    where
        B: FnOnce(Scope<'env, E, Blocking>) -> R,
        R: TryBody<E>,
    {
        let body = |tg| body(tg).into_result();
        run::<_, _, Fallible<Blocking, C>>(Origin::new(self, Location::caller()), body)
    }
}

impl GroupOptions<Blocking, Cut> {
    /// Runs a [`parallel::scope`](crate::parallel::scope) whose children cannot fail, and can be cut short. The body is not
    /// interrupted.
    ///
    /// # Errors
    ///
    /// If the deadline cut children short, as for a [`parallel::try_scope`](crate::parallel::try_scope).
    ///
    /// # Panics
    ///
    /// As for [`parallel::scope`](crate::parallel::scope).
    #[track_caller]
    pub fn scope_or_cut<'env, B, T>(self, body: B) -> Result<T, CutShort>
    where
        B: FnOnce(Scope<'env, Infallible, Blocking>) -> T,
    {
        run::<_, _, OrCut<Blocking>>(Origin::new(self, Location::caller()), body)
    }
}

fn run<'env, B, R, M>(origin: Origin<Blocking>, body: B) -> M::Output
where
    B: FnOnce(Scope<'env, M::Error, Blocking>) -> R,
    M: Form<R, Kind = Blocking>,
{
    let _blocked = hide_local();
    let mut owner = Owner::open(origin.with_body());
    let guard = AbortGuard;
    owner.will_wait();
    let scope = owner.scope();
    let output = inside_body(scope.core(), |_| catch(|| body(scope.clone())));
    let output = output.map(M::settle);
    let core = owner.scope().core();
    let (value, failure) = match output {
        Ok(Ok(value)) => (Some(value), None),
        Ok(Err(error)) => (None, Some(core.body_failed(error))),
        Err(panic) => (None, Some(core.body_panicked(panic))),
    };
    let left = owner.wait();
    guard.defuse();
    let (failures, value) = owner.leave(left, failure).resume_panic(value);
    M::finish(value, failures)
}
