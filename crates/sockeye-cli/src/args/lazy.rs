//! Flags that are put together only for the command that is typed: those of all commands take a quarter of the start-up time.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

/// The flags of one command.
///
/// Until it is asked for, such a command has only the text that stands at its variant.
#[derive(Debug)]
pub(crate) struct Lazy<T>(pub(crate) Box<T>);

impl<T: Args> Args for Lazy<T> {
    fn augment_args(command: Command) -> Command {
        command.defer(|command| general_last(T::augment_args(command)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(|command| general_last(T::augment_args_for_update(command)))
    }
}

/// The flags that every command has are there before its own, and help lists flags as they came.
fn general_last(command: Command) -> Command {
    let general = command.get_arguments().filter(|arg| arg.is_global_set());
    let names: Vec<_> = general.map(|arg| arg.get_id().clone()).collect();
    names.iter().fold(command, |command, name| {
        command.mut_arg(name.as_str(), |arg| arg)
    })
}

impl<T: FromArgMatches> FromArgMatches for Lazy<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(|args| Self(Box::new(args)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}
