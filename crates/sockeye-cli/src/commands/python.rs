//! Messages of Python's `multiprocessing.connection` on the command line: lines of JSON here, pickles there.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use sockeye::data::{json, pickle};
use sockeye::endpoint::Payload;
use sockeye::rpc::python::{Told, lines};
use sockeye::{Endpoint, Error, Kind, Link, Operation, Result};

use crate::output::Output;

/// The link as people and programs take part in it: messages of Python are lines. A person who mistypes one is told and goes on; a
/// file or a program that is wrong fails.
pub(super) fn spoken(at: &Endpoint, link: Link, output: &Output) -> Link {
    match (at.python(), link) {
        (Some(python), Link::Messages(messages)) => {
            let told = io::stdin().is_terminal().then(|| {
                let output = output.clone();
                let told: Told = Arc::new(move |error| output.warn(error));
                told
            });
            Link::Stream(lines(messages, python.payload, told))
        }
        (_, link) => link,
    }
}

/// What is answered to each message, from a file: the pickle of its JSON value, or its bytes.
pub(super) fn reply(at: &Endpoint, bytes: Vec<u8>, name: &str) -> Result<Vec<u8>> {
    if !at
        .python()
        .is_some_and(|python| python.payload == Payload::Pickle)
    {
        return Ok(bytes);
    }
    let usage = |why: String| Error::new(Kind::Usage, Operation::Open, why);
    let value = json::parse(&bytes).map_err(|error| {
        usage(format!("{name} holds no JSON value: {error}"))
            .with_hint("payload=bytes sends the file as it is")
    })?;
    pickle::to_vec(&value).map_err(|error| usage(format!("{name}: {error}")))
}

/// Refuse `payload=` where messages are passed on as they are.
pub(super) fn refuse_payload(end: &Endpoint) -> Result<()> {
    if end
        .python()
        .is_none_or(|python| python.payload == Payload::Pickle)
    {
        return Ok(());
    }
    let why = "`payload=` has no effect: messages are passed on as they are";
    Err(Error::new(Kind::Usage, Operation::Parse, why)
        .on(end)
        .with_hint("leave `payload=` out"))
}
