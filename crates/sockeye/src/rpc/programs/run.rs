//! One program for one call, from its start to its end.

use std::borrow::Cow;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use sockeye_data::json;
use sockeye_data::value::{Object, Value};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::ChildStdin;

use super::{Given, Program, ProgramLimits, TOO_LONG, TOO_MUCH};
use crate::endpoint::Argv;
use crate::net::program::{self, Running, Spec};
use crate::rpc::call::{Fault, Params};

/// What is read of a pipe at a time.
const CHUNK: usize = 16 << 10;

/// A call on its way to a program.
#[derive(Debug)]
pub(super) struct Task<'a> {
    argv: Cow<'a, Argv>,
    env: &'a [(OsString, OsString)],
    input: Option<Vec<u8>>,
}

/// How a program ended, and what it wrote.
struct Ended {
    output: Vec<u8>,
    said: Vec<u8>,
    status: ExitStatus,
}

impl<'a> Task<'a> {
    /// The program with these parameters; -32602 if it cannot be given them.
    pub(super) fn new(program: &'a Program, params: Params) -> Result<Self, Fault> {
        let (argv, input) = match program.given {
            Given::Json => (Cow::Borrowed(&program.argv), Some(line(params))),
            Given::Words => {
                let mut argv = program.argv.clone();
                argv.args.extend(words(params)?);
                (Cow::Owned(argv), None)
            }
        };
        Ok(Self {
            argv,
            env: &program.env,
            input,
        })
    }

    /// Run it to its end, and hand over its output.
    ///
    /// Dropping the future kills it, and what it started.
    pub(super) async fn run(self, limits: &ProgramLimits) -> Result<Vec<u8>, Fault> {
        let spec = Spec {
            argv: &self.argv,
            env: self.env,
            clean: false,
            dir: None,
        };
        let mut running = program::start(&spec, self.input.is_some())
            .map_err(|error| internal(&format!("the program did not start: {}", error.why())))?;
        let ended =
            tokio::time::timeout(limits.time, to_end(&mut running, self.input, limits)).await;
        match ended {
            Ok(Ok(ended)) if ended.status.success() => Ok(ended.output),
            Ok(Ok(ended)) => Err(failed(&ended)),
            Ok(Err(Trouble::TooMuch)) => {
                running.kill();
                let why = format!("the program wrote more than {} bytes", limits.output);
                Err(Fault::new(TOO_MUCH, why))
            }
            Ok(Err(Trouble::Io(error))) => {
                running.kill();
                Err(internal(&format!(
                    "the program's output cannot be read: {error}"
                )))
            }
            Err(_) => {
                // Nobody waits for its parting.
                tokio::spawn(running.end());
                let why = format!(
                    "the program took longer than {:?} and was ended",
                    limits.time
                );
                Err(Fault::new(TOO_LONG, why))
            }
        }
    }
}

/// Why there is no whole output.
enum Trouble {
    TooMuch,
    Io(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Feed it, hear it out, and wait for its end: all at once, for it may do these in any order.
async fn to_end(
    running: &mut Running,
    input: Option<Vec<u8>>,
    limits: &ProgramLimits,
) -> Result<Ended, Trouble> {
    let (stdin, stdout, stderr) = (
        running.stdin.take(),
        running.stdout.take(),
        running.stderr.take(),
    );
    let feeding = async {
        feed(stdin, input).await;
        Ok::<_, Trouble>(())
    };
    let ((), output, said) = tokio::try_join!(
        feeding,
        whole(stdout, limits.output),
        last(stderr, limits.said)
    )?;
    Ok(Ended {
        output,
        said,
        status: running.ended().await?,
    })
}

/// A program need not read what it is given.
async fn feed(stdin: Option<ChildStdin>, input: Option<Vec<u8>>) {
    if let (Some(mut stdin), Some(input)) = (stdin, input) {
        let _ = stdin.write_all(&input).await;
        let _ = stdin.shutdown().await;
    }
}

/// All of it, within the bound.
async fn whole(pipe: Option<impl AsyncRead + Unpin>, most: usize) -> Result<Vec<u8>, Trouble> {
    let mut output = Vec::new();
    let Some(pipe) = pipe else { return Ok(output) };
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    pipe.take(bound).read_to_end(&mut output).await?;
    match output.len() > most {
        true => Err(Trouble::TooMuch),
        false => Ok(output),
    }
}

/// The last bytes of it; the rest is read and forgotten.
async fn last(pipe: Option<impl AsyncRead + Unpin>, most: usize) -> Result<Vec<u8>, Trouble> {
    let mut kept = Vec::new();
    let Some(mut pipe) = pipe else {
        return Ok(kept);
    };
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = pipe.read(&mut chunk).await?;
        if read == 0 {
            break;
        }
        kept.extend_from_slice(&chunk[..read]);
        if kept.len() > most.saturating_add(CHUNK) {
            kept.drain(..kept.len() - most);
        }
    }
    if kept.len() > most {
        kept.drain(..kept.len() - most);
    }
    Ok(kept)
}

/// Parameters as one line of JSON.
fn line(params: Params) -> Vec<u8> {
    let value = match params {
        Params::None => Value::array(Vec::new()),
        Params::List(values) => Value::array(values),
        Params::Named(members) => members.into(),
    };
    let mut line = Vec::new();
    json::write(&value, &mut line);
    line.push(b'\n');
    line
}

/// Parameters as words.
fn words(params: Params) -> Result<Vec<OsString>, Fault> {
    let values = match params {
        Params::None => Vec::new(),
        Params::List(values) => values,
        Params::Named(_) => {
            let why = "this method takes parameters in order, not by name";
            return Err(Fault::new(-32_602, why));
        }
    };
    let word = |value: Value| {
        let word = match value {
            Value::String(text) => text.to_string(),
            other => json::to_string(&other),
        };
        match word.contains('\0') {
            true => Err(Fault::new(-32_602, "a word cannot hold the character NUL")),
            false => Ok(OsString::from(word)),
        }
    };
    values.into_iter().map(word).collect()
}

/// The fault of a program that ended badly: its status as code, its last words as message.
fn failed(ended: &Ended) -> Fault {
    let said = String::from_utf8_lossy(&ended.said);
    let mut data = Object::new();
    let (code, how) = match (ended.status.code(), ended.status.signal()) {
        (Some(code), _) => {
            data.insert("status".into(), code.into());
            (code, format!("the program ended with status {code}"))
        }
        (_, Some(signal)) => {
            data.insert("signal".into(), signal.into());
            (
                128 + signal,
                format!("the program was ended by signal {signal}"),
            )
        }
        _ => (1, "the program failed".to_owned()),
    };
    let message = match said.trim() {
        "" => how,
        said => said.to_owned(),
    };
    Fault {
        data: Some(data.into()),
        ..Fault::new(code.into(), message)
    }
}

fn internal(why: &str) -> Fault {
    Fault::new(-32_603, why)
}
