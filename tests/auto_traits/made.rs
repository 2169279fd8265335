//! Futures and streams whose types have no name.

use super::*;

async fn hold<T>(held: T) -> u8 {
    std::future::ready(()).await;
    drop(held);
    1
}

fn a_scope<T: Default + 'static>() -> impl Future {
    scope(|tg| async move {
        let key = tg.spawn(hold(0_u8));
        hold(T::default()).await;
        key.await
    })
}

fn a_try_scope<T: Default + 'static>() -> impl Future {
    try_scope(|tg| async move {
        let key = tg.try_spawn(async { Ok::<_, String>(1) });
        hold(T::default()).await;
        let _one = key.await;
        Ok(())
    })
}

fn a_scope_that_captures<T: 'static>(captured: T) -> impl Future {
    scope(|_| async move {
        let _captured = captured;
    })
}

fn a_local_scope() -> impl Future {
    local::on(&spawner::local_from_fn(|_| Err(SpawnError::shut_down())))
        .scope(|tg| async move { tg.spawn(async {}).await })
}

fn a_scope_with_a_shield<T: Default + 'static>() -> impl Future {
    scope(|tg| async move {
        let key = tg.spawn(shield(with_cleanup(checkpoint(), checkpoint)));
        shield(hold(T::default())).await;
        key.await
    })
}

fn a_scope_with_a_start<T: Default + 'static>() -> impl Future {
    scope(|tg| async move {
        let server = tg.start(|ready| async move { ready.started(1_u8).is_ok() });
        hold(T::default()).await;
        server.await
    })
}

fn an_inline_scope() -> impl Future {
    inline::scope(|tg| async move { tg.spawn(hold(0_u8)).await })
}

fn an_inline_local_scope() -> impl Future {
    inline::local::scope(|tg| async move { tg.spawn(hold(Rc::new(0_u8))).await })
}

fn an_inline_gather() -> impl Future {
    inline::gather([|| hold(1_u8), || hold(2_u8)])
}

fn a_gather() -> impl Future {
    gather([|| hold(1_u8), || hold(2_u8)])
}

fn a_gather_of_two() -> impl Future {
    gather((|| hold(1_u8), || hold("text")))
}

fn a_gather_of<T: 'static>(captured: T) -> impl Future {
    gather((0..2).map(move |_| {
        let _captured = &captured;
        || hold(1_u8)
    }))
}

fn a_try_gather() -> impl Future {
    try_gather([|| async { Ok::<u8, String>(1) }])
}

fn a_settled_gather() -> impl Future {
    gather_settled([|| async { Ok::<u8, String>(1) }])
}

fn a_race() -> impl Future {
    race([|| hold(1_u8), || hold(2_u8)])
}

fn a_race_of<T: 'static>(captured: T) -> impl Future {
    race((0..2).map(move |_| {
        let _captured = &captured;
        || hold(1_u8)
    }))
}

fn a_first_ok() -> impl Future {
    first_ok((|| async { Ok::<u8, String>(1) }, || async { Ok(2) }))
}

fn an_inline_race<T>(captured: &T) -> impl Future {
    inline::local::race([move || async move {
        let _captured = captured;
    }])
}

fn a_join_under<J: Joiner<u8, String>>(joiner: J) -> impl Future {
    join_with(joiner, [|| async { Ok::<u8, String>(1) }])
}

/// A joiner with something in it.
struct Holds<T>(T);

impl<T> Joiner<u8, String> for Holds<T> {
    type Output = T;

    fn completed(&mut self, _: joiner::CallInfo<'_>, _: Outcome<u8, String>) -> Verdict {
        Verdict::Continue
    }

    fn finish(self) -> T {
        self.0
    }
}

fn a_mapped_stream<T: Send + Default + 'static>() -> impl ::futures::Stream {
    map_concurrent(0..3, 2, |_| hold(T::default()))
}

fn a_mapped_stream_of<T>(items: Vec<T>) -> impl ::futures::Stream {
    try_map_concurrent(items, 2, |_| async { Ok::<u8, String>(1) })
}

fn a_mapped_stream_with<T>(captured: T) -> impl ::futures::Stream {
    map_concurrent(0..3, 2, move |_| {
        let _captured = &captured;
        hold(1_u8)
    })
    .unordered()
}

#[test]
fn a_join_is_send_if_its_joiner_is() {
    assert!(probe(&a_race()).is_send());
    // What the callables came in is gone by then.
    assert!(probe(&a_race_of(Rc::new(0_u8))).is_send());
    assert!(probe(&a_first_ok()).is_send());
    assert!(!probe(&an_inline_race(&0_u8)).is_send());
    assert!(probe(&a_join_under(Holds(0_u8))).is_send());
    assert!(probe(&a_join_under(Holds(Cell::new(0_u8)))).is_send());
    assert!(!probe(&a_join_under(Holds(Rc::new(0_u8)))).is_send());
}

#[test]
fn a_mapped_stream_is_send_if_its_parts_are() {
    assert!(probe(&a_mapped_stream::<u8>()).is_send());
    assert!(probe(&a_mapped_stream::<OnlySend>()).is_send());
    assert!(probe(&a_mapped_stream_of(vec![0_u8])).is_send());
    assert!(!probe(&a_mapped_stream_of(vec![Rc::new(0_u8)])).is_send());
    assert!(probe(&a_mapped_stream_with(Cell::new(0_u8))).is_send());
    assert!(!probe(&a_mapped_stream_with(Rc::new(0_u8))).is_send());
}

#[test]
fn a_future_of_ours_is_send_if_what_the_user_put_in_is() {
    assert!(probe(&a_scope::<u8>()).is_send());
    assert!(!probe(&a_scope::<Neither>()).is_send());
    assert!(probe(&a_try_scope::<u8>()).is_send());
    assert!(!probe(&a_try_scope::<Neither>()).is_send());
    assert!(probe(&a_scope_that_captures(0_u8)).is_send());
    assert!(!probe(&a_scope_that_captures(Rc::new(0_u8))).is_send());
    assert!(!probe(&a_local_scope()).is_send());
    assert!(probe(&a_scope_with_a_shield::<u8>()).is_send());
    assert!(!probe(&a_scope_with_a_shield::<Neither>()).is_send());
    assert!(probe(&a_scope_with_a_start::<u8>()).is_send());
    assert!(!probe(&a_scope_with_a_start::<Neither>()).is_send());
    assert!(probe(&an_inline_scope()).is_send());
    assert!(!probe(&an_inline_local_scope()).is_send());
    assert!(probe(&an_inline_gather()).is_send());
    assert!(probe(&a_gather()).is_send());
    assert!(probe(&a_gather_of_two()).is_send());
    assert!(probe(&a_gather_of(0_u8)).is_send());
    // What the callables came in is gone by then.
    assert!(probe(&a_gather_of(Rc::new(0_u8))).is_send());
    assert!(probe(&a_try_gather()).is_send());
    assert!(probe(&a_settled_gather()).is_send());
}
