//! The jq program of `--jq` or `-F`: compiled with its arguments, run on a record.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use sockeye::data::jq::{self, Failure, Message, Settings, Streaming};
use sockeye::data::json::{self, Elements};
use sockeye::data::record::{Error as RecordError, ErrorKind, Position, ReadRecords};
use sockeye::data::value::{Object, Text, Value};
use sockeye::{Error, Kind, Operation, Result};

use super::args::JqArgs;
use super::modules;
use super::records::Records;
use super::sink::{Halt, Step};
use crate::output::Output;

/// A compiled program.
pub(crate) struct Program {
    program: jq::Program,
    output: Output,
}

impl Program {
    /// The program that the flags name, if they do. It may use half of `stack` bytes.
    pub(crate) fn compile(args: &JqArgs, stack: usize, output: &Output) -> Result<Option<Self>> {
        let text = match (&args.program, &args.from_file) {
            (Some(text), _) => text.clone(),
            (None, Some(path)) => std::fs::read_to_string(path)
                .map_err(|error| Error::from_io(Operation::Open, error).about(path.display()))?,
            (None, None) => return Ok(None),
        };
        let settings = settings(args)?.stack(stack / 2);
        let program = jq::Program::compile(&text, &settings).map_err(|error| {
            let hint = error.hint.clone();
            let ours = Error::new(Kind::Usage, Operation::Parse, error.to_string());
            match hint {
                Some(hint) => ours.with_hint(hint),
                None => ours,
            }
        })?;
        Ok(Some(Self {
            program,
            output: output.clone(),
        }))
    }

    /// Run it on a value, or an element of one that is streamed, and do something with each result. Gives the error that the program did not catch, if there was one.
    pub(crate) fn run(
        &self,
        value: Value,
        inputs: &Inputs<'_>,
        streams: bool,
        each: &mut dyn FnMut(Value) -> Step,
    ) -> Step<Option<String>> {
        for result in self.part(streams).run(value, &inputs.jq) {
            match result {
                Ok(value) => each(value)?,
                Err(Failure::Halt { code, says }) => return Err(self.halt(code, says)),
                Err(failure) => {
                    return match inputs.trouble.take() {
                        Some(halt) => Err(halt),
                        None => Ok(Some(format!("jq: {failure}"))),
                    };
                }
            }
        }
        match inputs.trouble.take() {
            Some(halt) => Err(halt),
            None => Ok(None),
        }
    }

    /// The end that the program itself wants.
    fn halt(&self, code: i32, says: Option<Value>) -> Halt {
        match says {
            Some(Value::String(text)) => self.output.ask(&text),
            Some(value) => self.output.ask(&format!("{}\n", json::to_string(&value))),
            None => {}
        }
        // As the shell counts: the lowest eight bits.
        Halt::Exit((code & 0xff) as u8)
    }

    /// Whether a record's results depend on that record alone; else why not.
    pub(crate) fn is_stateless(&self) -> Result<(), String> {
        self.program.is_stateless()
    }

    /// The elements that suffice, one at a time; else why each value is built whole.
    pub(crate) fn elements(&self) -> Result<&Elements, String> {
        match self.program.streaming() {
            Streaming::Each { path, .. } => Ok(path),
            Streaming::Once { .. } => {
                Err("it folds or stops early, and what follows the first value is not known".into())
            }
            Streaming::Whole { why } => Err(why.clone()),
            _ => Err("nobody knows whether less is enough".into()),
        }
    }

    /// The members of records that it looks at, if others need not be built.
    pub(crate) fn reads(&self, streams: bool) -> Option<&[Text]> {
        self.part(streams).reads()
    }

    /// The program that runs on elements, or the whole one.
    fn part(&self, streams: bool) -> &jq::Program {
        match self.program.streaming() {
            Streaming::Each { program, .. } if streams => program,
            _ => &self.program,
        }
    }
}

/// Where a program takes further records from, and whom it speaks to.
pub(crate) struct Inputs<'a> {
    jq: Rc<jq::Inputs<'a>>,
    trouble: Rc<RefCell<Option<Halt>>>,
}

