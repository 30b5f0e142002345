//! The words behind a probe's name, as clap understands them.

use std::ffi::OsString;

use clap::{Args, Command};
use sockeye::{Error, Kind, Operation, Result};

/// The options of the probe `@name` from the words behind it.
///
/// # Errors
///
/// `Usage` if there is no such option, or a value is wrong.
pub(crate) fn parse<T: Args>(name: &str, words: &[OsString]) -> Result<T> {
    let refused = |error: clap::Error| {
        let text = error.to_string();
        let why = text.lines().next().unwrap_or_default();
        let why = why.strip_prefix("error: ").unwrap_or(why);
        Error::new(Kind::Usage, Operation::Parse, format!("@{name}: {why}"))
    };
    let command = T::augment_args(
        Command::new("probe")
            .no_binary_name(true)
            .disable_help_flag(true),
    );
    let matches = command.try_get_matches_from(words).map_err(refused)?;
    T::from_arg_matches(&matches).map_err(refused)
}
