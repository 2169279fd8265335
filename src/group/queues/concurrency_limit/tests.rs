//! The limit of a group by itself, with numbers for children.

use super::*;

fn slots(limit: usize) -> ConcurrencyLimit<u32> {
    ConcurrencyLimit::new(NonZeroUsize::new(limit).map(Limit::own))
}

/// No permit comes to a group that has a limit of its own.
fn no_permits() -> Waker {
    unreachable!("nobody waits for a permit")
}

fn start(slots: &mut ConcurrencyLimit<u32>, child: u32) -> Option<u32> {
    slots.start(child, |_| (), no_permits)
}

/// Asks with a waker of its own: whether the caller may go.
fn ask(slots: &mut ConcurrencyLimit<u32>, ticket: &mut Option<Ticket>) -> bool {
    let mut own = Some(Waker::noop().clone());
    matches!(
        slots.ask(ticket, Waker::noop(), &mut own, None, no_permits, |_| ()),
        Answer::Go
    )
}

#[test]
fn without_a_limit_everything_starts() {
    let mut slots = slots(0);
    assert!((0..100).all(|child| start(&mut slots, child) == Some(child)));
}

#[test]
fn the_line_is_served_in_order_and_before_callers() {
    let (mut slots, mut wakes) = (slots(1), Vec::new());
    assert_eq!(start(&mut slots, 0), Some(0));
    assert_eq!(start(&mut slots, 1), None);
    assert_eq!(start(&mut slots, 2), None);
    let mut ticket = None;
    assert!(!ask(&mut slots, &mut ticket));
    assert_eq!(slots.waiting(), 2);
    assert_eq!(
        slots.release(|| 0, |_, _| false, |waker| wakes.push(waker)),
        Some(1)
    );
    assert_eq!(
        slots.release(|| 0, |_, _| false, |waker| wakes.push(waker)),
        Some(2)
    );
    assert!(wakes.is_empty());
    assert_eq!(
        slots.release(|| 0, |_, _| false, |waker| wakes.push(waker)),
        None
    );
    assert_eq!(wakes.len(), 1);
    assert!(ask(&mut slots, &mut ticket));
    // The promise holds the slot, and so does the child that comes of it.
    assert_eq!(start(&mut slots, 3), None);
    slots.redeem(ticket.unwrap());
    assert_eq!(
        slots.release(|| 0, |_, _| false, |waker| wakes.push(waker)),
        Some(3)
    );
}

#[test]
fn a_caller_that_goes_away_passes_its_promise_on() {
    let (mut slots, mut wakes) = (slots(1), Vec::new());
    start(&mut slots, 0);
    let (mut first, mut second) = (None, None);
    assert!(!ask(&mut slots, &mut first));
    assert!(!ask(&mut slots, &mut second));
    slots.release(|| 0, |_, _| false, |waker| wakes.push(waker));
    assert_eq!(wakes.len(), 1);
    slots.leave(first.unwrap(), |waker| wakes.push(waker));
    assert_eq!(wakes.len(), 2);
    assert!(ask(&mut slots, &mut second));
    slots.leave(second.unwrap(), |waker| wakes.push(waker));
    assert_eq!(start(&mut slots, 1), Some(1));
}

#[test]
fn a_dismissed_caller_holds_nothing() {
    let (mut slots, mut wakes) = (slots(1), Vec::new());
    start(&mut slots, 0);
    let mut ticket = None;
    ask(&mut slots, &mut ticket);
    slots.dismiss(|waker| wakes.push(waker));
    assert_eq!(wakes.len(), 1);
    slots.leave(ticket.unwrap(), |waker| wakes.push(waker));
    assert_eq!(
        slots.release(|| 0, |_, _| false, |waker| wakes.push(waker)),
        None
    );
}

#[test]
fn a_promise_that_is_taken_back_frees_its_slot_for_the_line() {
    let (mut slots, mut wakes) = (slots(1), Vec::new());
    start(&mut slots, 0);
    let mut ticket = None;
    assert!(!ask(&mut slots, &mut ticket));
    assert_eq!(
        slots.release(|| 0, |_, _| false, |waker| wakes.push(waker)),
        None
    );
    assert!(ask(&mut slots, &mut ticket));
    assert_eq!(start(&mut slots, 1), None);
    slots.dismiss(|waker| wakes.push(waker));
    assert_eq!(slots.start_next(), Some(1));
    assert_eq!(slots.start_next(), None);
}

