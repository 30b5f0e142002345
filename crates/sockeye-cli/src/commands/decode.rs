//! `sockeye decode`: turn a code back into bytes.

use sockeye::Result;
use sockeye::data::codec::{Options, Setting};
use sockeye::data::record::Limits;
use sockeye::data::units::parse_size;

use super::coding::{self, Chain, Ends, Way};
use crate::exit::Outcome;
use crate::output::Output;

/// Turn a code back into bytes, strictly: what does not belong is refused with its place
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Several codecs are applied in their order: sockeye decode base64 gzip <page.b64\n\
    What was decoded before an error is written; the exit code is 1 then."
)]
pub(crate) struct Args {
    #[command(flatten)]
    chain: Chain,
    #[command(flatten)]
    ends: Ends,
    #[command(flatten)]
    code: Code,
}

/// What the code looks like.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Code")]
struct Code {
    /// Pass over what does not belong to the code; replace what is no character
    #[arg(long)]
    lenient: bool,
    /// base64 with - and _
    #[arg(long)]
    url: bool,
    /// base64 and base32 may lack the = that fill them up
    #[arg(long)]
    no_padding: bool,
    /// Between the bytes of hexadecimal digits: a colon, a blank …
    #[arg(long, value_name = "TEXT")]
    separator: Option<String>,
    /// A JSON string without its quotes
    #[arg(long)]
    no_quotes: bool,
    /// Compressed input may become so large [default: 4GiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_output: Option<u64>,
    /// It may become so many times as large, once that is more than 16 MiB [default: 1000]
    #[arg(long, value_name = "N")]
    max_ratio: Option<u64>,
    /// Lift both bounds
    #[arg(long, conflicts_with_all = ["max_output", "max_ratio"])]
    no_limit: bool,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let Args { chain, ends, code } = args;
    if ends.list {
        return Ok(coding::list(&output));
    }
    let codecs = chain.codecs(code.url)?;
    let given = [
        ("--lenient", Setting::Lenient, code.lenient),
        ("--no-padding", Setting::Padding, code.no_padding),
        ("--separator", Setting::Separator, code.separator.is_some()),
        ("--no-quotes", Setting::Quotes, code.no_quotes),
        ("--max-output", Setting::Limits, code.max_output.is_some()),
        ("--max-ratio", Setting::Limits, code.max_ratio.is_some()),
        ("--no-limit", Setting::Limits, code.no_limit),
    ];
    coding::check(&codecs, &given, Way::Decode)?;
    let default = Limits::default();
    let limits = match code.no_limit {
        true => Limits {
            ratio: u64::MAX,
            inflated: u64::MAX,
            ..default
        },
        false => Limits {
            ratio: code.max_ratio.unwrap_or(default.ratio),
            inflated: code.max_output.unwrap_or(default.inflated),
            ..default
        },
    };
    let options = Options {
        lenient: code.lenient,
        padding: !code.no_padding,
        separator: coding::separator(code.separator)?,
        quotes: !code.no_quotes,
        limits,
        ..Options::default()
    };
    coding::run(Way::Decode, &codecs, &options, ends, &output)
}
