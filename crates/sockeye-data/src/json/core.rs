//! What turns text into records: whole values, or the elements of values.

use crate::value::Value;

use super::elements::Walk;
use super::fault::Fault;
use super::lex::Lexed;
use super::machine::Machine;
use super::{Framing, ReadOptions};

/// What a step towards a record came to.
pub(super) enum Step {
    /// A record.
    Record(Value),
    /// A value ended that has no (more) records in it.
    Nothing,
    /// More text is needed.
    More,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one for each reader")]
pub(super) enum Core {
    Whole(Machine),
    Elements(Walk),
}

impl Core {
    pub(super) fn new(options: &ReadOptions) -> Self {
        match &options.elements {
            Some(elements) => Self::Elements(Walk::new(elements, options)),
            None => Self::Whole(Machine::new(options)),
        }
    }

    /// Go on at `at`, which moves behind what was read.
    #[inline]
    pub(super) fn step(&mut self, text: &str, at: &mut usize, last: bool) -> Result<Step, Fault> {
        match self {
            Self::Whole(machine) => Ok(match machine.build(text, at, last)? {
                Some(value) => Step::Record(value),
                None => Step::More,
            }),
            Self::Elements(walk) => walk.step(text, at, last),
        }
    }

    /// Nothing of a value was read.
    #[inline]
    pub(super) fn is_fresh(&self) -> bool {
        match self {
            Self::Whole(machine) => machine.is_fresh(),
            Self::Elements(walk) => walk.is_fresh(),
        }
    }

    /// Where in the text the record began, if one did since the last time this was asked.
    #[inline]
    pub(super) fn take_begin(&mut self) -> Option<usize> {
        match self {
            Self::Whole(_) => None,
            Self::Elements(walk) => walk.take_begin(),
        }
    }

    /// A record is being read, and not something around it.
    pub(super) fn is_in_record(&self) -> bool {
        match self {
            Self::Whole(machine) => !machine.is_fresh(),
            Self::Elements(walk) => walk.is_in_record(),
        }
    }

    /// Forget what was begun.
    pub(super) fn reset(&mut self) {
        match self {
            Self::Whole(machine) => machine.reset(),
            Self::Elements(walk) => walk.reset(),
        }
    }

    /// How many halves of surrogate pairs were replaced.
    pub(super) fn replaced(&self) -> u64 {
        match self {
            Self::Whole(machine) => machine.replaced(),
            Self::Elements(walk) => walk.replaced(),
        }
    }

    /// The place behind what may stand between values.
    #[inline]
    pub(super) fn skip_space(&self, text: &str, at: usize, last: bool) -> Lexed<()> {
        match self {
            Self::Whole(machine) => machine.skip_space(text, at, last),
            Self::Elements(walk) => walk.skip_space(text, at, last),
        }
    }

    /// The next record of a frame, which is all of the text; `None` behind the last.
    pub(super) fn next_in_frame(
        &mut self,
        frame: &str,
        at: &mut usize,
        framing: Framing,
    ) -> Result<Option<Value>, Fault> {
        loop {
            if self.is_fresh() {
                *at = self.behind_space(frame, *at)?;
                if *at == frame.len() {
                    return Ok(None);
                }
            }
            let step = self.step(frame, at, true)?;
            if self.is_fresh() {
                self.check_end(frame, at, framing)?;
            }
            match step {
                Step::Record(value) => return Ok(Some(value)),
                Step::Nothing => {}
                Step::More => return Err(Fault::truncated(frame.len(), "a value")),
            }
        }
    }

    fn behind_space(&self, frame: &str, at: usize) -> Result<usize, Fault> {
        let behind = self.skip_space(frame, at, true)?;
        Ok(behind.map_or(frame.len(), |((), behind)| behind))
    }

    /// Behind the value of a frame is nothing.
    fn check_end(&self, frame: &str, at: &mut usize, framing: Framing) -> Result<(), Fault> {
        let value_end = *at;
        *at = self.behind_space(frame, value_end)?;
        if *at < frame.len() {
            return Err(match framing {
                Framing::Lines => Fault::unexpected(frame, *at, "the end of the line"),
                _ => Fault::unexpected(frame, *at, "nothing more"),
            });
        }
        // RFC 7464, section 2.4: `12` may be the rest of `123`.
        let is_open = || {
            let last = frame.as_bytes()[value_end - 1];
            last.is_ascii_alphanumeric()
        };
        if framing == Framing::Sequence && *at == value_end && is_open() {
            return Err(
                Fault::truncated(value_end, "a value that may be longer").with_hint(
                    "in a sequence, a newline stands behind numbers, true, false and null",
                ),
            );
        }
        Ok(())
    }
}
