//! The numbered rules: each one cited by a test, and no citation of a rule that is not there.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Fault, Source, lines};

/// Rules that no test cites, and numbers that are given twice.
pub(crate) fn uncited(semantics: &Source, tests: &[Source]) -> Vec<Fault> {
    let cited: BTreeSet<_> = tests
        .iter()
        .flat_map(|file| ids(&file.comments))
        .map(|(_, id)| id)
        .collect();
    let mut first = BTreeMap::new();
    let mut faults = Vec::new();
    for (line, id) in defined(semantics) {
        if let Some(earlier) = first.insert(id, line) {
            let what = format!("{id} is also the rule of line {earlier}");
            faults.push(semantics.fault(line, what, "give it a number of its own"));
        } else if !cited.contains(id) {
            let what = format!("no test keeps rule {id}");
            faults.push(semantics.fault(
                line,
                what,
                "write one below tests/ and cite the rule in a comment",
            ));
        }
    }
    if first.is_empty() {
        faults.push(semantics.fault(
            1,
            "there is no rule",
            "begin a paragraph with one, as `**Word-1.**`",
        ));
    }
    faults
}

/// Citations, in the comments of these files and in the rules themselves, of what is not a rule.
pub(crate) fn unknown(semantics: &Source, files: &[Source]) -> Vec<Fault> {
    let defined = all(semantics);
    let in_files = files
        .iter()
        .flat_map(|file| ids(&file.comments).map(move |found| (file, found)));
    let in_rules = ids(&semantics.text).map(|found| (semantics, found));
    let strangers = in_files
        .chain(in_rules)
        .filter(|(_, (_, id))| !defined.contains(id));
    let fault = |(file, (line, id)): (&Source, (usize, &str))| {
        let what = format!("{id} is no rule of {}", semantics.path);
        file.fault(
            line,
            what,
            "correct the number, or spell it otherwise if it is not a rule's",
        )
    };
    strangers.map(fault).collect()
}

/// All rules that there are.
pub(crate) fn all(semantics: &Source) -> BTreeSet<&str> {
    defined(semantics).into_iter().map(|(_, id)| id).collect()
}

/// Does a comment of this file cite the rule?
pub(crate) fn cites(file: &Source, rule: &str) -> bool {
    ids(&file.comments).any(|(_, id)| id == rule)
}

/// The rules, each at the head of a paragraph: `**Leaving-1.**`.
fn defined(semantics: &Source) -> Vec<(usize, &str)> {
    let head = |(at, line): (usize, &'_ str)| -> Option<(usize, std::ops::Range<usize>)> {
        let (_, id) = ids(line).next()?;
        line.starts_with(&format!("**{id}.**"))
            .then_some((at + 1, 2..2 + id.len()))
    };
    let lines = semantics.text.lines().enumerate();
    lines
        .filter_map(|(at, line)| head((at, line)).map(|(at, id)| (at, &line[id])))
        .collect()
}

/// What has the form of a rule's number, with its line: a capital, small letters, a dash, digits.
fn ids(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let words = move |line| str::split(line, move |c| !is_part(c));
    let lines = text.lines().enumerate();
    lines.flat_map(move |(at, line)| {
        words(line)
            .filter(|word| is_id(word))
            .map(move |id| (at + 1, id))
    })
}

fn is_id(word: &str) -> bool {
    let Some((name, number)) = word.split_once('-') else {
        return false;
    };
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_ascii_uppercase())
        && letters.all(|c| c.is_ascii_lowercase())
        && !number.is_empty()
        && number.chars().all(|c| c.is_ascii_digit())
}

fn semantics() -> Source {
    let text =
        "# Rules\n\n**Leaving-1.** Text.\n\n**Errors-12.** See Leaving-1 and SHA-256.\nText.\n";
    Source::new("docs/semantics.md", text)
}

#[test]
fn an_uncited_rule_is_found() {
    let cites = |text| [Source::new("tests/scopes/a.rs", text)];
    assert_eq!(
        lines(&uncited(&semantics(), &cites("// Leaving-1, Errors-12\n"))),
        []
    );
    assert_eq!(
        lines(&uncited(
            &semantics(),
            &cites("// Leaving-1\n\"Errors-12\";")
        )),
        [5]
    );
    assert_eq!(
        lines(&uncited(
            &semantics(),
            &cites("/// Errors-12, Leaving-11\n")
        )),
        [3]
    );
}

#[test]
fn a_number_given_twice_is_found() {
    let twice = Source::new("docs/semantics.md", "**A-1.** a\n\n**A-1.** b\n");
    assert_eq!(
        lines(&uncited(&twice, &[Source::new("tests/a.rs", "// A-1")])),
        [3]
    );
    assert_eq!(
        lines(&uncited(&Source::new("docs/semantics.md", "A-1. a"), &[])),
        [1]
    );
}

#[test]
fn a_citation_of_nothing_is_found() {
    let file = Source::new(
        "src/a.rs",
        "//! Leaving-1 (UTF-8)\n/// rule Leaving-2\nfn a() { \"Leaving-3\" }\n",
    );
    assert_eq!(lines(&unknown(&semantics(), &[file])), [2]);
    let rules = Source::new("docs/semantics.md", "**A-1.** But A-2.\n");
    assert_eq!(lines(&unknown(&rules, &[])), [1]);
}
