//! Cancelling, closing, deadlines, and what a group tells of itself.

use std::num::NonZeroUsize;
use std::panic::Location;

use super::Scope;
use crate::clock::Deadline;
use crate::group::engine::kind::Kind;
use crate::group::sched::stats::Tally;
use crate::token::{CancelReason, CancelToken};

impl<E, K: Kind> Scope<'_, E, K> {
    /// Cancels all children: their token turns, and when the group's [grace](crate::GroupOptions::grace) is over, none
    /// unless it was given, each is dropped at its next suspension. None is polled again then that is not being polled.
    ///
    /// The body of a [`try_scope`](crate::try_scope) is dropped likewise; that of a [`scope`](crate::scope), which has to
    /// give its value, goes on and finds its keys cancelled. Children in line are dropped unpolled, and later spawns are
    /// cancelled at once. What a [`shield`](crate::shield) holds is dropped when the shield is over.
    ///
    /// A second call changes nothing: the first cause wins. [`cancel_now`](Self::cancel_now) ends the grace.
    #[track_caller]
    pub fn cancel(&self) {
        self.cancel_with(CancelReason::explicit());
    }

    /// [Cancels](Self::cancel) for a reason.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{CancelReason, GatherGroup, block_on};
    ///
    /// block_on(async {
    ///     let group = GatherGroup::new();
    ///     let key = group.spawn(std::future::pending::<()>());
    ///     group.cancel_with(CancelReason::with_message("the client hung up"));
    ///     let error = key.await.unwrap_err();
    ///     assert_eq!(error.to_string(), "the child was cancelled by request: the client hung up");
    ///     group.join().await;
    /// });
    /// ```
    pub fn cancel_with(&self, reason: CancelReason) {
        self.core().cancel(reason);
    }

    /// [Cancels](Self::cancel) without grace: children are dropped at their next suspension. If the group is in its grace, that
    /// ends now, and the first cause stays.
    ///
    /// What a [`shield`](crate::shield) holds is dropped when the shield is over, as always, and a
    /// [clean-up](crate::cancel::with_cleanup) is polled once if it has not begun.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{future::pending, time::Duration};
    ///
    /// use ingather::{GroupOptions, block_on};
    ///
    /// block_on(async {
    ///     let group = GroupOptions::new().grace(Duration::from_secs(3600)).group();
    ///     group.spawn(pending::<()>());
    ///     group.cancel(); // they have an hour
    ///     group.cancel_now(); // and now they have not
    ///     assert_eq!(group.join().await.cancelled, 1);
    /// });
    /// ```
    #[track_caller]
    pub fn cancel_now(&self) {
        self.core().cancel_now(CancelReason::explicit());
    }

    /// [`cancel_now`](Self::cancel_now) that no [`shield`](crate::shield) holds off: what stands in a child, and in whatever is
    /// open inside it, is dropped with it at its next suspension, and no clean-up begins or goes on.
    ///
    /// It breaks what a shield promised to the code inside it: a commit may be left half-done. It is the last thing to do before a
    /// program is killed, where to wait any longer is worse.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::pending;
    ///
    /// use ingather::{GatherGroup, block_on, shield};
    ///
    /// block_on(async {
    ///     let group = GatherGroup::new();
    ///     group.spawn(shield(pending::<()>()));
    ///     group.cancel_past_shields();
    ///     assert_eq!(group.join().await.cancelled, 1);
    /// });
    /// ```
    #[track_caller]
    pub fn cancel_past_shields(&self) {
        self.core().cancel_past_shields(CancelReason::explicit());
    }

    /// Why the group was cancelled, or something that it is in; `None` if it was not.
    ///
    /// For the latter the [kind](CancelReason::kind) is [`Parent`](crate::cancel::CancelKind::Parent): the children know it from
    /// their token and go on; they are dropped when that is dropped which the group is in.
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.core().cancelled()
    }

    /// Was the group cancelled, or something that it is in, for whatever reason?
    pub fn is_cancelled(&self) -> bool {
        self.cancel_reason().is_some()
    }

    /// The token that turns when the group is cancelled; [`current_token`](crate::current_token) gives it to the body.
    ///
    /// Cancelling the token cancels the group.
    pub fn token(&self) -> CancelToken {
        self.core().token().clone()
    }

    /// Changes how many children may be under way, as [`GroupOptions::limit`](crate::GroupOptions::limit) said it.
    ///
    /// Where it is raised, those that have waited longest start. Where it is lowered, nobody is cancelled: no other starts until fewer
    /// are under way.
    ///
    /// # Panics
    ///
    /// If `limit` is 0, and if the group was opened without a limit of its own. (A limit that is shared is changed by its
    /// [`CapacityLimiter`](crate::threads::CapacityLimiter).)
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::{GroupOptions, block_on};
    ///
    /// block_on(GroupOptions::new().limit(1).scope(|tg| async move {
    ///     let first = tg.spawn(std::future::pending::<()>());
    ///     let second = tg.spawn(async { 2 }); // waits in line
    ///     tg.set_limit(2);
    ///     assert_eq!(second.await, Ok(2));
    ///     first.cancel();
    /// }));
    /// ```
    #[track_caller]
    pub fn set_limit(&self, limit: usize) {
        let number = NonZeroUsize::new(limit).expect("the limit of a group is at least 1");
        let core = self.core();
        let has_limit = core.with(|sched, effects| sched.set_limit(number, effects));
        assert!(has_limit, "the group was opened without a limit of its own");
    }

    /// The deadline of the group itself; [`current_deadline`](crate::cancel::current_deadline) takes those around it into account.
    pub fn deadline(&self) -> Deadline {
        self.core().own_deadline()
    }

    /// Moves the deadline of the group: forth, back, into the past, which cancels it now, or to
    /// [`NEVER`](Deadline::NEVER). Without effect once the group is cancelled.
    ///
    /// In a scope that cannot fail it cuts children short, and not the body: there is no output without its value.
    ///
    /// # Panics
    ///
    /// If there is no clock; see [`current_clock`](crate::clock::current_clock).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ingather::cancel::CancelKind;
    /// use ingather::{Deadline, GatherGroup, block_on};
    ///
    /// block_on(async {
    ///     let group = GatherGroup::new();
    ///     group.spawn(std::future::pending::<()>());
    ///     group.set_deadline(Deadline::after(Duration::from_millis(1)));
    ///     group.join().await;
    ///     assert_eq!(group.cancel_reason().unwrap().kind(), CancelKind::Deadline);
    /// });
    /// ```
    #[track_caller]
    pub fn set_deadline(&self, deadline: impl Into<Deadline>) {
        self.needs_clock();
        self.core()
            .set_deadline(deadline.into(), Some(Location::caller()));
    }

    /// Takes no more children; those that are there go on.
    pub fn close(&self) {
        self.core().close();
    }

    /// Does the group take no more children?
    pub fn is_closed(&self) -> bool {
        self.core().read(|sched| sched.closed)
    }

    /// The number of children that are not over, those in line among them.
    pub fn len(&self) -> usize {
        self.core().len()
    }

    /// Is no child left that is not over?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of children in line for one of the group's slots.
    pub fn waiting(&self) -> usize {
        self.core().read(|sched| sched.limit.waiting())
    }

    /// How many children may be under way at a time; `None` for any number.
    pub fn limit(&self) -> Option<usize> {
        self.core().read(|sched| sched.limit.limit())
    }

    /// How the children that are over ended.
    pub fn tally(&self) -> Tally {
        self.core().tally()
    }

    /// The name of the group, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.core().name().map(|name| &**name)
    }
}
