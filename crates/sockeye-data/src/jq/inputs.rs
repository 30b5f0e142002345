//! What a running program reads, and to whom it speaks.

use std::cell::{Cell, RefCell};

use super::engine::Host;
use crate::record::{Error, ReadRecords};
use crate::value::{Text, Value};

/// What a program says while it runs.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Message<'v> {
    /// By `debug`: jq writes `["DEBUG:",VALUE]` and a newline.
    Debug(&'v Value),
    /// By `stderr`: jq writes the value as compact JSON, a string as it is.
    Stderr(&'v Value),
}

type Listener<'r> = Box<dyn FnMut(Message<'_>) + 'r>;

/// The inputs of a program, shared between those who run it record by record and its own `input` and `inputs`.
///
/// ```
/// use sockeye_data::jq::{Inputs, Program, Settings};
/// use sockeye_data::value::Value;
///
/// let program = Program::compile("., input", &Settings::default()).unwrap();
/// let inputs = Inputs::of_values(vec![Value::from(1), Value::from(2)]);
/// let mut all = Vec::new();
/// while let Some(value) = inputs.next_record().unwrap() {
///     all.extend(program.run(value, &inputs).map(Result::unwrap));
/// }
/// assert_eq!(all, [Value::from(1), Value::from(2)]);
/// ```
#[derive(Default)]
pub struct Inputs<'r> {
    records: RefCell<Option<Box<dyn ReadRecords + 'r>>>,
    listener: RefCell<Option<Listener<'r>>>,
    file: RefCell<Option<Text>>,
    line: Cell<Option<u64>>,
    search: RefCell<Vec<Text>>,
    says: RefCell<Option<Value>>,
}

impl<'r> Inputs<'r> {
    /// Without inputs: `input` fails, `inputs` is empty, messages go nowhere.
    pub fn none() -> Self {
        Self::default()
    }

    /// Of a reader, or of `&mut` one.
    pub fn new(records: impl ReadRecords + 'r) -> Self {
        Self {
            records: RefCell::new(Some(Box::new(records))),
            ..Self::default()
        }
    }

    /// Of these values.
    pub fn of_values(values: Vec<Value>) -> Self {
        Self::new(Values(values.into_iter()))
    }

    /// Messages of the program go here.
    #[must_use]
    pub fn with_messages(mut self, listener: impl FnMut(Message<'_>) + 'r) -> Self {
        self.listener = RefCell::new(Some(Box::new(listener)));
        self
    }

    /// What `get_search_list` says.
    #[must_use]
    pub fn with_search_list(self, folders: impl IntoIterator<Item = Text>) -> Self {
        self.search.replace(folders.into_iter().collect());
        self
    }

    /// What `input_filename` says from now on.
    pub fn set_file(&self, name: Option<Text>) {
        self.file.replace(name);
    }

    /// The next record: for those who run a program for each.
    pub fn next_record(&self) -> Result<Option<Value>, Error> {
        let mut records = self.records.borrow_mut();
        let Some(records) = records.as_mut() else {
            return Ok(None);
        };
        let next = records.next_record();
        self.line.set(Some(records.position().line));
        next
    }
}

impl std::fmt::Debug for Inputs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inputs").finish_non_exhaustive()
    }
}

impl Host for Inputs<'_> {
    fn next(&self) -> Option<Result<Value, String>> {
        // A reader that asks for records while it reads one has none.
        if self.records.try_borrow_mut().is_err() {
            return None;
        }
        self.next_record()
            .map_err(|error| error.to_string())
            .transpose()
    }

    fn debug(&self, value: &Value) {
        self.say(Message::Debug(value));
    }

    fn stderr(&self, value: &Value) {
        self.say(Message::Stderr(value));
    }

    fn file(&self) -> Value {
        self.file
            .borrow()
            .clone()
            .map_or(Value::Null, Value::String)
    }

    fn line(&self) -> Value {
        let line = self.line.get().unwrap_or(0);
        i64::try_from(line).unwrap_or(i64::MAX).into()
    }

    fn search_list(&self) -> Value {
        self.search
            .borrow()
            .iter()
            .cloned()
            .map(Value::String)
            .collect()
    }

    fn halt(&self, value: Value) {
        self.says.replace(Some(value));
    }

    fn said(&self) -> Option<Value> {
        self.says.take()
    }
}

impl Inputs<'_> {
    fn say(&self, message: Message<'_>) {
        if let Ok(mut listener) = self.listener.try_borrow_mut()
            && let Some(listener) = listener.as_mut()
        {
            listener(message);
        }
    }
}

/// Values that are there already.
struct Values(std::vec::IntoIter<Value>);

impl ReadRecords for Values {
    fn next_record(&mut self) -> Result<Option<Value>, Error> {
        Ok(self.0.next())
    }

    fn position(&self) -> crate::record::Position {
        crate::record::Position::default()
    }
}
