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

/// Filters of the tests under Miri, as `panics::`, of which there is no module in the suites that it runs: they run nothing.
pub(crate) fn idle_filters(caller: &Source, is_module: impl Fn(&str, &str) -> bool) -> Vec<Fault> {
    let Some(begin) = caller.text.find("miri test --all-features") else {
        return vec![caller.fault(1, "Miri runs no tests from outside", "have it run some")];
    };
    let words: Vec<_> = caller.text[begin..].split_whitespace().collect();
    let words = words
        .split(|word| word.starts_with('#') || *word == "-")
        .next();
    let words = words.unwrap_or_default();
    let suites = words.windows(2).filter(|two| two[0] == "--test");
    let suites: Vec<_> = suites.map(|two| two[1]).collect();
    let modules = words.iter().filter_map(|word| word.strip_suffix("::"));
    let idle = modules.filter(|module| !suites.iter().any(|suite| is_module(suite, module)));
    let what = |module| format!("no suite under Miri has a module `{module}`");
    idle.map(|module| caller.fault(1, what(module), "name its suite, or leave it out"))
        .collect()
}

#[test]
fn an_idle_filter_is_found() {
    let idle = |text| {
        idle_filters(&Source::new("ci.yml", text), |suite, module| {
            (suite, module) == ("joins", "races")
        })
        .len()
    };
    assert_eq!(idle("miri test --all-features --test joins -- races::"), 0);
    assert_eq!(idle("miri test --all-features --test scopes -- races::"), 1);
    assert_eq!(
        idle("miri test --all-features --test joins -- races:: panics::\n - run: other::"),
        1
    );
    assert_eq!(idle("miri test --lib"), 1);
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
