//! A file as the checks see it: its text, its code and its comments; tokens and use trees.

use std::fmt;
use std::fs;
use std::path::Path;

/// One file of the repository.
pub(crate) struct Source {
    /// From the repository's root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with comments and literals blanked, line for line.
    pub(crate) code: String,
    /// The text with everything but comments blanked, line for line.
    pub(crate) comments: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let (code, comments) = split(text);
        Self {
            path: path.into(),
            text: text.into(),
            code,
            comments,
        }
    }

    /// Is this file one of these, or in one of these folders?
    pub(crate) fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| match place.strip_suffix('/') {
            Some(_) => self.path.starts_with(place),
            None => self.path == *place,
        })
    }

    pub(crate) fn fault(&self, line: usize, what: impl Into<String>, cure: &str) -> Fault {
        Fault {
            path: self.path.clone(),
            line,
            what: what.into(),
            cure: cure.into(),
        }
    }

    pub(crate) fn tokens(&self) -> Vec<Token<'_>> {
        tokens(&self.code)
    }
}

/// What is wrong, where, and what to do about it.
#[derive(Debug)]
pub(crate) struct Fault {
    path: String,
    line: usize,
    what: String,
    cure: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}; {}",
            self.path, self.line, self.what, self.cure
        )
    }
}

/// The line of each fault, for the self-tests.
pub(crate) fn lines(faults: &[Fault]) -> Vec<usize> {
    faults.iter().map(|fault| fault.line).collect()
}

pub(crate) fn read(path: &str) -> Source {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(full).unwrap_or_else(|error| panic!("{path}: {error}"));
    Source::new(path, &text)
}

pub(crate) fn rust_files(folder: &str) -> Vec<Source> {
    files(folder, "rs")
}

/// All files with that extension below the folder, by path.
pub(crate) fn files(folder: &str, extension: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                let path = path.strip_prefix(root).expect("below the root");
                found.push(path.to_str().expect("a UTF-8 path").replace('\\', "/"));
            }
        }
    }
    found.sort();
    found.iter().map(|path| read(path)).collect()
}

/// Splits a text into code and comments of the same length, blanks in place of what was left out.
fn split(text: &str) -> (String, String) {
    let blank = |text: &str| -> String {
        text.chars()
            .map(|c| if c == '\n' { '\n' } else { ' ' })
            .collect()
    };
    let (mut code, mut comments) = (String::new(), String::new());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, comment) = match first {
            '/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), true),
            '/' if rest.starts_with("/*") => (block_comment(rest), true),
            '"' => (quoted(rest), false),
            '\'' => (char_literal(rest), false),
            'r' if !code.ends_with(is_word) || code.ends_with(['b', 'c']) => (raw(rest), false),
            _ => (0, false),
        };
        if length == 0 {
            code.push(first);
            comments.push_str(&blank(&rest[..first.len_utf8()]));
            rest = &rest[first.len_utf8()..];
        } else {
            let piece = &rest[..length];
            code.push_str(&blank(piece));
            comments.push_str(&if comment { piece.into() } else { blank(piece) });
            rest = &rest[length..];
        }
    }
    (code, comments)
}

/// Block comments nest.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// 0 for a lifetime.
fn char_literal(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            chars.next();
            chars
                .find(|(_, c)| *c == '\'')
                .map_or(text.len(), |(at, _)| at + 1)
        }
        Some(_) => chars
            .next()
            .filter(|(_, c)| *c == '\'')
            .map_or(0, |(at, _)| at + 1),
        None => 0,
    }
}

/// 0 for what is not a raw string after all.
fn raw(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|c| *c == '#').count();
    let Some(body) = text[1 + hashes..].strip_prefix('"') else {
        return 0;
    };
    let end = format!("\"{}", "#".repeat(hashes));
    body.find(&end)
        .map_or(text.len(), |at| 2 + hashes + at + end.len())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A word, `::`, or one sign.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) line: usize,
    pub(crate) text: &'a str,
}

fn tokens(code: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    for (line, mut rest) in code.lines().enumerate() {
        while let Some(first) = rest.chars().next() {
            let length = match first {
                c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                ':' if rest.starts_with("::") => 2,
                c => c.len_utf8(),
            };
            if !first.is_whitespace() {
                found.push(Token {
                    line: line + 1,
                    text: &rest[..length],
                });
            }
            rest = &rest[length..];
        }
    }
    found
}

/// The text of the token there, or nothing.
pub(crate) fn text<'a>(tokens: &[Token<'a>], at: usize) -> &'a str {
    tokens.get(at).map_or("", |token| token.text)
}

/// The paths that begin at a token, with the line of each: one, or those of a use tree. `a::{b, c::d}` gives `a::b`
/// and `a::c::d`.
pub(crate) fn paths<'a>(tokens: &[Token<'a>], at: usize) -> Vec<(usize, Vec<&'a str>)> {
    let mut found = Vec::new();
    grow(tokens, at, &[], &mut found);
    found
}

/// Returns the place after the tree.
fn grow<'a>(
    tokens: &[Token<'a>],
    mut at: usize,
    stem: &[&'a str],
    found: &mut Vec<(usize, Vec<&'a str>)>,
) -> usize {
    let mut path = stem.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.line);
    loop {
        match text(tokens, at) {
            "{" => {
                at += 1;
                while !matches!(text(tokens, at), "}" | "") {
                    at = grow(tokens, at, &path, found);
                    // Past a rename, to the next branch.
                    while !matches!(text(tokens, at), "," | "}" | "") {
                        at += 1;
                    }
                    at += usize::from(text(tokens, at) == ",");
                }
                return at + 1;
            }
            word if word == "*" || word.starts_with(is_word) => {
                path.push(word);
                at += 1;
            }
            _ => break,
        }
        if text(tokens, at) != "::" {
            break;
        }
        at += 1;
    }
    found.push((line, path));
    at
}

#[test]
fn code_and_comments_are_told_apart() {
    let text = r##"a /* b /* c */ d */ 'e' '\'' "f \" g" r#"h " i"# &'j k // l"##;
    let file = Source::new("x.rs", text);
    let words: Vec<_> = file.tokens().iter().map(|t| t.text).collect();
    assert_eq!(words, ["a", "&", "'", "j", "k"]);
    let comments: Vec<_> = tokens(&file.comments).iter().map(|t| t.text).collect();
    assert_eq!(comments.concat(), "/*b/*c*/d*///l");
}

#[test]
fn use_trees_become_paths() {
    let file = Source::new("x.rs", "use a::{b as c, d::{e, f::*},\n self};");
    let found = paths(&file.tokens(), 1);
    let paths: Vec<_> = found
        .iter()
        .map(|(line, path)| (*line, path.join("::")))
        .collect();
    let expected = [
        (1, "a::b"),
        (1, "a::d::e"),
        (1, "a::d::f::*"),
        (2, "a::self"),
    ];
    assert_eq!(paths, expected.map(|(line, path)| (line, path.to_string())));
}
