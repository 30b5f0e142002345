//! `map @connect`: does somebody answer there?

use std::ffi::OsString;
use std::fmt;
use std::time::Instant;

use serde::Serialize;
use sockeye::net::weakened;
use sockeye::{Endpoint, Error, Kind, Net, Operation, Result};

use super::{Args, reach, refined};
use crate::commands::map::Rules;
use crate::commands::map::probes::{self, Place, Said, Target};
use crate::output::Output;
use crate::report::{seconds, short};

const NAME: &str = "@connect";

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Probe {
    args: Args,
    pub(in crate::commands) target: Target,
    net: Net,
    output: Output,
}

impl Probe {
    /// With the flags of `connect`.
    pub(crate) fn new(words: Vec<OsString>, rules: &Rules) -> Result<Self> {
        let place = Place {
            probe: NAME,
            id: "to",
            stand_in: "x.invalid:1",
            rules,
            is_target: |_| true,
            behind: |_| 0,
        };
        let (words, target) = probes::place::<Args>(&place, words);
        let args: Args = probes::parse(NAME, words)?;
        let silent = "nothing is said, it only connects";
        probes::refuse(
            NAME,
            &[
                (!args.send.is_empty(), "--send", silent),
                (args.crlf, "--crlf", silent),
                (args.raw, "--raw", silent),
                (args.until.is_some(), "--until", silent),
                (args.idle_timeout.is_some(), "--idle-timeout", silent),
                (
                    args.talking.wire.is_some(),
                    "--wire",
                    "of many at once nobody could read it; `sockeye connect --wire` shows one",
                ),
            ],
        )?;
        if let Some(more) = args.more.first() {
            return Err(probes::inputs_are_targets(NAME, more));
        }
        let output = Output::silent();
        Ok(Self {
            net: args.talking.net(&output, false),
            args,
            target,
            output,
        })
    }

    /// Connect to this endpoint, and close.
    ///
    /// # Errors
    ///
    /// Those of connecting.
    pub(crate) async fn run(&self, target: &str, json: bool) -> Result<Said> {
        let to: Endpoint = target.parse()?;
        probes::refuse_programs(NAME, &to)?;
        let to = refined(&self.args, to)?;
        let began = Instant::now();
        let reaching = reach(&self.args, &self.net, &to, &self.output);
        let link = match self.args.talking.timeout {
            None => reaching.await?,
            Some(limit) => tokio::time::timeout(limit, reaching).await.map_err(|_| {
                let why = format!("--timeout {limit:?} is over");
                Error::new(Kind::TimedOut, Operation::Connect, why).on(&to)
            })??,
        };
        let took = began.elapsed();
        let known = crate::commands::connected(0, &link, Some(took));
        let told = Connected {
            target,
            endpoint: to.to_string(),
            peer: known.peer,
            local: known.local,
            tls: known.tls,
            seconds: seconds(took),
            took: short(took),
        };
        Ok(Said::line(json, &told).warned(&weakened(&to)))
    }
}

/// A connection that stood.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "connected")]
struct Connected<'a> {
    target: &'a str,
    endpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<String>,
    seconds: f64,
    #[serde(skip)]
    took: String,
}

impl fmt::Display for Connected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = probes::shown(self.target);
        let peer = self.peer.as_deref().unwrap_or(&self.endpoint);
        write!(f, "{target}\t{peer}\t{}", self.took)?;
        match &self.tls {
            Some(tls) => write!(f, "\t{tls}"),
            None => Ok(()),
        }
    }
}
