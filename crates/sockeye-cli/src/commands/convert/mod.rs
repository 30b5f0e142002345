//! `sockeye convert`: formats of data into each other, picked with a jq program or a selector.
//!
//! Bytes of a [`source`] are inflated, brought to UTF-8 and read as records of their format ([`open`]); the program runs on each;
//! the results are written in the format of the output ([`write`]). Flags have a file for each theme in `args/`.

mod args;
mod attachments;
mod cores;
mod cut;
mod engine;
mod flow;
mod foreign;
mod job;
mod look;
mod modules;
mod open;
mod place;
mod program;
mod records;
mod run;
mod sink;
mod source;
mod straight;
mod what;
mod write;

use sockeye::Result;

use self::args::{FormatArgs, InputArgs, JqArgs, LookArgs, OutputArgs};
use crate::exit::Outcome;
use crate::output::Output;

/// Convert JSON, NDJSON, CSV, TSV, XML, YAML, TOML, HTML, mail and more into each other
///
/// Format, charset and compression of the input are recognised, see --what. A jq program (--jq) runs on each record, with jq's
/// flags. Records come and go one by one: NDJSON, CSV, XML records and mbox of any size need little memory, NDJSON and CSV use all
/// cores.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    sockeye convert data.csv -o data.json\n  \
    sockeye convert log.ndjson --jq 'select(.status >= 500) | .url' -r\n  \
    sockeye fetch api.example/users | sockeye convert --jq '.[]' -t csv\n  \
    sockeye convert --what unknown.bin\n  \
    sockeye convert -i --jq '.version = 2' config.json\n  \
    sockeye convert data.csv --plot day,sales\n\
    Exit codes: 0 done, 1 something could not be read, converted or written, 2 usage, also a program that does not compile, \
    8 this machine; with -e 1 for false or null, 4 for no result; halt_error's own, 5 if it has none")]
pub(crate) struct Args {
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    jq: JqArgs,
    #[command(flatten)]
    look: LookArgs,
    #[command(flatten)]
    formats: FormatArgs,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    run::run(args, output).await
}

pub(crate) use self::foreign::{Foreign, check, run_on};
