//! The flags of `sockeye map`, one file for each theme.

mod engine;
mod input;
mod journal;
mod output;
mod run;

pub(crate) use engine::EngineArgs;
pub(crate) use input::{Cut, InputArgs};
pub(crate) use journal::JournalArgs;
pub(crate) use output::OutputArgs;
pub(crate) use run::{Jobs, RunArgs};
