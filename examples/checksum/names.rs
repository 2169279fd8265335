//! File names as sha256sum prints them: on standard output for its own `--check`, in complaints for a shell.

use std::ffi::OsStr;
use std::fmt::Write;

/// For standard output: the name, and whether it had to be escaped, which a backslash at the head of the line tells.
pub(crate) fn escape(name: &OsStr) -> (bool, Vec<u8>) {
    let mut escaped = Vec::new();
    for &byte in name.as_encoded_bytes() {
        match byte {
            b'\\' => escaped.extend(br"\\"),
            b'\n' => escaped.extend(br"\n"),
            b'\r' => escaped.extend(br"\r"),
            _ => escaped.push(byte),
        }
    }
    (escaped.len() > name.len(), escaped)
}

/// For a complaint: as it is if a shell would leave it alone, otherwise in quotes. Always on one line.
pub(crate) fn quote(name: &OsStr) -> String {
    let plain = |(at, c): (usize, char)| match c {
        '#' | '~' => at > 0,
        '{' | '}' => name.len() > 1,
        _ => {
            c.is_ascii_alphanumeric() || "%+,-./@]_".contains(c) || !c.is_ascii() && !c.is_control()
        }
    };
    if let Some(text) = name.to_str() {
        if !text.is_empty() && text.char_indices().all(plain) {
            return text.into();
        }
        let in_double_quotes = |(at, c)| " ':#~".contains(c) || plain((at, c));
        if text.contains('\'') && text.char_indices().all(in_double_quotes) {
            return format!("\"{text}\"");
        }
    }
    let mut quoted = Quoted {
        text: "'".into(),
        in_escape: false,
    };
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\'' => quoted.plain("'\\''"),
                c if c.is_control() => quoted.escape(c.encode_utf8(&mut [0; 4]).as_bytes()),
                c => quoted.plain(c.encode_utf8(&mut [0; 4])),
            }
        }
        quoted.escape(chunk.invalid());
    }
    quoted.text + "'"
}

/// Pieces in plain quotes, `'…'`, and pieces in quotes for escapes, `$'…'`.
struct Quoted {
    text: String,
    in_escape: bool,
}

impl Quoted {
    fn plain(&mut self, text: &str) {
        if std::mem::take(&mut self.in_escape) {
            self.text.push_str("''");
        }
        self.text.push_str(text);
    }

    fn escape(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() && !std::mem::replace(&mut self.in_escape, true) {
            self.text.push_str("'$'");
        }
        for &byte in bytes {
            match byte {
                0x07..=0x0d => {
                    let letter = b"abtnvfr"[usize::from(byte - 7)];
                    self.text.extend(['\\', letter.into()]);
                }
                _ => write!(self.text, "\\{byte:03o}").expect("a string takes all"),
            }
        }
    }
}
