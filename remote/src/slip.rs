//! What travels along with the work: whose it is, until when it is of use, and the context.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::ticket::ScopeId;

/// The header that it travels in.
#[cfg(any(feature = "nats", feature = "restate"))]
pub(crate) const HEADER: &str = "ingather";

/// The scope is the [`Known`] one of the owner, or whatever was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slip<S = String> {
    pub(crate) scope: S,
    pub(crate) number: u64,
    /// In milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deadline: Option<u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) context: BTreeMap<String, Value>,
}

/// A scope, as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Known(pub(crate) ScopeId);

impl Serialize for Known {
    fn serialize<W: Serializer>(&self, to: W) -> Result<W::Ok, W::Error> {
        to.serialize_str(self.0.as_str())
    }
}

impl<S> Slip<S> {
    pub(crate) fn deadline(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_millis(self.deadline?))
    }

    pub(crate) fn set_deadline(&mut self, left: Option<Duration>) {
        let until = |left| SystemTime::now().checked_add(left);
        let since = |at: SystemTime| at.duration_since(UNIX_EPOCH).ok();
        self.deadline = left
            .and_then(until)
            .and_then(since)
            .and_then(|since| u64::try_from(since.as_millis()).ok());
    }
}

impl<S: Serialize> Slip<S> {
    /// In ASCII, since a header takes nothing else.
    pub(crate) fn to_line(&self) -> String {
        let text = serde_json::to_string(self).expect("the keys are strings");
        if text.is_ascii() {
            return text;
        }
        let mut line = String::with_capacity(text.len());
        for character in text.chars() {
            if character.is_ascii() {
                line.push(character);
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(line, "\\u{unit:04x}").expect("a string takes everything");
            }
        }
        line
    }
}

impl Slip {
    pub(crate) fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_ascii_and_read_back() {
        let mut slip = Slip {
            scope: "s".into(),
            number: 3,
            deadline: None,
            context: BTreeMap::from([("user".into(), Value::from("Åda 🦀\n"))]),
        };
        slip.set_deadline(Some(Duration::from_secs(5)));
        let line = slip.to_line();
        assert!(
            line.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
            "{line}"
        );
        assert_eq!(Slip::read(&line), Some(slip));
    }

    #[test]
    fn a_deadline_too_far_away_is_none() {
        let mut slip = Slip::read(r#"{"scope":"s","number":1}"#).unwrap();
        slip.set_deadline(Some(Duration::MAX));
        assert_eq!(slip.deadline(), None);
    }
}
