//! Words that have their place: `unsafe`, loom, the names of executors, unfinished code, sleeps.

use crate::source::{Fault, Source, Token, lines, paths, text};

/// `unsafe`, or leave for it, outside the modules of the list.
pub(crate) fn stray_unsafe(file: &Source, places: &[&str]) -> Vec<Fault> {
    if file.is_in(places) {
        return Vec::new();
    }
    let cure = "do without, or move it into a module of the list in tests/tidy.rs";
    let mut faults = Vec::new();
    let tokens = file.tokens();
    for (at, token) in tokens.iter().enumerate() {
        let before = |n: usize| at.checked_sub(n).map_or("", |at| text(&tokens, at));
        let leave = token.text == "unsafe_code" && !matches!(before(2), "deny" | "forbid");
        if token.text == "unsafe" || leave {
            faults.push(file.fault(token.line, format!("`{}` here", token.text), cure));
        }
    }
    faults
}

/// Modules of the list that need not be there.
pub(crate) fn stale_unsafe(files: &[Source], places: &[&str]) -> Vec<Fault> {
    let used = |place: &&&str| {
        let mut inside = files.iter().filter(|file| file.is_in(&[place]));
        inside.any(|file| file.tokens().iter().any(|token| token.text == "unsafe"))
    };
    let fault = |place: &&str| {
        Source::new(place, "").fault(
            1,
            "no `unsafe` here",
            "take it off the list in tests/tidy.rs",
        )
    };
    places
        .iter()
        .filter(|place| !used(place))
        .map(fault)
        .collect()
}

/// The manifest denies it to the rest of the crate.
pub(crate) fn unsafe_not_denied(manifest: &Source) -> Vec<Fault> {
    let table = manifest.text.split("[lints.rust]").nth(1).unwrap_or("");
    let mut lines = table.lines().take_while(|line| !line.starts_with('['));
    let denied = |line: &str| {
        let value = line
            .strip_prefix("unsafe_code")
            .and_then(|rest| rest.trim().strip_prefix('='));
        value.is_some_and(|value| matches!(value.trim(), "\"deny\"" | "\"forbid\""))
    };
    let fault = || manifest.fault(1, "unsafe code is not denied", "deny it in [lints.rust]");
    (!lines.any(denied)).then(fault).into_iter().collect()
}

/// Algorithm files carry no `cfg`: loom is behind one facade.
pub(crate) fn stray_loom(file: &Source, places: &[&str]) -> Vec<Fault> {
    let cure = "put it behind the facade `std_or_loom`";
    find(file, places, cure, |tokens, at| text(tokens, at) == "loom")
}

/// An executor's crate, or the parts of `futures` that are one.
pub(crate) fn stray_executor(file: &Source, places: &[&str]) -> Vec<Fault> {
    let cure = "say it in the words of `Spawner`, or move it into an adapter";
    find(file, places, cure, |tokens, at| {
        let path_begins = at == 0
            || !matches!(text(tokens, at - 1), "::" | ".")
            || at >= 2 && !text(tokens, at - 2).starts_with(char::is_alphanumeric);
        if !path_begins {
            return false;
        }
        match text(tokens, at) {
            "async_executor" | "smol" | "tokio" | "futures_executor" => true,
            "futures" => paths(tokens, at).iter().any(|(_, path)| is_executor(path)),
            _ => false,
        }
    })
}

fn is_executor(path: &[&str]) -> bool {
    const SPAWN: &[&str] = &["Spawn", "LocalSpawn", "SpawnExt", "LocalSpawnExt"];
    match path {
        ["futures", "executor", ..] => true,
        ["futures", "task", name, ..] => SPAWN.contains(name),
        _ => false,
    }
}

pub(crate) fn left_undone(file: &Source) -> Vec<Fault> {
    find(file, &[], "finish it, or leave it out", |tokens, at| {
        let undone = matches!(text(tokens, at), "todo" | "unimplemented" | "dbg");
        undone && text(tokens, at + 1) == "!"
    })
}

