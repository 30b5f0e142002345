//! What one job of a probe says: one line on its standard output, a reason on its standard error, and a status.

use std::fmt::Display;

use serde::Serialize;
use sockeye::Error;
use sockeye::work::{self, Blob, Ending};

use crate::exit;

/// What one job says.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// 0, or as the command would have ended.
    pub(crate) status: u8,
    /// The useful line, or what was asked for.
    pub(crate) stdout: Blob,
    /// What is to be known beside it, in lines.
    pub(crate) stderr: String,
}

/// A text of somebody else's, harmless and without tabs.
pub(crate) fn shown(text: &str) -> String {
    sockeye::data::escape::escape(text.as_bytes()).replace('\t', "\\t")
}

/// A result: a line of text with tabs between its columns, or an object of JSON.
pub(crate) trait Told: Serialize + Display {}
impl<T: Serialize + Display> Told for T {}

impl Said {
    /// It went well.
    pub(crate) fn line(json: bool, told: &impl Told) -> Self {
        let line = match json {
            // Nothing that is told here has keys that are no text.
            true => serde_json::to_string(told).unwrap_or_default(),
            false => told.to_string(),
        };
        Self {
            status: 0,
            stdout: Blob::from(line + "\n"),
            stderr: String::new(),
        }
    }

    /// It went wrong before there was anything to tell.
    pub(crate) fn failed(json: bool, target: &str, error: &Error) -> Self {
        let mut said = Self::default().with_error(error);
        if json {
            let event = FailedEvent {
                target,
                code: error.kind().code(),
                message: error.to_string(),
                hint: error.hint(),
            };
            let line = serde_json::to_string(&event).unwrap_or_default();
            said.stdout = Blob::from(line + "\n");
        }
        said
    }

    /// The same, which for this reason is a failure.
    pub(crate) fn with_error(mut self, error: &Error) -> Self {
        self.status = exit::code(error.kind());
        self.stderr.push_str(&format!("{error}\n"));
        self
    }

    /// The same, with a warning.
    pub(crate) fn warned(mut self, warnings: &[String]) -> Self {
        for warning in warnings {
            self.stderr.push_str(&format!("warning: {warning}\n"));
        }
        self
    }

    /// What the engine wants to know.
    pub(super) fn outcome(self) -> work::Outcome {
        let mut outcome = work::Outcome::new(Ending::Exited(self.status));
        outcome.stdout = self.stdout;
        outcome.stderr = Blob::from(self.stderr);
        outcome
    }
}

/// A job that failed before there was anything to tell.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "failed")]
struct FailedEvent<'a> {
    target: &'a str,
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}
