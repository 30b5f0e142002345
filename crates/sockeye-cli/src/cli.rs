//! The commands and the flags that all of them have.

use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use sockeye::Result;

use crate::commands;
use crate::exit::Outcome;
use crate::output::Output;

/// Sockets you can see: connect, listen, relay, fetch, convert, serve, call and share out work with every byte visible, and know whose each socket is.
#[derive(Debug, Parser)]
#[command(
    name = "sockeye",
    version,
    about,
    max_term_width = 100,
    arg_required_else_help = true,
    disable_help_flag = true
)]
#[command(
    after_help = "Endpoints: host:port, tcp://h:p, tls://h:p, udp://h:p, unix:/path, exec:CMD, pty:CMD, file:/path, -\n\
    Exit codes: 0 done, 1 the peer says no, 2 usage, 3 name, 4 no connection, 5 time, 6 TLS, 7 protocol, 8 this machine, 130 interrupted"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Flags that every command has.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Global {
    /// Write JSON Lines to standard output, each with a "type"
    #[arg(long, global = true, help_heading = "General")]
    pub(crate) json: bool,
    /// Say more: connections, byte counts, times; twice for developers' tracing
    #[arg(short, long, global = true, action = ArgAction::Count, conflicts_with = "quiet", help_heading = "General")]
    pub(crate) verbose: u8,
    /// Say only errors and warnings
    #[arg(short, long, global = true, help_heading = "General")]
    pub(crate) quiet: bool,
    /// Use colours: auto, always or never
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN",
        hide_possible_values = true, help_heading = "General")]
    pub(crate) color: Color,
    /// Print help; -h is shorter than --help
    #[arg(short, long, global = true, action = ArgAction::Help, help_heading = "General")]
    pub(crate) help: Option<bool>,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Tour(commands::tour::Args),
    Connect(Box<commands::connect::Args>),
    Listen(Box<commands::listen::Args>),
    Relay(Box<commands::relay::Args>),
    Sockets(Box<commands::sockets::Args>),
    Ports(commands::ports::Args),
    Resolve(Box<commands::resolve::Args>),
    Fetch(Box<commands::fetch::Args>),
    Convert(Box<commands::convert::Args>),
    Encode(Box<commands::encode::Args>),
    Decode(Box<commands::decode::Args>),
    Serve(Box<commands::serve::Args>),
    Rpc(Box<commands::rpc::Args>),
    Map(Box<commands::map::Args>),
    Worker(Box<commands::worker::Args>),
    Engine(Box<commands::engine::Args>),
}

impl Command {
    /// How many threads carry the command's work.
    pub(crate) fn workers(&self) -> usize {
        match self {
            Self::Tour(_)
            | Self::Connect(_)
            | Self::Sockets(_)
            | Self::Ports(_)
            | Self::Resolve(_)
            | Self::Fetch(_)
            | Self::Convert(_)
            | Self::Encode(_)
            | Self::Decode(_) => 1,
            Self::Listen(args) => args.serving.workers(),
            Self::Relay(args) => args.serving.workers(),
            Self::Serve(args) => args.serving.workers(),
            Self::Rpc(args) => args.workers(),
            Self::Map(_) | Self::Worker(_) => 2,
            Self::Engine(_) => 1,
        }
    }

    /// Do it.
    pub(crate) async fn run(self, output: Output) -> Result<Outcome> {
        match self {
            Self::Tour(args) => commands::tour::run(args, output).await,
            Self::Connect(args) => commands::connect::run(*args, output).await,
            Self::Listen(args) => commands::listen::run(*args, output).await,
            Self::Relay(args) => commands::relay::run(*args, output).await,
            Self::Sockets(args) => commands::sockets::run(*args, output).await,
            Self::Ports(args) => commands::ports::run(args, output).await,
            Self::Resolve(args) => commands::resolve::run(*args, output).await,
            Self::Fetch(args) => commands::fetch::run(*args, output).await,
            Self::Convert(args) => commands::convert::run(*args, output).await,
            Self::Encode(args) => commands::encode::run(*args, output).await,
            Self::Decode(args) => commands::decode::run(*args, output).await,
            Self::Serve(args) => commands::serve::run(*args, output).await,
            Self::Rpc(args) => commands::rpc::run(*args, output).await,
            Self::Map(args) => commands::map::run(*args, output).await,
            Self::Worker(args) => commands::worker::run(*args, output).await,
            Self::Engine(args) => commands::engine::run(*args, output).await,
        }
    }
}
