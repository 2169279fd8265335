//! GLib.

use std::thread;

use futures_channel::oneshot;
use glib::MainContext;
use ingather::testing::{local_spawner_contract, spawner_contract};
use ingather::{LocalSpawner, block_on};
use ingather_adapters::glib::Glib;

use super::{in_time, its_own_timer_keeps_a_deadline, local_scope_with_time, scope_with_time};

fn context() -> Glib {
    Glib(MainContext::new())
}

#[test]
fn it_keeps_the_contract_inside() {
    in_time(|| {
        let context = context();
        context.0.block_on(spawner_contract(&context));
        context.0.block_on(local_spawner_contract(&context));
    });
}

#[test]
fn it_keeps_the_contract_from_other_threads() {
    in_time(|| {
        let context = context();
        let (ends, end) = oneshot::channel::<()>();
        thread::scope(|threads| {
            threads.spawn(|| context.0.block_on(end));
            block_on(spawner_contract(&context));
            drop(ends);
        });
    });
}

#[test]
fn scopes_have_time() {
    in_time(|| {
        let context = context();
        context
            .0
            .block_on(scope_with_time(&context, glib::timeout_future));
        context
            .0
            .block_on(local_scope_with_time(&context, glib::timeout_future));
        context.0.block_on(its_own_timer_keeps_a_deadline(&context));
    });
}

#[test]
fn local_jobs_of_another_thread_are_refused() {
    let context = context();
    thread::scope(|threads| {
        let _owned = context.0.acquire().expect("nobody has it");
        let elsewhere = threads.spawn(|| context.spawn_local(Box::pin(async {})).is_err());
        assert!(elsewhere.join().expect("it does not panic"));
        assert!(context.spawn_local(Box::pin(async {})).is_ok());
    });
}
