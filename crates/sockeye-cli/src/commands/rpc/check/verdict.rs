//! Cases and verdicts: what is sent, what has to come back, and what came.

use sockeye::data::escape::{escape, escape_str};
use sockeye::data::json;
use sockeye::data::xmlrpc::{self, ReadOptions};

use crate::commands::rpc::carry::Reply;

/// What is thought of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// As it should be, with something worth knowing.
    Noted(String),
    /// The rules are broken.
    Violation(String),
    /// The case says nothing about this server.
    NotApplicable(String),
}

/// One case.
pub(super) struct Case {
    /// Its name, unique.
    pub(super) name: &'static str,
    /// Where the rule stands.
    pub(super) section: &'static str,
    /// What is sent.
    pub(super) sent: Vec<u8>,
    /// What has to come, in words.
    pub(super) expected: String,
    /// Nothing may come: whoever carries this has to find out whether anything does.
    pub(super) silent: bool,
    /// What is thought of what came.
    pub(super) judge: Box<dyn Fn(&Reply) -> Verdict + Send + Sync>,
}

/// A case, and what became of it.
pub(super) struct Judged {
    pub(super) case: Case,
    pub(super) reply: Reply,
    pub(super) verdict: Verdict,
}

impl Case {
    /// Judge what came.
    pub(super) fn judged(self, reply: Reply) -> Judged {
        let verdict = match &reply.broken {
            Some(why) => Verdict::Violation(why.clone()),
            None => (self.judge)(&reply),
        };
        Judged {
            case: self,
            reply,
            verdict,
        }
    }
}

impl Verdict {
    /// In one word.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Ok | Self::Noted(_) => "ok",
            Self::Violation(_) => "violation",
            Self::NotApplicable(_) => "not-applicable",
        }
    }

    /// What there is to say.
    pub(super) fn note(&self) -> Option<&str> {
        match self {
            Self::Ok => None,
            Self::Noted(why) | Self::Violation(why) | Self::NotApplicable(why) => Some(why),
        }
    }
}

/// The body as text, with its status if that is not 200, and at most so many characters of it.
pub(super) fn told(reply: &Reply, most: usize) -> String {
    let status = match reply.status {
        None | Some(200) => String::new(),
        Some(status) => format!("{status} "),
    };
    match (&reply.broken, reply.body.is_empty()) {
        (Some(_), true) => "nothing".to_owned(),
        (_, true) => format!("{status}nothing"),
        _ => match in_short(&reply.body) {
            Some(short) => format!("{status}{}", shown(short.as_bytes(), most)),
            None => format!("{status}{}", shown(&reply.body, most)),
        },
    }
}

/// Bytes as one line of text without what could confuse a terminal; what is left out is counted.
pub(super) fn shown(bytes: &[u8], most: usize) -> String {
    let trimmed = bytes.trim_ascii();
    let text = match std::str::from_utf8(trimmed) {
        Ok(text) => escape_str(&text.replace(['\n', '\r'], " ")).into_owned(),
        Err(_) => escape(trimmed),
    };
    if text.chars().count() <= most {
        return text;
    }
    let begin: String = text.chars().take(most).collect();
    format!("{begin}… ({} bytes)", bytes.len())
}

/// A document of XML-RPC in short.
fn in_short(document: &[u8]) -> Option<String> {
    match xmlrpc::parse_answer(document, &ReadOptions::default()).ok()? {
        Ok(value) => Some(json::to_string(&value)),
        Err(fault) => Some(format!("fault {}: {}", fault.code, fault.message)),
    }
}
