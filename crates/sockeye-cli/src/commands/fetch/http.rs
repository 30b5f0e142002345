//! URLs of http and https.

use sockeye::Result;

use super::plan::Job;
use super::{Fetch, report, show};
use crate::exit::Outcome;

/// Ask, and put the body where it belongs.
pub(super) async fn run(fetch: &Fetch, job: &Job) -> Result<Outcome> {
    let request = fetch.request(job)?;
    if fetch.args.report.curl {
        return report::curl::print(fetch, request).await;
    }
    let mut response = match fetch.client.exchange(request).await {
        Ok(response) => response,
        Err(failed) => return Err(failed.error),
    };
    let shown = show::body(fetch, job, &mut response).await;
    shown?;
    Ok(match response.status() {
        ..400 => Outcome::Done,
        _ => Outcome::No,
    })
}
