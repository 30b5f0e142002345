//! The jq program and jq's flags for it.

use std::ffi::OsString;
use std::path::PathBuf;

/// The program.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Program")]
pub(crate) struct JqArgs {
    /// Run this jq program on each record
    #[arg(
        short = 'p',
        long = "jq",
        value_name = "PROGRAM",
        conflicts_with = "from_file"
    )]
    pub(crate) program: Option<String>,
    /// Run the jq program in this file
    #[arg(short = 'F', long, value_name = "FILE")]
    pub(crate) from_file: Option<PathBuf>,
    /// Run the program once, without a record: it takes them with `input` and `inputs`
    #[arg(short, long)]
    pub(crate) null_input: bool,
    /// Run the program once, on an array of all records
    #[arg(short, long)]
    pub(crate) slurp: bool,
    /// Each line of the input is a string, or with -s the whole input
    #[arg(short = 'R', long, conflicts_with = "from")]
    pub(crate) raw_input: bool,
    /// Exit with 1 if the last result is false or null, with 4 if there is none
    #[arg(short, long)]
    pub(crate) exit_status: bool,
    /// $NAME is this text
    #[arg(long, value_names = ["NAME", "TEXT"], num_args = 2)]
    pub(crate) arg: Vec<String>,
    /// $NAME is this JSON value
    #[arg(long, value_names = ["NAME", "JSON"], num_args = 2)]
    pub(crate) argjson: Vec<String>,
    /// $NAME is an array of the JSON values in this file
    #[arg(long, value_names = ["NAME", "FILE"], num_args = 2)]
    pub(crate) slurpfile: Vec<OsString>,
    /// $NAME is the text of this file
    #[arg(long, value_names = ["NAME", "FILE"], num_args = 2)]
    pub(crate) rawfile: Vec<OsString>,
    /// $ARGS.positional are these texts, up to the next flag
    #[arg(long, value_name = "TEXT", num_args = 1..)]
    pub(crate) args: Vec<String>,
    /// $ARGS.positional are these JSON values, up to the next flag
    #[arg(long, value_name = "JSON", num_args = 1.., conflicts_with = "args")]
    pub(crate) jsonargs: Vec<String>,
    /// Look for modules in this folder
    #[arg(short = 'L', long = "library-path", value_name = "DIR")]
    pub(crate) library: Vec<PathBuf>,
    /// The program sees no environment and no modules
    #[arg(long, conflicts_with = "library")]
    pub(crate) sandbox: bool,
}
