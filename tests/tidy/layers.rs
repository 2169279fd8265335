//! Lower layers know nothing of higher ones: every path from the crate's root is looked up in the table of layers.

use crate::source::{Fault, Source, Token, lines, paths, text};

/// The paths of a file that name a higher layer, or a module without one.
pub(crate) fn arrows_up(file: &Source, layers: &[&[&str]]) -> Vec<Fault> {
    let module = module_of(&file.path);
    let Some(top) = module.first() else {
        return Vec::new();
    };
    let layer = |name: &str| layers.iter().position(|layer| layer.contains(&name));
    let Some(own) = layer(top) else {
        let what = format!("module `{top}` has no layer");
        return vec![file.fault(1, what, "give it one in the table of tests/tidy.rs")];
    };
    let mut faults = Vec::new();
    for (line, name) in names_from_root(&file.tokens(), module.len()) {
        match layer(name) {
            Some(other) if other > own => {
                let what = format!("`{top}` (layer {own}) names `{name}` (layer {other})");
                faults.push(file.fault(
                    line,
                    what,
                    "move one of the two, or hand it in from above",
                ));
            }
            Some(_) => {}
            None => {
                let what = format!("`crate::{name}` is no module of the table of layers");
                faults.push(file.fault(line, what, "name the module that defines it"));
            }
        }
    }
    faults
}

/// `src/group/cell.rs` is `group`, `cell`; `src/lib.rs` is nothing.
fn module_of(path: &str) -> Vec<&str> {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let mut names: Vec<_> = path.trim_end_matches(".rs").split('/').collect();
    if let Some(&("mod" | "lib")) = names.last() {
        names.pop();
    }
    names
}

/// What follows `crate::`, or as many `super::` as lead to the root, in a module that many steps below it.
fn names_from_root<'a>(tokens: &[Token<'a>], below: usize) -> Vec<(usize, &'a str)> {
    let mut found = Vec::new();
    let mut depth = 0;
    let mut inline_modules = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        match text(tokens, at) {
            "{" => {
                if at >= 2 && text(tokens, at - 2) == "mod" {
                    inline_modules.push(depth);
                }
                depth += 1;
            }
            "}" => {
                depth -= 1;
                if inline_modules.last() == Some(&depth) {
                    inline_modules.pop();
                }
            }
            "crate" | "super" => {
                let mut supers = usize::from(text(tokens, at) == "super");
                at += 1;
                while supers > 0 && text(tokens, at) == "::" && text(tokens, at + 1) == "super" {
                    supers += 1;
                    at += 2;
                }
                let at_root = supers == 0 || supers == below + inline_modules.len();
                if at_root && text(tokens, at) == "::" {
                    let heads = paths(tokens, at + 1).into_iter();
                    found.extend(heads.filter_map(|(line, path)| Some((line, *path.first()?))));
                }
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

const TABLE: &[&[&str]] = &[&["low"], &["middle"], &["high"]];

#[test]
fn an_arrow_up_is_found_in_each_spelling() {
    let text = "use crate::{low::A, middle::B, high::C};
        use super::super::high;
        use super::{one, two};
        /// [`crate::high`], crate::high
        fn f(_: &crate::high::C) { \"crate::high\"; crate::low::f() }
        mod inner { use super::super::super::{low, high}; use super::super::high; }
        pub(in crate::middle) fn g() {}";
    let file = Source::new("src/middle/deep.rs", text);
    assert_eq!(lines(&arrows_up(&file, TABLE)), [1, 2, 5, 6]);
    let file = Source::new(
        "src/middle/mod.rs",
        "use super::high::C; mod a { use super::low; }",
    );
    assert_eq!(lines(&arrows_up(&file, TABLE)), [1]);
    let file = Source::new("src/high.rs", "use crate::{low, middle, high};");
    assert_eq!(lines(&arrows_up(&file, TABLE)), []);
}

#[test]
fn a_path_through_the_root_is_found() {
    let file = Source::new(
        "src/low.rs",
        "\nuse crate::{Reexported, low};\nuse super::*;",
    );
    assert_eq!(lines(&arrows_up(&file, TABLE)), [2, 3]);
}

#[test]
fn a_module_without_a_layer_is_found() {
    let file = Source::new("src/odd/deep.rs", "");
    assert_eq!(lines(&arrows_up(&file, TABLE)), [1]);
    let file = Source::new("src/lib.rs", "use crate::anything;");
    assert_eq!(lines(&arrows_up(&file, TABLE)), []);
}