pub(crate) fn sleeps(file: &Source, places: &[&str]) -> Vec<Fault> {
    let cure = "order events by polling by hand, or by a deterministic spawner";
    find(file, places, cure, |tokens, at| {
        let called = text(tokens, at + 1) == "(";
        let of_thread = at >= 2 && text(tokens, at - 2) == "thread" && text(tokens, at - 1) == "::";
        text(tokens, at) == "sleep" && (called || of_thread)
    })
}

/// A fault at each token for which `is_fault` holds, unless the file is one of the places for it.
fn find(
    file: &Source,
    places: &[&str],
    cure: &str,
    is_fault: impl Fn(&[Token<'_>], usize) -> bool,
) -> Vec<Fault> {
    if file.is_in(places) {
        return Vec::new();
    }
    let tokens = file.tokens();
    let faults = (0..tokens.len()).filter(|at| is_fault(&tokens, *at));
    faults
        .map(|at| file.fault(tokens[at].line, format!("`{}` here", tokens[at].text), cure))
        .collect()
}

#[test]
fn stray_unsafe_is_found() {
    let text =
        "#![deny(unsafe_code)]\n// unsafe\n\"unsafe\";\nunsafe {}\n#[expect(unsafe_code)]\nmod a;";
    let places = ["src/cell.rs", "src/cells/"];
    let faults = |path| lines(&stray_unsafe(&Source::new(path, text), &places));
    assert_eq!(faults("src/a.rs"), [4, 5]);
    assert_eq!(faults("src/cell.rs"), []);
    assert_eq!(faults("src/cells/a.rs"), []);
    assert_eq!(faults("src/cells.rs"), [4, 5]);
}

#[test]
fn a_stale_list_is_found() {
    let files = [
        Source::new("src/a.rs", "// unsafe"),
        Source::new("src/b/c.rs", "unsafe {}"),
    ];
    assert_eq!(stale_unsafe(&files, &["src/b/"]).len(), 0);
    assert_eq!(stale_unsafe(&files, &["src/a.rs", "src/b/"]).len(), 1);
}

#[test]
fn a_manifest_without_the_lint_is_found() {
    let faults = |text| unsafe_not_denied(&Source::new("Cargo.toml", text)).len();
    assert_eq!(
        faults("[lints.rust]\na = \"warn\"\nunsafe_code = \"deny\"\n"),
        0
    );
    assert_eq!(faults("[lints.rust]\nunsafe_code = \"warn\"\n"), 1);
    assert_eq!(faults("[lints.rust]\n[other]\nunsafe_code = \"deny\"\n"), 1);
}

#[test]
fn stray_loom_is_found() {
    let faults = |path| {
        stray_loom(
            &Source::new(path, "#[cfg(not(loom))]\nmod a;"),
            &["src/std_or_loom.rs"],
        )
        .len()
    };
    assert_eq!(["src/std_or_loom.rs", "src/a.rs"].map(faults), [0, 1]);
}

#[test]
fn a_stray_executor_is_found() {
    let text = "#[cfg(feature = \"tokio\")] // tokio
        use spawner::{tokio::Handle as _, smol};
        pub use spawner::smol::Smol;
        use futures::{channel, task::{Context, Spawn}};
        use futures::task::Context;
        fn f() { ::tokio::spawn(a) }
        use futures::executor;
        self.smol.tokio();";
    let faults = |path| lines(&stray_executor(&Source::new(path, text), &["src/spawner/"]));
    assert_eq!(faults("src/spawner/a.rs"), []);
    assert_eq!(faults("src/group/a.rs"), [2, 2, 4, 6, 7]);
}

#[test]
fn unfinished_code_is_found() {
    let file = Source::new(
        "src/a.rs",
        "// todo!()\nfn todo() {}\ntodo!();\ndbg!(1);\nunimplemented!()",
    );
    assert_eq!(lines(&left_undone(&file)), [3, 4, 5]);
}

#[test]
fn a_sleep_is_found() {
    let text = "// sleep(1)\nuse std::thread::sleep;\nsleep(d);\ntimer.sleep(d);\nlet sleep = 1;";
    let faults = |path| lines(&sleeps(&Source::new(path, text), &["tests/scopes/dog.rs"]));
    assert_eq!(faults("tests/scopes/a.rs"), [2, 3, 4]);
    assert_eq!(faults("tests/scopes/dog.rs"), []);
}
