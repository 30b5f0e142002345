//! What is sent, piece by piece: flags whose order matters.

use std::fmt;

use clap::{Arg, ArgAction, ArgMatches, Command};

/// The pieces of a body, in the order they were typed.
#[derive(Clone, Debug, Default)]
pub(in crate::commands::fetch) struct Pieces(pub(in crate::commands::fetch) Vec<(Manner, String)>);

/// How a piece is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::commands::fetch) enum Manner {
    /// `--data`: as it is; of `@file` all line ends go.
    Data,
    /// `--data-raw`: as it is, whatever it begins with.
    Raw,
    /// `--data-binary`: as it is; `@file` too.
    Binary,
    /// `--data-urlencode`: encoded as in a form.
    Encoded,
    /// `--data-json`: JSON.
    Json,
    /// `--multipart`: a part of a form with files.
    Part,
    /// `--form-string`: the same, and its value is taken literally.
    PartString,
}

impl Manner {
    const ALL: [Self; 7] = [
        Self::Data,
        Self::Raw,
        Self::Binary,
        Self::Encoded,
        Self::Json,
        Self::Part,
        Self::PartString,
    ];

    /// The flag, without its dashes.
    pub(in crate::commands::fetch) fn flag(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Raw => "data-raw",
            Self::Binary => "data-binary",
            Self::Encoded => "data-urlencode",
            Self::Json => "data-json",
            Self::Part => "multipart",
            Self::PartString => "form-string",
        }
    }

    fn argument(self) -> Arg {
        let (value, help) = match self {
            Self::Data => (
                "DATA",
                "Send this as a form does; @FILE and @- are read, without their line ends. Several are joined by &",
            ),
            Self::Raw => (
                "DATA",
                "The same, and an @ at its start is a character like any other",
            ),
            Self::Binary => ("DATA", "The same, and of @FILE and @- every byte is kept"),
            Self::Encoded => (
                "DATA",
                "Encode this as a form does: VALUE, =VALUE, NAME=VALUE, @FILE or NAME@FILE",
            ),
            Self::Json => (
                "DATA",
                "Send this as JSON, as it is, and ask for JSON; @FILE and @- are read. `--json DATA` does the same",
            ),
            Self::Part => (
                "NAME=VALUE",
                "A part of a form with files: NAME=VALUE, NAME=@FILE, NAME=<FILE; ;type=TYPE and ;filename=NAME may follow",
            ),
            Self::PartString => ("NAME=VALUE", "A part whose value is taken as it is"),
        };
        let argument = Arg::new(self.flag())
            .long(self.flag())
            .value_name(value)
            .help(help)
            .help_heading("Request")
            .allow_hyphen_values(true)
            .action(ArgAction::Append);
        match self {
            Self::Data => argument.short('d'),
            Self::Part => argument.short('F'),
            _ => argument,
        }
    }
}

impl fmt::Display for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--{}", self.flag())
    }
}

impl clap::FromArgMatches for Pieces {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut pieces = Vec::new();
        for manner in Manner::ALL {
            let indices = matches.indices_of(manner.flag()).into_iter().flatten();
            let values = matches
                .get_many::<String>(manner.flag())
                .into_iter()
                .flatten();
            pieces.extend(
                indices
                    .zip(values)
                    .map(|(at, value)| (at, manner, value.clone())),
            );
        }
        pieces.sort_by_key(|(at, _, _)| *at);
        Ok(Self(
            pieces
                .into_iter()
                .map(|(_, manner, value)| (manner, value))
                .collect(),
        ))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for Pieces {
    fn augment_args(command: Command) -> Command {
        command.args(Manner::ALL.map(Manner::argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
