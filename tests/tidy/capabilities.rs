//! The tables of `docs/capabilities.md`: each row names rules and tests that are there and belong together.

use crate::rules;
use crate::source::{Fault, Source, lines};

/// Rows without rules or tests, with rules that are none, or with tests that are not there or keep other rules.
pub(crate) fn untrue(page: &Source, semantics: &Source, tests: &[Source]) -> Vec<Fault> {
    let known = rules::all(semantics);
    let mut faults = Vec::new();
    for (at, line) in page.text.lines().enumerate() {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        // Neither text, nor the head of a table.
        let (true, [_, _, rules, named]) = (line.starts_with('|'), &cells[..]) else {
            continue;
        };
        if *rules == "rules" || rules.starts_with('-') {
            continue;
        }
        let mut fault = |what: String| {
            let cure = "name rules of docs/semantics.md, and tests as `file::function`";
            faults.push(page.fault(at + 1, what, cure));
        };
        let rules: Vec<_> = rules.split(", ").collect();
        for rule in rules.iter().filter(|rule| !known.contains(*rule)) {
            fault(format!("`{rule}` is no rule"));
        }
        for name in named.split(", ").map(|name| name.trim_matches('`')) {
            if !is_kept(name, &rules, tests) {
                fault(format!("no test `{name}` of one of these rules"));
            }
        }
    }
    faults
}

/// Is there such a test, in a file that cites one of the rules?
fn is_kept(name: &str, rules: &[&str], tests: &[Source]) -> bool {
    let Some((file, function)) = name.split_once("::") else {
        return false;
    };
    if file == "ui" {
        let path = format!("tests/ui/fail/{function}.rs");
        return tests.iter().any(|test| test.path == path);
    }
    let (file, function) = (format!("/{file}.rs"), format!("fn {function}("));
    tests.iter().any(|test| {
        let cites = |rule: &&str| rules::cites(test, rule);
        test.path.ends_with(&file) && test.text.contains(&function) && rules.iter().any(cites)
    })
}

#[test]
fn untrue_rows_are_found() {
    let semantics = Source::new("docs/semantics.md", "**A-1.** a\n\n**A-2.** b\n");
    let tests = [
        Source::new("tests/x/some.rs", "// A-1\nasync fn keeps(on: Site) {}"),
        Source::new("tests/ui/fail/bad.rs", ""),
    ];
    let rows = [
        "text",
        "| what | here | rules | tests |",
        "|---|---|---|---|",
        "| a | b | A-1, A-2 | `some::keeps`, `ui::bad` |",
        "| a | b | A-2 | `some::keeps` |",
        "| a | b | A-1 | `some::keep` |",
        "| a | b | A-1 | `other::keeps` |",
        "| a | b | A-3, A-1 | `some::keeps` |",
        "| a | b | A-1 |  |",
        "| a | b | A-1 | `ui::good` |",
    ];
    let page = Source::new("docs/capabilities.md", &rows.join("\n"));
    assert_eq!(
        lines(&untrue(&page, &semantics, &tests)),
        [5, 6, 7, 8, 9, 10]
    );
}
