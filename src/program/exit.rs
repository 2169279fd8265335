//! `Exit`: what `main` gave, and how its run ended.

use std::fmt;
use std::process::{ExitCode, Termination};

use super::report::{ExitKind, ExitReport};
use crate::shows::shows;
use crate::token::CancelReason;

/// What a [`run`](crate::run) gives: the value of `main`, and the [report](ExitReport) on how the run ended.
///
/// There is no value if `main` was dropped, since a shutdown was asked for and it was not over within the grace. There is no
/// panic in it: that of `main` goes on where the run is left.
///
/// A program's `main` may return it. What is in the report is then printed if it is not clean, and the exit code is that of the
/// value; 1 if something failed on the way out or somebody was stuck; and without a value 128 and the number of the signal
/// that asked for the shutdown, or 1.
///
/// # Examples
///
/// ```
/// use ingather::program::Exit;
/// use ingather::run;
///
/// fn main() -> Exit<Result<(), std::io::Error>> {
///     run(async { Ok(()) })
/// }
/// ```
#[must_use = "the report says what failed on the way out: return it from `main`, or look at it"]
pub struct Exit<T> {
    value: Option<T>,
    report: ExitReport,
}

impl<T> Exit<T> {
    pub(super) fn new(value: Option<T>, report: ExitReport) -> Self {
        Self { value, report }
    }

    /// The value of `main`, if it gave one.
    pub fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// The value of `main` by itself, if it gave one.
    pub fn into_value(self) -> Option<T> {
        self.value
    }

    /// The value of `main`, or why there is none.
    ///
    /// # Errors
    ///
    /// The reason for which `main` was dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use ingather::run;
    ///
    /// assert_eq!(run(async { 7 }).into_result(), Ok(7));
    /// ```
    pub fn into_result(self) -> Result<T, CancelReason> {
        let reason = self.report.reason;
        self.value
            .ok_or_else(|| reason.unwrap_or_else(CancelReason::shutdown))
    }

    /// How the run ended.
    pub fn report(&self) -> &ExitReport {
        &self.report
    }

    /// Both.
    pub fn into_parts(self) -> (Option<T>, ExitReport) {
        (self.value, self.report)
    }
}

impl<T: Termination> Termination for Exit<T> {
    fn report(self) -> ExitCode {
        let report = self.report;
        if !report.is_clean() {
            // Standard error may be closed; there is no third place to go.
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "{report}");
        }
        let clean = report.failures.is_empty() && report.stuck.is_empty();
        match (self.value, report.signal) {
            (Some(value), _) => {
                let code = value.report();
                if clean || code != ExitCode::SUCCESS {
                    code
                } else {
                    ExitCode::FAILURE
                }
            }
            (None, Some(signal)) if report.kind == ExitKind::Cancelled => {
                u8::try_from(signal.saturating_add(128)).map_or(ExitCode::FAILURE, ExitCode::from)
            }
            (None, _) => ExitCode::FAILURE,
        }
    }
}

shows!([T: fmt::Debug] Exit<T>, this => value, report);
