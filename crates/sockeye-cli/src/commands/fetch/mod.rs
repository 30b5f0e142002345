//! `sockeye fetch`: get, put, post and download over http, https, ftp, ftps, file and data.
//!
//! Each theme has its own group of flags in `args/`, which knows how to apply itself to the client.

mod args;
mod http;

use sockeye::client::http::Client;
use sockeye::data::url::{Scheme, Url};
use sockeye::{Error, Kind, Operation, Result};

use self::args::{IdentityArgs, PolicyArgs, ReachArgs, ReportArgs, RequestArgs, SaveArgs};
use crate::args::TalkingArgs;
use crate::exit::Outcome;
use crate::output::Output;

/// Get, put, post and download over http, https, ftp, ftps, file and data
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to fetch; without a scheme it is http
    #[arg(required = true, value_name = "URL")]
    urls: Vec<String>,
    #[command(flatten)]
    request: RequestArgs,
    #[command(flatten)]
    identity: IdentityArgs,
    #[command(flatten)]
    save: SaveArgs,
    #[command(flatten)]
    reach: ReachArgs,
    #[command(flatten)]
    policy: PolicyArgs,
    #[command(flatten)]
    report: ReportArgs,
    #[command(flatten)]
    talking: TalkingArgs,
}

impl Args {
    /// The client that these flags describe.
    fn client(&self, output: &Output) -> Result<Client> {
        let mut builder = Client::builder().net(self.talking.net(output, false));
        builder = self.request.apply(builder)?;
        builder = self.identity.apply(builder)?;
        builder = self.reach.apply(builder, &self.talking)?;
        builder = self.policy.apply(builder)?;
        Ok(builder.build())
    }
}

/// Fetch each URL, one after the other.
pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let client = args.client(&output)?;
    let mut outcome = Outcome::Done;
    for text in &args.urls {
        let url = Url::parse_typed(text).map_err(|error| {
            Error::new(Kind::Usage, Operation::Parse, error.to_string())
                .with_hint("a URL looks like http://host/path")
        })?;
        let one = match url.scheme() {
            Scheme::Http | Scheme::Https => http::run(&args, &client, url, &output).await?,
            other => {
                let why = format!("`{}` is not spoken yet", other.as_str());
                return Err(Error::new(Kind::Unsupported, Operation::Fetch, why));
            }
        };
        if one != Outcome::Done {
            outcome = one;
        }
    }
    Ok(outcome)
}
