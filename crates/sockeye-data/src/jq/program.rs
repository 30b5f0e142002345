//! A compiled program, and its runs.

use std::fmt;

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars};

use super::engine::{Data, Host, Jq, Stack, Values};
use super::fault::{CompileError, Failure};
use super::inputs::Inputs;
use super::prelude;
use super::reads;
use super::rewrite::{Def, Term, Uses};
use super::settings::Settings;
use super::sources::Sources;
use super::stream::{self, Plan, Streaming};
use crate::value::{Object, Text, Value};

/// The name under which the program itself is compiled. No program can name it.
const MAIN: &str = "_program";

/// A program, compiled once and run often, from as many threads as one likes.
///
/// ```
/// use sockeye_data::jq::{Inputs, Program, Settings};
/// use sockeye_data::value::Value;
///
/// let program = Program::compile("map(. * 2) | add", &Settings::default()).unwrap();
/// let input = Value::array(vec![1.into(), 2.into()]);
/// let outputs: Result<Vec<_>, _> = program.run(input, &Inputs::none()).collect();
/// assert_eq!(outputs.unwrap(), [Value::from(6)]);
///
/// let error = Program::compile("map(. * 2) | ad", &Settings::default()).unwrap_err();
/// assert_eq!(error.to_string(), "jq: there is no function ad/0 at line 1, column 14");
/// assert_eq!(error.hint.as_deref(), Some("did you mean add/0?"));
/// ```
pub struct Program {
    filter: jaq_core::Filter<Jq>,
    globals: Vec<Value>,
    stack: usize,
    streaming: Box<Streaming>,
    reads: Option<Vec<Text>>,
    /// It is only a path of these names, which is followed without the engine.
    names: Option<Vec<Text>>,
    /// A function by which runs depend on each other.
    shares: Option<&'static str>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").finish_non_exhaustive()
    }
}

impl Program {
    /// Compile a program. An empty one is `.`.
    pub fn compile(text: &str, settings: &Settings) -> Result<Self, CompileError> {
        let arena = Arena::default();
        let mut sources = Sources::new(&arena, settings);
        let term = sources.program(text)?;
        let mut program = assemble(&arena, &mut sources, term.clone(), settings)?;
        program.streaming = match stream::plan(&term, &sources.uses) {
            Plan::Each(path, rest) => {
                let (reads, names) = (reads::of(&rest, &sources.uses), reads::names(&rest));
                let mut program = assemble(&arena, &mut sources, rest, settings)?;
                (program.reads, program.names) = (reads.map(texts), names.map(texts));
                Streaming::Each { path, program }
            }
            Plan::Once(path, once) => {
                let program = assemble(&arena, &mut sources, once, settings)?;
                Streaming::Once { path, program }
            }
            Plan::Whole(why) => Streaming::Whole { why },
        }
        .into();
        program.reads = reads::of(&term, &sources.uses).map(texts);
        program.names = reads::names(&term).map(texts);
        Ok(program)
    }

    /// How it can take its input: while it is read, or built whole.
    pub fn streaming(&self) -> &Streaming {
        &self.streaming
    }

    /// The members of an object that it can ever read, where that is certain: `select(.a == 1) | .b` reads `a` and `b`. Others need not
    /// be built: it yields the same without them.
    pub fn reads(&self) -> Option<&[Text]> {
        self.reads.as_deref()
    }

    /// Whether runs on several inputs have nothing to do with each other, so that they can be made at once and in any order. The error
    /// says why not.
    pub fn is_stateless(&self) -> Result<(), String> {
        match self.shares {
            Some(name) => Err(format!("`{name}` depends on the order of all records")),
            None => Ok(()),
        }
    }

    /// Run it on one input. What comes out is computed as it is asked for; after a failure there is nothing more.
    pub fn run<'a>(&'a self, input: Value, inputs: &'a Inputs<'_>) -> Outputs<'a> {
        if let Some(ready) = self
            .names
            .as_deref()
            .and_then(|names| follow(&input, names))
        {
            return Outputs {
                values: Some(Box::new(std::iter::once(Ok(ready)))),
                host: inputs,
            };
        }
        let data = Data {
            lut: &self.filter.lut,
            host: inputs,
            stack: Stack::from_here(self.stack),
        };
        let globals = Vars::new(self.globals.iter().cloned());
        let context = Ctx::<Jq>::new(data, globals);
        Outputs {
            values: Some(self.filter.id.run((context, input))),
            host: inputs,
        }
    }
}

fn texts(names: Vec<String>) -> Vec<Text> {
    names.into_iter().map(Text::from).collect()
}

/// What lies at the end of a path of names; `None` where that is an error, which the engine words.
fn follow(input: &Value, names: &[Text]) -> Option<Value> {
    let mut value = input;
    for name in names {
        value = match value {
            Value::Object(object) => object.get(name).unwrap_or(&Value::Null),
            Value::Null => value,
            _ => return None,
        };
    }
    Some(value.clone())
}

