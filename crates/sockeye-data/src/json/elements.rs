//! The elements of one huge value: a path to them.

use crate::value::Text;

use super::ReadOptions;
use super::core;
use super::fault::Fault;
use super::lex::Lexed;
use super::machine::Machine;

/// A path to records within values, such as `.[]`, `.a.b[]` or `.a[].b[]`.
///
/// ```
/// use sockeye_data::json::{Elements, Step};
///
/// let elements: Elements = ".items[]".parse().unwrap();
/// assert_eq!(elements, Elements::new(vec![Step::Name("items".into()), Step::Each]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elements(Vec<Step>);

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The member of an object.
    Name(Text),
    /// Each item of an array, the value of each member of an object.
    Each,
}

impl Elements {
    /// A path of these steps.
    pub fn new(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    /// Its steps.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

/// Walks through values to the elements at the end of a path.
#[derive(Debug)]
pub(super) struct Walk {
    machine: Machine,
}

impl Walk {
    pub(super) fn new(_elements: &Elements, options: &ReadOptions) -> Self {
        Self {
            machine: Machine::new(options),
        }
    }

    pub(super) fn step(
        &mut self,
        text: &str,
        at: &mut usize,
        last: bool,
    ) -> Result<core::Step, Fault> {
        Ok(match self.machine.build(text, at, last)? {
            Some(value) => core::Step::Record(value),
            None => core::Step::More,
        })
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.machine.is_fresh()
    }

    pub(super) fn reset(&mut self) {
        self.machine.reset();
    }

    pub(super) fn replaced(&self) -> u64 {
        self.machine.replaced()
    }

    pub(super) fn skip_space(&self, text: &str, at: usize, last: bool) -> Lexed<()> {
        self.machine.skip_space(text, at, last)
    }
}
