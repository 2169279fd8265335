//! Pools in a process that forgets one, that may start no thread, and that is forked.

use std::io;
use std::pin::Pin;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Barrier};
use std::task::{Context, Waker};
use std::time::Duration;

use futures::executor::block_on;
use ingather::threads::{BlockingPool, Refused};
use ingather::to_thread;

const THREADS: usize = 4;

// Threads-13
pub(crate) fn starved() {
    become_somebody();
    let pool = BlockingPool::new(THREADS);
    // No thread: an error, with the closure in it, and no work is lost when there may be one again.
    allow(false);
    let refused = block_on(to_thread(|| 7).on(&pool).or_refused()).unwrap_err();
    let kind = refused.thread_error().map(io::Error::kind);
    assert_eq!(kind, Some(io::ErrorKind::WouldBlock));
    assert_eq!(refused.into_call()(), 7);
    allow(true);
    assert_eq!(block_on(to_thread(|| 1).on(&pool)), 1);
    // One thread, and it is busy.
    busy_with(1);
    // All of them.
    busy_with(THREADS);
    // Allowed again: all of them at once.
    let fresh = BlockingPool::new(THREADS);
    let all = Arc::new(Barrier::new(THREADS));
    let calls = (0..THREADS).map(|_| Arc::clone(&all));
    block_on(fresh.map(calls, |all| all.wait().is_leader()));
    assert_eq!(fresh.statistics().threads(), THREADS);
    allow(false);
}

/// Has so many threads of a pool busy, sends more work, and sees it done by them.
fn busy_with(threads: usize) {
    let pool = &BlockingPool::new(THREADS);
    let mut cx = Context::from_waker(Waker::noop());
    let all = Arc::new(Barrier::new(threads + 1));
    let mut ends = Vec::new();
    let mut busy: Vec<_> = (0..threads)
        .map(|_| {
            let (end, ended) = channel::<()>();
            let all = Arc::clone(&all);
            ends.push(end);
            let mut job = to_thread(move || {
                all.wait();
                ended.recv().is_err()
            })
            .on(pool);
            assert!(Pin::new(&mut job).poll(&mut cx).is_pending());
            job
        })
        .collect();
    all.wait();
    allow(false);
    let mut more: Vec<_> = (0..10)
        .map(|number| {
            let mut job = to_thread(move || number).on(pool).or_refused();
            assert!(Pin::new(&mut job).poll(&mut cx).is_pending());
            job
        })
        .collect();
    assert_eq!(pool.statistics().threads(), threads);
    assert!(
        spent_in(Duration::from_millis(100)) < Duration::from_millis(50),
        "it spins"
    );
    drop(ends);
    for job in busy.drain(..) {
        assert!(block_on(job));
    }
    for (number, job) in more.drain(..).enumerate() {
        let done: Result<usize, Refused<_>> = block_on(job);
        assert_eq!(done.ok(), Some(number));
    }
    assert_eq!(pool.statistics().threads(), threads);
    allow(true);
}

/// How much time the processors spend on this process while this thread waits.
fn spent_in(time: Duration) -> Duration {
    let before = spent();
    let (_keep, never) = channel::<()>();
    assert_eq!(never.recv_timeout(time), Err(RecvTimeoutError::Timeout));
    spent() - before
}

fn spent() -> Duration {
    // SAFETY: all fields are numbers, for which zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `usage` is there for the whole call.
    let asked = unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    assert_eq!(asked, 0);
    let of = |time: libc::timeval| {
        let micros = time.tv_sec * 1_000_000 + time.tv_usec;
        Duration::from_micros(micros.try_into().unwrap())
    };
    of(usage.ru_utime) + of(usage.ru_stime)
}

/// The limit of processes does not bind root.
fn become_somebody() {
    // SAFETY: this process has one thread, and asks to be somebody with fewer rights.
    unsafe {
        if libc::geteuid() == 0 {
            assert_eq!(libc::setgid(54_321), 0);
            assert_eq!(libc::setuid(54_321), 0);
        }
    }
}

/// May this process start threads?
fn allow(may: bool) {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is there for the whole of each call.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NPROC, &raw mut limit), 0);
        limit.rlim_cur = if may { limit.rlim_max } else { 0 };
        assert_eq!(libc::setrlimit(libc::RLIMIT_NPROC, &raw const limit), 0);
    }
}

// Threads-20
pub(crate) fn forgotten() {
    let pool = BlockingPool::new(1);
    let (tell, told) = channel();
    let (end, ended) = channel::<()>();
    let mut cx = Context::from_waker(Waker::noop());
    let mut busy = to_thread(move || {
        tell.send(()).unwrap();
        ended.recv().is_err()
    })
    .on(&pool);
    assert!(Pin::new(&mut busy).poll(&mut cx).is_pending());
    let mut queued = to_thread(|| ()).on(&pool);
    assert!(Pin::new(&mut queued).poll(&mut cx).is_pending());
    told.recv().unwrap();
    std::mem::forget((pool, busy, queued, end));
}

// Threads-19
pub(crate) fn forked() {
    let pool = BlockingPool::new(2);
    let (end, ended) = channel::<()>();
    let (tell, told) = channel();
    let mut cx = Context::from_waker(Waker::noop());
    let mut busy = to_thread(move || {
        tell.send(()).unwrap();
        ended.recv().is_err()
    })
    .on(&pool);
    assert!(Pin::new(&mut busy).poll(&mut cx).is_pending());
    told.recv().unwrap();
    // SAFETY: the child goes on with this thread alone, and ends by `_exit` without going back to anybody.
    let process = unsafe { libc::fork() };
    assert!(process >= 0, "the system does not fork");
    if process == 0 {
        // SAFETY: it sets a timer of this process, whose signal ends one that waits after all.
        unsafe { libc::alarm(10) };
        let begins_anew = pool.statistics().threads() == 0;
        let works = block_on(to_thread(|| 5).on(&pool)) == 5;
        // SAFETY: it ends this process and touches nothing.
        unsafe { libc::_exit(i32::from(!(begins_anew && works))) };
    }
    let mut status = 0;
    // SAFETY: `status` is there for the whole call.
    let waited = unsafe { libc::waitpid(process, &raw mut status, 0) };
    assert_eq!(waited, process);
    assert!(libc::WIFEXITED(status), "it waited");
    assert_eq!(libc::WEXITSTATUS(status), 0, "the pool did not begin anew");
    drop(end);
    assert!(block_on(busy));
}
