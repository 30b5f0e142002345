//! `--dry-run`: the bytes that would go out, and nobody who gets them.

use serde::Serialize;
use sockeye::client::http::Versions;
use sockeye::{Error, Kind, Operation, Result};

use super::Fetch;
use super::plan::Job;
use super::show::{Printer, Text};
use crate::exit::Outcome;
use crate::output::Level;

/// The longest request that is told as an event.
const LONGEST: u64 = 16 << 20;

/// A request that was not sent.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "request")]
struct Event {
    url: String,
    method: String,
    #[serde(flatten)]
    bytes: Text,
}

/// Print what would be sent.
pub(super) async fn run(fetch: &Fetch, job: &Job) -> Result<Outcome> {
    let request = fetch.request(job)?;
    let (method, url) = (
        request.method().to_owned(),
        request.url().without_secrets().to_string(),
    );
    let done = if fetch.output.json() {
        if request
            .body()
            .length()
            .is_none_or(|length| length > LONGEST)
        {
            let why = format!(
                "a body of more than {} MiB, or of unknown length, fits into no event",
                LONGEST >> 20
            );
            return Err(Error::new(Kind::Usage, Operation::Fetch, why)
                .with_hint("without --json it is printed as it is"));
        }
        let mut bytes = Vec::new();
        let done = fetch.client.dry_run(request, &mut bytes).await?;
        let bytes = Text::of(&bytes);
        fetch.output.json_line(&Event { url, method, bytes });
        done
    } else {
        let mut printer = Printer::new(&fetch.output);
        let done = fetch.client.dry_run(request, &mut printer).await;
        match done {
            Err(error) if error.operation() == Operation::Write && error.kind() == Kind::Lost => {
                fetch.is_unread();
                return Ok(Outcome::Done);
            }
            done => {
                let done = done?;
                printer.end();
                done
            }
        }
    };
    if fetch.args.request.versions() == Versions::Http2 {
        let line = "HTTP/2 sends the same in frames; printed is what HTTP/1.1 would send";
        fetch.output.say(Level::Normal, line);
    }
    if !done.secrets.is_empty() {
        let names = done.secrets.join(", ");
        fetch
            .output
            .warn(format_args!("what was printed has secrets in it: {names}"));
    }
    Ok(Outcome::Done)
}
