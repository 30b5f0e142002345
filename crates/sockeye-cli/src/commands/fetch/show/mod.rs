//! Bodies on standard output: byte for byte in a pipe, harmless at a terminal.

use sockeye::Result;
use sockeye::client::http::Response;

use super::Fetch;
use super::plan::Job;

/// Write the body to standard output, until its end or until nobody reads it any more.
pub(super) async fn body(fetch: &Fetch, _job: &Job, response: &mut Response) -> Result<()> {
    while let Some(bytes) = response.chunk().await? {
        if !fetch.output.bytes(&bytes) {
            break;
        }
    }
    Ok(())
}
