//! URLs of http and https.

use sockeye::Result;
use sockeye::client::http::Client;
use sockeye::data::url::Url;

use super::Args;
use crate::exit::Outcome;
use crate::output::Output;

/// Fetch this URL to where the flags say.
pub(super) async fn run(
    args: &Args,
    client: &Client,
    url: Url,
    output: &Output,
) -> Result<Outcome> {
    let request = args.request.request(url)?;
    let mut response = client.send(request).await?;
    while let Some(bytes) = response.chunk().await? {
        if !output.bytes(&bytes) {
            break;
        }
    }
    Ok(match response.status() {
        ..400 => Outcome::Done,
        _ => Outcome::No,
    })
}
