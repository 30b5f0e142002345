//! The records of all inputs, one after the other, as the engine and the program's `input` take them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::PathBuf;

use sockeye::data::format::Format;
use sockeye::data::json::Elements;
use sockeye::data::record::{ErrorKind, Position, ReadRecords as _};
use sockeye::data::value::Value;

use super::job::{Job, data_error};
use super::open::{self, Reader};
use super::sink::{Halt, Sink, Step};
use super::source::Source;
use crate::output::Level;

/// The records of all inputs. The program takes some itself, so they are shared.
pub(crate) struct Records<'a> {
    job: &'a Job,
    sink: Option<Sink>,
    /// JSON comes as these elements of its values.
    elements: Option<Elements>,
    state: RefCell<State>,
}

struct State {
    opened: Option<Source>,
    files: VecDeque<PathBuf>,
    current: Option<Current>,
    /// The input that the last record came from.
    name: Option<String>,
    /// Where the last record begins.
    place: Position,
}

struct Current {
    name: Option<String>,
    reader: Reader,
    /// Places cost something, and that behind a record is on its line.
    is_lazy: bool,
}

impl<'a> Records<'a> {
    /// The records of these files. `sink` is flushed before they make us wait.
    pub(crate) fn new(job: &'a Job, files: Vec<PathBuf>, sink: Option<Sink>) -> Self {
        Self {
            job,
            sink,
            elements: None,
            state: RefCell::new(State {
                opened: None,
                files: files.into(),
                current: None,
                name: None,
                place: Position::default(),
            }),
        }
    }

    /// The format of the first input, which is opened for this.
    pub(crate) fn first_format(&self) -> Step<Option<Format>> {
        let mut state = self.state.borrow_mut();
        self.open_next(&mut state)?;
        Ok(state.opened.as_ref().map(Source::format))
    }

    /// Ask something about the first input; nothing if there is none.
    pub(crate) fn with_first<T>(&self, ask: impl FnOnce(&Source) -> Option<T>) -> Option<T> {
        self.state.borrow().opened.as_ref().and_then(ask)
    }

    /// The same, and it is opened for that.
    pub(crate) fn with_opened<T>(&self, ask: impl FnOnce(&Source) -> T) -> Step<Option<T>> {
        self.first_format()?;
        Ok(self.state.borrow().opened.as_ref().map(ask))
    }

    /// The first input, before it is read.
    pub(crate) fn take_first(&self) -> Step<Option<Source>> {
        let mut state = self.state.borrow_mut();
        self.open_next(&mut state)?;
        Ok(state.opened.take())
    }

    /// Whether JSON comes as elements.
    pub(crate) fn streams(&self) -> bool {
        self.elements.is_some()
    }

    /// Read JSON as these elements.
    pub(crate) fn stream_elements(&mut self, elements: Option<Elements>) {
        self.elements = elements;
    }

    /// The next record of any input.
    pub(crate) fn next(&self) -> Step<Option<Value>> {
        let mut state = self.state.borrow_mut();
        loop {
            if state.current.is_none() && !self.start_next(&mut state)? {
                return Ok(None);
            }
            let State {
                current,
                place,
                name,
                ..
            } = &mut *state;
            let Some(Current {
                name: called,
                reader,
                is_lazy,
            }) = current
            else {
                return Ok(None);
            };
            if !*is_lazy {
                *place = reader.position();
            }
            match reader.next_record() {
                Ok(Some(value)) => return Ok(Some(value)),
                Ok(None) => *current = None,
                Err(error) => {
                    if let Some(halt) = self.sink.as_ref().and_then(Sink::take_failure) {
                        return Err(halt);
                    }
                    *name = called.clone();
                    let failure = data_error(called.as_deref(), &error);
                    if matches!(error.kind(), ErrorKind::Io(_)) {
                        return Err(Halt::Failed(failure));
                    }
                    self.job.fail(failure)?;
                }
            }
        }
    }

    /// What the input of the last record is called; `None`: standard input.
    pub(crate) fn name(&self) -> Option<String> {
        self.state.borrow().name.clone()
    }

    /// Behind the last record.
    pub(crate) fn position(&self) -> Position {
        let state = self.state.borrow();
        let current = state.current.as_ref();
        current.map_or(state.place, |current| current.reader.position())
    }

    /// The input of the last record and where that begins, for messages.
    pub(crate) fn place(&self) -> String {
        let state = self.state.borrow();
        let place = match &state.current {
            Some(current) if current.is_lazy => current.reader.position(),
            _ => state.place,
        };
        called(state.name.as_deref(), place)
    }

    fn open_next(&self, state: &mut State) -> Step {
        if state.opened.is_none()
            && let Some(path) = state.files.pop_front()
        {
            let source = Source::open(&path, &self.job.asked, self.sink.as_ref())?;
            if let Some(charset) = source.guessed_charset() {
                let called = source.name.as_ref().map(|name| format!("{name}: "));
                let called = called.unwrap_or_default();
                self.job.output.say(
                    Level::Normal,
                    format!("{called}read as {charset}, a guess; --charset says it"),
                );
            }
            state.opened = Some(source);
        }
        Ok(())
    }

    fn start_next(&self, state: &mut State) -> Step<bool> {
        self.open_next(state)?;
        let Some(source) = state.opened.take() else {
            return Ok(false);
        };
        let (name, format) = (source.name.clone(), source.format());
        let bytes = source.bytes(&self.job.formats);
        let reader = open::reader(
            format,
            Box::new(bytes),
            &self.job.formats,
            self.elements.as_ref(),
        )?;
        state.name.clone_from(&name);
        state.current = Some(Current {
            name,
            reader,
            is_lazy: counts_lines(format),
        });
        Ok(true)
    }
}

/// Whether lines are counted only when somebody asks where a record is: then nobody asks before something is wrong with it, and the
/// place is the one behind it.
pub(crate) fn counts_lines(format: Format) -> bool {
    matches!(
        format,
        Format::Json | Format::Ndjson | Format::JsonSeq | Format::Xml
    )
}

/// A record in messages.
pub(crate) fn called(name: Option<&str>, place: Position) -> String {
    let place = match place.line {
        0 => format!("the record at byte {}", place.byte),
        line => format!("the record at line {line}"),
    };
    match name {
        Some(name) => format!("{name}: {place}"),
        None => place,
    }
}
