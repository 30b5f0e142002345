//! What may be asked, and how often: policies, redirects, retries, and what is forgiven.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use sockeye::client::download::Retries;
use sockeye::client::http::{Builder, Decoding, Policy, Reach, Redirects, Retry};
use sockeye::data::url::Scheme;
use sockeye::{Error, Kind, Operation, Result};

use crate::args::{duration, size};

/// The longest policy that is read, in bytes.
const LONGEST_POLICY: u64 = 1 << 20;

/// What may be asked, and how often.
#[derive(Clone, Debug, Args)]
pub(in crate::commands::fetch) struct PolicyArgs {
    /// Ask only what this JSON file allows, see docs/policy.md
    #[arg(long, value_name = "FILE", help_heading = "Policy")]
    policy: Option<PathBuf>,
    /// Connect only to addresses of the public internet, looked at after names were resolved, on every hop
    #[arg(long, help_heading = "Policy")]
    public_only: bool,
    /// Ask only this host: example.org, *.example.org for those below it, .example.org for both; may be repeated
    #[arg(long, value_name = "HOST", help_heading = "Policy")]
    allow_host: Vec<String>,
    /// Never ask this host, written as with --allow-host; may be repeated
    #[arg(long, value_name = "HOST", help_heading = "Policy")]
    deny_host: Vec<String>,
    /// Connect to this network though --public-only or --policy would not; may be repeated
    #[arg(long, value_name = "NETWORK", help_heading = "Policy")]
    allow_address: Vec<String>,
    /// Never connect to this network; may be repeated
    #[arg(long, value_name = "NETWORK", help_heading = "Policy")]
    deny_address: Vec<String>,
    /// Ask only over this scheme; may be repeated
    #[arg(long, value_name = "SCHEME", value_parser = scheme, help_heading = "Policy")]
    allow_scheme: Vec<Scheme>,
    /// Take no body that is longer than this once it is decoded
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = "Policy")]
    max_body: Option<u64>,
    /// Follow at most this many redirects [default: 20]
    #[arg(
        long,
        alias = "max-redirs",
        value_name = "N",
        help_heading = "Redirects"
    )]
    max_redirects: Option<u32>,
    /// Follow no redirects
    #[arg(long, conflicts_with = "max_redirects", help_heading = "Redirects")]
    no_redirect: bool,
    /// Follow redirects, which is done anyway
    #[arg(short = 'L', long, hide = true, conflicts_with = "no_redirect")]
    location: bool,
    /// Follow no redirect from https to http
    #[arg(long, help_heading = "Redirects")]
    keep_tls: bool,
    /// Say where we come from when a redirect is followed
    #[arg(long, help_heading = "Redirects")]
    auto_referer: bool,
    /// Danger: send secrets and all headers wherever a redirect leads
    #[arg(long, help_heading = "Redirects")]
    trust_redirects: bool,
    /// Try again up to N times after 408, 429, 500, 502 to 504, lost connections and time limits
    /// [default: 0; 5 for files that are saved, counted anew when more of them came]
    #[arg(long, value_name = "N", help_heading = "Trying again")]
    retry: Option<u32>,
    /// The pause before the second try; it doubles each time, unless the server says when [default: 1s]
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "retry", help_heading = "Trying again")]
    retry_delay: Option<Duration>,
    /// Begin no try later than this after the first
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "retry", help_heading = "Trying again")]
    retry_time: Option<Duration>,
    /// Try requests again too that change something when done twice, such as POST
    #[arg(long, requires = "retry", help_heading = "Trying again")]
    retry_all: bool,
    /// Try again too where nobody listens
    #[arg(
        long,
        alias = "retry-connrefused",
        requires = "retry",
        help_heading = "Trying again"
    )]
    retry_refused: bool,
    /// Ask for no compression, and leave bodies as they come
    #[arg(long, help_heading = "Answers")]
    raw: bool,
}

