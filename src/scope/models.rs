//! A model, checked by loom as those of groups are: the body of a scope, which is woken while its owner suspends.

use loom::future::block_on;

use super::scope_on;
use crate::group::models::{Kept, Probe, model, poll_once, wake};

#[test]
fn a_wake_against_the_body() {
    model(|| {
        let kept = Kept::new(1);
        let probe = Probe::default();
        let body = probe.waits_for(1);
        let mut scope = Box::pin(scope_on(&kept, move |_| body));
        assert!(poll_once(&mut scope).is_pending());
        let waker = wake(&probe);
        assert_eq!(block_on(scope), 7);
        assert_eq!(probe.dropped(), 1);
        waker.join().unwrap();
    });
}
