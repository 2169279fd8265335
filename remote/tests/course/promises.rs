//! Each test that `docs/promises.md` names is one.

use std::collections::HashMap;

const SOURCES: &[(&str, &str)] = &[
    ("cancels", include_str!("cancels.rs")),
    ("drops", include_str!("drops.rs")),
    ("ends", include_str!("ends.rs")),
    ("garbage", include_str!("garbage.rs")),
    ("hostile", include_str!("hostile.rs")),
    ("in_one", include_str!("in_one.rs")),
    ("lost", include_str!("lost.rs")),
    ("tree", include_str!("tree.rs")),
];

/// Those that are really run.
const SCENARIOS: &str = include_str!("../engines/scenarios.rs");

#[test]
fn the_tests_that_hold_the_promises_are_there() {
    let sources: HashMap<_, _> = SOURCES.iter().copied().collect();
    let table = include_str!("../../docs/promises.md");
    let rows: Vec<_> = table.lines().filter(|line| is_row(line)).collect();
    assert!(rows.len() > 20);
    for (at, row) in rows.iter().enumerate() {
        assert!(row.starts_with(&format!("| {} |", at + 1)), "{row}");
        let tests = row.rsplit('|').nth(1).unwrap();
        let names: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "{row}");
        for name in names {
            let is_there = match name.split_once("::") {
                Some((file, test)) => sources[file].contains(&format!("#[test]\nfn {test}() {{")),
                None => SCENARIOS.contains(&format!("\"{name}\"")),
            };
            assert!(is_there, "{name}");
        }
    }
}

fn is_row(line: &str) -> bool {
    line.strip_prefix("| ")
        .is_some_and(|row| row.starts_with(|first: char| first.is_ascii_digit()))
}
