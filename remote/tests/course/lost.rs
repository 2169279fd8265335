//! An engine that cannot be reached, and the lease.

use std::time::Duration;

use ingather::{ContextVar, GroupOptions, block_on, scope, try_scope};
use ingather_remote::{Carried, Engine, OnLost, RemoteErrorKind, RemoteOptions, ScopeId};

use crate::toy::{ECHO, Script, Toy};

const PATIENCE: Duration = Duration::from_millis(200);

#[test]
fn an_engine_that_is_lost_is_neither_failure_nor_cancel() {
    let toy = Toy::new(Script::Stays);
    let far = RemoteOptions::new(toy.clone()).patience(PATIENCE).open();
    let (there, seen) = (far.clone(), toy.clone());
    let error = block_on(GroupOptions::new().name("far").try_scope(|tg| async move {
        let child = tg.try_spawn(there.call(&ECHO, 1));
        seen.until("attach 0", 1).await;
        seen.set_reachable(false);
        let _ = child.await;
        Ok(())
    }))
    .unwrap_err();
    let leaf = error.first().error().expect("an error of the call");
    assert_eq!(leaf.kind(), RemoteErrorKind::Unreachable);
    assert!(leaf.is_unjoined());
    assert_eq!(leaf.ticket().id(), Some("toy-0"));
    assert!(error.to_string().contains("was not joined"), "{error}");

    // Nobody says that nothing is left, and the lease is left to run out.
    toy.set_reachable(true);
    let error = block_on(far.close()).unwrap_err();
    assert_eq!(error.unjoined()[0].number(), 0);
    assert_eq!(toy.count("leave"), 0);
}

#[test]
fn a_cancel_that_cannot_be_given_is_told_too() {
    let toy = Toy::new(Script::Obeys);
    let far = RemoteOptions::new(toy.clone()).patience(PATIENCE).open();
    let seen = toy.clone();
    let there = far.clone();
    let options = GroupOptions::new().grace(Duration::from_secs(60));
    let end = block_on(options.scope(|tg| async move {
        let child = tg.spawn(there.call(&ECHO, 1));
        seen.until("attach 0", 1).await;
        seen.set_reachable(false);
        tg.cancel();
        child.await
    }));
    let error = end.expect("an end within the grace").unwrap_err();
    assert_eq!(error.kind(), RemoteErrorKind::Unreachable);
    assert_eq!(block_on(far.close()).unwrap_err().unjoined().len(), 1);
}

#[test]
fn the_lease_is_held_before_anything_is_submitted() {
    let toy = Toy::new(Script::Echo);
    let far = RemoteOptions::new(toy.clone()).patience(PATIENCE).open();
    toy.set_reachable(false);
    let there = far.clone();
    let error = block_on(try_scope(|tg| async move {
        tg.try_spawn(there.call(&ECHO, 1))
            .await
            .map_err(|_| unreachable!())
    }));
    assert!(error.is_err());
    assert!(toy.asked().iter().all(|asked| asked == "renew"));
    toy.set_reachable(true);
    assert_eq!(block_on(far.call(&ECHO, 2)).unwrap(), 2);
}

#[test]
fn the_lease_is_renewed_as_long_as_calls_or_handles_are_there() {
    let toy = Toy::new(Script::Obeys);
    let far = RemoteOptions::new(toy.clone())
        .lease(Duration::from_millis(90))
        .open();
    let seen = toy.clone();
    block_on(scope(|tg| async move {
        let child = tg.spawn(far.call(&ECHO, 1));
        drop(far);
        seen.until("renew", 4).await;
        child.cancel();
    }));
    toy.wait_for("leave", 1);
}

#[test]
fn children_that_are_to_be_kept_have_no_lease() {
    let toy = Toy::new(Script::Echo);
    let open = || {
        RemoteOptions::new(toy.clone())
            .scope_id(ScopeId::new("nightly"))
            .on_lost(OnLost::Keep)
            .open()
    };
    let far = open();
    assert_eq!(block_on(far.call(&ECHO, 1)).unwrap(), 1);
    block_on(far.close()).unwrap();
    // An owner that was restarted gets the result of the first.
    assert_eq!(block_on(open().call(&ECHO, 9)).unwrap(), 1);
    assert_eq!(toy.count("renew") + toy.count("leave"), 0);
}

#[test]
fn deadline_and_context_travel() {
    static USER: ContextVar<String> = ContextVar::named("user");
    let toy = Toy::new(Script::Obeys);
    let engine = Slips(toy, Default::default());
    let slips = engine.1.clone();
    let far = RemoteOptions::new(engine)
        .carry(Carried::new().var(&USER))
        .open();
    let options = GroupOptions::new().timeout(Duration::from_millis(300));
    let call = USER.scope("Ada".into(), async move { far.call(&ECHO, 1).await });
    let cut = block_on(options.scope_or_cut(|tg| async move { tg.spawn(call).await.is_err() }));
    assert!(cut.is_err());
    let slip = slips.lock().unwrap().pop().unwrap();
    assert!(slip.contains(r#""context":{"user":"Ada"}"#), "{slip}");
    assert!(slip.contains(r#""deadline":"#), "{slip}");
}

/// Keeps the slips of what is submitted.
struct Slips(Toy, std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl Engine for Slips {
    fn submit(
        &self,
        call: std::sync::Arc<ingather_remote::Submission>,
    ) -> ingather_remote::Reply<ingather_remote::Ticket> {
        self.1.lock().unwrap().push(call.slip());
        self.0.submit(call)
    }
    fn attach(
        &self,
        ticket: &ingather_remote::Ticket,
    ) -> ingather_remote::Reply<ingather_remote::Ending> {
        self.0.attach(ticket)
    }
    fn cancel(&self, ticket: &ingather_remote::Ticket) -> ingather_remote::Reply<()> {
        self.0.cancel(ticket)
    }
    fn kill(&self, ticket: &ingather_remote::Ticket) -> ingather_remote::Reply<()> {
        self.0.kill(ticket)
    }
    fn live(&self, scope: &ScopeId) -> ingather_remote::Reply<Vec<ingather_remote::Ticket>> {
        self.0.live(scope)
    }
    fn renew(&self, scope: &ScopeId, lease: ingather_remote::Lease) -> ingather_remote::Reply<()> {
        self.0.renew(scope, lease)
    }
    fn leave(&self, scope: &ScopeId) -> ingather_remote::Reply<()> {
        self.0.leave(scope)
    }
}
