//! What becomes of a process that forgets what runs in it or ends in the midst of it, of one that is forked, and of one that may
//! start no thread; and what needs a process to itself: the default pool, and counts of threads. Each is a process of its own.

#![cfg_attr(unix, expect(unsafe_code, reason = "`fork` is not to be had without"))]

#[cfg(unix)]
#[path = "support/watchdog.rs"]
mod watchdog;

#[cfg(unix)]
#[path = "processes/exits.rs"]
mod exits;

#[cfg(unix)]
#[path = "processes/forks.rs"]
mod forks;

#[cfg(unix)]
#[path = "processes/pools.rs"]
mod pools;

#[cfg(unix)]
fn main() {
    unix::main();
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod unix {
    use std::future::{Future, pending};
    use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
    use std::process::{Command, exit};
    use std::task::{Context, Waker};

    use ingather::program::Run;
    use ingather::{
        GatherGroup, Task, TaskRegistry, block_on, create_task, on_shutdown, parallel, run,
    };

    use crate::watchdog::watched;
    use crate::{exits, forks, pools};

    const PART: &str = "INGATHER_PROCESSES_PART";
    const PARTS: [(&str, fn()); 14] = [
        ("forgotten", forgotten),
        ("forked", forked),
        ("forked_calls", forks::run_sync_and_runners),
        ("forgotten_pool", pools::forgotten),
        ("forked_pool", pools::forked),
        ("starved_pool", pools::starved),
        ("main_returns", exits::main_returns),
        ("a_job_exits", exits::a_job_exits),
        ("exit_handlers", exits::exit_handlers),
        ("default_pool", exits::default_pool),
        ("blocked_without_a_group", exits::blocked_without_a_group),
        (
            "a_shared_runner_is_no_leak",
            exits::a_shared_runner_is_no_leak,
        ),
        ("threads_that_are_left", exits::threads_that_are_left),
        ("ten_thousand_threads", exits::ten_thousand_threads),
    ];

    /// Runs each part in a process, and in such a process the part.
    pub(crate) fn main() {
        if let Some(part) = std::env::var_os(PART) {
            let (_, run) = PARTS.iter().find(|(name, _)| part == *name).unwrap();
            return run();
        }
        for (name, _) in PARTS {
            let program = std::env::current_exe().unwrap();
            let mut process = Command::new(program).env(PART, name).spawn().unwrap();
            let status = watched(name, || process.wait().unwrap());
            println!("test {name} ... {status}");
            if !status.success() {
                exit(1);
            }
        }
    }

    // Shutdown-12
    fn forgotten() {
        let registry = TaskRegistry::new();
        let busy: Vec<Task<()>> = (0..100).map(|_| registry.create_task(pending())).collect();
        let group = GatherGroup::new();
        let key = group.spawn(pending::<()>());
        let mut run = Box::pin(Run::builder().run_async(async {
            on_shutdown(pending::<()>).unwrap().detach();
            drop(create_task(pending::<()>()));
            pending::<()>().await;
        }));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(run.as_mut().poll(&mut cx).is_pending());
        std::mem::forget((registry, busy, group, key, run));
    }

    // Shutdown-12
    fn forked() {
        let value = block_on(async { create_task(async { 1 }).await });
        assert_eq!(value.ok(), Some(1));
        let task = create_task(pending::<()>());
        set_hook(Box::new(|_| {}));
        // SAFETY: the child has one thread, and ends by `_exit` without going back to anybody.
        let process = unsafe { libc::fork() };
        assert!(process >= 0, "the system does not fork");
        if process == 0 {
            // SAFETY: it sets a timer of this process, whose signal ends one that waits after all.
            unsafe { libc::alarm(10) };
            let code = catch_unwind(AssertUnwindSafe(|| waits_for_nobody(task)));
            // SAFETY: it ends this process and touches nothing.
            unsafe { libc::_exit(code.unwrap_or(100)) };
        }
        let mut status = 0;
        // SAFETY: `status` is there for the whole call.
        let waited = unsafe { libc::waitpid(process, &raw mut status, 0) };
        assert_eq!(waited, process);
        assert!(libc::WIFEXITED(status), "it waited");
        assert_eq!(libc::WEXITSTATUS(status), 0, "that many did not refuse");
    }

    /// How many did not refuse to wait.
    fn waits_for_nobody(task: Task<()>) -> i32 {
        let refused = [
            refuses(|| drop(run(async {}))),
            refuses(|| parallel::scope(|tg| drop(tg.spawn(async {})))),
            refuses(|| drop(task.wait())),
        ];
        refused.iter().map(|refused| i32::from(!refused)).sum()
    }

    fn refuses(wait: impl FnOnce()) -> bool {
        let payload = match catch_unwind(AssertUnwindSafe(wait)) {
            Ok(()) => return false,
            Err(payload) => payload,
        };
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        text.is_some_and(|text| text.contains("block"))
    }
}
