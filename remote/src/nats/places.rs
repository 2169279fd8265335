//! Where things are: the names of streams and subjects.

use std::fmt::Write;

use crate::ticket::{ScopeId, Ticket};

pub(super) const JOBS: &str = "ingather-jobs";
pub(super) const ENDS: &str = "ingather-ends";
pub(super) const WISHES: &str = "ingather-wishes";
pub(super) const LEASES: &str = "ingather-leases";

pub(super) const ALL_JOBS: &str = "ingather.job.*.*.*.*";
pub(super) const ALL_ENDS: &str = "ingather.end.*.*";
pub(super) const ALL_WISHES: &str = "ingather.wish.*.*";
pub(super) const ALL_LEASES: &str = "ingather.lease.*";

/// In one piece of memory, since each call has one.
pub(super) fn job(ticket: &Ticket) -> String {
    let (job, scope) = (ticket.job(), ticket.scope().as_str());
    let mut subject = String::with_capacity(job.len() + scope.len() + 40);
    subject.push_str("ingather.job.");
    let parts = job.split('/').chain([scope]);
    for part in parts {
        subject.push_str(part);
        subject.push('.');
    }
    write!(subject, "{}", ticket.number()).expect("a string takes everything");
    subject
}

pub(super) fn jobs_named(job: &str) -> String {
    format!("ingather.job.{}.*.*", job.replace('/', "."))
}

pub(super) fn jobs_of(scope: &ScopeId) -> String {
    format!("ingather.job.*.*.{scope}.*")
}

pub(super) fn end(scope: &ScopeId, number: u64) -> String {
    format!("ingather.end.{scope}.{number}")
}

pub(super) fn ends_of(scope: &ScopeId) -> String {
    format!("ingather.end.{scope}.*")
}

pub(super) fn wish(scope: &ScopeId, number: u64) -> String {
    format!("ingather.wish.{scope}.{number}")
}

pub(super) fn wishes_of(scope: &ScopeId) -> String {
    format!("ingather.wish.{scope}.*")
}

pub(super) fn lease(scope: &ScopeId) -> String {
    format!("ingather.lease.{scope}")
}

/// The consumer of a job, which all its workers share.
pub(super) fn consumer(job: &str) -> String {
    job.replace('/', "--")
}

/// The ticket in the subject of a job.
pub(super) fn ticket_in(subject: &str) -> Option<Ticket> {
    let rest = subject.strip_prefix("ingather.job.")?;
    let [service, handler, scope, number] = parts(rest)?;
    let scope = ScopeId::parse(scope)?;
    Some(Ticket::new(
        scope,
        number.parse().ok()?,
        format!("{service}/{handler}"),
    ))
}

/// Scope and number in the subject of an end or wish.
pub(super) fn child_in(subject: &str) -> Option<(ScopeId, u64)> {
    let [_, _, scope, number] = parts(subject)?;
    Some((ScopeId::parse(scope)?, number.parse().ok()?))
}

/// The number in the subject of an end or wish whose scope is known.
pub(super) fn number_in(subject: &str) -> Option<u64> {
    let (_, number) = subject.rsplit_once('.')?;
    number.parse().ok()
}

/// The scope in the subject of a lease.
pub(super) fn scope_in(subject: &str) -> Option<ScopeId> {
    ScopeId::parse(subject.strip_prefix("ingather.lease.")?)
}

fn parts<const N: usize>(subject: &str) -> Option<[&str; N]> {
    let parts: Vec<_> = subject.split('.').collect();
    parts.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_read_back() {
        let ticket = Ticket::new(ScopeId::new("a-b_c"), 7, "Work/hash");
        assert_eq!(job(&ticket), "ingather.job.Work.hash.a-b_c.7");
        assert_eq!(ticket_in(&job(&ticket)), Some(ticket.clone()));
        let child = Some((ticket.scope().clone(), 7));
        assert_eq!(child_in(&end(ticket.scope(), 7)), child);
        assert_eq!(child_in(&wish(ticket.scope(), 7)), child);
        assert_eq!(number_in(&end(ticket.scope(), 7)), Some(7));
        assert_eq!(
            scope_in(&lease(ticket.scope())),
            Some(ticket.scope().clone())
        );
        assert_eq!(ticket_in("ingather.job.Work.hash.x"), None);
    }
}
