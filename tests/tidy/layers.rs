//! Lower layers know nothing of higher ones: every path from the crate's root is looked up in the table of layers.

use crate::source::{Fault, Source, Token, lines, paths, text};

/// The paths of a file in the folder `base`, or at the root, that name a higher layer of it, or a module without a layer.
/// An exception is a file with a layer that it may name although it is higher; those that were needed are added to `used`.
pub(crate) fn arrows_up<'a>(
    file: &Source,
    base: &[&str],
    layers: &[&[&str]],
    exceptions: &'a [(&'a str, &'a str)],
    used: &mut Vec<(&'a str, &'a str)>,
) -> Vec<Fault> {
    let module = module_of(&file.path);
    let Some((&top, _)) = module
        .strip_prefix(base)
        .and_then(|inside| inside.split_first())
    else {
        return Vec::new();
    };
    let layer = |name: &str| layers.iter().position(|layer| layer.contains(&name));
    let Some(own) = layer(top) else {
        let what = format!("module `{top}` has no layer");
        return vec![file.fault(1, what, "give it one in the table of tests/tidy.rs")];
    };
    let mut faults = Vec::new();
    for (line, name) in names_below(&file.tokens(), base, module.len()) {
        match layer(name) {
            Some(other) if other > own => {
                let allowed = |(from, to): &&(&str, &str)| *from == file.path && *to == name;
                if let Some(&exception) = exceptions.iter().find(allowed) {
                    used.push(exception);
                    continue;
                }
                let what = format!("`{top}` (layer {own}) names `{name}` (layer {other})");
                faults.push(file.fault(
                    line,
                    what,
                    "move one of the two, or hand it in from above",
                ));
            }
            Some(_) => {}
            None => {
                let what = format!("`{name}` is no module of the table of layers");
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

/// What follows the path of `base`, from `crate::` or by as many `super::` as lead there, in a module that many steps below
/// the root.
fn names_below<'a>(tokens: &[Token<'a>], base: &[&str], below: usize) -> Vec<(usize, &'a str)> {
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
                // Where the path begins, from the root: a module that holds this one.
                let begin = match supers {
                    0 => 0,
                    _ => (below + inline_modules.len()).saturating_sub(supers),
                };
                if begin <= base.len() && text(tokens, at) == "::" {
                    let rest = &base[begin..];
                    for (line, path) in paths(tokens, at + 1) {
                        if path.len() > rest.len() && path[..rest.len()] == *rest {
                            found.push((line, path[rest.len()]));
                        }
                    }
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

fn up(file: &Source, base: &[&str]) -> Vec<Fault> {
    arrows_up(file, base, TABLE, &[], &mut Vec::new())
}

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
    assert_eq!(lines(&up(&file, &[])), [1, 2, 5, 6]);
    let file = Source::new(
        "src/middle/mod.rs",
        "use super::high::C; mod a { use super::low; }",
    );
    assert_eq!(lines(&up(&file, &[])), [1]);
    let file = Source::new("src/high.rs", "use crate::{low, middle, high};");
    assert_eq!(lines(&up(&file, &[])), []);
}

#[test]
fn a_path_through_the_root_is_found() {
    let file = Source::new(
        "src/low.rs",
        "\nuse crate::{Reexported, low};\nuse super::*;",
    );
    assert_eq!(lines(&up(&file, &[])), [2, 3]);
}

#[test]
fn a_module_without_a_layer_is_found() {
    let file = Source::new("src/odd/deep.rs", "");
    assert_eq!(lines(&up(&file, &[])), [1]);
    let file = Source::new("src/lib.rs", "use crate::anything;");
    assert_eq!(lines(&up(&file, &[])), []);
}

#[test]
fn an_arrow_up_inside_a_folder_is_found() {
    let text = "use crate::house::{low::A, high::C};
        use super::super::high;
        use super::near;
        use crate::{high, house::{high, low}};
        mod inner { use super::super::super::high::C; }
        fn f() { crate::elsewhere::high() }";
    let file = Source::new("src/house/middle/deep.rs", text);
    assert_eq!(lines(&up(&file, &["house"])), [1, 2, 4, 5]);
    let file = Source::new("src/house/mod.rs", "use self::high::C;");
    assert_eq!(lines(&up(&file, &["house"])), []);
    let file = Source::new("src/other/low.rs", "use crate::house::high::C;");
    assert_eq!(lines(&up(&file, &["house"])), []);
}

#[test]
fn an_exception_is_for_one_file_and_one_layer() {
    let exceptions = [("src/low.rs", "middle"), ("src/low.rs", "high")];
    let mut used = Vec::new();
    let file = Source::new("src/low.rs", "use crate::middle;");
    let faults = arrows_up(&file, &[], TABLE, &exceptions, &mut used);
    assert_eq!(lines(&faults), []);
    assert_eq!(used, [("src/low.rs", "middle")]);
    let file = Source::new("src/low/deep.rs", "use crate::middle;");
    let faults = arrows_up(&file, &[], TABLE, &exceptions, &mut used);
    assert_eq!(lines(&faults), [1]);
}
