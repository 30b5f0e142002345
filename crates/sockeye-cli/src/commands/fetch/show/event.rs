//! An answer as an event, under `--json`.

use serde::Serialize;
use sockeye::client::download::Rate;
use sockeye::client::http::Response;
use sockeye::{Error, Kind, Operation, Result};

use super::Fetch;

/// The longest body that stands in an event.
const LONGEST: usize = 16 << 20;

/// Bytes in JSON: as text if they are UTF-8, else in base64.
#[derive(Debug, Serialize)]
pub(in crate::commands::fetch) struct Text {
    length: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl Text {
    pub(in crate::commands::fetch) fn of(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).ok().map(str::to_owned);
        let base64 = text.is_none().then(|| data_encoding::BASE64.encode(bytes));
        Self {
            length: bytes.len(),
            text,
            base64,
        }
    }
}

/// What a server answered.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "response")]
struct Event {
    /// The URL that answered, after redirects, without its user.
    url: String,
    method: String,
    status: u16,
    reason: String,
    version: &'static str,
    headers: Vec<(String, String)>,
    #[serde(flatten)]
    body: Option<Text>,
}

/// Tell of an answer. Its body stands in the event, unless it is too long for that.
pub(super) async fn response(fetch: &Fetch, response: &mut Response) -> Result<()> {
    let gathered = gather(response, fetch.rate.as_ref()).await;
    let hop = response.hop();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = hop.headers.iter();
    let event = Event {
        url: hop.url.without_secrets().to_string(),
        method: hop.method.clone(),
        status: hop.status,
        reason: text(&hop.reason),
        version: hop.version.as_str(),
        headers: headers
            .map(|field| (field.name.to_owned(), text(field.value)))
            .collect(),
        body: gathered.as_ref().ok().map(|bytes| Text::of(bytes)),
    };
    if fetch.output.try_json_line(&event).is_err() {
        fetch.is_unread();
        return Ok(());
    }
    gathered.map(drop)
}

async fn gather(response: &mut Response, rate: Option<&Rate>) -> Result<Vec<u8>> {
    let mut whole = Vec::new();
    while let Some(bytes) = response.chunk().await? {
        if whole.len() + bytes.len() > LONGEST {
            let why = format!(
                "the body has more than {} MiB, too much for an event",
                LONGEST >> 20
            );
            return Err(Error::new(Kind::Denied, Operation::Fetch, why)
                .about(response.url().without_secrets())
                .with_hint("-o FILE saves a body of any length"));
        }
        whole.extend_from_slice(&bytes);
        if let Some(rate) = rate {
            rate.passed(bytes.len() as u64).await;
        }
    }
    Ok(whole)
}
