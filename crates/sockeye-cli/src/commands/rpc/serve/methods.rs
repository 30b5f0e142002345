//! From flags to methods.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use sockeye::endpoint::Argv;
use sockeye::rpc::Methods;
use sockeye::rpc::programs::{Given, Program, ProgramLimits, Programs, Said};
use sockeye::{Error, Kind, Operation, Result};

use super::demo;
use crate::args;
use crate::commands::listen::program::find;

/// What can be called.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Methods")]
pub(super) struct MethodArgs {
    /// A method, and the program that does it; words are split as in a shell, but no shell runs; may be repeated
    #[arg(long, value_name = "NAME=CMD", value_parser = named)]
    exec: Vec<Named>,
    /// The same with a line for /bin/sh; may be repeated
    #[arg(long, value_name = "NAME=LINE", value_parser = named)]
    shell: Vec<Named>,
    /// Methods to try things with: echo, sum, sleep SECONDS, fail CODE MESSAGE
    #[arg(long)]
    demo: bool,
    /// Give programs their parameters as words behind their own ($1 and so on with --shell), not on standard input
    #[arg(long)]
    args: bool,
    /// What programs write: auto is JSON if it reads as JSON, else a string
    #[arg(long, value_enum, value_name = "auto|json|text", default_value_t = Output::Auto, hide_possible_values = true)]
    result: Output,
    /// What a method is for, for those who ask; may be repeated
    #[arg(long, value_name = "NAME=TEXT", value_parser = named)]
    help_text: Vec<Named>,
    /// Set a variable for programs; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = named)]
    env: Vec<Named>,
    /// At most this many programs at once; further calls wait
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..))]
    max_programs: u32,
    /// At most this many calls wait for a program; further ones are refused with fault -32000, and may be tried again
    #[arg(long, value_name = "N", default_value_t = 128)]
    program_queue: u32,
    /// End a program, and what it started, after this time; its call gets fault -32001
    #[arg(long, value_name = "TIME", value_parser = args::duration, default_value = "60s")]
    program_timeout: Duration,
    /// At most this many bytes of a program's output; beyond, it is killed, and its call gets fault -32002
    #[arg(long, value_name = "SIZE", value_parser = args::size, default_value = "16MiB")]
    program_output: u64,
    /// How much of a program's standard error is told to the caller if it fails: the last bytes
    #[arg(long, value_name = "SIZE", value_parser = args::size, default_value = "8KiB")]
    program_error: u64,
}

/// What programs write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Auto,
    Json,
    Text,
}

/// A name, and what stands behind its `=`.
#[derive(Clone, Debug)]
struct Named {
    name: String,
    what: String,
}

fn named(text: &str) -> std::result::Result<Named, String> {
    match text.split_once('=') {
        Some((name, what)) if !name.trim().is_empty() => Ok(Named {
            name: name.to_owned(),
            what: what.to_owned(),
        }),
        _ => Err("it is a name, = and what it means".into()),
    }
}

impl MethodArgs {
    /// The methods.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] for what contradicts itself; [`Kind::Io`] for a program that is not there.
    pub(super) fn methods(&self) -> Result<Methods> {
        let programs = Programs::new(&self.limits());
        let mut methods = match self.demo {
            true => demo::add(Methods::new()),
            false => Methods::new(),
        };
        let mut names: BTreeSet<String> = methods.names().map(str::to_owned).collect();
        let shells = self.shell.iter().map(|named| (named, true));
        for (named, is_shell) in self.exec.iter().map(|named| (named, false)).chain(shells) {
            let Named { name, what } = named;
            if !names.insert(name.clone()) {
                return Err(usage(format!("there are two methods {name}")));
            }
            if name.starts_with("rpc.") {
                let error = usage(format!("{name}: names that begin with rpc. are reserved"));
                return Err(error.with_hint("section 4.3 of JSON-RPC 2.0 says so"));
            }
            methods = programs.add(methods, name, self.program(what, is_shell)?);
        }
        if names.is_empty() {
            let error = usage("there is no method".to_owned());
            return Err(
                error.with_hint("--exec NAME=CMD adds one; --demo has some to try things with")
            );
        }
        for Named { name, what } in &self.help_text {
            if !names.contains(name) {
                return Err(usage(format!("--help-text: there is no method {name}")));
            }
            methods = methods.help(name, what);
        }
        Ok(methods)
    }

    fn program(&self, what: &str, is_shell: bool) -> Result<Program> {
        let mut program = match is_shell {
            true => Program::shell(what),
            false => {
                let argv: Argv = what.parse()?;
                find(&argv)?;
                Program::new(argv)
            }
        };
        if self.args {
            program.given = Given::Words;
        }
        program.said = match self.result {
            Output::Auto => Said::Either,
            Output::Json => Said::Json,
            Output::Text => Said::Text,
        };
        let variable = |named: &Named| (OsString::from(&named.name), OsString::from(&named.what));
        program.env = self.env.iter().map(variable).collect();
        Ok(program)
    }

    fn limits(&self) -> ProgramLimits {
        let size = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        let mut limits = ProgramLimits::default();
        limits.at_once = size(self.max_programs.into());
        limits.queue = size(self.program_queue.into());
        limits.time = self.program_timeout;
        limits.output = size(self.program_output);
        limits.said = size(self.program_error);
        limits
    }

    /// How many calls there can be at once: those of programs that run and that wait.
    pub(super) fn most_at_once(&self) -> usize {
        let limits = self.limits();
        limits.at_once.saturating_add(limits.queue).min(1 << 20)
    }

    /// How long a call can take: all that wait before it take their whole time.
    pub(super) fn longest(&self) -> Duration {
        let rounds = self.program_queue / self.max_programs.max(1) + 2;
        let longest = self.program_timeout.saturating_mul(rounds);
        longest.min(Duration::from_secs(365 * 24 * 3_600))
    }
}

fn usage(why: String) -> Error {
    Error::new(Kind::Usage, Operation::Parse, why)
}
