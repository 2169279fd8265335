//! Deadlines: one for several steps, groups with their own inside it, and what is said of those that passed.
//!
//! Prints:
//!
//! ```text
//! steps: user, page, and one late: timed out: the deadline came first, and what was awaited has been dropped
//! replicas: group `replicas`: cancelled because its deadline passed
//! quorum: yes and no
//! render has the time of the request: true
//! render: cancelled with what it belongs to, which was cancelled because its deadline passed
//! request: group `request`: cancelled because its deadline passed
//! ```

use std::future::pending;
use std::time::Duration;

use futures::channel::oneshot::{Sender, channel};
use ingather::cancel::{CancelKind, current_deadline};
use ingather::{CancelToken, Deadline, GroupOptions, TimedOut, block_on, current_token};

const LONG: Duration = Duration::from_secs(60);
const TINY: Duration = Duration::from_millis(2);

type Never = std::convert::Infallible;

async fn ask(what: &'static str) -> &'static str {
    what
}

/// Three steps that share what time there is. A timeout for each would add up.
async fn steps(budget: Deadline) -> [Result<&'static str, TimedOut>; 3] {
    let user = budget.timeout(ask("user")).await;
    let page = budget.timeout(ask("page")).await;
    // The last one is not in time, whatever the others left over: nobody answers.
    let budget = budget.min(Deadline::after(TINY));
    [user, page, budget.timeout(pending()).await]
}

/// A group with a deadline of its own, which passes. That is an error, as something was cut short.
async fn replicas() -> String {
    let options = GroupOptions::new().name("replicas").timeout(TINY);
    let result = options.try_scope(|tg| async move {
        tg.spawn(pending::<()>());
        Ok::<_, Never>(())
    });
    let error = result.await.expect_err("no replica answers");
    assert!(error.is_timeout());
    error.to_string()
}

/// One in which that is no error: what is there by then is enough.
async fn quorum() -> [&'static str; 2] {
    let options = GroupOptions::new().move_on_after(LONG);
    let answers = options.try_scope(|tg| async move {
        let (one, two) = (tg.spawn(ask("yes")), tg.spawn(ask("no")));
        tg.spawn(pending::<()>());
        let answers = (one.await, two.await);
        // Who is late gets a little more time, and is then cut short.
        tg.set_deadline(Deadline::after(TINY));
        Ok::<_, Never>(answers)
    });
    let (one, two) = answers
        .await
        .expect("nothing fails")
        .expect("its body was in time");
    [one, two].map(|answer| answer.expect("it was in time, too"))
}

/// A group that would have an hour, in a request that has less.
async fn render(begun: Sender<(CancelToken, Deadline)>) {
    let options = GroupOptions::new().timeout(60 * LONG);
    let page = options.try_scope(|tg| async move {
        tg.spawn(async move {
            // Neither was handed in: they are found where the code runs.
            let here = (current_token(), current_deadline());
            begun.send(here).expect("the request waits for it");
            pending::<()>().await;
        });
        Ok::<_, Never>(())
    });
    page.await.expect("it is dropped with the request before");
}

fn main() {
    block_on(async {
        let [user, page, late] = steps(Deadline::after(LONG)).await;
        let (user, page) = (user.expect("in time"), page.expect("in time"));
        let late = late.expect_err("nobody answers");
        println!("steps: {user}, {page}, and one late: {late}");
        assert_eq!((user, page), ("user", "page"));

        let options = GroupOptions::new().name("request").timeout(LONG);
        let (kept, token) = channel();
        let request = options.try_scope(|tg| async move {
            // Neither of these two touches the request.
            println!("replicas: {}", replicas().await);
            println!("quorum: {}", quorum().await.join(" and "));

            let (begun, here) = channel();
            tg.spawn(render(begun));
            let (token, deadline) = here.await.expect("it begins");
            kept.send(token).expect("it is looked at below");
            // Of an hour and a minute the minute counts.
            let same = deadline == tg.deadline();
            println!("render has the time of the request: {same}");
            assert!(same);
            // The client is in a hurry all of a sudden.
            tg.set_deadline(Deadline::after(TINY));
            Ok::<_, Never>(())
        });
        let error = request.await.expect_err("it is never rendered");

        let token = token.await.expect("rendering had begun");
        let reason = token.reason().expect("it was cancelled with the request");
        println!("render: {reason}");
        assert_eq!(reason.kind(), CancelKind::Parent);
        assert_eq!(reason.root().kind(), CancelKind::Deadline);
        println!("request: {error}");
        assert!(error.is_timeout());
    });
}
