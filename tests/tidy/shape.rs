//! How files are cut: sizes, first lines, names, tables of contents, and the root as a mere list.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Fault, Source, lines, paths};

pub(crate) fn too_long(file: &Source, most: usize) -> Vec<Fault> {
    let count = file.text.lines().count();
    let what = || format!("{count} lines, {most} at most");
    let fault = || file.fault(count, what(), "split it where it does a second thing");
    (count > most).then(fault).into_iter().collect()
}

/// `lib.rs` begins with attributes or with its documentation, as it likes.
pub(crate) fn no_first_line(file: &Source) -> Vec<Fault> {
    let missing = !file.text.starts_with("//! ") && file.path != "src/lib.rs";
    let what = "the file does not say what it does";
    let fault = || {
        file.fault(
            1,
            what,
            "begin it with a `//!` line that says the one thing",
        )
    };
    missing.then(fault).into_iter().collect()
}

/// Folders in which more files lie than so many; `mod.rs` counts.
pub(crate) fn too_full(files: &[Source], most: usize) -> Vec<Fault> {
    let mut counts = BTreeMap::<&str, Vec<&Source>>::new();
    for file in files {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        counts.entry(folder).or_default().push(file);
    }
    counts.retain(|folder, files| folder.contains('/') && files.len() > most);
    let fault = |(folder, files): (&&str, &Vec<&Source>)| {
        let what = format!("{folder} holds {} files, {most} at most", files.len());
        files[0].fault(1, what, "give what belongs together a folder")
    };
    counts.iter().map(fault).collect()
}

pub(crate) fn empty_name(file: &Source, banned: &[&str]) -> Vec<Fault> {
    let path = file.path.trim_end_matches(".rs");
    let names = path.split('/').filter(|name| banned.contains(name));
    let what = |name| format!("`{name}` says nothing of what is in it");
    names
        .map(|name| file.fault(1, what(name), "name it after its subject"))
        .collect()
}

/// Folders without a `mod.rs`, and children that its head does not name in backticks. Unit tests need no line.
pub(crate) fn unlisted_children(files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (folder, children) in folders(files) {
        let table = format!("{folder}/mod.rs");
        let Some(table) = files.iter().find(|file| file.path == table) else {
            let folder = Source::new(folder, "");
            let cure = "begin one with a table of contents";
            faults.push(folder.fault(1, "the folder has no mod.rs", cure));
            continue;
        };
        for child in children.into_iter().filter(|child| *child != "tests") {
            let name = format!("`{child}`");
            let mut head = table.text.lines().filter(|line| line.starts_with("//!"));
            if !head.any(|line| line.contains(&name)) {
                let what = format!("child {name} is not in the folder's table of contents");
                faults.push(table.fault(1, what, "say in one `//!` line what it is for"));
            }
        }
    }
    faults
}

/// The folders below `src`, with the names of what is in each.
fn folders(files: &[Source]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut folders = BTreeMap::<_, BTreeSet<_>>::new();
    for file in files {
        let mut path = file.path.trim_end_matches(".rs").trim_end_matches("/mod");
        while let Some((folder, child)) = path.rsplit_once('/') {
            if folder.contains('/') {
                folders.entry(folder).or_default().insert(child);
            }
            path = folder;
        }
    }
    folders
}

/// The root is short, and spells out what it re-exports.
pub(crate) fn root(file: &Source, most: usize) -> Vec<Fault> {
    let mut faults = too_long(file, most);
    let tokens = file.tokens();
    for (at, token) in tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| token.text == "use")
    {
        if paths(&tokens, at + 1)
            .iter()
            .any(|(_, path)| path.last() == Some(&"*"))
        {
            let what = "the root re-exports whatever is there";
            faults.push(file.fault(token.line, what, "list the names"));
        }
    }
    faults
}

#[test]
fn a_long_file_is_found() {
    let file = Source::new("src/a.rs", &"\n".repeat(501));
    assert_eq!(lines(&too_long(&file, 500)), [501]);
    assert_eq!(lines(&too_long(&file, 501)), []);
}

#[test]
fn a_full_folder_is_found() {
    let paths = ["src/a/b.rs", "src/a/mod.rs", "src/a/deep/c.rs", "src/d.rs"];
    let files = paths.map(|path| Source::new(path, ""));
    assert_eq!(too_full(&files, 1).len(), 1);
    assert_eq!(too_full(&files, 2).len(), 0);
}

#[test]
fn a_missing_first_line_is_found() {
    assert_eq!(
        lines(&no_first_line(&Source::new("src/a.rs", "// a\n//! b"))),
        [1]
    );
    assert_eq!(lines(&no_first_line(&Source::new("src/a.rs", "//! b"))), []);
    assert_eq!(
        lines(&no_first_line(&Source::new("src/lib.rs", "#![no_std]"))),
        []
    );
}

#[test]
fn an_empty_name_is_found() {
    let faults = |path| empty_name(&Source::new(path, ""), &["utils", "common"]).len();
    assert_eq!(
        ["src/utils.rs", "src/a/common/b.rs", "src/commonly.rs"].map(faults),
        [1, 1, 0]
    );
}

#[test]
fn an_unlisted_child_is_found() {
    let table = Source::new(
        "src/a/mod.rs",
        "//! A.\n//!\n//! - `b`, `deep`: b\nmod c; // `c`",
    );
    let file = |path| Source::new(path, "//! x");
    let listed = [
        table,
        file("src/a/b.rs"),
        file("src/a/tests.rs"),
        file("src/d.rs"),
    ];
    assert_eq!(unlisted_children(&listed).len(), 0);
    let [table, ..] = listed;
    let files = [table, file("src/a/c.rs"), file("src/a/deep/e.rs")];
    let faults: Vec<_> = unlisted_children(&files)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults[0].starts_with("src/a/mod.rs:1: child `c`"),
        "{faults:?}"
    );
    assert!(
        faults[1].starts_with("src/a/deep:1: the folder has no mod.rs"),
        "{faults:?}"
    );
}

#[test]
fn a_glob_in_the_root_is_found() {
    let file = Source::new(
        "src/lib.rs",
        "//! pub use a::*;\npub use a::b;\npub use a::{c, d::*};",
    );
    assert_eq!(lines(&root(&file, 120)), [3]);
}
