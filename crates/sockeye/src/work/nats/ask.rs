//! Single messages of streams, asked for in plain requests: an old server's answers are not all what the crate expects.

use async_nats::Request;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::connect::Broker;
use crate::error::{Error, Kind, Operation, Result};

/// A message that stands in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) subject: String,
    pub(super) sequence: u64,
    pub(super) payload: Bytes,
    /// Whether it only says that something was removed.
    pub(super) is_removal: bool,
}

#[derive(Deserialize)]
struct Answer {
    message: Option<Raw>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    subject: String,
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    hdrs: String,
    #[serde(default)]
    data: String,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: u64,
    #[serde(default)]
    description: String,
}

impl Broker {
    /// The last message under this subject.
    pub(super) async fn last(&self, stream: &str, subject: &str) -> Result<Option<Standing>> {
        self.message(stream, &json!({ "last_by_subj": subject }))
            .await
    }

    /// The first message from this place on under these subjects.
    pub(super) async fn next(
        &self,
        stream: &str,
        subjects: &str,
        from: u64,
    ) -> Result<Option<Standing>> {
        self.message(stream, &json!({ "next_by_subj": subjects, "seq": from }))
            .await
    }

    /// The message at this place.
    pub(super) async fn at(&self, stream: &str, sequence: u64) -> Result<Option<Standing>> {
        self.message(stream, &json!({ "seq": sequence })).await
    }

    async fn message(&self, stream: &str, request: &serde_json::Value) -> Result<Option<Standing>> {
        let subject = format!("$JS.API.STREAM.MSG.GET.{stream}");
        let request = Request::new().payload(request.to_string().into());
        let Some(answer) = self.ask(subject, request).await? else {
            return Ok(None);
        };
        let answer: Answer = serde_json::from_slice(&answer).map_err(|error| self.lost(error))?;
        match answer {
            Answer {
                error: Some(error), ..
            } if error.code == 404 => Ok(None),
            Answer {
                error: Some(error), ..
            } => Err(
                Error::new(Kind::Rejected, Operation::Ask, error.description).about(self.shown()),
            ),
            Answer {
                message: Some(raw), ..
            } if raw.seq > 0 => Ok(Some(self.standing(raw)?)),
            Answer { .. } => Ok(None),
        }
    }

    fn standing(&self, raw: Raw) -> Result<Standing> {
        let decode = |text: &str| {
            data_encoding::BASE64
                .decode(text.as_bytes())
                .map_err(|error| self.lost(error))
        };
        let headers = decode(&raw.hdrs)?;
        Ok(Standing {
            subject: raw.subject,
            sequence: raw.seq,
            payload: decode(&raw.data)?.into(),
            is_removal: String::from_utf8_lossy(&headers).contains("KV-Operation:"),
        })
    }
}
