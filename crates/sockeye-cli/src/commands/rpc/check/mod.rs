//! `sockeye rpc check`: does a server keep to the rules?
//!
//! Each case is raw bytes, sent as they are; a verdict compares what came with what the specification wants.

mod json;
mod report;
mod verdict;
mod xml;

use std::time::Duration;

use clap::Args as ClapArgs;
use sockeye::data::value::Value;
use sockeye::rpc::Params;
use sockeye::{Error, Kind, Operation, Result};

use self::verdict::{Case, Judged};
use super::carry::{Carrier, Reply};
use super::reach::ReachArgs;
use super::target::{Protocol, Target};
use super::words;
use crate::args::TalkingArgs;
use crate::exit::Outcome;
use crate::output::Output;
use crate::signals;

/// How long the answer to one case may take, unless said.
const PATIENCE: Duration = Duration::from_secs(5);

/// Check a server against the rules of its protocol
///
/// Sends good, odd and broken calls of methods that no server has, and compares each answer with what the specification wants.
/// With --method, calls of one that it has are checked too.
///
/// Exit codes: 1 if a rule is broken, else as everywhere.
#[derive(Debug, ClapArgs)]
#[command(mut_arg("patience", |patience| patience.help("How long the answer to one case may take [default: 5s]")))]
#[command(after_help = "Examples:\n  \
    sockeye rpc check http://localhost:8000/\n  \
    sockeye rpc check tcp://localhost:4000 --method sum --params '[1,2]'\n  \
    sockeye rpc check xmlrpc+http://localhost:8000/ --json")]
pub(crate) struct Args {
    /// Whom to check: http://host/path, tcp://host:port, unix:/path ...; xmlrpc+http://host/ for XML-RPC
    #[arg(value_name = "URL")]
    url: String,
    /// The protocol [default: XML-RPC if the path ends with /RPC2, else JSON-RPC]
    #[arg(long, value_enum, value_name = "json|xml", hide_possible_values = true)]
    protocol: Option<Protocol>,
    /// Check calls of this method too, which the server has; they run it
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
    /// With --method: its parameters, as JSON: [1,2] or {"a":1}; @FILE reads them
    #[arg(long, value_name = "JSON", requires = "method")]
    params: Option<String>,
    #[command(flatten)]
    reach: ReachArgs,
    #[command(flatten)]
    talking: TalkingArgs,
}

/// Do it.
pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let target = Target::read(&args.url, args.protocol)?;
    super::say_protocol(&target, &output);
    let carrier = Carrier::open(&target, &args.reach, &args.talking, &output)?;
    let cases = cases(&args, target.protocol)?;
    let stop = signals::stop_on_signals();
    let checking = super::within(
        args.talking.timeout,
        judge(cases, &carrier, args.reach.patience.unwrap_or(PATIENCE)),
    );
    let Some(judged) = stop.run_until_cancelled(checking).await else {
        return Ok(Outcome::Interrupted);
    };
    let server = target.to_string();
    match report::print(&judged?, &server, target.protocol.name(), &output) {
        true => Ok(Outcome::Done),
        false => Ok(Outcome::No),
    }
}

fn cases(args: &Args, protocol: Protocol) -> Result<Vec<Case>> {
    let params = match &args.params {
        Some(text) => words::params(&words::text_of(text)?)?,
        None => Params::None,
    };
    match (protocol, &args.method) {
        (Protocol::Json, method) => {
            let params: Option<Value> = params.into_value();
            Ok(json::cases(
                method.as_deref().map(|name| (name, params.as_ref())),
            ))
        }
        (Protocol::Xml, None) => xml::cases(None),
        (Protocol::Xml, Some(method)) => {
            let params = match params {
                Params::None => Vec::new(),
                Params::List(values) => values,
                Params::Named(_) => {
                    let why = "parameters of XML-RPC have no names";
                    return Err(Error::new(Kind::Usage, Operation::Parse, why));
                }
            };
            xml::cases(Some((method, &params)))
        }
    }
}

/// One after the other: what a server does after something odd is part of what it is.
async fn judge(cases: Vec<Case>, carrier: &Carrier, patience: Duration) -> Result<Vec<Judged>> {
    let mut judged: Vec<Judged> = Vec::with_capacity(cases.len());
    for case in cases {
        let reply = match carrier.exchange(&case.sent, case.silent, patience).await {
            Ok(reply) => reply,
            // Nobody is there, or nobody any more.
            Err(error) if judged.is_empty() => return Err(error),
            Err(error) => Reply {
                broken: Some(error.why().to_owned()),
                ..Reply::default()
            },
        };
        judged.push(case.judged(reply));
    }
    Ok(judged)
}
