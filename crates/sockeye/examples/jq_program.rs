//! Run a jq program on each line of JSON from standard input: `cargo run --example jq_program -- '.name'`.

#![expect(clippy::print_stderr, reason = "an example shows what it does")]

use std::io::{self, Write as _};
use std::process::ExitCode;

use sockeye::data::jq::{Failure, Inputs, Program, Settings, Streaming};
use sockeye::data::json::{ReadOptions, Reader};

fn main() -> ExitCode {
    let text = std::env::args().nth(1).unwrap_or_else(|| ".".into());
    let program = match Program::compile(&text, &Settings::default()) {
        Ok(program) => program,
        Err(error) => {
            eprintln!(
                "{error}{}",
                error
                    .hint
                    .as_ref()
                    .map_or(String::new(), |hint| format!(": {hint}"))
            );
            return ExitCode::from(3);
        }
    };
    match program.streaming() {
        Streaming::Each { path, .. } => eprintln!("could run on each element at {path}"),
        Streaming::Whole { why } => eprintln!("built whole because {why}"),
        _ => {}
    }
    let inputs = Inputs::new(Reader::new(io::stdin().lock(), &ReadOptions::default()));
    let mut out = io::stdout().lock();
    loop {
        let record = match inputs.next_record() {
            Ok(Some(record)) => record,
            Ok(None) => return ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(2);
            }
        };
        for output in program.run(record, &inputs) {
            match output {
                Ok(value) => writeln!(out, "{value}").expect("standard output is open"),
                Err(Failure::Halt { code, .. }) => return ExitCode::from(code as u8),
                Err(failure) => eprintln!("error: {failure}"),
            }
        }
    }
}
