//! The walks that `docs/internals.md` draws through the engine: the files and names in them are there, and each walk goes down and
//! up once.

use crate::source::{Fault, Source};

const HEAD: &str = "## The walks";

/// A step of a walk: a row of a table below the head.
struct Step<'a> {
    line: usize,
    path: &'a str,
    names: &'a str,
}

/// The walks, each the rows of one table.
fn walks(page: &Source) -> Vec<Vec<Step<'_>>> {
    let lines = page.text.lines().enumerate();
    let section = lines
        .skip_while(|(_, line)| *line != HEAD)
        .skip(1)
        .take_while(|(_, line)| !line.starts_with("## "));
    let mut walks = vec![Vec::new()];
    for (at, line) in section {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        match cells.get(1).and_then(|cell| quoted(cell).next()) {
            Some(path) => walks.last_mut().expect("there is one").push(Step {
                line: at + 1,
                path,
                names: cells[2],
            }),
            None if line.starts_with('|') => {}
            None => walks.push(Vec::new()),
        }
    }
    walks.retain(|walk| !walk.is_empty());
    walks
}

/// Rows whose file is not there, or has no such name.
pub(crate) fn lost(page: &Source, files: &[Source]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let walks = walks(page);
    for step in walks.iter().flatten() {
        let path = format!("src/group/{}", step.path);
        let Some(file) = files.iter().find(|file| file.path == path) else {
            faults.push(page.fault(
                step.line,
                format!("{path} is not there"),
                "draw the walk anew",
            ));
            continue;
        };
        let tokens = file.tokens();
        for name in quoted(step.names) {
            if !tokens.iter().any(|token| token.text == name) {
                let what = format!("{path} has no `{name}`");
                faults.push(page.fault(step.line, what, "draw the walk anew"));
            }
        }
    }
    if walks.is_empty() {
        faults.push(page.fault(1, "no walk is drawn", "draw them below their head"));
    }
    faults
}

/// Rows at which a walk goes down again after it went up: each passes the wings, lowest first, downwards once and upwards once.
pub(crate) fn bent(page: &Source, wings: &[&[&str]]) -> Vec<Fault> {
    let height = |step: &Step<'_>| {
        let wing = step.path.split('/').next().unwrap_or_default();
        wings.iter().position(|wings| wings.contains(&wing))
    };
    let mut faults = Vec::new();
    for walk in walks(page) {
        let mut rises = false;
        for pair in walk.windows(2) {
            let (before, after) = (height(&pair[0]), height(&pair[1]));
            if rises && after < before {
                let what = format!("the walk goes down again to `{}`", pair[1].path);
                faults.push(page.fault(
                    pair[1].line,
                    what,
                    "make two walks of it, or lead the code otherwise",
                ));
            }
            rises |= after > before;
        }
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

#[test]
fn a_bend_is_found() {
    let wings: &[&[&str]] = &[&["low"], &["mid"], &["high"]];
    let count = |rows: &str| bent(&Source::new("page.md", &format!("{HEAD}\n{rows}")), wings).len();
    assert_eq!(
        count("| `high/a.rs` | x |\n| `low/a.rs` | x |\n| `mid/a.rs` | x |"),
        0
    );
    assert_eq!(
        count("| `mid/a.rs` | x |\n| `high/a.rs` | x |\n| `low/a.rs` | x |"),
        1
    );
    assert_eq!(
        count("| `mid/a.rs` | x |\n| `high/a.rs` | x |\n\n| `low/a.rs` | x |"),
        0,
        "two walks"
    );
}