impl<'a> Inputs<'a> {
    /// The records that are still to come.
    pub(crate) fn of(records: &'a Records<'a>, output: &'a Output) -> Self {
        let trouble: Rc<RefCell<Option<Halt>>> = Rc::default();
        let shared = trouble.clone();
        let jq = Rc::new_cyclic(|inputs| {
            let following = Following {
                records,
                inputs: inputs.clone(),
                trouble: shared,
            };
            jq::Inputs::new(following).with_messages(|message| say(&message, output))
        });
        Self { jq, trouble }
    }

    /// None: the program is given its record alone.
    pub(crate) fn none(output: &'a Output) -> Self {
        Self {
            jq: Rc::new(jq::Inputs::none().with_messages(|message| say(&message, output))),
            trouble: Rc::default(),
        }
    }

    /// What `input_filename` is.
    pub(crate) fn set_file(&self, name: Option<&str>) {
        self.jq.set_file(name.map(Into::into));
    }
}

fn say(message: &Message<'_>, output: &Output) {
    match message {
        Message::Debug(value) => output.ask(&format!("[\"DEBUG:\",{}]\n", json::to_string(value))),
        Message::Stderr(Value::String(text)) => output.ask(text),
        Message::Stderr(value) => output.ask(&json::to_string(value)),
        _ => {}
    }
}

/// The records that `input` takes.
struct Following<'a> {
    records: &'a Records<'a>,
    inputs: Weak<jq::Inputs<'a>>,
    trouble: Rc<RefCell<Option<Halt>>>,
}

impl ReadRecords for Following<'_> {
    fn next_record(&mut self) -> Result<Option<Value>, RecordError> {
        let outcome = self.records.next();
        if let Some(inputs) = self.inputs.upgrade() {
            inputs.set_file(self.records.name().map(Into::into));
        }
        outcome.map_err(|halt| {
            self.trouble.replace(Some(halt));
            RecordError::new(ErrorKind::Truncated, "input", "there is no further record")
        })
    }

    fn position(&self) -> Position {
        self.records.position()
    }
}

/// What the program is given.
fn settings(args: &JqArgs) -> Result<Settings> {
    let mut settings = Settings::default();
    for pair in args.arg.chunks_exact(2) {
        settings = settings.variable(pair[0].as_str(), Value::from(pair[1].as_str()));
    }
    for pair in args.argjson.chunks_exact(2) {
        let value = argument("--argjson", &pair[0], &pair[1])?;
        settings = settings.variable(pair[0].as_str(), value);
    }
    for pair in args.slurpfile.chunks_exact(2) {
        let name = pair[0].to_string_lossy();
        let values = modules::values(pair[1].as_ref())?;
        settings = settings.variable(name.as_ref(), Value::array(values));
    }
    for pair in args.rawfile.chunks_exact(2) {
        let name = pair[0].to_string_lossy();
        let text = modules::text(pair[1].as_ref())?;
        settings = settings.variable(name.as_ref(), Value::from(text));
    }
    let texts = args.args.iter().map(|text| Ok(Value::from(text.as_str())));
    let values = args
        .jsonargs
        .iter()
        .map(|text| argument("--jsonargs", "", text));
    settings = settings.positional(texts.chain(values).collect::<Result<_>>()?);
    if args.sandbox {
        return Ok(settings);
    }
    let environment = std::env::vars_os().map(|(name, value)| {
        let value = value.to_string_lossy();
        (
            name.to_string_lossy().as_ref().into(),
            Value::from(value.as_ref()),
        )
    });
    let library = args.library.clone();
    Ok(settings
        .environment(Object::from_iter(environment))
        .loader(move |import| modules::load(&library, &import)))
}

/// A value of JSON on the command line.
fn argument(flag: &str, name: &str, text: &str) -> Result<Value> {
    json::parse(text.as_bytes()).map_err(|error| {
        let name = if name.is_empty() {
            String::new()
        } else {
            format!(" {name}")
        };
        let why = format!("{flag}{name}: {error}");
        Error::new(Kind::Usage, Operation::Parse, why)
    })
}
