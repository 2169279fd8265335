//! The walks that `docs/internals.md` draws through the engine: the files and names in them are there.

use crate::source::{Fault, Source};

const HEAD: &str = "## Three walks";

/// Rows of the tables below the head of the walks whose file is not there, or has no such name.
pub(crate) fn lost(page: &Source, files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let lines = page.text.lines().enumerate();
    let section = lines
        .skip_while(|(_, line)| *line != HEAD)
        .skip(1)
        .take_while(|(_, line)| !line.starts_with("## "));
    let mut rows = 0;
    for (at, line) in section {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let Some(path) = cells.get(1).and_then(|cell| quoted(cell).next()) else {
            continue;
        };
        rows += 1;
        let path = format!("src/group/{path}");
        let Some(file) = files.iter().find(|file| file.path == path) else {
            faults.push(page.fault(at + 1, format!("{path} is not there"), "draw the walk anew"));
            continue;
        };
        let tokens = file.tokens();
        for name in quoted(cells[2]) {
            if !tokens.iter().any(|token| token.text == name) {
                let what = format!("{path} has no `{name}`");
                faults.push(page.fault(at + 1, what, "draw the walk anew"));
            }
        }
    }
    if rows == 0 {
        faults.push(page.fault(1, "no walk is drawn", "draw them below their head"));
    }
    faults
}

/// What stands in backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn a_lost_name_is_found() {
    let page = |rows: &str| {
        Source::new(
            "page.md",
            &format!("x\n{HEAD}\n{rows}\n## End\n| `no.rs` | `no` |"),
        )
    };
    let files = [Source::new("src/group/a/b.rs", "fn here() {} // there")];
    let count = |rows: &str| lost(&page(rows), &files).len();
    assert_eq!(count("| `a/b.rs` | `here` | it is |"), 0);
    assert_eq!(count("| `a/b.rs` | `there` | only a comment |"), 1);
    assert_eq!(count("| `a/c.rs` | `here` | no such file |"), 1);
    assert_eq!(count("no table"), 1);
}
