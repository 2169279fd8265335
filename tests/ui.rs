//! What must not compile, and for each rule its good twin that does: `ui/fail/x.rs` beside `ui/pass/x.rs`; and in
//! `ui/send` what a task that may move between threads must be able to hold.

use std::collections::BTreeSet;
use std::path::Path;

/// Compiles the files of these names beside the one that says so, and runs the `main` of each as a test.
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub(crate) const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(
            mod $name;

            #[test]
            fn $name() {
                $name::main();
            }
        )*
    };
}
pub(crate) use cases;

#[path = "ui/pass/mod.rs"]
mod pass;
#[path = "ui/send/mod.rs"]
mod send;

fn names(folder: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/ui")
        .join(folder);
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "mod")
        .collect()
}

#[test]
fn each_case_is_named() {
    for (folder, listed) in [("pass", pass::NAMES), ("send", send::NAMES)] {
        let listed: BTreeSet<_> = listed.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(listed, names(folder), "{folder}");
    }
}

#[test]
fn each_bad_case_has_a_good_twin() {
    assert_eq!(names("fail"), names("pass"));
}

#[test]
fn what_must_not_compile_does_not() {
    trybuild::TestCases::new().compile_fail("tests/ui/fail/*.rs");
}