impl PolicyArgs {
    /// The policy that these flags describe, if they do.
    pub(in crate::commands::fetch) fn policy(&self) -> Result<Option<Policy>> {
        let mut policy = match &self.policy {
            Some(path) => read(path)?,
            None => Policy::default(),
        };
        if self.public_only {
            policy = policy.reach(Reach::Public);
        }
        for host in &self.allow_host {
            policy = policy.allow_host(host)?;
        }
        for host in &self.deny_host {
            policy = policy.deny_host(host)?;
        }
        for network in &self.allow_address {
            policy = policy.allow_addresses(network)?;
        }
        for network in &self.deny_address {
            policy = policy.deny_addresses(network)?;
        }
        if !self.allow_scheme.is_empty() {
            policy = policy.schemes(self.allow_scheme.iter().copied());
        }
        if let Some(bytes) = self.max_body {
            policy = policy.max_body(bytes);
        }
        Ok((policy != Policy::default()).then_some(policy))
    }

    /// Apply it to the client.
    pub(in crate::commands::fetch) fn apply(&self, mut builder: Builder) -> Result<Builder> {
        if let Some(policy) = self.policy()? {
            builder = builder.policy(policy);
        }
        if self.raw {
            builder = builder.decoding(Decoding::off());
        }
        let redirects = match (self.no_redirect, self.max_redirects) {
            (true, _) => Redirects::none(),
            (false, Some(most)) => Redirects::at_most(most),
            (false, None) => Redirects::default(),
        };
        let redirects = redirects
            .keep_tls(self.keep_tls)
            .referer(self.auto_referer)
            .danger_trust_all(self.trust_redirects);
        Ok(builder.redirects(redirects).retry(self.retry()))
    }

    /// The flags that make curl follow redirects the same way.
    pub(in crate::commands::fetch) fn for_curl(&self) -> Vec<String> {
        if self.no_redirect {
            return Vec::new();
        }
        let mut flags = vec!["--location".to_owned()];
        if let Some(most) = self.max_redirects {
            flags.extend(["--max-redirs".to_owned(), most.to_string()]);
        }
        flags
    }

    fn retry(&self) -> Retry {
        let mut retry = Retry::times(self.retry.unwrap_or(0))
            .all(self.retry_all)
            .refused(self.retry_refused);
        if let Some(pause) = self.retry_delay {
            retry = retry.first(pause);
        }
        if let Some(time) = self.retry_time {
            retry = retry.within(time);
        }
        retry
    }

    /// The same for files that are saved: `repeatable` is whether the request can be sent twice.
    pub(in crate::commands::fetch) fn retries(&self, repeatable: bool) -> Retries {
        let mut retries = Retries::default();
        if let Some(times) = self.retry {
            (retries.times, retries.most) = (times, times);
        }
        if let Some(pause) = self.retry_delay {
            retries.pause = pause;
        }
        retries.within = self.retry_time;
        retries.all = self.retry_all && repeatable;
        retries.refused = self.retry_refused;
        retries
    }

    /// Whether it was said how often to try again.
    pub(in crate::commands::fetch) fn retries_given(&self) -> bool {
        self.retry.is_some()
    }

    /// What weakens security, to be said aloud.
    pub(in crate::commands::fetch) fn danger(&self) -> Option<&'static str> {
        self.trust_redirects
            .then_some("--trust-redirects: secrets go wherever a server sends us")
    }
}

fn read(path: &Path) -> Result<Policy> {
    let failed = |error| Error::from_io(Operation::Open, error).about(path.display());
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > LONGEST_POLICY {
        let why = format!("a policy has at most {LONGEST_POLICY} bytes");
        return Err(Error::new(Kind::Usage, Operation::Open, why).about(path.display()));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    Policy::parse(&text).map_err(|error| error.during(Operation::Open).about(path.display()))
}

fn scheme(name: &str) -> Result<Scheme, String> {
    let found = Scheme::ALL.into_iter().find(|it| it.as_str() == name);
    let known = Scheme::ALL.map(Scheme::as_str).join(", ");
    found.ok_or_else(|| format!("{name:?} is not one of {known}"))
}
