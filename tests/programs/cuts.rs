//! By when a cancel drops somebody, and from when on nobody polls it.

use super::books::{Actor, Books, Role, What};
use super::program::{Kind, Units};

/// From when on somebody must not be polled, and by when it has to be dropped.
#[derive(Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) at: Units,
    pub(crate) at_once: bool,
    /// Was its own group cancelled, or itself?
    own: bool,
}

impl Books {
    /// From when on the actor must not be polled, if nothing holds that off.
    pub(crate) fn cut(&self, actor: usize) -> Option<Cut> {
        (self.actors[actor].holds == 0).then(|| self.cut_of(actor))?
    }

    /// Is the actor polled for the sake of what it holds further in alone?
    pub(crate) fn is_spared(&self, actor: usize, now: Units) -> bool {
        let this = &self.actors[actor];
        let cut = self
            .cut_of(actor)
            .filter(|_| this.holds > 0 && this.own_holds.is_empty());
        cut.is_some_and(|cut| cut.own && (now > cut.at || (now == cut.at && cut.at_once)))
    }

    /// When the actor reads that it is cancelled, as far as that is known: with its group, or with one further out.
    fn reads_cancelled(&self, actor: usize) -> Option<Units> {
        let (mut next, mut first) = (actor, None::<Units>);
        loop {
            let this = &self.actors[next];
            let Some(at) = this.group.filter(|_| !self.is_starting(next)) else {
                return first;
            };
            let all = [first, this.cancelled_at, self.cancelled_at(at)];
            first = all.into_iter().flatten().min();
            if self.groups[at].shield.is_some() {
                return first;
            }
            next = self.groups[at].opener;
        }
    }

    /// When the own grace of a child is over that is dropped before it has ended, where it is sure that nothing else drops it.
    pub(crate) fn has_time_until(&self, actor: usize, now: Units) -> Option<Units> {
        let this = &self.actors[actor];
        let is_plain = !matches!(this.role, Role::Child(Kind::Start | Kind::Background));
        let is_going = this.polled && this.end.is_none() && this.cancelled_now_at.is_none();
        let is_sure = is_going && this.is_simple && is_plain;
        if !is_sure || !self.panics.is_empty() {
            return None;
        }
        let cancelled = self.reads_cancelled(actor).filter(|at| *at <= now)?;
        let over = cancelled.max(this.spawned_at) + this.grace?;
        let mut at = this.group?;
        loop {
            let group = &self.groups[at];
            let is_known = matches!(group.what, What::Scope | What::Value) && !group.moved;
            let opener = &self.actors[group.opener];
            let is_there = opener.dropped_at.is_none() && opener.end.is_none();
            if !is_known
                || group.dropped
                || group.over
                || group.cancelled_now_at.is_some()
                || opener.cancelled_now_at.is_some()
                || !is_there
                || opener.holds > 0
                || opener.last_hold.is_some()
                // It reads what its caller reads.
                || self.is_starting(group.opener)
            {
                return None;
            }
            match opener.group {
                Some(next) => at = next,
                None => return Some(over),
            }
        }
    }

    fn cut_of(&self, actor: usize) -> Option<Cut> {
        let mut cut: Option<Cut> = None;
        let mut least = |at: Units, at_once: bool, own: bool| {
            if cut.is_none_or(|cut| at < cut.at || (at == cut.at && at_once)) {
                cut = Some(Cut { at, at_once, own });
            }
        };
        let (mut next, mut held) = (actor, None);
        loop {
            let this = &self.actors[next];
            let Some(at) = this.group else { break };
            let group = &self.groups[at];
            let is_first = next == actor;
            let grace = this.grace.unwrap_or(group.options.grace);
            if let Some(at) = this.cancelled_at {
                least(at + grace, is_first && grace == 0, is_first);
            }
            if let Some(at) = this.cancelled_now_at {
                least(at, is_first, is_first);
            }
            if self.is_starting(next) {
                break;
            }
            // What counts is when it read that it is cancelled.
            let own = this.grace.zip(self.reads_cancelled(next));
            if let Some((own, at)) = own {
                least(at.max(this.spawned_at) + own, false, is_first);
            }
            // The body of what cannot fail has to give its value.
            let is_spared = this.role == Role::Body && !group.can_fail;
            if let Some(when) = self.cancelled_at(at).filter(|_| !is_spared) {
                let at_once = group.at_once && group.cancelled_at == Some(when);
                let at_once = is_first && at_once && grace == 0;
                least(when + grace, at_once, is_first);
            }
            if let Some(when) = group.cancelled_now_at.filter(|_| !is_spared) {
                least(when, is_first, is_first);
            }
            next = group.opener;
            // What is held is not dropped, nor what it has opened beside what holds it.
            let is_on_the_way = || group.actors.iter().any(|one| self.actors[*one].holds > 0);
            let opener = &self.actors[next];
            let is_beside = !opener.own_holds.is_empty() || !is_on_the_way();
            if group.in_hold || (opener.holds > 0 && is_beside) {
                break;
            }
            held = held.max(self.actors[next].last_hold);
        }
        let Actor {
            last_hold,
            spawned_at,
            ..
        } = self.actors[actor];
        // What is spawned later was never to be there.
        let late = spawned_at.max(held.unwrap_or(0));
        let cut = cut.map(|cut| Cut {
            at: cut.at.max(late),
            at_once: cut.at_once && (held.is_none() || late <= cut.at),
            ..cut
        });
        cut.map(|cut| match last_hold {
            // Then it waited for the end of the hold alone.
            Some(held) if held > cut.at => Cut {
                at: held,
                at_once: cut.own,
                ..cut
            },
            _ => cut,
        })
    }
}
