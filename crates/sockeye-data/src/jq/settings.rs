//! What a program gets besides its input: variables, the environment, modules, functions of others, stack.

use std::fmt;

use super::engine::Jq;
use crate::value::{Object, Text, Value};

/// A function that is no part of the language: see [`super::native`].
pub type Function = jaq_core::native::Fun<Jq>;

/// What `import` and `include` ask for.
#[derive(Clone, Copy, Debug)]
pub struct Import<'a> {
    /// The path as it is written, without an ending.
    pub path: &'a str,
    /// Whether it is data (`import "path" as $name`) or a module.
    pub data: bool,
    /// The folders that the line itself names (`{search: …}`), relative to the file in which it stands.
    pub search: &'a [&'a str],
    /// The name of the module in which the line stands; none for the program itself.
    pub from: Option<&'a str>,
}

/// What a loader gives.
#[derive(Clone, Debug)]
pub enum Imported {
    /// The text of a module.
    Module {
        /// What tells it from all others, such as its full path. A module that is asked for twice is read once.
        name: String,
        /// The definitions.
        text: String,
    },
    /// All values of a file of data.
    Data(Vec<Value>),
}

/// Gets modules and data. `Err` says why there is nothing, without a full stop.
pub type Loader = dyn Fn(Import<'_>) -> Result<Imported, String>;

/// What a program gets. The default gives it nothing: no variables, an empty environment, no modules.
///
/// ```
/// use sockeye_data::jq::{Inputs, Program, Settings};
/// use sockeye_data::value::Value;
///
/// let settings = Settings::default().variable("least", Value::from(3));
/// let program = Program::compile("select(. >= $least)", &settings).unwrap();
/// assert_eq!(program.run(Value::from(2), &Inputs::none()).count(), 0);
/// ```
pub struct Settings {
    pub(super) variables: Vec<(Text, Value)>,
    pub(super) positional: Vec<Value>,
    pub(super) environment: Object,
    pub(super) loader: Option<Box<Loader>>,
    pub(super) functions: fn() -> Vec<Function>,
    pub(super) stack: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            variables: Vec::new(),
            positional: Vec::new(),
            environment: Object::new(),
            loader: None,
            functions: Vec::new,
            stack: 1 << 20,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("variables", &self.variables)
            .field("positional", &self.positional)
            .field("environment", &self.environment)
            .field("loader", &self.loader.is_some())
            .field("stack", &self.stack)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// The variable `$name`, which is in `$ARGS.named` too. The name comes without `$`; the last one of a name counts.
    #[must_use]
    pub fn variable(mut self, name: impl Into<Text>, value: Value) -> Self {
        let name = name.into();
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value));
        self
    }

    /// What is in `$ARGS.positional` and `$__prog_args`.
    #[must_use]
    pub fn positional(mut self, values: Vec<Value>) -> Self {
        self.positional = values;
        self
    }

    /// What `$ENV` and `env` are. Empty unless it is set.
    #[must_use]
    pub fn environment(mut self, variables: Object) -> Self {
        self.environment = variables;
        self
    }

    /// Where modules and data come from. Without it, `import` and `include` are errors.
    #[must_use]
    pub fn loader(
        mut self,
        loader: impl Fn(Import<'_>) -> Result<Imported, String> + 'static,
    ) -> Self {
        self.loader = Some(Box::new(loader));
        self
    }

    /// Functions that are no part of the language; they stand before those of the language that have the same name.
    #[must_use]
    pub fn functions(mut self, functions: fn() -> Vec<Function>) -> Self {
        self.functions = functions;
        self
    }

    /// As much stack as a program may use, in bytes: about half of what the thread that runs it has. 1 MiB unless it is set. A
    /// program that recurses deeper fails; one that is nested deeper than a part of it holds is not compiled.
    #[must_use]
    pub fn stack(mut self, bytes: usize) -> Self {
        self.stack = bytes;
        self
    }
}
