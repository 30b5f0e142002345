//! Bytes that another command got: converted as if they had been piped into this one, with what is known of them besides.

use std::ffi::OsString;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::error::ErrorKind;
use clap::{Args as _, FromArgMatches as _};
use sockeye::{Error, Kind, Operation, Result};

use super::{Args, job};
use crate::exit::Outcome;
use crate::output::Output;

/// Flags are checked on the first thread, which may have no more than this.
const MAIN_STACK: usize = 4 << 20;

/// Bytes that another command got.
#[derive(Clone, Debug)]
pub(crate) struct Foreign {
    /// The end of a pipe from which they are read.
    pub(crate) bytes: Arc<File>,
    /// They ended before they should have. Set before the other end of the pipe is closed.
    pub(crate) is_broken: Arc<AtomicBool>,
    /// The name of the file that they were, as far as it tells the format.
    pub(crate) name: String,
    /// The Content-Type they were sent as.
    pub(crate) media_type: Option<String>,
}

impl Foreign {
    /// Whether the bytes ended before they should have.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken.load(Ordering::Acquire)
    }
}

/// What these flags of `convert` mean, its files aside.
fn understand(mut flags: Vec<OsString>) -> Result<Args> {
    flags.insert(0, "convert".into());
    let command = Args::augment_args(clap::Command::new("convert")).disable_help_flag(true);
    let ours = || {
        let why =
            "the body is what is converted: no file can be named, -i and -o do not belong there";
        Error::new(Kind::Usage, Operation::Parse, why)
    };
    let refused = |error: clap::Error| {
        if error.kind() == ErrorKind::MissingRequiredArgument {
            return ours();
        }
        let text = error.to_string();
        let why = text.lines().next().unwrap_or_default();
        let why = why.trim_start_matches("error: ");
        let error = Error::new(Kind::Usage, Operation::Parse, why);
        error.with_hint("`sockeye convert --help` has these flags")
    };
    let matches = command.try_get_matches_from(flags).map_err(refused)?;
    let args = Args::from_arg_matches(&matches).map_err(refused)?;
    if !args.input.files.is_empty() || args.output.in_place || args.output.output.is_some() {
        return Err(ours());
    }
    Ok(args)
}

/// Whether these flags can be understood, and the program compiles, before anything is asked for.
pub(crate) fn check(flags: Vec<OsString>, output: &Output) -> Result<()> {
    job::Job::new(&understand(flags)?, MAIN_STACK, output.clone()).map(drop)
}

/// Convert them, to this file or to standard output. Dropping the future does not end the conversion: the end of the bytes does.
pub(crate) async fn run_on(
    foreign: Foreign,
    flags: Vec<OsString>,
    to: Option<&Path>,
    output: Output,
) -> Result<Outcome> {
    let mut args = understand(flags)?;
    args.input.foreign = Some(foreign);
    args.output.output = to.map(Path::to_owned);
    super::run::run(args, output).await
}