/// The outputs of a run.
pub struct Outputs<'a> {
    values: Option<Values<'a>>,
    host: &'a dyn Host,
}

impl fmt::Debug for Outputs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outputs").finish_non_exhaustive()
    }
}

impl Iterator for Outputs<'_> {
    type Item = Result<Value, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.values.as_mut()?.next()?;
        Some(next.map_err(|exn| {
            self.values = None;
            match exn.get_err() {
                Ok(error) => Failure::Error(error.into_val()),
                Err(exn) => match exn.get_halt() {
                    Ok(code) => Failure::Halt {
                        code,
                        says: self.host.said(),
                    },
                    Err(_) => Failure::Error("break".into()),
                },
            }
        }))
    }
}

/// A function by which runs on several records depend on each other, or on how they come.
fn shares(uses: &Uses<'_>) -> Option<&'static str> {
    [
        ("input", "input"),
        ("inputs", "inputs"),
        ("input_line_number", "input_line_number"),
        ("input_filename", "input_filename"),
        ("_debug", "debug"),
        ("_stderr", "stderr"),
        ("_halt", "halt"),
    ]
    .into_iter()
    .find(|(called, _)| uses.calls.contains(&(*called, 0)) || uses.calls.contains(&(*called, 3)))
    .map(|(_, name)| name)
}

/// Put all together and compile it.
fn assemble<'s>(
    arena: &'s Arena,
    sources: &mut Sources<'s, '_>,
    term: Term<'s>,
    settings: &Settings,
) -> Result<Program, CompileError> {
    let natives = prelude::natives((settings.functions)());
    let mut definitions = prelude::reached(&mut sources.uses);
    definitions.extend(sources.definitions.iter().cloned());
    definitions.push(Def {
        name: MAIN,
        args: Vec::new(),
        body: term,
    });
    let (names, globals) = globals(sources, settings, arena);
    let main = File {
        code: MAIN,
        path: (),
    };
    let modules = Loader::new(definitions).load(arena, main);
    let modules = modules.map_err(|_| CompileError::new("the program cannot be put together"))?;
    let compiled = Compiler::default()
        .with_funs(natives)
        .with_global_vars(names)
        .compile(modules);
    let filter = compiled.map_err(|errors| {
        let first = errors.iter().find_map(|(_, errors)| errors.first());
        match first {
            Some((name, kind)) => undefined(name, kind, sources),
            None => CompileError::new("the program cannot be compiled"),
        }
    })?;
    Ok(Program {
        filter,
        globals,
        stack: settings.stack,
        streaming: Box::new(Streaming::Whole { why: String::new() }),
        reads: None,
        names: None,
        shares: shares(&sources.uses),
    })
}

fn undefined(
    name: &str,
    kind: &jaq_core::compile::Undefined,
    sources: &Sources<'_, '_>,
) -> CompileError {
    let known = prelude::all_names();
    let own = sources.uses.defined.iter().map(|name| (*name, 0));
    let variables = ["$ENV", "$ARGS", "$__loc__", "$__prog_args"].map(|name| (name, 0));
    let is_variable = matches!(kind, jaq_core::compile::Undefined::Var);
    let known: Vec<(&str, usize)> = match is_variable {
        true => variables
            .into_iter()
            .chain(sources.uses.variables.iter().map(|name| (*name, 0)))
            .filter(|(known, _)| *known != name)
            .collect(),
        false => known.into_iter().chain(own).collect(),
    };
    for (file, text) in &sources.texts {
        let error = CompileError::undefined(text, name, kind, known.iter().copied());
        if error.line > 0 {
            return error.in_file(file.as_deref());
        }
    }
    CompileError::undefined("", name, kind, known.into_iter())
}

/// The variables that are there without being bound, as far as the program refers to them: names and values.
fn globals<'s>(
    sources: &Sources<'s, '_>,
    settings: &Settings,
    arena: &'s Arena,
) -> (Vec<&'s str>, Vec<Value>) {
    let Uses { variables, .. } = &sources.uses;
    let mut all: Vec<(&'s str, Value)> = Vec::new();
    let mut add = |name: &str, value: &dyn Fn() -> Value| {
        if variables.contains(name) {
            let name: &'s str = arena.alloc(name.to_owned());
            all.push((name, value()));
        }
    };
    add("$ENV", &|| settings.environment.clone().into());
    add("$__prog_args", &|| {
        Value::array(settings.positional.clone())
    });
    add("$ARGS", &|| {
        let named = Object::from_iter(settings.variables.iter().cloned());
        let positional = Value::array(settings.positional.clone());
        let members = [("positional", positional), ("named", named.into())];
        Object::from_iter(members.map(|(name, value)| (name.into(), value))).into()
    });
    for (name, value) in &settings.variables {
        add(&format!("${name}"), &|| value.clone());
    }
    for (name, value) in &sources.data {
        add(name, &|| value.clone());
    }
    all.into_iter().unzip()
}
