//! The command line of sockeye: flags become values, values become text. No protocol is spoken here.

mod args;
mod cli;
mod commands;
mod exit;
mod local;
mod output;
mod report;
mod sheet;
mod signals;
mod timeline;
mod view;

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(args::parse().map_or_else(|code| code, run))
}

fn run(cli: cli::Cli) -> u8 {
    let output = output::Output::new(&cli.global);
    output::trace_developers(&cli.global);
    let runtime = match runtime(cli.command.workers()) {
        Ok(runtime) => runtime,
        Err(error) => {
            return output.fail(&sockeye::Error::from_io(sockeye::Operation::Run, error));
        }
    };
    let commanded = output.clone();
    // A task of its own: waking the future that blocks the thread costs a system call each time.
    let command = runtime.spawn(async move {
        match cli.command.run(commanded.clone()).await {
            Ok(outcome) => outcome.code(),
            Err(error) => commanded.fail(&error),
        }
    });
    let code = runtime.block_on(command).unwrap_or(exit::BROKEN);
    // Nothing that still runs (a program's last wait, a look-up) may hold up the exit.
    runtime.shutdown_background();
    code
}

/// One thread unless the command serves many: a second one costs start-up time and wake-ups across cores.
fn runtime(workers: usize) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = if workers > 1 {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(workers);
        builder
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    builder.enable_all().build()
}
