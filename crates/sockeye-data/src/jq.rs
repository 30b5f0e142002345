//! jq programs: the language of jq 1.8 over values of all formats, on jaq's engine.
//!
//! [`Program::compile`] turns a text into a [`Program`], which any number of threads run at once; [`Program::run`] yields the outputs
//! for one input, one by one as they are asked for. A program reaches nothing outside: what it may see is given by [`Settings`] and
//! [`Inputs`], and what it says or how it stops comes back as values.

mod basics;
mod engine;
mod fault;
mod from_json;
mod guards;
mod inputs;
pub mod native;
mod operators;
mod outputs;
mod paths;
mod prelude;
mod program;
mod reads;
mod regex;
mod rewrite;
mod settings;
mod slices;
mod sources;
mod stream;
mod texts;
mod tokens;
mod values;
mod walk;
mod world;

pub use engine::Jq;
pub use fault::{CompileError, Failure};
pub use inputs::{Inputs, Message};
pub use program::{Outputs, Program};
pub use settings::{Function, Import, Imported, Loader, Settings};
pub use stream::Streaming;

#[cfg(test)]
mod tests;
