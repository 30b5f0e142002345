//! URLs of http and https.

use sockeye::Result;
use sockeye::client::http::Response;

use super::plan::Job;
use super::{Fetch, conditions, report, show};
use crate::exit::Outcome;
use crate::output::Level;

/// Ask, and put the body where it belongs.
pub(super) async fn run(fetch: &Fetch, job: &Job) -> Result<Outcome> {
    let request = fetch.request(job)?;
    if fetch.args.report.curl {
        return report::curl::print(fetch, request).await;
    }
    let mut response = fetch.client.send(request).await?;
    show(fetch, &mut response).await
}

/// Ask, and wait for the head of the answer.
pub(super) async fn ask(fetch: &Fetch, job: &Job) -> Result<Response> {
    fetch.client.send(fetch.request(job)?).await
}

/// Put the body where it belongs.
pub(super) async fn show(fetch: &Fetch, response: &mut Response) -> Result<Outcome> {
    show::response(fetch, response).await?;
    conditions::keep_tag(&fetch.args.request, response)?;
    Ok(outcome(fetch, response))
}

/// What the status means, and a line about it where the body alone would not tell.
fn outcome(fetch: &Fetch, response: &Response) -> Outcome {
    let args = &fetch.args.request;
    let is_verbose = fetch.output.says(Level::Verbose);
    let is_told = args.include || args.head || is_verbose || fetch.output.json();
    let status = response.status();
    let say = |what: &str| {
        if !is_told {
            let reason = sockeye::data::escape::escape(&response.hop().reason);
            let line = format!("{}: the server {what} {status} {reason}", response.url());
            fetch.output.say(Level::Normal, line.trim_end());
        }
    };
    match status {
        304 => say("has nothing new:"),
        300..400 => say("sends us elsewhere:"),
        400.. => say("answers"),
        _ => {}
    }
    outcome_of(response)
}

/// What the status means.
pub(super) fn outcome_of(response: &Response) -> Outcome {
    match response.status() {
        ..400 => Outcome::Done,
        _ => Outcome::No,
    }
}
