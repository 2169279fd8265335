//! What must not compile, and for each rule its good twin that does: `ui/fail/x.rs` beside `ui/pass/x.rs`; and in
//! `ui/send` what a task that may move between threads must be able to hold.

use std::collections::BTreeSet;
use std::path::Path;

fn names(folder: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/ui")
        .join(folder);
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect()
}

#[test]
fn each_bad_case_has_a_good_twin() {
    assert_eq!(names("fail"), names("pass"));
}

#[test]
fn what_must_not_compile_does_not() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}

#[test]
fn a_task_can_hold_each_of_our_futures() {
    trybuild::TestCases::new().pass("tests/ui/send/*.rs");
}
