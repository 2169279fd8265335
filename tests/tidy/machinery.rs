//! The scripts of `ci/`: each has a reason, and each is called.

use crate::source::{Fault, Source, lines};

/// Scripts that the caller does not name outside its comments.
pub(crate) fn uncalled(scripts: &[Source], caller: &Source) -> Vec<Fault> {
    let calls: Vec<_> = caller
        .text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect();
    let called = |script: &&Source| calls.iter().any(|line| line.contains(&script.path));
    let what = |script: &Source| format!("{} is not called", script.path);
    let fault = |script| caller.fault(1, what(script), "call it, or delete it");
    scripts
        .iter()
        .filter(|script| !called(script))
        .map(fault)
        .collect()
}

/// A script begins with the reason for its being, below the line that names its shell.
pub(crate) fn without_reason(script: &Source) -> Vec<Fault> {
    let mut head = script.text.lines();
    let shell = head.next().is_some_and(|line| line.starts_with("#!"));
    let reason = head.next().is_some_and(|line| line.starts_with("# "));
    let fault = || {
        script.fault(
            2,
            "the script gives no reason",
            "say in a comment what it is there for",
        )
    };
    (!(shell && reason)).then(fault).into_iter().collect()
}

#[test]
fn an_uncalled_script_is_found() {
    let scripts = ["ci/a.sh", "ci/b.sh"].map(|path| Source::new(path, ""));
    let caller = |text| Source::new(".ci/run", text);
    assert_eq!(
        uncalled(&scripts, &caller("step ci/a.sh\nstep ci/b.sh")).len(),
        0
    );
    assert_eq!(
        uncalled(&scripts, &caller("step ci/a.sh\n  # ci/b.sh")).len(),
        1
    );
}

#[test]
fn a_script_without_reason_is_found() {
    let faults = |text| lines(&without_reason(&Source::new("ci/a.sh", text)));
    assert_eq!(faults("#!/bin/sh\n# Because.\nset -e"), []);
    assert_eq!(faults("#!/bin/sh\nset -e # Because."), [2]);
    assert_eq!(faults("# Because.\nset -e"), [2]);
}
