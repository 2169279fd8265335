//! Redis's protocol: commands as they are read, replies as they are written.

use std::io;
use std::io::Write;

/// How long a string of a command may be, and how many there may be, as in Redis itself.
const LONGEST: usize = 512 << 20;
const MOST: usize = 1 << 20;

/// The strings of a command, and its length as it was read.
type Command<'a> = (Vec<&'a [u8]>, usize);

/// The first command in here, if all of it is there. One without strings is to be skipped.
pub(crate) fn command(input: &[u8]) -> io::Result<Option<Command<'_>>> {
    let Some((line, mut at)) = line(input, 0) else {
        return Ok(None);
    };
    let Some(count) = line.strip_prefix(b"*") else {
        // A line of words, as somebody types it.
        let words = line.split(u8::is_ascii_whitespace);
        return Ok(Some((words.filter(|word| !word.is_empty()).collect(), at)));
    };
    let count = number(count, MOST)?;
    let mut strings = Vec::with_capacity(count.min(16));
    for _ in 0..count {
        let Some((head, start)) = self::line(input, at) else {
            return Ok(None);
        };
        let length = head
            .strip_prefix(b"$")
            .ok_or_else(|| wrong("expected '$'"))?;
        let end = start + number(length, LONGEST)?;
        if input.len() < end + 2 {
            return Ok(None);
        }
        strings.push(&input[start..end]);
        at = end + 2;
    }
    Ok(Some((strings, at)))
}

/// The line that begins at `at`, and where the next one begins.
fn line(input: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = &input[at..];
    let end = rest.iter().position(|&byte| byte == b'\n')?;
    let line = &rest[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), at + end + 1))
}

fn number(digits: &[u8], most: usize) -> io::Result<usize> {
    let number = std::str::from_utf8(digits)
        .ok()
        .and_then(|text| text.parse().ok());
    match number {
        Some(number) if number <= most => Ok(number),
        _ => Err(wrong("a length that is none or too large")),
    }
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Replies that are not sent yet.
#[derive(Default)]
pub(crate) struct Replies(pub(crate) Vec<u8>);

impl Replies {
    pub(crate) fn status(&mut self, text: &str) {
        self.write(format_args!("+{text}\r\n"));
    }

    pub(crate) fn error(&mut self, text: &str) {
        self.write(format_args!("-ERR {text}\r\n"));
    }

    pub(crate) fn integer(&mut self, number: i64) {
        self.write(format_args!(":{number}\r\n"));
    }

    pub(crate) fn nothing(&mut self) {
        self.0.extend_from_slice(b"$-1\r\n");
    }

    pub(crate) fn string(&mut self, bytes: &[u8]) {
        self.write(format_args!("${}\r\n", bytes.len()));
        self.0.extend_from_slice(bytes);
        self.0.extend_from_slice(b"\r\n");
    }

    pub(crate) fn strings(&mut self, strings: &[&[u8]]) {
        self.array(strings.len());
        strings.iter().for_each(|string| self.string(string));
    }

    /// The head of an array. Its elements come next.
    pub(crate) fn array(&mut self, length: usize) {
        self.write(format_args!("*{length}\r\n"));
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("a Vec takes all");
    }
}
