//! `map @tls`: how servers speak TLS, which certificates they show, and how long those hold.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use sockeye::data::fields::date;
use sockeye::endpoint::{Pin, TlsOptions, TlsVersion, Verify};
use sockeye::net::{Examined, weakened};
use sockeye::{Endpoint, Error, Kind, Net, Operation, Result};

use super::said::{Said, shown};
use super::words::{self, Place, Target};
use crate::args::TalkingArgs;
use crate::commands::map::Rules;
use crate::output::Output;
use crate::report::{seconds, short};

const NAME: &str = "@tls";

const DAY: i64 = 86_400;

/// How to look.
#[derive(Debug, clap::Args)]
struct Args {
    /// Where: HOST, HOST:PORT, a URL of https, or an endpoint of tls:// [default: {}, port 443]
    #[arg(value_name = "TARGET")]
    to: Vec<String>,
    /// Fail too if the certificate holds for fewer days than these
    #[arg(long, value_name = "N")]
    days: Option<u32>,
    /// PEM file of trusted roots, instead of the system's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// PEM file with our certificate chain
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// PEM file with our private key
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Accept this certificate alone, whoever signed it: sha256:HEX
    #[arg(long, value_name = "PIN", value_parser = pin, conflicts_with = "ca")]
    pin: Vec<Pin>,
    /// Do not judge certificates
    #[arg(short = 'k', long, conflicts_with_all = ["ca", "pin"])]
    insecure: bool,
    /// The name to ask for and to check, if not the host
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
    /// Protocols to offer, most wanted first
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    alpn: Vec<String>,
    /// The lowest version of TLS to speak
    #[arg(long, value_name = "1.2|1.3", value_parser = version)]
    tls_min: Option<TlsVersion>,
    /// The highest version of TLS to speak
    #[arg(long, value_name = "1.2|1.3", value_parser = version)]
    tls_max: Option<TlsVersion>,
    #[command(flatten)]
    talking: TalkingArgs,
}

fn pin(text: &str) -> Result<Pin, sockeye::endpoint::ParseError> {
    text.parse()
}

fn version(text: &str) -> Result<TlsVersion, String> {
    match text {
        "1.2" => Ok(TlsVersion::V1_2),
        "1.3" => Ok(TlsVersion::V1_3),
        _ => Err(format!("{text:?} is neither 1.2 nor 1.3")),
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Probe {
    args: Args,
    pub(super) target: Target,
    net: Net,
}

impl Probe {
    pub(super) fn new(typed: Vec<OsString>, rules: &Rules) -> Result<Self> {
        let place = Place {
            probe: NAME,
            id: "to",
            stand_in: "x.invalid",
            rules,
            is_target: |_| true,
            behind: |_| 0,
        };
        let (typed, target) = words::place::<Args>(&place, typed);
        let args: Args = words::parse(NAME, typed)?;
        if let [_, more, ..] = &args.to[..] {
            return Err(words::inputs_are_targets(NAME, more));
        }
        words::refuse(
            NAME,
            &[(
                args.talking.wire.is_some(),
                "--wire",
                "of many at once nobody could read it; `sockeye connect --wire tls://...` shows one",
            )],
        )?;
        let net = args.talking.net(&Output::silent(), false);
        Ok(Self { args, target, net })
    }

    /// Look at the certificate that is shown where this target leads.
    ///
    /// # Errors
    ///
    /// Those of connecting and of shaking hands, but not those of the certificate, which are told with it.
    pub(super) async fn run(&self, target: &str, json: bool) -> Result<Said> {
        let to = self.endpoint(target)?;
        let began = Instant::now();
        let looking = self.net.examine(&to);
        let examined = match self.args.talking.timeout {
            None => looking.await?,
            Some(limit) => tokio::time::timeout(limit, looking).await.map_err(|_| {
                let why = format!("--timeout {limit:?} is over");
                Error::new(Kind::TimedOut, Operation::Connect, why).on(&to)
            })??,
        };
        let is_judged = to.tls().is_some_and(|tls| tls.verify == Verify::Full);
        let told = Looked::new(target, &to, &examined, is_judged, began.elapsed());
        let mut said = Said::line(json, &told).warned(&weakened(&to));
        if let Some(fault) = &examined.fault {
            said = said.with_error(fault);
        } else if let (Some(least), Some(days)) = (self.args.days, told.days_left)
            && days < i64::from(least)
        {
            let why = format!("its certificate holds for {days} days, and --days wants {least}");
            said = said.with_error(&Error::new(Kind::Rejected, Operation::Handshake, why).on(&to));
        }
        Ok(said)
    }

    /// Where a target leads: the port is 443 unless it says so.
    fn endpoint(&self, target: &str) -> Result<Endpoint> {
        let place = match target.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => {
                rest.split(['/', '?', '#']).next().unwrap_or_default()
            }
            Some(_) => return self.refined(target.parse()?),
            None if target.starts_with("tls+") => return self.refined(target.parse()?),
            None => target,
        };
        let has_port = match place.rsplit_once(':') {
            // A bare address of IPv6 has colons and no port.
            Some((host, _)) => host.ends_with(']') || !host.contains(':'),
            None => false,
        };
        let text = match has_port {
            true => format!("tls://{place}"),
            false if place.contains(':') && !place.starts_with('[') => {
                format!("tls://[{place}]:443")
            }
            false => format!("tls://{place}:443"),
        };
        self.refined(text.parse()?)
    }

    /// With what the flags add; what the endpoint says itself wins.
    fn refined(&self, to: Endpoint) -> Result<Endpoint> {
        let args = &self.args;
        let mut to = args.talking.through(to)?;
        let default = TlsOptions::default();
        if let Some(tls) = to.tls_mut() {
            let is_trusting = tls.ca == default.ca && tls.pin.is_empty();
            if is_trusting && tls.verify == Verify::Full {
                tls.ca.clone_from(&args.ca);
                tls.pin.clone_from(&args.pin);
                if args.insecure {
                    tls.verify = Verify::None;
                }
            }
            if tls.cert.is_none() {
                tls.cert.clone_from(&args.cert);
                tls.key.clone_from(&args.key);
            }
            tls.sni = tls.sni.take().or_else(|| args.sni.clone());
            if tls.alpn.is_empty() {
                tls.alpn.clone_from(&args.alpn);
            }
            tls.min = tls.min.or(args.tls_min);
            tls.max = tls.max.or(args.tls_max);
        }
        Ok(to)
    }
}

/// What was seen.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "tls")]
struct Looked<'a> {
    target: &'a str,
    endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// `trusted`, `not trusted`, or `not judged`.
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    version: &'a str,
    cipher: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    alpn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    names: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    self_signed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    days_left: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<&'a str>,
    seconds: f64,
    #[serde(skip)]
    took: String,
}

