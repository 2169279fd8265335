//! How far a piece of work is, as it is written down.

use serde::{Deserialize, Serialize};

use crate::engine::Ending;

/// One byte for the kind, and what belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// A worker has it, and writes this anew before the silence is over.
    Running(Running),
    /// It is tried again in a while.
    Waiting {
        tries: u32,
    },
    Over(Ending),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Running {
    pub(super) tries: u32,
    /// In milliseconds: whoever is silent for longer has lost it.
    pub(super) silence: u64,
}

#[derive(Serialize, Deserialize)]
struct Failed {
    code: u16,
    message: String,
    tries: u32,
}

impl State {
    pub(super) fn write(&self) -> Vec<u8> {
        let with = |kind, json: Result<Vec<u8>, _>| {
            let mut bytes = vec![kind];
            bytes.extend(json.expect("numbers and texts can be written"));
            bytes
        };
        match self {
            Self::Running(running) => with(b'R', serde_json::to_vec(running)),
            Self::Waiting { tries } => with(b'W', serde_json::to_vec(tries)),
            Self::Over(Ending::Value(json)) => [b"V", &**json].concat(),
            Self::Over(Ending::Failed {
                code,
                message,
                tries,
            }) => {
                let failed = Failed {
                    code: *code,
                    message: message.clone(),
                    tries: *tries,
                };
                with(b'F', serde_json::to_vec(&failed))
            }
            Self::Over(Ending::Cancelled) => vec![b'C'],
            Self::Over(Ending::Killed) => vec![b'K'],
        }
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        Some(match kind {
            b'R' => Self::Running(serde_json::from_slice(rest).ok()?),
            b'W' => Self::Waiting {
                tries: serde_json::from_slice(rest).ok()?,
            },
            b'V' => Self::Over(Ending::Value(rest.to_vec())),
            b'F' => {
                let failed: Failed = serde_json::from_slice(rest).ok()?;
                Self::Over(Ending::Failed {
                    code: failed.code,
                    message: failed.message,
                    tries: failed.tries,
                })
            }
            b'C' => Self::Over(Ending::Cancelled),
            b'K' => Self::Over(Ending::Killed),
            _ => return None,
        })
    }

    /// Whether these bytes are of something that is not over, without a look at what belongs to it.
    pub(super) fn goes_on(bytes: &[u8]) -> bool {
        matches!(bytes.first(), Some(b'R' | b'W'))
    }

    /// How often it was tried by then.
    pub(super) fn tries(&self) -> u32 {
        match self {
            Self::Running(Running { tries, .. }) | Self::Waiting { tries } => *tries,
            Self::Over(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_back() {
        let failed = Ending::Failed {
            code: 500,
            message: "é".into(),
            tries: 2,
        };
        let running = Running {
            tries: 1,
            silence: 700,
        };
        for state in [
            State::Running(running),
            State::Waiting { tries: 4 },
            State::Over(Ending::Value(b"[1]".to_vec())),
            State::Over(failed),
            State::Over(Ending::Cancelled),
            State::Over(Ending::Killed),
        ] {
            let bytes = state.write();
            assert_eq!(State::goes_on(&bytes), !matches!(state, State::Over(_)));
            assert_eq!(State::read(&bytes), Some(state));
        }
        assert_eq!(State::read(b""), None);
        assert_eq!(State::read(b"Rx"), None);
    }
}
