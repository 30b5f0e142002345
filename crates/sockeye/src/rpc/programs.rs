//! Programs as methods: one process for each call, its parameters as JSON on standard input or as words, its standard output the
//! answer.
//!
//! [`Programs`] bounds all of them together: how many run at once, how many calls wait, how long one may take, how much it may
//! say. A call that is given up (its future is dropped, its time is over) ends the program and what it started.

mod gate;
mod run;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use sockeye_data::value::Value;

use self::gate::Gate;
use super::call::{Answer, Fault, Params};
use super::methods::Methods;
use crate::endpoint::Argv;

/// The code of a fault: too many calls wait already. Trying again later may do; `data` says `{"retry":true}`.
pub const BUSY: i64 = -32_000;
/// The code of a fault: the program took too long, and was ended.
pub const TOO_LONG: i64 = -32_001;
pub use super::call::TOO_MUCH;

/// What programs may cost, all of them together or each.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProgramLimits {
    /// Programs at once, 1 at least; 32 by default.
    pub at_once: usize,
    /// Calls that wait for a program to end; 128 by default. Further ones are refused with [`BUSY`].
    pub queue: usize,
    /// How long one program may take; 60 s by default. Then it is asked to end, killed 2 s later, and the fault is [`TOO_LONG`].
    pub time: Duration,
    /// Bytes of standard output of one program; 16 MiB by default. Beyond, it is killed, and the fault is [`TOO_MUCH`].
    pub output: usize,
    /// Bytes of standard error that are told to the caller, the last ones; 8 KiB by default.
    pub said: usize,
}

impl Default for ProgramLimits {
    fn default() -> Self {
        Self {
            at_once: 32,
            queue: 128,
            time: Duration::from_secs(60),
            output: 16 << 20,
            said: 8 << 10,
        }
    }
}

/// How a program is given its parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Given {
    /// As one line of JSON on standard input: an array, or an object if they have names.
    #[default]
    Json,
    /// As words behind its own, one each: strings as they are, everything else as JSON. Standard input is empty. Parameters with
    /// names are refused, and so are words with a NUL.
    Words,
}

/// What the standard output of a program is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Said {
    /// JSON if it reads as one value of JSON, else text without the newline at its end, else bytes.
    #[default]
    Either,
    /// JSON; anything else is a fault.
    Json,
    /// Text, whatever it reads as; bytes if it is no UTF-8.
    Text,
}

/// A program that is a method.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program and its words; no shell reads them.
    pub argv: Argv,
    /// How it is given its parameters.
    pub given: Given,
    /// What its output is.
    pub said: Said,
    /// Environment variables on top of ours; `SOCKEYE_METHOD` holds the name of the method.
    pub env: Vec<(OsString, OsString)>,
}

impl Program {
    /// A program that reads JSON and writes JSON or text.
    pub fn new(argv: Argv) -> Self {
        Self {
            argv,
            given: Given::default(),
            said: Said::default(),
            env: Vec::new(),
        }
    }

    /// A line for `/bin/sh`; [`Given::Words`] are its `$1`, `$2` and so on.
    pub fn shell(line: impl Into<OsString>) -> Self {
        Self::new(Argv {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), line.into(), "sh".into()],
        })
    }
}

/// Makes methods of programs that share their bounds.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> sockeye::Result<()> {
/// use sockeye::rpc::programs::{Program, ProgramLimits, Programs};
/// use sockeye::rpc::{Call, Methods};
///
/// let programs = Programs::new(&ProgramLimits::default());
/// let methods = programs.add(Methods::new(), "echo", Program::new("cat".parse()?));
/// let answer = methods.call(Call::new("echo", vec![1.into()])).await.unwrap();
/// assert_eq!(answer.as_array().unwrap()[0].as_i64(), Some(1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Programs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: ProgramLimits,
    gate: Gate,
}

impl Programs {
    /// With these bounds.
    pub fn new(limits: &ProgramLimits) -> Self {
        Self(Arc::new(Inner {
            limits: limits.clone(),
            gate: Gate::new(limits.at_once, limits.queue),
        }))
    }

    /// The same methods, with this program under this name.
    #[must_use]
    pub fn add(&self, methods: Methods, name: &str, mut program: Program) -> Methods {
        program.env.push(("SOCKEYE_METHOD".into(), name.into()));
        let (shared, program) = (Arc::clone(&self.0), Arc::new(program));
        methods.add(name, move |params| {
            let (shared, program) = (Arc::clone(&shared), Arc::clone(&program));
            async move { shared.call(&program, params).await }
        })
    }
}

impl Inner {
    async fn call(&self, program: &Program, params: Params) -> Answer {
        let task = run::Task::new(program, params)?;
        let _pass = self.gate.enter().await?;
        let output = task.run(&self.limits).await?;
        read(output, program.said)
    }
}

/// What an output means.
fn read(mut output: Vec<u8>, said: Said) -> Answer {
    use sockeye_data::json;
    match said {
        Said::Json => json::parse(&output).map_err(|error| {
            Fault::new(-32_603, format!("the program's output is no JSON: {error}"))
        }),
        Said::Either if !output.is_empty() => match json::parse(&output) {
            Ok(value) => Ok(value),
            Err(_) => Ok(text(output)),
        },
        Said::Either | Said::Text => {
            output.shrink_to_fit();
            Ok(text(output))
        }
    }
}

fn text(mut output: Vec<u8>) -> Value {
    if output.ends_with(b"\n") {
        output.pop();
        if output.ends_with(b"\r") {
            output.pop();
        }
    }
    match String::from_utf8(output) {
        Ok(text) => Value::from(text),
        Err(error) => Value::bytes(error.into_bytes()),
    }
}
