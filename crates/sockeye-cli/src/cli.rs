//! The commands and the flags that all of them have.

use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use sockeye::Result;

use crate::args::Lazy;
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

/// What to do. The list of commands has the first lines of their help for itself, because their flags are not there yet.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// See network programming happen: live, on this machine, in small steps
    Tour(Lazy<commands::tour::Args>),
    /// Talk to a server: standard input goes to it, what it says comes to standard output
    Connect(Lazy<commands::connect::Args>),
    /// Be a server, for many clients at once
    Listen(Lazy<commands::listen::Args>),
    /// Accept connections on LISTEN, connect to TARGET for each, and carry bytes both ways
    Relay(Lazy<commands::relay::Args>),
    /// List the sockets of this machine, with their owners
    Sockets(Lazy<commands::sockets::Args>),
    /// Say which service uses a port, and which port a service has
    Ports(Lazy<commands::ports::Args>),
    /// What a name means: what programs here get, and what the DNS says
    Resolve(Lazy<commands::resolve::Args>),
    /// Get, put, post and download over http, https, ftp, ftps, file and data
    Fetch(Lazy<commands::fetch::Args>),
    /// Convert JSON, NDJSON, CSV, TSV, XML, YAML, TOML, HTML, mail and more into each other
    Convert(Lazy<commands::convert::Args>),
    /// Turn bytes into a code: base64, hex, percent, HTML, gzip, a charset …
    Encode(Lazy<commands::encode::Args>),
    /// Turn a code back into bytes, strictly: what does not belong is refused with its place
    Decode(Lazy<commands::decode::Args>),
    /// Serve a folder, programs, or both over HTTP
    Serve(Lazy<commands::serve::Args>),
    /// Call methods over JSON-RPC or XML-RPC, list them, serve programs as methods, check a server
    Rpc(Lazy<commands::rpc::Args>),
    /// Run one job for each line of input, here or on many machines, results in order
    Map(Lazy<commands::map::Args>),
    /// Take jobs that `map --engine` shares out
    Worker(Lazy<commands::worker::Args>),
    /// Look whether a broker is fit for sharing out work
    Engine(Lazy<commands::engine::Args>),
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
            Self::Listen(args) => args.0.serving.workers(),
            Self::Relay(args) => args.0.serving.workers(),
            Self::Serve(args) => args.0.serving.workers(),
            Self::Rpc(args) => args.0.workers(),
            Self::Map(_) | Self::Worker(_) => 2,
            Self::Engine(_) => 1,
        }
    }

    /// Do it.
    pub(crate) async fn run(self, output: Output) -> Result<Outcome> {
        match self {
            Self::Tour(args) => commands::tour::run(*args.0, output).await,
            Self::Connect(args) => commands::connect::run(*args.0, output).await,
            Self::Listen(args) => commands::listen::run(*args.0, output).await,
            Self::Relay(args) => commands::relay::run(*args.0, output).await,
            Self::Sockets(args) => commands::sockets::run(*args.0, output).await,
            Self::Ports(args) => commands::ports::run(*args.0, output).await,
            Self::Resolve(args) => commands::resolve::run(*args.0, output).await,
            Self::Fetch(args) => commands::fetch::run(*args.0, output).await,
            Self::Convert(args) => commands::convert::run(*args.0, output).await,
            Self::Encode(args) => commands::encode::run(*args.0, output).await,
            Self::Decode(args) => commands::decode::run(*args.0, output).await,
            Self::Serve(args) => commands::serve::run(*args.0, output).await,
            Self::Rpc(args) => commands::rpc::run(*args.0, output).await,
            Self::Map(args) => commands::map::run(*args.0, output).await,
            Self::Worker(args) => commands::worker::run(*args.0, output).await,
            Self::Engine(args) => commands::engine::run(*args.0, output).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_list_of_commands_says_what_their_help_says() {
        let said = |command: &clap::Command| command.get_about().map(ToString::to_string);
        let mut cli = Cli::command();
        let listed: Vec<_> = cli.get_subcommands().map(said).collect();
        cli.build();
        let helped: Vec<_> = cli.get_subcommands().map(said).collect();
        assert_eq!(listed, helped[..listed.len()], "and `help` behind them");
    }
}
