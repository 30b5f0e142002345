//! Questions to JetStream's API in plain JSON: an old server's answers lack parts that the crate insists on.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::connect::Broker;
use crate::error::{Error, Kind, Operation, Result};

/// A place behind all subjects of a stream: only their number is asked for, not the list.
const BEYOND: u32 = i32::MAX as u32;

/// A stream, as far as it is looked at.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct StreamInfo {
    pub(super) config: StreamSettings,
    pub(super) state: StreamState,
    /// How many subjects match the filter of the question; each has one message.
    #[serde(default)]
    total: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct StreamSettings {
    #[serde(default)]
    pub(super) max_bytes: i64,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct StreamState {
    #[serde(default)]
    pub(super) bytes: u64,
    /// When the last message came, by the broker's clock (RFC 3339).
    #[serde(default)]
    pub(super) last_ts: String,
}

/// A consumer, as far as it is looked at.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ConsumerInfo {
    /// Messages that wait for somebody to take them.
    #[serde(default)]
    pub(super) num_pending: u64,
    /// Messages that somebody has taken, and not yet done.
    #[serde(default)]
    pub(super) num_ack_pending: u64,
}

/// What the account may use and uses.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct AccountInfo {
    #[serde(default)]
    pub(super) storage: u64,
    pub(super) limits: AccountLimits,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct AccountLimits {
    /// Bytes on disk; -1 for no limit.
    #[serde(default)]
    pub(super) max_storage: i64,
    #[serde(default)]
    pub(super) max_streams: i64,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    code: u64,
    #[serde(default)]
    description: String,
}

impl Broker {
    /// Ask `$JS.API.` and this; `None` if what it is about is not there.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`] with the broker's words; [`Kind::Lost`] if it does not answer.
    pub(super) async fn api<T: DeserializeOwned>(
        &self,
        question: &str,
        request: &Value,
    ) -> Result<Option<T>> {
        let payload = match request {
            Value::Null => Vec::new(),
            request => request.to_string().into_bytes(),
        };
        let asked = self
            .client
            .request(format!("$JS.API.{question}"), payload.into());
        let answer = asked.await.map_err(|error| self.lost(error))?;
        let answer: Value =
            serde_json::from_slice(&answer.payload).map_err(|error| self.lost(error))?;
        if let Some(refusal) = answer.get("error") {
            let refusal: Refusal =
                serde_json::from_value(refusal.clone()).map_err(|error| self.lost(error))?;
            if refusal.code == 404 {
                return Ok(None);
            }
            let error = Error::new(Kind::Rejected, Operation::Ask, refusal.description);
            return Err(error.about(self.shown()));
        }
        let answer = serde_json::from_value(answer).map_err(|error| self.lost(error))?;
        Ok(Some(answer))
    }

    pub(super) async fn stream_info(&self, stream: &str) -> Result<Option<StreamInfo>> {
        self.api(&format!("STREAM.INFO.{stream}"), &Value::Null)
            .await
    }

    /// How many messages of a stream have these subjects.
    pub(super) async fn count(&self, stream: &str, subjects: &str) -> Result<u64> {
        let question = json!({ "subjects_filter": subjects, "offset": BEYOND });
        let info: Option<StreamInfo> = self
            .api(&format!("STREAM.INFO.{stream}"), &question)
            .await?;
        Ok(info.map_or(0, |info| info.total))
    }

    /// How a consumer of the queue fares.
    pub(super) async fn consumer_info(&self, consumer: &str) -> Result<Option<ConsumerInfo>> {
        let question = format!("CONSUMER.INFO.{}.{consumer}", super::streams::JOBS);
        self.api(&question, &Value::Null).await
    }

    /// Remove the messages of a stream that have these subjects; how many those were.
    pub(super) async fn purge(&self, stream: &str, subjects: &str) -> Result<u64> {
        #[derive(Deserialize)]
        struct Purged {
            #[serde(default)]
            purged: u64,
        }
        let question = json!({ "filter": subjects });
        let purged: Option<Purged> = self
            .api(&format!("STREAM.PURGE.{stream}"), &question)
            .await?;
        Ok(purged.map_or(0, |it| it.purged))
    }
}
