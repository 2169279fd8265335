//! A cancel without grace against the clean-up that it starts: that is polled once.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll};

use loom::future::block_on;
use loom::thread;

use super::{ManualSpawner, leave, model_within};
use crate::group::{GatherGroup, current_token, with_cleanup};
use crate::std_or_loom::Lock;

/// Wakes itself at each poll, and is never over.
struct Busy(Arc<AtomicUsize>);

impl Future for Busy {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.fetch_add(1, Relaxed);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[test]
fn a_cancel_of_the_group_against_the_poll_of_a_cleanup() {
    model_within(2, || {
        let kept = ManualSpawner::new(1);
        let group = GatherGroup::on(&kept);
        let polls = Arc::new(AtomicUsize::new(0));
        let cleanup = Busy(Arc::clone(&polls));
        drop(group.spawn(with_cleanup(pending::<()>(), || cleanup)));
        let driver = kept.take_parked();
        group.close();
        let handle = group.handle();
        let cancels = thread::spawn(move || handle.cancel());
        block_on(driver);
        cancels.join().unwrap();
        assert_eq!(polls.load(Relaxed), 1);
        leave(&group);
    });
}

#[test]
fn a_cancel_by_the_token_against_the_poll_of_a_cleanup() {
    model_within(2, || {
        let kept = ManualSpawner::new(1);
        let group = GatherGroup::on(&kept);
        let polls = Arc::new(AtomicUsize::new(0));
        let cleanup = Busy(Arc::clone(&polls));
        let token = Arc::new(Lock::new(None));
        let told = Arc::clone(&token);
        drop(group.spawn(async move {
            *told.lock() = Some(current_token());
            with_cleanup(pending::<()>(), || cleanup).await;
        }));
        let driver = kept.take_parked();
        group.close();
        let token = token.lock().take().unwrap();
        let cancels = thread::spawn(move || token.cancel());
        block_on(driver);
        cancels.join().unwrap();
        assert_eq!(polls.load(Relaxed), 1);
        leave(&group);
    });
}