#[test]
fn a_waker_is_asked_for_only_where_it_is_needed() {
    struct Other;
    impl std::task::Wake for Other {
        fn wake(self: std::sync::Arc<Self>) {}
    }
    let other = Waker::from(std::sync::Arc::new(Other));
    let mut slots = slots(1);
    let (mut ticket, mut own) = (None, None);
    // There is a slot, and it is left to the next caller that spawns.
    for _ in 0..2 {
        let answer = slots.ask(&mut ticket, &other, &mut own, None, no_permits, |_| ());
        assert!(matches!(answer, Answer::Go) && ticket.is_none());
    }
    start(&mut slots, 0);
    let answer = slots.ask(&mut ticket, &other, &mut own, None, no_permits, |_| ());
    assert!(matches!(answer, Answer::NeedsWaker) && ticket.is_none());
    own = Some(other.clone());
    let answer = slots.ask(&mut ticket, &other, &mut own, None, no_permits, |_| ());
    assert!(matches!(answer, Answer::Wait(None)) && ticket.is_some() && own.is_none());
    // It is known now, and another is not.
    let answer = slots.ask(&mut ticket, &other, &mut own, None, no_permits, |_| ());
    assert!(matches!(answer, Answer::Wait(None)));
    let answer = slots.ask(
        &mut ticket,
        Waker::noop(),
        &mut own,
        None,
        no_permits,
        |_| (),
    );
    assert!(matches!(answer, Answer::NeedsWaker));
    own = Some(Waker::noop().clone());
    let answer = slots.ask(
        &mut ticket,
        Waker::noop(),
        &mut own,
        None,
        no_permits,
        |_| (),
    );
    assert!(matches!(answer, Answer::Wait(Some(old)) if old.will_wake(&other)));
}

#[test]
fn where_all_wait_for_each_other_the_first_joins_the_line() {
    let (mut slots, mut wakes) = (slots(2), 0);
    assert_eq!(
        (start(&mut slots, 1), start(&mut slots, 2)),
        (Some(1), Some(2))
    );
    let mut tickets = [None, None];
    for (child, ticket) in [1, 2].into_iter().zip(&mut tickets) {
        assert_eq!(wakes, 0);
        let mut own = Some(Waker::noop().clone());
        slots.ask(
            ticket,
            Waker::noop(),
            &mut own,
            Some(child),
            no_permits,
            |_| wakes += 1,
        );
    }
    assert_eq!(wakes, 1);
    assert!(ask(&mut slots, &mut tickets[0]) && !ask(&mut slots, &mut tickets[1]));
    assert!(!slots.redeem(tickets[0].unwrap()));
    assert_eq!((start(&mut slots, 3), slots.waiting()), (None, 1));
    // Who awaits it has it run, and then the other waits for all.
    let is_it = |one: &u32, other| u64::from(*one) == other;
    assert_eq!(slots.lend(1, 3, is_it, |_| wakes += 1), Some(3));
    assert_eq!(wakes, 1);
    // Nor if what it awaits is under way, and waits in turn.
    assert_eq!(slots.lend(3, 2, is_it, |_| wakes += 1), None);
    assert_eq!(wakes, 2);
    assert!(!slots.redeem(tickets[1].unwrap()));
    assert_eq!(start(&mut slots, 4), None);
    assert_eq!(slots.release(|| 3, is_it, |_| ()), None);
    assert_eq!(slots.release(|| 1, is_it, |_| ()), Some(4));
}

#[test]
fn a_slot_that_is_kept_is_taken_until_it_is_redeemed_or_left() {
    let (mut slots, mut wakes) = (slots(1), 0);
    assert!(ask(&mut slots, &mut None));
    let kept = slots.keep(None);
    assert_eq!(start(&mut slots, 0), None);
    assert!(slots.redeem(kept.unwrap()));
    assert_eq!(slots.release(|| 1, |_, _| false, |_| ()), Some(0));
    let mut ticket = None;
    assert!(!ask(&mut slots, &mut ticket));
    slots.release(|| 0, |_, _| false, |_| wakes += 1);
    assert_eq!((wakes, slots.keep(ticket)), (1, ticket));
    assert_eq!(start(&mut slots, 2), None);
    assert_eq!(slots.leave(ticket.unwrap(), |_| ()).0, Some(2));
}

#[test]
fn a_group_that_shares_has_a_permit_for_each_slot_and_takes_turns() {
    let limiter = CapacityLimiter::new(2);
    let shared = || ConcurrencyLimit::<u32>::new(Some(Limit::shared(limiter.clone())));
    let waker = || Waker::noop().clone();
    let start = |slots: &mut ConcurrencyLimit<u32>, child| slots.start(child, |_| (), waker);
    let (mut one, mut other) = (shared(), shared());
    assert_eq!(
        (start(&mut one, 1), start(&mut other, 2)),
        (Some(1), Some(2))
    );
    for child in 3..6 {
        assert_eq!(start(&mut one, child), None);
    }
    assert_eq!(start(&mut other, 6), None);
    let now = limiter.statistics();
    assert_eq!((now.borrowed, now.waiting), (2, 2), "once a group");
    assert!(one.comes(waker, |_| ()).is_none());
    // What becomes free goes to the group that is first, and then to the other.
    for (starts, ends) in [
        ((Some(3), None), 1),
        ((None, Some(6)), 3),
        ((Some(4), None), 6),
    ] {
        let over = if ends == 6 { &mut other } else { &mut one };
        assert_eq!(over.release(|| ends, |_, _| false, |_| ()), None);
        over.settle(|_| ());
        assert_eq!(
            (one.comes(waker, |_| ()), other.comes(waker, |_| ())),
            starts
        );
        assert_eq!(limiter.statistics().borrowed, 2);
    }
    // Nobody waits any more: it leaves the line.
    assert_eq!(one.clear_line(), [5]);
    one.settle(|_| ());
    assert_eq!(limiter.statistics().waiting, 0);
    drop(one);
    drop(other);
    assert_eq!(limiter.statistics().borrowed, 0);
}