impl<'a> Looked<'a> {
    fn new(
        target: &'a str,
        to: &Endpoint,
        examined: &'a Examined,
        is_judged: bool,
        took: Duration,
    ) -> Self {
        let certificate = examined.certificate.as_ref();
        let not_after = certificate.and_then(|it| unix(it.not_after?));
        Self {
            target,
            endpoint: to.to_string(),
            address: examined.address.map(|address| address.to_string()),
            verdict: match &examined.fault {
                Some(_) => "not trusted",
                None if is_judged => "trusted",
                None => "not judged",
            },
            why: examined.fault.as_ref().map(|fault| fault.why().to_owned()),
            version: &examined.secured.version,
            cipher: &examined.secured.cipher,
            alpn: examined.secured.alpn.as_deref(),
            subject: certificate.and_then(|it| it.subject.as_deref()),
            names: certificate.map_or(&[], |it| &it.names[..]),
            issuer: certificate.and_then(|it| it.issuer.as_deref()),
            self_signed: certificate.is_some_and(|it| it.self_signed),
            not_before: certificate.and_then(|it| stamp(unix(it.not_before?)?)),
            not_after: not_after.and_then(stamp),
            days_left: not_after
                .zip(unix(SystemTime::now()))
                .map(|(end, now)| (end - now).div_euclid(DAY)),
            fingerprint: certificate.map(|it| &*it.fingerprint),
            seconds: seconds(took),
            took: short(took),
        }
    }
}

fn unix(time: SystemTime) -> Option<i64> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

/// As RFC 3339 has it, to the second.
fn stamp(seconds: i64) -> Option<String> {
    let text = date::timestamp(seconds, 0)?;
    Some(format!("{}Z", text.split('.').next()?))
}

impl fmt::Display for Looked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.subject.or(self.names.first().map(|it| &**it));
        let day = self.not_after.as_deref().map(|it| &it[..it.len().min(10)]);
        let days = match self.days_left {
            Some(days) if days < 0 => format!("expired {} days ago", -days),
            Some(days) => format!("{days} days left"),
            None => "-".to_owned(),
        };
        write!(
            f,
            "{}\t{}\t{} {}\t{}\t{}\t{}\t{days}\t{}",
            shown(self.target),
            self.verdict,
            self.version,
            self.cipher,
            shown(name.unwrap_or("-")),
            shown(self.issuer.unwrap_or("-")),
            day.unwrap_or("-"),
            self.took
        )
    }
}
