//! The jq program of `--jq` or `-F`, with its arguments.

use sockeye::data::json::Elements;
use sockeye::data::value::Value;
use sockeye::{Error, Kind, Operation, Result};

use super::args::JqArgs;
use super::records::Records;
use super::sink::Step;

/// A compiled program.
pub(crate) struct Program {}

/// Where `input` and `inputs` take records from.
pub(crate) enum Inputs<'a> {
    /// The records that are still to come.
    Records(&'a Records<'a>),
    /// There are none: the program does not ask for them.
    None,
}

impl Program {
    /// The program that the flags name, if they do.
    pub(crate) fn compile(args: &JqArgs) -> Result<Option<Self>> {
        match args.is_given() {
            false => Ok(None),
            true => Err(Error::new(
                Kind::Unsupported,
                Operation::Run,
                "jq programs are not built yet",
            )),
        }
    }

    /// Run it on a value. Gives the error that the program did not catch, if there was one.
    pub(crate) fn run(
        &self,
        _value: Value,
        _inputs: &Inputs<'_>,
        _each: &mut dyn FnMut(Value) -> Step,
    ) -> Step<Option<String>> {
        Ok(None)
    }

    /// Whether a record's results depend on that record alone.
    pub(crate) fn is_stateless(&self) -> bool {
        false
    }

    /// The elements that suffice, one at a time.
    pub(crate) fn elements(&self) -> Option<Elements> {
        None
    }

    /// Why it does not go by elements.
    pub(crate) fn why_whole(&self) -> &'static str {
        ""
    }
}
